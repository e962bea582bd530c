"""Each kind of check passes on a good tree and fails on its fault; what did not look is unknown."""

import os
import sys

import pytest
from support.check_tree import SERVER, Tree, failed

from clubos_tui import checks
from clubos_tui.changes.manifest import FILE, SYMLINK, Change, Entry
from clubos_tui.checks import Verdict
from clubos_tui.checks.base import EVIDENCE_LINES
from clubos_tui.repository.objects import object_id

SECRETS = {
    "an Anthropic key": "sk-ant-" + "api03-" + "x" * 24,
    "an OpenAI key": "sk-" + "proj-" + "A1b2" * 8,
    "an AWS key": "AKIA" + "ABCDEFGH12345678",
    "a GitHub token": "ghp_" + "a" * 36,
    "a Slack token": "xoxb-" + "1234567890-abcdef",
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "a password in a URL": "postgres://club:" + "hunter2secret@db.example.com/x",
}


@pytest.fixture
def tree(tmp_path):
    return lambda files=None, **fields: Tree(tmp_path / "tree", files or {"a": "a"}, **fields)


# --- each kind, and its fault -------------------------------------------------------------------


GOOD = {
    "paths": ({"a/x.ts": "x", "b": "b"}, ["a/*.ts", "b"], {}),
    "json": ({"a.json": '{"a": [1]}', "b.json": "[]"}, ["*.json"], {"at_least": 2}),
    "schema": ({"a.json": '{"$schema": "s/x.schema.json", "n": 1}',
                "s/x.schema.json": '{"required": ["n"], "properties": {"n": {"type": "integer"}}}'},
               ["a.json"], {}),
    "env": ({".env.example": "A=1\nexport B='x'\n# c\nAPI_KEY=\nTOKEN=<yours>\n"},
            ["*.example"], {}),
    "pairs": ({"1_a.up.sql": "x", "1_a.down.sql": "y"}, ["*.up.sql"], {"partner": ".down.sql"}),
    "imports": ({"a.ts": "import { b } from './b.js';\n", "b.ts": "export * from './a.js'\n"},
                ["*.ts"], {"at_least": 2}),
    "secrets": ({"a": "nothing", "b": "sk-..."}, [], {"at_least": 2}),
    "text": ({"a.sql": "select 1;\n"}, ["*.sql"], {"pattern": r";\s*$"}),
    "syntax": ({"a.ts": "let x: number = 1;\n", "b.tsx": "const b = <b>x</b>;\n"}, ["*.ts*"], {}),
    "routes": (SERVER, ["routes/*.ts"], {"router": "router.ts", "services": "services.ts"}),
    "access": (SERVER, ["routes/*.ts"], {"router": "router.ts", "public": ("GET /health",)}),
    "calls": ({**SERVER, "ui/a.ts": "fetch(`/x/${id}?q=${q}`);\n"}, ["ui/*.ts"],
              {"router": "router.ts", "served": ("routes/*.ts",)}),
    "reachable": ({"a.ts": "import { b } from './b.js';\nb();\n", "b.ts": "export let b = 1;\n"},
                  ["*.ts"], {"roots": ("a.ts",), "at_least": 2}),
    "references": ({"a.json": '{"uses": ["x"]}', "b.json": '{"has": {"x": 1}}'}, [],
                   {"names": ("a.json#$.uses[*]",), "among": ("b.json#$.has~",)}),
    "protected": ({"src/a": "a"}, [], {"protected": (".github/", "clubos.toml")}),
    "forbidden": ({"src/a": "a"}, ["*.pem"], {}),
    "size": ({"src/a": "a"}, ["src/*"], {"kilobytes": 1}),
    "git": ({"a": "a", ".gitignore": "out/\n"}, ["*"], {"ignored": ("out/x",)}),
    "tamper": ({"src/a": "a", "tests/test_new.py": "x"}, [], {}),
}  # fmt: skip


def test_every_kind_has_a_good_tree():
    """Commands have a file of their own."""
    assert set(GOOD) == set(checks.KINDS) - checks.BOXED


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_tree_passes(tree, kind):
    files, paths, fields = GOOD[kind]
    verdict = tree(files).check(kind, *paths, **fields)
    assert verdict.outcome == "passed", verdict
    assert verdict.cases
    assert verdict.tool


@pytest.mark.parametrize("kind", sorted(set(GOOD) - {"protected", "forbidden", "tamper", "git"}))
def test_p7_zero_cases_is_unknown(tree, kind):
    """A check that found nothing to look at has shown nothing."""
    _, _, fields = GOOD[kind]
    paths = ("none/*",) if kind != "paths" else ()
    verdict = tree({"z": "z"}).check(kind, *paths, **fields)
    assert (verdict.outcome, verdict.cases) == ("unknown", 0)


def test_p7_no_change_is_unknown_to_protected_paths(tree):
    assert tree().check("protected", protected=("x",), manifest=()).outcome == "unknown"


