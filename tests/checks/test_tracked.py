"""The check of what git would make of the files."""

from __future__ import annotations

import pytest

from clubos_tui.changes.manifest import FILE, Entry
from clubos_tui.checks import Subject, run
from clubos_tui.plan import CheckSpec
from clubos_tui.repository.objects import object_id

RULES = "node_modules/\n*.log\n.env\n!.env.example\n"
GOOD = {".gitignore": RULES, "src/a.ts": "a\n", ".env.example": "A=\n"}
IGNORED = (".env", "src/node_modules/x/index.js")


@pytest.fixture
def judge(tmp_path):
    def verdict(files: dict[str, str], *, ignored=IGNORED, paths=("**",)):
        entries = {}
        for path, text in files.items():
            place = tmp_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            entries[path] = Entry(FILE, object_id("blob", text.encode()))
        subject = Subject(str(tmp_path), entries, {}, ())
        return run(CheckSpec("git state", "git", paths, ignored=ignored), subject)

    return verdict


def test_a_tidy_tree_passes(judge) -> None:
    found = judge(GOOD)
    assert (found.outcome, found.cases) == ("passed", 3)


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({".gitignore": "*.log\n"}, ".gitignore does not ignore .env"),
        ({"src/.gitignore": "!node_modules/\n"}, "src/.gitignore does not ignore src/node_modules"),
        ({"src/left.log": "x"}, "src/left.log is tracked, although git ignores it"),
        ({"src/node_modules/y.js": "x"}, "src/node_modules/y.js is tracked"),
        ({"src/a.ts": "a\n<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n"}, "src/a.ts:2 is in"),
        ({"src/a.ts": "a\nb\n>>>>>>>\n"}, "src/a.ts:3 is in conflict"),
        ({"src/A.ts": "x"}, "src/A.ts and src/a.ts are one file on many a disk"),
    ],
)  # fmt: skip
def test_p7_each_fault_is_named_with_its_place(judge, files, fault) -> None:
    found = judge({**GOOD, **files})
    assert found.outcome == "failed"
    assert any(line.startswith(fault) for line in found.evidence), found.evidence


def test_without_rules_that_is_what_is_said(judge) -> None:
    found = judge({"a": "x"})
    assert found.evidence[0] == "no .gitignore is there, and git does not ignore .env"


def test_a_line_of_equals_signs_is_no_conflict(judge) -> None:
    assert judge({**GOOD, "README.md": "Title\n=======\n"}).outcome == "passed"


def test_what_a_person_ignores_for_themselves_is_no_evidence(judge, home, monkeypatch) -> None:
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "ignore").write_text("mine\n.env\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    found = judge({".gitignore": "node_modules/\n", "mine": "x", "src/a.ts": "a"})
    assert found.evidence == (".gitignore does not ignore .env",)


def test_p7_nothing_to_look_at_is_unknown(judge) -> None:
    assert judge({"a": "x"}, paths=("none/*",), ignored=()).outcome == "unknown"
