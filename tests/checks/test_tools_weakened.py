"""A phase that weakens the tool it is judged by: what it plants is found all the same (P7)."""

import json
import os

import pytest
from support import built_in
from support.judging import judged

from clubos_tui.workspace.sandbox.box import program

needs_box = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
needs_packages = pytest.mark.skipif(
    not os.path.isdir(os.environ.get("CLUBOS_NODE_MODULES", "")),
    reason="CLUBOS_NODE_MODULES names no folder of packages",
)
CONFIG, SOURCE = "clubos/tsconfig.json", "clubos/src/config/env.ts"
UP = "clubos/database/migrations/0003_bookings.up.sql"
OPTIONS = json.loads(built_in.text(3, CONFIG))["compilerOptions"]
# What depends on another option that is taken away goes with it.
LOOSE = {name: value for name, value in OPTIONS.items() if name != "exactOptionalPropertyTypes"}

# The options of the compiler, a line that is wrong, and the number of the error it has to be.
WEAKER = {
    "nothing is checked": (OPTIONS | {"noCheck": True}, "export const a: number = 'x';", 2322),
    "null is anything": (
        LOOSE | {"strictNullChecks": False}, "export const a: string = null;", 2322,
    ),
    "any goes unsaid": (
        OPTIONS | {"noImplicitAny": False}, "export function f(a) { return a; }", 7006,
    ),
    "this is anything": (
        OPTIONS | {"noImplicitThis": False}, "export function f() { return this.a; }", 2683,
    ),
    "functions take anything": (
        OPTIONS | {"strictFunctionTypes": False},
        "export const f: (a: string | number) => void = (a: string) => void a;", 2322,
    ),
    "call takes anything": (
        OPTIONS | {"strictBindCallApply": False},
        "export const a = ((b: string) => b).call(undefined, 1);", 2345,
    ),
    "fields hold nothing": (
        LOOSE | {"strictPropertyInitialization": False}, "export class A { b: string; }", 2564,
    ),
    "what is thrown is anything": (
        OPTIONS | {"useUnknownInCatchVariables": False},
        "try { void 0; } catch (e) { e.anything(); }", 18046,
    ),
    "none of it is strict": (
        LOOSE | {"strict": False}, "export const a: string = null;", 2322,
    ),
}  # fmt: skip


@needs_box
@needs_packages
@pytest.mark.parametrize("what", WEAKER)
def test_p7_the_compiler_is_as_strict_as_the_plan_asks(tmp_path, what):
    options, line, error = WEAKER[what]
    text = built_in.text(3, SOURCE)
    edits = {
        CONFIG: json.dumps({**json.loads(built_in.text(3, CONFIG)), "compilerOptions": options}),
        SOURCE: f"{text}{line}\n",
    }
    found = judged(tmp_path, 3, "types are right, strictly", edits)
    assert found.outcome == "failed", found
    at = f"{SOURCE}:{text.count(chr(10)) + 1}:"
    assert any(row.startswith(at) and f"TS{error}" in row for row in found.evidence), found


@needs_box
@needs_packages
@pytest.mark.parametrize(
    "line", ['declare module "*";', "declare module 'pg'", 'declare module "pg"\n  ;']
)
def test_p7_a_module_declared_to_be_anything_is_a_fault(tmp_path, line):
    shim = "clubos/src/shim.d.ts"
    found = judged(tmp_path, 3, "types are right, strictly", {shim: f"// types\n{line}\n"})
    assert found.outcome == "failed", found
    assert any(row.startswith(f"{shim}:2:") for row in found.evidence), found


@needs_box
@needs_packages
def test_a_module_declared_with_its_types_is_none(tmp_path):
    text = 'declare module "*.css"\n{\n  const names: Record<string, string>;\n}\n'
    found = judged(tmp_path, 3, "types are right, strictly", {"clubos/src/css.d.ts": text})
    assert found.outcome == "passed", found


LINTER = {
    ".oxlintrc.json": {"overrides": [{"files": ["**/*"], "rules": {"no-debugger": "off"}}]},
    "clubos/.oxlintrc.json": {"rules": {"no-debugger": "off"}, "ignorePatterns": ["**/*"]},
    "clubos/src/config/.oxlintrc.json": {"rules": {"no-debugger": "off"}},
}


@needs_box
@pytest.mark.parametrize("path", LINTER)
def test_p7_no_configuration_of_the_tree_silences_the_linter(tmp_path, path):
    text = built_in.text(3, SOURCE)
    edits = {SOURCE: f"{text}debugger;\n", path: json.dumps(LINTER[path])}
    found = judged(tmp_path, 3, "the linter has nothing to say", edits)
    assert found.outcome == "failed", found
    at = f"{SOURCE}:{text.count(chr(10)) + 1}:"
    assert any(row.startswith(at) and "no-debugger" in row for row in found.evidence), found


@needs_box
@pytest.mark.parametrize(
    "config",
    ['excluded_rules = ["ban-drop-table"]\n', 'excluded_paths = ["**/*.sql"]\n', "not toml ["],
)
def test_p7_no_configuration_of_the_tree_silences_squawk(tmp_path, config):
    text = built_in.text(2, UP)
    edits = {UP: f"{text}drop table members;\n", ".squawk.toml": config}
    name = "migrations lock and destroy nothing by surprise"
    found = judged(tmp_path, 2, name, edits)
    assert found.outcome == "failed", found
    at = f"{UP}:{text.count(chr(10)) + 1}:"
    assert any(row.startswith(at) and "ban-drop-table" in row for row in found.evidence), found


REFUSED = {
    "a type package is missing": ({"types": ["node", "no-such"]}, {}, "unknown", "TS2688"),
    "what it extends is missing": ({}, {"extends": "./nowhere.json"}, "failed", "TS5083"),
    "no file is its own": ({}, {"files": [], "include": []}, "failed", "TS18002"),
}


@needs_box
@needs_packages
@pytest.mark.parametrize("what", REFUSED)
def test_p7_what_the_compiler_says_of_its_configuration_is_shown(tmp_path, what):
    options, top, outcome, said = REFUSED[what]
    config = json.loads(built_in.text(3, CONFIG)) | top
    edits = {CONFIG: json.dumps(config | {"compilerOptions": OPTIONS | options})}
    found = judged(tmp_path, 3, "types are right, strictly", edits)
    assert (found.outcome, found.missing) == (outcome, False), found
    assert any(said in row for row in (found.summary, *found.evidence)), found
    assert not any("did not look" in row for row in found.evidence), found


@needs_box
@needs_packages
def test_p7_a_configuration_of_one_file_is_told_for_all_others(tmp_path):
    config = json.loads(built_in.text(3, CONFIG)) | {"files": ["other/x.ts"], "include": []}
    edits = {CONFIG: json.dumps(config), "clubos/other/x.ts": "export const fine = 1;\n"}
    found = judged(tmp_path, 3, "types are right, strictly", edits)
    assert found.outcome == "failed", found
    assert f"{SOURCE}:1: the tool did not look at it" in found.evidence, found
