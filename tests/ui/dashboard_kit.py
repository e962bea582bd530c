"""A small repository, a small plan and the whole app around them, for the dashboard's tests."""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from clubos_tui.plan import Action, CheckSpec, Phase, Plan
from clubos_tui.ui.app import ClubosApp
from clubos_tui.ui.screens.dashboard import Dashboard
from clubos_tui.ui.widgets.banner import Banner
from clubos_tui.ui.widgets.phase_list import PhaseList
from clubos_tui.ui.widgets.status_bar import KeyBar, NextLine, StatusBar
from clubos_tui.ui.widgets.views import LogPane

SECONDS = 20.0


def git(folder: Path, *arguments: str) -> str:
    """Run plain git, without anybody's configuration."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "T",
        "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "T",
        "GIT_COMMITTER_EMAIL": "t@example.org",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, env=environment, check=True
    )
    return done.stdout.decode()


def make_repository(folder: Path) -> Path:
    """Make a repository with two committed files."""
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("# A project\n")
    (folder / "keep.txt").write_text("mine\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=first")
    return folder


FILES = {
    1: {"setup": {"one/a.txt": "a\n", "one/b.txt": "b\n", "one/c.txt": "c\n"}},
    2: {"schema": {"two/a.sql": "create table a ();\n", "two/b.sql": "create table b ();\n"}},
    3: {"late": {"three/z.txt": "z\n"}},
}


def make_plan(
    home: Path,
    *,
    names: tuple[str, ...] = ("Setup", "Schema"),
    approval: bool = True,
    rollbackable: bool = True,
    at_least: int = 1,
    files: dict[int, dict[str, dict[str, str]]] = FILES,
) -> Plan:
    """Make a plan whose blueprint lies in `home`."""
    phases = []
    for number, name in enumerate(names, 1):
        actions = []
        for action, contents in files[number].items():
            for path, text in contents.items():
                place = home / f"bp{number}" / action / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
            actions.append(Action(action, f"Do {action}", blueprint=f"bp{number}/{action}"))
        paths = tuple({path.split("/")[0] + "/**" for c in files[number].values() for path in c})
        phases.append(
            Phase(
                name,
                required_approval=approval,
                rollbackable=rollbackable,
                action=tuple(actions),
                check=(CheckSpec("files there", "paths", paths=paths, at_least=at_least),),
            )
        )
    return Plan("Small", phase=tuple(phases), home=str(home))


class Board:
    """The running app, with what a person sees and does."""

    def __init__(self, app: ClubosApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def dashboard(self) -> Dashboard:
        return self.app.dashboard

    @property
    def view(self):
        return self.dashboard.presenter.bridge.view

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until something holds; fail with the screen where it never does."""
        end = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what or condition}\n{self.text()}")
            await self.pilot.pause(0.01)
        await self.pilot.pause()

    async def ready(self) -> None:
        await self.until(
            lambda: self.dashboard.presenter and self.dashboard.presenter.bridge.ready, "ready"
        )
        await self.until(lambda: self.dashboard.query_one(KeyBar).hints, "keys")

    async def press(self, *keys: str) -> None:
        """Press keys, after what the last one asked for is done or asks back: it takes no other."""
        end = time.monotonic() + 2.0
        while self._is_at_it() and time.monotonic() < end:
            await self.pilot.pause(0.01)
        await self.pilot.press(*keys)

    def _is_at_it(self) -> bool:
        presenter = self.dashboard.presenter
        in_front = self.app.screen is self.dashboard
        return presenter is not None and in_front and presenter._busy

    async def phase(self, number: int, *words: str) -> None:
        """Wait until a phase is in one of these states and nothing is under way."""
        await self.until(
            lambda: (
                self.view is not None
                and self.view.status(number).value in words
                and not self.view.queue
            ),
            f"phase {number} {words}",
        )

    async def hears(self, words: str) -> None:
        """Wait until the log has a line with these words, in sight or scrolled by."""
        await self.until(
            lambda: any(words in line.text for line in self.dashboard.query_one(LogPane)._lines),
            f"{words!r} in the log",
        )

    async def dialog(self, name: str) -> None:
        """Wait for a dialog."""
        await self.until(lambda: type(self.app.screen).__name__ == name, f"dialog {name}")

    async def no_dialog(self) -> None:
        await self.until(lambda: isinstance(self.app.screen, Dashboard), "the dashboard")

    async def says(self, text: str) -> None:
        """Wait until the screen says something."""
        await self.until(lambda: text in self.text(), f"the words {text!r}")

    def text(self) -> str:
        """What is on the screen, as plain lines."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    @property
    def next(self):
        return self.dashboard.query_one(NextLine)

    @property
    def status(self):
        return self.dashboard.query_one(StatusBar).values

    @property
    def selected(self) -> int:
        return self.dashboard.query_one(PhaseList).number

    @property
    def problem(self):
        return self.dashboard.query_one(Banner).problem


@asynccontextmanager
async def board(
    repository: Path, plan: Plan | None, *, size=(120, 40), wait=True, who="Ada", **options
):
    """Run the app on a repository until the block ends."""
    loader = (lambda: (plan, "test")) if plan else None
    app = ClubosApp(str(repository), who=who, plan_loader=loader, **options)
    async with app.run_test(size=size) as pilot:
        shown = Board(app, pilot)
        if wait:
            await shown.ready()
        yield shown
