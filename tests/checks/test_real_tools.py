"""Checks by the field's real tools on the built-in plan: TypeScript's compiler, oxlint, squawk."""

from __future__ import annotations

import dataclasses
import os
import shutil

import pytest
from support import built_in
from support.check_tree import Tree

from clubos_tui import checks
from clubos_tui.checks import psql
from clubos_tui.checks.packages import compiler, packages
from clubos_tui.checks.problems import listed, problems
from clubos_tui.checks.reports import Unreadable
from clubos_tui.plan import CheckSpec
from clubos_tui.workspace.sandbox.box import program

needs_box = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
needs_types = pytest.mark.skipif(
    not compiler(packages("", "")), reason="CLUBOS_NODE_MODULES names no TypeScript"
)
TYPES, LINTER = "types are right, strictly", "the linter has nothing to say"
LOCKS = "migrations lock and destroy nothing by surprise"


@pytest.fixture
def judge(tmp_path):
    """Return a function that carries out a check of the built-in plan on an edited tree."""

    def verdict(number, name, edits=None, **changed):
        folder = tmp_path / "tree"
        shutil.rmtree(folder, ignore_errors=True)
        subject = built_in.subject(folder, number, edits)

        def copy():
            shutil.rmtree(tmp_path / "copy", ignore_errors=True)
            shutil.copytree(folder, tmp_path / "copy", symlinks=True)
            return str(tmp_path / "copy")

        spec = dataclasses.replace(built_in.checks_of(number)[name], **changed)
        return checks.run(spec, dataclasses.replace(subject, copy=copy))

    return verdict


# --- on the built-in plan -----------------------------------------------------------------------


@needs_box
@needs_types
@pytest.mark.parametrize("number", [3, 4, 5])
def test_each_phase_type_checks_as_it_stands(judge, number):
    found = judge(number, TYPES)
    assert found.outcome == "passed", found
    assert found.cases >= 20
    assert found.tool.startswith("typescript ")


@needs_box
@pytest.mark.parametrize("number", [3, 4, 5])
def test_the_linter_passes_each_phase(judge, number):
    found = judge(number, LINTER)
    assert found.outcome == "passed", found
    assert found.tool.startswith("oxlint ")
    assert " oxlint -c /tmp/oxlintrc.json " in found.evidence[0]


@needs_box
def test_the_migrations_lock_nothing(judge):
    found = judge(2, LOCKS)
    assert (found.outcome, found.cases) == ("passed", 6), found
    assert found.tool.startswith("squawk ")


AUDIT = "clubos/src/services/audit.ts"
TYPED = {
    "another type": ("export const wrong: number = 'x';", "is not assignable"),
    "a name that is not there": ("export const wrong = nowhere;", "Cannot find name"),
    "a module that is not there": ("import { x } from './nowhere.js'; export { x };", "TS2307"),
    "possibly undefined": (
        "export const wrong: string = [''][0];", "is not assignable to type 'string'"
    ),
    "unused": ("const unused = 1;", "is declared but its value is never read"),
    "the checker is told to be silent": ("// @ts-ignore", "@ts-ignore"),
    "an error that is expected": ("// @ts-expect-error later", "@ts-expect-error"),
    "nothing is checked": ("// @ts-nocheck", "@ts-nocheck"),
}  # fmt: skip


@needs_box
@needs_types
@pytest.mark.parametrize("what", TYPED)
def test_p7_a_wrong_type_is_found_at_its_line(judge, what):
    line, said = TYPED[what]
    text = built_in.text(3, AUDIT)
    number = text.count("\n") + 1
    found = judge(3, TYPES, {AUDIT: f"{text}{line}\n"})
    assert found.outcome == "failed", found
    [row] = [row for row in found.evidence if row.startswith(f"{AUDIT}:{number}:")]
    assert said in row