@pytest.mark.parametrize("kind", ["paths", "json", "env", "pairs", "text", "secrets", "imports"])
def test_p7_fewer_cases_than_the_plan_expects_is_unknown(tree, kind):
    files, paths, fields = GOOD[kind]
    verdict = tree(files).check(kind, *paths, **{**fields, "at_least": 9})
    assert verdict.outcome == "unknown"
    assert "at least 9" in verdict.summary


def test_a_missing_file_is_failed(tree):
    assert failed(tree({"a": "a"}).check("paths", "a", "b/*.md"), "nothing matches b/*.md")


def test_an_empty_file_is_failed(tree):
    assert failed(tree({"a": ""}).check("paths", "a"), "a is empty")


def test_a_withheld_file_counts_as_there(tree):
    made = tree({"a": "a"})
    made.files[".env"] = Entry(FILE, "1" * 40)
    assert made.check("paths", ".env", withheld=frozenset({".env"})).outcome == "passed"


SCHEMA = '{"required": ["n"], "properties": {"n": {"type": "integer"}}}'


@pytest.mark.parametrize(
    ("data", "schema", "why"),
    [
        ('{"$schema": "s.json"}', SCHEMA, "$: 'n' is a required property"),
        ('{"$schema": "s.json", "n": "1"}', SCHEMA, "$.n: '1' is not of type 'integer'"),
        ('{"n": 1}', SCHEMA, "names no schema"),
        ('{"$schema": "https://example.org/s.json"}', SCHEMA, "names no schema"),
        ('{"$schema": "../../s.json"}', SCHEMA, "../s.json is not there"),
        ('{"$schema": "s.json"}', '{"type": 7}', "is none"),
        ('{"$schema": "s.json"}', "half", "Expecting value"),
        ('{"$schema": "s.json"}', '{"$ref": "https://example.org/x"}', "which is not in it"),
        ("[", SCHEMA, "Expecting value"),
    ],
)
def test_p7_what_does_not_fit_its_schema_is_failed_and_nothing_is_fetched(tree, data, schema, why):
    made = tree({"d/a.json": data, "d/s.json": schema})
    assert failed(made.check("schema", "d/a.json"), why)


def test_a_schema_of_the_plan_is_for_all_files(tree):
    made = tree({"a.json": '{"n": 1}', "s.json": SCHEMA})
    assert made.check("schema", "a.json", schema="s.json").outcome == "passed"


@pytest.mark.parametrize(
    "text", ['{"a": 1,}', "", "{'a': 1}", '{"a": 1} x', b"\xff\xfe", '{"a": 1, "a": 2}']
)
def test_broken_json_is_failed(tree, text):
    assert failed(tree({"a.json": text}).check("json", "*.json"), "a.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=1\nA=2\n", "a.env.example:2 names A twice"),
        ("A=1\nDB_PASSWORD=hunter2\n", "a.env.example:2 gives DB_PASSWORD a value"),
        ("A=1\nnot a line\n=x\n", "is not KEY=value"),
        ("# only words\n", "names no variable"),
        (b"\xff=1", "not UTF-8"),
    ],
)
def test_a_faulty_environment_template_is_failed(tree, text, said):
    verdict = tree({"a.env.example": text}).check("env", "*.example")
    assert failed(verdict, said)
    assert "hunter2" not in str(verdict)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["1.up", "1.down", "2.up"], "2.up has no 2.down"),
        (["1.up", "1.down", "2.down"], "2.down has no .up file"),
        (["1.up", "1.down", "3.up", "3.down"], "leave a gap"),
        (["01.up", "01.down", "1.up", "1.down"], "repeat one"),
    ],
)
def test_a_missing_partner_or_number_is_failed(tree, files, said):
    made = tree(dict.fromkeys(files, "x"))
    assert failed(made.check("pairs", "*.up", partner=".down"), said)


def test_numbers_are_counted_in_each_folder(tree):
    files = [f"{folder}/{n}.{way}" for folder in "ab" for n in (1, 2) for way in ("up", "down")]
    made = tree(dict.fromkeys(files, "x"))
    assert made.check("pairs", "*.up", partner=".down").outcome == "passed"


def test_a_missing_text_is_failed(tree):
    made = tree({"a.sql": "select 1", "b.sql": b"\xff;"})
    assert failed(made.check("text", "*.sql", pattern=";$"), "a.sql does not", "b.sql is not UTF")


@pytest.mark.parametrize(
    "line",
    ["import './gone.js'", "import x from '../gone'", "export { y } from \"./gone/x.ts\"",
     "const z = await import('./gone')", "import {\n  a,\n  b,\n} from './gone.js'"],
)  # fmt: skip
def test_an_import_that_leads_nowhere_is_failed(tree, line):
    made = tree({"src/a.ts": f"import './b.js'\n{line}\n", "src/b.ts": "x"})
    verdict = made.check("imports", "src/*.ts")
    assert failed(verdict, "gone")
    assert verdict.evidence[0].startswith("src/a.ts:2") or "\n" in line


