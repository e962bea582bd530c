"""What each room shows of itself, what it may load, and how its errors end."""

import ast
import importlib
import importlib.util
import pkgutil
import subprocess
import sys

import pytest

import clubos_tui
from clubos_tui import errors
from clubos_tui.changes.manifest import Change

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(clubos_tui.__path__, "clubos_tui.")
)
ROOMS = [name for name in MODULES if importlib.util.find_spec(name).submodule_search_locations]
DRAWING = ("textual", "rich")
BELOW_UI = [
    name
    for name in MODULES
    if not name.startswith(("clubos_tui.ui", "clubos_tui.cli", "clubos_tui.__main__"))
]

# The exit codes of the design; other programs depend on them.
CODES = {
    "ClubosError": 1, "UsageError": 2, "PlanError": 2, "NotARepository": 2, "NeedsPerson": 3,
    "GateClosed": 4, "Stale": 5, "DriverBusy": 6, "Refused": 7, "HostilePath": 7,
    "RepositoryState": 7, "InTheWay": 7, "Failed": 1, "GitFailed": 1, "BackupFailed": 1,
    "ApplyFailed": 1, "AgentFailed": 1, "CutShort": 1, "RecordDamaged": 1, "JournalDamaged": 1,
}  # fmt: skip


def made(kind):
    """Return an error of a kind, made as its callers make it."""
    match kind.__name__:
        case "PlanError":
            return kind([errors.Fault("p.toml", 3, "unknown key 'nam'", "name")])
        case "HostilePath":
            return kind(".git/x", "it would touch a .git folder")
        case "InTheWay":
            return kind(["a", "b"], "your own files stand in the way")
        case "RecordDamaged":
            return kind("/state/transactions/t1.jsonl", 2)
        case _:
            return kind("what happened", untouched="nothing", cure="do this")


def tree(kind):
    """Return an error class and all below it that the package itself has in its one module."""
    return [
        kind,
        *(found for below in kind.__subclasses__() if below.__module__ == errors.__name__
          for found in tree(below)),
    ]  # fmt: skip


ERRORS = tree(errors.ClubosError)


def loaded_by(code):
    """Return the modules that are loaded after ``code`` in a fresh process."""
    script = f"import sys\n{code}\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("name", ["clubos_tui", *ROOMS])
def test_every_room_says_what_it_is(name):
    doc = importlib.import_module(name).__doc__
    assert doc
    first = doc.splitlines()[0]
    assert first.endswith((".", ":")) or len(doc.splitlines()) > 1
    assert len(doc.strip().splitlines()) <= 10


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_and_names_what_it_has(name):
    found = importlib.util.find_spec(name)
    with open(found.origin, encoding="utf-8") as file:
        assert ast.get_docstring(ast.parse(file.read()))
    if name != "clubos_tui.__main__":
        module = importlib.import_module(name)
        for public in getattr(module, "__all__", ()):
            assert hasattr(module, public), public


def test_nothing_below_the_screen_draws():
    """At run time, and not only by the imports that a linter sees."""
    modules = loaded_by("".join(f"import {name}\n" for name in BELOW_UI))
    assert set(BELOW_UI) <= modules
    assert not {name for name in modules if name.split(".")[0] in DRAWING}


def test_help_loads_nothing_heavy():
    modules = loaded_by("import clubos_tui.cli")
    heavy = {"textual", "rich", "git", "anthropic", "watchfiles", "asyncio", "dotenv"}
    assert not {name for name in modules if name.split(".")[0] in heavy}


def test_watching_and_git_are_loaded_when_first_used():
    modules = loaded_by("import clubos_tui.workspace.watch, clubos_tui.repository.discover")
    assert not {name for name in modules if name.split(".")[0] in {"git", "watchfiles"}}


# --- errors -------------------------------------------------------------------------------------


def test_every_error_has_its_exit_code():
    assert {kind.__name__ for kind in ERRORS} == set(CODES)
    assert {kind.__name__: errors.exit_code(made(kind)) for kind in ERRORS} == CODES
    assert errors.exit_code(KeyboardInterrupt()) == 130
    assert errors.exit_code(RuntimeError("a bug")) == 1


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = [line.strip(" │├└─").split()[0] for line in errors.__doc__.splitlines() if "──" in line]
    assert drawn == [kind.__name__ for kind in ERRORS[1:]]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_says_what_happened_what_is_untouched_and_what_to_do(kind):
    error = made(kind)
    assert str(error) == error.message
    assert error.untouched
    assert error.cure
    assert kind.__doc__


def test_an_error_carries_its_paths_as_fields():
    assert made(errors.HostilePath).path == ".git/x"
    assert made(errors.InTheWay).paths == ("a", "b")
    assert errors.Stale("x", paths=["a"]).paths == ("a",)
    assert str(made(errors.PlanError)) == "p.toml:3: unknown key 'nam' (did you mean 'name'?)"


def test_values_are_values():
    """What crosses the rooms can't be changed behind anybody's back."""
    row = Change("a", "create")
    with pytest.raises(AttributeError):
        row.path = "b"