@needs_box
@needs_types
def test_p7_a_file_that_the_compiler_is_kept_from_is_missed(judge):
    config = built_in.text(3, "clubos/tsconfig.json")
    weak = config.replace('"include"', '"exclude": ["src/services"],\n  "include"')
    edits = {"clubos/tsconfig.json": weak, AUDIT: "export const wrong: number = 'x';\n"}
    for path in list(built_in.made_in(3)):
        if path.startswith("clubos/src/") and "/services/" not in path:
            edits[path] = None
    edits["clubos/src/config/env.ts"] = "export const fine = 1;\n"
    found = judge(3, TYPES, edits, at_least=1)
    assert found.outcome == "failed", found
    assert f"{AUDIT}:1: the tool did not look at it" in found.evidence


@needs_box
@needs_types
def test_p7_a_weaker_configuration_does_not_weaken_it(judge):
    config = built_in.text(3, "clubos/tsconfig.json").replace('"strict": true', '"strict": false')
    wrong = built_in.text(3, AUDIT) + "export const wrong = (x) => x;\n"
    found = judge(3, TYPES, {"clubos/tsconfig.json": config, AUDIT: wrong})
    assert found.outcome == "failed"
    assert any("implicitly has an 'any' type" in row for row in found.evidence)


@needs_box
@needs_types
def test_p7_a_package_that_is_not_installed_is_unknown(judge):
    text = built_in.text(3, AUDIT) + "import x from 'no-such-package'; export { x };\n"
    found = judge(3, TYPES, {AUDIT: text})
    assert found.outcome == "unknown", found
    assert "not installed" in found.summary
    assert any("npm install" in row for row in found.evidence)


def test_p7_without_the_packages_it_is_unknown_and_names_the_cure(judge, monkeypatch):
    monkeypatch.setenv("CLUBOS_NODE_MODULES", "/nowhere")
    found = judge(3, TYPES)
    assert (found.outcome, found.cases) == ("unknown", 0)
    assert found.evidence == (
        "To get them: npm install --ignore-scripts, where its package.json is",
    )


LINTED = {
    "a constant condition": ("if (1 === 1) {}", "no-"),
    "the debugger": ("debugger;", "no-debugger"),
    "a linter that is told to be silent": ("// oxlint-disable-next-line", "oxlint-disable"),
    "silent by its other name": ("/* eslint-disable */", "eslint-disable"),
    "a syntax error": ("const x = ;", "Unexpected token"),
}


@needs_box
@pytest.mark.parametrize("what", LINTED)
def test_p7_the_linter_names_the_line(judge, what):
    line, said = LINTED[what]
    text = built_in.text(3, AUDIT)
    number = text.count("\n") + 1
    found = judge(3, LINTER, {AUDIT: f"{text}{line}\n"})
    assert found.outcome == "failed", found
    assert any(row.startswith(f"{AUDIT}:{number}:") and said in row for row in found.evidence)


BOOKINGS = "clubos/database/migrations/0003_bookings.up.sql"
LOCKING = {
    "a table is dropped": ("drop table members;", "ban-drop-table"),
    "a column is dropped": ("alter table members drop column phone;", "ban-drop-column"),
    "a column is renamed": ("alter table members rename column phone to tel;", "renaming-column"),
    "a type changes": ("alter table members alter column phone type char(9);", "changing-column"),
    "an index locks": ("create index on members (phone);", "require-concurrent-index"),
    "a constraint is validated at once": (
        "alter table members add constraint c check (phone <> '');", "constraint-missing-not-valid"
    ),
    "a column must not be null": (
        "alter table members alter column phone set not null;", "not-null"
    ),
    "the linter is told to be silent": ("-- squawk-ignore ban-drop-table", "squawk-ignore"),
    "a syntax error": ("creat table x;", "syntax-error"),
}  # fmt: skip


