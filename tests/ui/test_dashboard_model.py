"""A model at work on the screen: what it uses, what is waited for or withdrawn, the limits."""

import json
import time
from dataclasses import replace

import pytest
from dashboard_kit import board, make_repository
from support.model_server import Reply, served
from support.scripted_model import ScriptedModel, call, finish, say, stream
from textual.widgets import Input

from clubos_tui.agents.claude.agent import ClaudeAgent
from clubos_tui.agents.claude.asking import Timing
from clubos_tui.engine.session import Session
from clubos_tui.plan import Action, Budget, CheckSpec, Model, Phase, Plan
from clubos_tui.ui.screens import ask
from clubos_tui.ui.widgets.views import LogPane

WRITE = call("write_file", path="src/one.txt", content="one\n")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(ask, "ARM_SECONDS", 0.0)
    monkeypatch.setattr(ask, "AGAIN_SECONDS", 0.0)


@pytest.fixture
def place(key, tmp_path):
    return make_repository(tmp_path / "repo")


@pytest.fixture
def model():
    with served() as server:
        made = ScriptedModel({"one": [[say("Let me see."), WRITE], [finish("it is there")]]})
        made.url, server.answer = server.url, made
        yield made


def plan(model, **budget):
    check = CheckSpec("files there", "paths", ("src/*.txt",))
    phase = Phase("First", action=(Action("one", "One"),), check=(check,), budget=Budget(**budget))
    return Plan("Model", agent="claude", model=Model(base_url=model.url), phase=(phase,))


def opened(path):
    timing = Timing(silence=30, beat=0.05, chance=lambda: 0.0)
    return Session.open(path, {"claude": lambda: ClaudeAgent(timing=timing)})


def shown(place, model, **budget):
    return board(place, plan(model, **budget), session_factory=opened)


async def test_what_a_model_uses_stands_in_the_status_line(place, model):
    async with shown(place, model, cents=300) as b:
        await b.press("n")
        await b.phase(1, "proposed")
        # 2 requests of 1,000 tokens in at $4 and 200 out at $20 a million
        assert b.status.spent == "2,400 tokens, $0.02 of $3.00"
        assert "2,400 tokens, $0.02 of $3.00" in b.text()
        await b.press("dollar_sign")
        await b.dialog("Limits")
        await b.says("the phase's limit of $3.00 ($0.02 used)")
        await b.press("escape")
        await b.no_dialog()


async def test_a_model_without_a_price_costs_unknown_and_not_nothing(place, model):
    model.script["one"] = [
        Reply.of(stream([WRITE], model="claude-next")),
        Reply.of(stream([finish()], model="claude-next")),
    ]
    made = plan(model, tokens=100_000)
    made = replace(made, model=replace(made.model, name="claude-next"))
    async with board(place, made, session_factory=opened) as b:
        await b.press("n")
        await b.phase(1, "proposed")
        assert b.status.spent == "2,400 tokens, cost unknown"


async def test_a_retry_is_counted_down_and_can_be_interrupted(place, model):
    model.script["one"].insert(1, Reply.error(529, "overloaded_error", "too much to do",
                                              headers={"retry-after": "60"}))  # fmt: skip
    async with shown(place, model) as b:
        await b.press("n")
        await b.says("asks again in")
        first = b.next.step.words
        assert first.endswith(": too much to do")
        assert b.next.step.key == "ctrl+c"
        await b.until(lambda: b.next.step.words != first, "the countdown")
        began = time.monotonic()
        await b.press("ctrl+c")
        await b.phase(1, "held")
        assert time.monotonic() - began < 10, "nobody waited for the minute"
        assert "1 answer of the model kept" in b.problem.untouched
        assert b.next.step.words == "Go on with phase 1 where it stopped"
        await b.press("n")
        await b.phase(1, "proposed")
        assert len(model.asked) == 3


async def test_words_of_an_answer_that_broke_off_are_struck_out(place, model):
    half = Reply.of(stream([say("I would delete everything.\nYes, everything.\n"), WRITE]))
    model.script["one"].insert(0, Reply(half.body, cut=len(half.body) - 400, end="reset"))
    async with shown(place, model) as b:
        await b.press("n")
        await b.phase(1, "proposed")
        lines = b.dashboard.query_one(LogPane)._lines
        said = {line.text: line.withdrawn for line in lines if line.turn}
        assert said["I would delete everything."]
        assert said["Yes, everything."]
        assert not said["Let me see."]
        await b.press("4", "z", "g")
        await b.says("(withdrawn) I would delete everything.")


async def test_a_limit_that_is_reached_is_raised_and_it_goes_on(place, model):
    async with shown(place, model, turns=1) as b:
        await b.press("n")
        await b.phase(1, "held")
        assert b.next.step.words == "Phase 1 has reached a limit: raise it"
        assert "stands still, with 1 answer kept" in b.text()
        await b.press("n")
        await b.dialog("Limits")
        assert b.app.screen.query_one("#most", Input).value == "2"
        await b.says("the next request could go beyond")
        b.app.screen.query_one("#most", Input).value = "many"
        await b.press("enter")
        await b.says("A number is needed")
        b.app.screen.query_one("#most", Input).value = "2"
        await b.press("enter")
        await b.phase(1, "proposed")
        assert len(model.asked) == 2
        assert b.view.phase(1).budget.turns == 2


async def test_a_long_call_is_seen_as_it_is_written(place, model):
    long = call("write_file", path="src/one.txt", content="x" * 3000)
    model.script["one"][0] = Reply.of(stream([long]), seed=1, pause=0.012)
    async with shown(place, model) as b:
        await b.press("n")
        await b.until(
            lambda: "characters so far" in b.text() and b.status.spent.startswith("~"),
            "both while it is written",
        )
        await b.phase(1, "proposed")


async def test_the_app_comes_back_to_what_was_used_and_held(place, model):
    async with shown(place, model, turns=1) as b:
        await b.press("n")
        await b.phase(1, "held")
    async with shown(place, model) as b:
        await b.phase(1, "held")
        assert b.status.spent == "1,200 tokens, <$0.01"
        assert b.next.step.words == "Phase 1 has reached a limit: raise it"
        assert json.dumps(b.view.phase(1).held.limit.most) == "1"
