"""What the first paint may import, found out in a fresh interpreter."""

import json
import subprocess
import sys

CODE = """
import json, sys
import clubos_tui.ui.app
print(json.dumps(sorted(sys.modules)))
"""


def modules() -> set[str]:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=True)
    return set(json.loads(done.stdout))


def test_first_paint_imports_no_git_no_watcher_and_no_client():
    loaded = modules()
    for heavy in ("git", "watchfiles", "anthropic", "pydantic", "pygments", "tree_sitter"):
        assert heavy not in loaded, heavy


def test_first_paint_imports_nothing_of_the_engine():
    rooms = (
        "engine",
        "machine",
        "journal",
        "repository",
        "workspace",
        "apply",
        "agents",
        "checks",
        "events",
    )
    loaded = modules()
    early = [name for name in loaded if name.startswith(tuple(f"clubos_tui.{r}" for r in rooms))]
    assert early == []


def test_widgets_never_know_the_engine():
    code = """
import importlib, pkgutil, sys
import clubos_tui.ui.widgets as w
for module in pkgutil.iter_modules(w.__path__):
    importlib.import_module(f"{w.__name__}.{module.name}")
bad = [m for m in sys.modules if m.startswith(("clubos_tui.engine", "clubos_tui.journal"))]
assert not bad, bad
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_pure_imports_no_textual():
    code = (
        "import sys\n"
        "import clubos_tui.ui.store, clubos_tui.ui.panes, clubos_tui.ui.sheets\n"
        "import clubos_tui.ui.actions, clubos_tui.ui.wording, clubos_tui.ui.values\n"
        "assert 'textual' not in sys.modules and 'rich' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


ENGINES = """
import importlib, pkgutil, sys
import clubos_tui
from clubos_tui.cli import COMMANDS
for module, _ in COMMANDS.values():
    if module != "shared":
        importlib.import_module(f"clubos_tui.cli.{module}")
rooms = ("ui.app", "ui.bridge", "ui.review", "engine.driver", "engine.attendant", "engine.views")
for name in rooms:
    importlib.import_module(f"clubos_tui.{name}")
found = sorted({"psycopg", "dbos", "sqlalchemy", "clubos_tui.journal.postgres"} & set(sys.modules))
print(",".join(found))
"""


def test_nothing_but_shared_runs_imports_a_database_or_an_engine():
    """The embedded default needs no server, and a dashboard never imports an engine."""
    out = subprocess.run(
        [sys.executable, "-c", ENGINES], capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == ""


def test_a_dashboard_on_a_shared_run_imports_no_engine():
    """It reads the journal from the database, and that is all."""
    source = (
        "import sys\nimport clubos_tui.cli.shared, clubos_tui.engine.follow\n"
        "print(sorted({'dbos', 'sqlalchemy'} & set(sys.modules)))\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == "[]"