@needs_box
@pytest.mark.parametrize("what", LOCKING)
def test_p7_what_locks_or_destroys_is_named_with_its_line(judge, what):
    line, said = LOCKING[what]
    text = built_in.text(2, BOOKINGS)
    number = text.count("\n") + 1
    found = judge(2, LOCKS, {BOOKINGS: f"{text}{line}\n"})
    assert found.outcome == "failed", found
    rows = [row for row in found.evidence if row.startswith(f"{BOOKINGS}:{number}:")]
    assert any(said in row for row in rows), found.evidence


# --- bad input ----------------------------------------------------------------------------------


@pytest.fixture
def tool(tmp_path, judge, monkeypatch):
    """Return a function that puts a program in the place of oxlint and carries the check out."""

    def verdict(script, edits=None, **changed):
        place = tmp_path / "bin"
        place.mkdir()
        (place / "oxlint").write_text(f"#!/bin/sh\n{script}\n")
        (place / "oxlint").chmod(0o755)
        monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
        return judge(3, LINTER, edits, **changed)

    return verdict


@needs_box
@pytest.mark.parametrize(
    ("script", "outcome", "words"),
    [
        ("exit 0", "passed", "no problem in 23 files"),
        ("echo fine; exit 2", "failed", "exit code 2, although no case failed"),
        (f"echo '{AUDIT}:3:1: wrong'; exit 0", "failed", "1 problems in"),
        ("echo 'elsewhere/x.ts:3:1: wrong'; exit 0", "passed", "no problem in"),
        ("kill -9 $$", "unknown", "signal 9"),
        ("exit 127", "unknown", "not there"),
        ("yes | head -c 100000000", "unknown", "printed more than"),
        (f"printf '\\033[31m./{AUDIT}\\033[0m(7,2): bad\\n'; exit 1", "failed", "1 problems in"),
    ],
)
def test_p7_only_what_a_tool_shows_is_believed(tool, script, outcome, words):
    found = tool(script)
    assert (found.outcome, words in found.summary) == (outcome, True), found


@needs_box
def test_p7_a_missing_tool_is_unknown_with_the_cure(judge, monkeypatch, tmp_path):
    monkeypatch.setenv("CLUBOS_TOOLS", str(tmp_path))
    found = judge(3, LINTER)
    assert (found.outcome, found.summary) == ("unknown", "oxlint is not installed")
    assert found.evidence == ("To get it: pip install 'clubos-tui[checks]'",)


@needs_box
def test_p7_each_try_has_a_tree_of_its_own(tool):
    script = "test -e /workspace/.tried || exit 1"
    found = tool(script, retries=2)
    assert found.outcome == "failed", "each try has a copy of its own"
    assert "at try" not in found.summary


@needs_box
def test_p7_the_first_failure_is_kept(judge, tmp_path, monkeypatch):
    tries = []
    real = checks.commands._judged

    def judged(subject, spec, ran):
        tries.append(1)
        verdict = real(subject, spec, ran)
        if len(tries) < 3:
            return dataclasses.replace(verdict, outcome="failed", summary="flaky", evidence=("x",))
        return verdict

    monkeypatch.setattr(checks.commands, "_judged", judged)
    found = judge(3, LINTER, retries=2)
    assert (found.outcome, len(tries)) == ("passed", 3)
    assert found.summary.endswith(", at try 3 of 3")
    assert found.evidence[0] == "the first time: flaky"
    assert found.evidence[-1] == "x"


# --- pure ---------------------------------------------------------------------------------------


def test_problems_are_read_as_compilers_print_them():
    files = {"a/x.ts", "a/y z.ts", "b.sql"}
    said = (
        "x.ts:3:1: gcc\n./x.ts:4: no column\nx.ts(5,6): error TS1: typescript\n"
        "/workspace/b.sql:6:1: whole\ny z.ts:7:1: a space\nother.ts:8:1: not ours\n"
        "   at x.ts:9:1\nhttp://x:80/y: no\n"
    )
    assert problems(said, files, folder="a").faults == (
        "a/x.ts:3: gcc", "a/x.ts:4: no column", "a/x.ts:5: error TS1: typescript",
        "b.sql:6: whole", "a/y z.ts:7: a space",
    )  # fmt: skip
    assert problems("b.sql:0:0: x", files, from_zero=True).faults == ("b.sql:1: x",)
    assert problems("b.sql:1:1: note\nb.sql:2:1: error", files, wanted="error").cases == 1
    with pytest.raises(Unreadable, match="not installed"):
        problems("b.sql:1:1: no x", files, lacking="no x")


