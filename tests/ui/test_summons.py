"""A run that was at work comes to wait: title, bell and notification, once and where they help."""

import asyncio
import os
import sys
import time
from contextlib import asynccontextmanager

import pytest
from dashboard_kit import Board, make_plan, make_repository
from test_dashboard_live import slow_session
from textual import events

from clubos_tui.engine.run import Run
from clubos_tui.ui import summons as module
from clubos_tui.ui.app import ClubosApp
from clubos_tui.ui.notify import Notify
from clubos_tui.ui.screens import ask
from clubos_tui.ui.summons import Summons

FOOT = {"TERM": "foot", "PATH": os.environ["PATH"]}
CALLED = "\x1b]777;notify;clubos — repo;"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(ask, "ARM_SECONDS", 0.0)
    monkeypatch.setattr(ask, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0.05)


@pytest.fixture
def place(tmp_path):
    return make_repository(tmp_path / "repo")


@pytest.fixture
def plan(tmp_path):
    return make_plan(tmp_path / "home")


class Recorded(Board):
    """The app, and what it wrote to the terminal beside the screen."""

    def __init__(self, app, pilot, written):
        super().__init__(app, pilot)
        self.written = written
        self.later = 0.0

    @property
    def bells(self):
        return self.written.count("\a")

    @property
    def title(self):
        titles = [text[4:-1] for text in self.written if text.startswith("\x1b]0;")]
        return titles[-1] if titles else None

    @property
    def notices(self):
        return [text for text in self.written if text.startswith(("\x1b]9", "\x1b]7", "\x1bP"))]

    async def leave(self):
        """Look at another window."""
        self.app.post_message(events.AppBlur())
        await self.until(lambda: not self.app.app_focus)

    def elsewhere(self, what):
        """Have somebody else say something to the run."""
        bridge = self.dashboard.presenter.bridge
        what(Run(bridge.run.id, bridge.session.paths))

    async def called_away(self):
        """Begin a run, look elsewhere, and have somebody ask for another proposal."""
        await self.press("n")
        await self.phase(1, "proposed")
        await self.leave()
        self.elsewhere(lambda run: run.propose(1, by="Sam"))


@asynccontextmanager
async def recorded(place, plan, settings=None, environment=FOOT, **options):
    app = ClubosApp(str(place), who="Ada", plan_loader=lambda: (plan, "test"), **options)
    written = []
    made = []
    app.summons = Summons(
        app, settings or Notify(), written.append, environment=environment,
        clock=lambda: time.monotonic() + (made[0].later if made else 0.0),
    )  # fmt: skip
    async with app.run_test(size=(120, 40)) as pilot:
        made.append(Recorded(app, pilot, written))
        await made[0].ready()
        yield made[0]


async def test_the_title_says_what_the_run_is_at_and_is_given_back(place, plan):
    async with recorded(place, plan, session_factory=slow_session) as b:
        assert b.written[0] == "\x1b[22;0t", "what it was is kept before it is changed"
        assert b.title == "clubos — repo"
        await b.press("n")
        await b.until(lambda: b.title == "clubos: phase 1 proposing — repo")
        await b.press("ctrl+c")
        await b.until(lambda: b.title == "clubos: propose phase 1 — repo")
    assert b.written[-1:] == ["\x1b]0;\a\x1b[23;0t"], b.written


async def test_a_wait_rings_once_and_not_for_what_was_just_pressed(place, plan):
    async with recorded(place, plan) as b:
        await b.press("n")
        await b.phase(1, "proposed")
        await b.until(lambda: b.title == "clubos: approve phase 1 — repo")
        await asyncio.sleep(0.15)
        assert b.bells == 0, "it came within a second of the key"
        b.later += 10
        b.elsewhere(lambda run: run.propose(1, by="Sam"))
        await b.until(lambda: b.view.phase(1).attempt == 2)
        await b.phase(1, "proposed")
        await b.until(lambda: b.bells == 1, "the bell")
        b.later += 10
        b.elsewhere(lambda run: run.approve(1, b.view.phase(1).change_set, 2, by="Sam"))
        await b.until(lambda: b.title == "clubos: execute phase 1 — repo")
        await asyncio.sleep(0.15)
        assert b.bells == 1, "nothing was at work in between"
        assert not b.notices, "somebody looks at the screen, as far as is known"