def test_imports_are_found_as_a_compiler_finds_them(tree):
    source = "".join(
        f"import '{path}'\n" for path in ("./b.js", "./c", "./d", "./e.json", "./f.css", "react")
    )
    files = {"a.ts": source, "b.tsx": "x", "c.ts": "x", "d/index.ts": "x", "e.json": "{}",
             "f.css": "x"}  # fmt: skip
    verdict = tree(files).check("imports", "a.ts")
    assert (verdict.outcome, verdict.cases) == ("passed", 5)


@pytest.mark.parametrize("what", SECRETS)
def test_p12_a_secret_is_failed_and_the_evidence_never_holds_it(tree, what):
    verdict = tree({"a": f"line\nx = '{SECRETS[what]}'\n"}).check("secrets")
    assert failed(verdict, "a:2 holds what looks like")
    assert SECRETS[what] not in str(verdict)


def test_a_secret_that_was_there_before_is_not_this_phases(tree):
    made = tree({"old": SECRETS["an AWS key"], "new": "x"})
    made.base = {"old": made.files["old"]}
    assert made.check("secrets").outcome == "passed"


@pytest.mark.parametrize("path", [".github/workflows/ci.yml", ".GitHub/x", "clubos.toml"])
def test_a_protected_path_is_failed(tree, path):
    made = tree({path: "x", "src/a": "a"})
    assert failed(made.check("protected", protected=(".github/", "clubos.toml")), path)


def test_a_rename_away_from_a_protected_path_is_failed(tree):
    row = Change("a", "rename", FILE, FILE, "1", "1", "safe/x")
    verdict = tree().check("protected", protected=("safe/",), manifest=(row,))
    assert failed(verdict, "safe/x is protected")


def test_long_evidence_is_cut_with_a_count(tree):
    """No fault is hidden without saying how many."""
    verdict = tree({f"{n}.json": "x" for n in range(40)}).check("json", "*.json")
    assert len(verdict.evidence) == EVIDENCE_LINES + 1
    assert verdict.evidence[-1] == f"and {40 - EVIDENCE_LINES} more"


# --- what did not look is unknown ---------------------------------------------------------------


def only(monkeypatch, check):
    monkeypatch.setattr(checks, "KINDS", {"paths": check})


def test_p7_a_check_that_raises_is_unknown(tree, monkeypatch):
    def check(_subject, _spec):
        yield "looking"
        raise RuntimeError("broken tool")

    only(monkeypatch, check)
    verdict = tree().check("paths", "a")
    assert verdict.outcome == "unknown"
    assert "RuntimeError: broken tool" in verdict.summary


@pytest.mark.parametrize("returned", [None, True, "passed"])
def test_p7_a_check_that_ends_without_a_verdict_is_unknown(tree, monkeypatch, returned):
    def check(_subject, _spec):
        yield "looking"
        return returned

    only(monkeypatch, check)
    assert tree().check("paths", "a").outcome == "unknown"


@pytest.mark.parametrize("late", ["between", "at the end"])
def test_p7_a_check_that_takes_too_long_is_unknown(tree, monkeypatch, late):
    """Also one that would have passed in its last, too long step."""
    clock = [0.0]
    monkeypatch.setattr(checks.time, "monotonic", lambda: clock[0])
    closed = []

    def check(_subject, _spec):
        try:
            yield "first"
            clock[0] += 7
            if late == "between":
                yield "second"
            return Verdict("passed", "x", (), 1)
        finally:
            closed.append(True)

    only(monkeypatch, check)
    verdict = tree().check("paths", "a", seconds=5)
    assert (verdict.outcome, closed) == ("unknown", [True])
    assert "longer than 5 seconds" in verdict.summary


def test_p7_a_check_of_an_unknown_kind_is_unknown(tree):
    assert tree().check("telepathy", "a").outcome == "unknown"


def test_p7_a_missing_library_is_unknown(tree, monkeypatch):
    monkeypatch.setitem(sys.modules, "dotenv.parser", None)
    verdict = tree({".env.example": "A=1\n"}).check("env", "*.example")
    assert verdict.outcome == "unknown"
    assert "dotenv" in verdict.summary


@pytest.mark.parametrize("kind", ["json", "text", "secrets", "paths", "imports", "env"])
@pytest.mark.parametrize("how", ["edited", "gone", "linked"])
def test_p7_another_tree_than_the_one_to_be_checked_is_unknown(tree, kind, how):
    """Evidence is about the very bytes of the tree, or about nothing."""
    files, paths, fields = GOOD[kind]
    made = tree(files)
    place = made.folder / next(iter(files))
    data = place.read_bytes()
    place.unlink()
    if how == "edited":
        place.write_bytes(data + b" ")
    elif how == "linked":
        (made.folder / "elsewhere").write_bytes(data)
        place.symlink_to(made.folder / "elsewhere")
    verdict = made.check(kind, *paths, **fields)
    assert verdict.outcome == "unknown"
    assert "is not what the tree holds" in verdict.summary


def test_a_link_is_read_as_a_link(tree):
    made = tree({"a": "a"})
    os.symlink("a", made.folder / "l")
    made.files["l"] = Entry(SYMLINK, object_id("blob", b"a"))
    subject = made.subject()
    assert subject.text("l") == "a"