def test_what_was_not_looked_at_is_told():
    assert listed("/workspace/a/x.ts\n/node_modules/y.ts\n", ["a/x.ts", "a/y.ts"]) == ["a/y.ts"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("select 1;\n\\! touch x\n", [(2, "\\!")]),
        ("select 1 \\gexec", [(1, "\\gexec")]),
        ("\\connect postgres postgres", [(1, "\\connect")]),
        ("select '\\'; \\! x", [(1, "\\!")]),
        ("select E'\\' \\! x'; -- \\! y\n/* \\! */ select $a$ \\! $$ \\! $a$, \"\\!\"", []),
        ("/* /* */ ' */ \\! x '", [(1, "a comment in a comment")]),
        ("select '\n\n';\n\\i /etc/passwd", [(4, "\\i")]),
        ("select '; \\! x", [(1, "\\!")]),
    ],
)
def test_p8_what_speaks_to_psql_is_found(text, found):
    assert list(psql.commands(text)) == found


def test_packages_are_where_a_person_has_installed_them(tmp_path, monkeypatch):
    monkeypatch.delenv("CLUBOS_NODE_MODULES", raising=False)
    assert packages("", "x") == ""
    assert packages(str(tmp_path), "app") == ""
    (tmp_path / "app" / "node_modules").mkdir(parents=True)
    assert packages(str(tmp_path), "app") == str(tmp_path / "app" / "node_modules")
    monkeypatch.setenv("CLUBOS_NODE_MODULES", str(tmp_path))
    assert packages(str(tmp_path), "app") == str(tmp_path)


def test_the_compiler_of_each_generation_is_known(tmp_path):
    assert compiler(str(tmp_path)) == ""
    old = tmp_path / "typescript" / "lib" / "tsc.js"
    old.parent.mkdir(parents=True)
    old.write_text("")
    assert compiler(str(tmp_path)) == "node /node_modules/typescript/lib/tsc.js"
    new = tmp_path / "@typescript" / "typescript-linux-x64" / "lib" / "tsc"
    new.parent.mkdir(parents=True)
    new.write_text("")
    new.chmod(0o755)
    assert compiler(str(tmp_path)) == "/node_modules/@typescript/typescript-linux-x64/lib/tsc"


# --- pre-commit ---------------------------------------------------------------------------------

HOOKS = """\
repos:
  - repo: local
    hooks:
      - id: no-wrong
        name: nothing is wrong
        language: pygrep
        entry: wrong
        files: \\.txt$
      - id: never
        name: about nothing
        language: pygrep
        entry: wrong
        files: \\.nothing$
"""


@needs_box
@pytest.mark.parametrize(
    ("text", "outcome", "cases"), [("fine\n", "passed", 1), ("wrong\n", "failed", 1)]
)
def test_hooks_of_pre_commit_are_run_and_counted(tmp_path, text, outcome, cases):
    made = Tree(tmp_path / "tree", {".pre-commit-config.yaml": HOOKS, "a.txt": text})

    def copy():
        shutil.copytree(made.folder, tmp_path / "copy")
        return str(tmp_path / "copy")

    found = checks.run(
        CheckSpec("hooks", "command", preset="pre-commit", seconds=60), made.subject(copy=copy)
    )
    assert (found.outcome, found.cases) == (outcome, cases), found
    if outcome == "failed":
        assert any(row.endswith("a.txt:1:wrong") for row in found.evidence), found