async def test_who_looks_elsewhere_is_called_at_once_and_by_the_desktop(place, plan):
    async with recorded(place, plan) as b:
        await b.called_away()
        await b.until(lambda: b.notices, "the notification")
        assert b.notices == [f"{CALLED}approve phase 1\a"]
        assert b.bells == 1


async def test_a_terminal_that_does_not_tell_its_focus_calls_who_pressed_nothing(place, plan):
    async with recorded(place, plan) as b:
        await b.press("n")
        await b.phase(1, "proposed")
        b.later += 1000
        b.elsewhere(lambda run: run.propose(1, by="Sam"))
        await b.until(lambda: b.notices, "the notification")


async def test_a_wait_that_ends_at_once_calls_nobody(place, plan, monkeypatch):
    monkeypatch.setattr(module, "SETTLE_SECONDS", 3.0)  # longer than a busy machine takes
    async with recorded(place, plan) as b:
        await b.press("n")
        await b.phase(1, "proposed")
        await b.leave()
        for attempt in (2, 3):  # as a program does that goes on at once
            b.elsewhere(lambda run: run.propose(1, by="a program"))
            await b.until(lambda at=attempt: b.view.phase(1).attempt == at)
            await b.phase(1, "proposed")
            assert b.bells == 0
        await b.until(lambda: b.bells, "the bell of the wait that stays")
        await asyncio.sleep(0.7)
        assert b.bells == 1


async def test_what_is_turned_off_stays_off(place, plan):
    off = Notify(bell=False, title=False, desktop="off")
    async with recorded(place, plan, off) as b:
        await b.called_away()
        await b.until(lambda: b.view.phase(1).attempt == 2)
        await b.phase(1, "proposed")
        await asyncio.sleep(0.15)
    assert b.written == []


async def test_a_program_of_ones_own_gets_the_words_as_one_argument(place, plan, tmp_path):
    out = tmp_path / "said"
    code = "import sys, os; open(sys.argv[1], 'w').write(repr((sys.argv[2:], sorted(os.environ))))"
    command = (sys.executable, "-c", code, str(out))
    environment = {**FOOT, "ANTHROPIC_API_KEY": "sk-secret"}
    async with recorded(place, plan, Notify(command=command), environment) as b:
        await b.called_away()
        await b.until(lambda: out.exists() and out.read_text(), "the program")
        assert "['approve phase 1 — repo']" in out.read_text()
        assert "ANTHROPIC_API_KEY" not in out.read_text()
        assert not b.notices, "one way of calling is enough"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("no-such-program-here",), "notify.toml: no-such-program-here: No such file"),
        (("false",), "notify.toml: false ended with 1"),
        (("sh", "-c", "sleep 60 & wait"), "notify.toml: sh took more than"),
    ],
)
async def test_a_program_that_fails_or_hangs_is_told_and_holds_nothing_up(
    place, plan, monkeypatch, command, said
):
    monkeypatch.setattr(module, "COMMAND_SECONDS", 0.2)
    async with recorded(place, plan, Notify(command=command)) as b:
        told = []
        b.app.notify = lambda text, **_: told.append(text)
        await b.called_away()
        await b.until(lambda: told, "what went wrong")
        assert told[0].startswith(said)
        await b.phase(1, "proposed")


async def test_a_fault_in_the_settings_is_told_as_one_in_the_keys_is(place, plan, monkeypatch):
    told = []
    monkeypatch.setattr(ClubosApp, "notify", lambda _self, text, **_: told.append(text))
    async with recorded(place, plan, Notify(problems=("notify.toml: there is no 'bel'",))):
        assert told == ["notify.toml: there is no 'bel'"]


async def test_an_agents_words_stand_in_no_title(place, plan):
    from test_two_dashboards import AskingAgent

    from clubos_tui.engine.session import Session

    def opened(path):
        return Session.open(path, {"blueprint": AskingAgent})

    async with recorded(place, plan, session_factory=opened) as b:
        await b.press("n")
        await b.until(lambda: b.view and b.view.phase(1).permissions.open)
        await b.press("p")
        await b.dialog("Permission")
        await b.press("y")
        await b.phase(1, "proposed")
        await b.leave()
        b.elsewhere(lambda run: run.propose(1, by="Sam"))
        await b.until(lambda: b.notices, "the notification")
        assert b.title == "clubos: answer the agent in phase 1 — repo"
        assert not any("Run the tests" in text for text in b.written)
