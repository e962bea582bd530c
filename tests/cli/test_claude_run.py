"""The built-in plan carried out by a model, from dry run to merge, with all that goes wrong on it.

The model is a server on loopback that follows a script; everything else is the real thing.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli import clubos, inside, start
from support.model_server import Asked, ModelServer, Reply, served
from support.repo import Repo
from support.scripted_model import (
    Answer,
    ScriptedModel,
    action_of,
    call,
    finish,
    say,
    stream,
    think,
)

from clubos_tui.plan import Plan
from clubos_tui.planfile import built_in

KEY = "sk-test-this-opens-nothing-0123456789"


def files_of(plan: Plan, action: str) -> dict[str, str]:
    """Return the text files that an action's blueprint holds."""
    spec = next(a for phase in plan.phase for a in phase.action if a.id == action)
    root = Path(plan.home, spec.blueprint)
    return {
        str(path.relative_to(root)): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def answers(plan: Plan, action: str) -> list[Answer]:
    """Return what a model answers that writes an action's files, a few at a time."""
    writes = [call("write_file", path=p, content=t) for p, t in files_of(plan, action).items()]
    groups = [writes[at : at + 3] for at in range(0, len(writes), 3)]
    looked = [think(f"What is there for {action}?"), call("list_files", path="")]
    return [looked, *([say("Writing."), *group] for group in groups), [finish(f"wrote {action}")]]


def script(plan: Plan) -> dict[str, list[Answer]]:
    """Return a whole script."""
    return {a.id: answers(plan, a.id) for phase in plan.phase for a in phase.action}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with served() as made:
        yield made


def environment(server: ModelServer, tmp_path: Path) -> dict[str, str]:
    return {
        "ANTHROPIC_API_KEY": KEY, "NO_PROXY": "127.0.0.1", "XDG_CONFIG_HOME": str(tmp_path / "own"),
        "ANTHROPIC_LOG": "debug",
    }  # fmt: skip


def events(repo: Repo) -> list[dict[str, Any]]:
    return [json.loads(line) for line in inside(repo, "log", "--json").out.splitlines()]


def turns(repo: Repo) -> list[dict[str, Any]]:
    return [event["turn"] for event in events(repo) if event["type"] == "turn.taken"]


class Stall:
    """Lets one request for an action wait for ever, so that its client can be killed."""

    def __init__(self, model: ScriptedModel, action: str) -> None:
        self.model, self.action = model, action
        self.reached = threading.Event()

    def __call__(self, asked: Asked) -> Reply:
        last = asked.body["messages"][-1]["content"][-1]
        inside = action_of(asked) == self.action and last["type"] == "tool_result"
        if inside and not self.reached.is_set():
            self.reached.set()
            return Reply(b"", cut=0, end="silence")
        return self.model(asked)


@pytest.mark.long
def test_the_built_in_plan_runs_live_with_a_model(
    repo: Repo, server: ModelServer, tmp_path: Path
) -> None:
    """A rate limit, a cut stream, a kill, a rejection and a revision, and then the merge."""
    repo.write(".env", "TOKEN=secret\n")
    repo.commit("a secret that should not be here")
    plan, env = built_in(), environment(server, tmp_path)
    model = ScriptedModel(script(plan), seed=7)
    first, second, _ = (action.id for action in plan.phase[0].action)
    limited = Reply.error(429, "rate_limit_error", headers={"retry-after": "0"})
    whole = Reply.of(stream(model.script[first][1]))  # type: ignore[arg-type]
    model.script[first][1:1] = [limited, Reply(whole.body, cut=len(whole.body) // 2, end="reset")]
    server.answer = stall = Stall(model, second)
    arguments = ("run", "--agent", "claude", "--base-url", server.url)

    # Killed while the second action waits for an answer: no answer is paid for twice.
    process = start(repo.path, *arguments, env={**os.environ, **env})
    assert stall.reached.wait(60), process.communicate(timeout=5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    known = turns(repo)
    assert [turn["outcome"] for turn in known].count("withdrawn") == 2
    said = clubos(repo, *arguments, env=env)
    assert said.code == 0, said.err
    for action in (first, second):
        assert model.script[action] == [], "each answer was asked for"
    numbers = [turn["number"] for turn in turns(repo)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert "Next" in said.out

    # A rejection goes back to the same conversation, with the reason.
    assert inside(repo, "run", "--phase", "2", env=env).code == 0
    change_set = inside(repo, "diff", "2", "--json").json["id"]
    reason = "Name the column created_at, please"
    assert inside(repo, "reject", "2", "--id", change_set, "--reason", reason).code == 0
    schema = [action.id for action in plan.phase[1].action]
    path = next(name for name in files_of(plan, schema[0]) if name.endswith(".sql"))
    revised = "-- created_at\n" + files_of(plan, schema[0])[path]
    for action in schema:
        model.script[action] = [[finish(f"{action} stays")]]
    model.script[schema[0]] = [
        [call("read_file", path=path)],
        [call("write_file", path=path, content=revised)],
        [finish("named it created_at")],
    ]
    asked_before = len(model.asked)
    said = inside(repo, "run", "--phase", "2", env=env)
    assert said.code == 0, said.out + said.err
    told = model.asked[asked_before][1].body["messages"]
    assert len(told) > 2, "the conversation goes on"
    assert reason in json.dumps(told[-1])
    assert reason not in json.dumps(told[:-1])

    said = inside(repo, "run", "--all", "--live", "--yes", env=env)
    assert said.code == 0, said.err
    assert not any(model.script.values()), "all of the script was used"
    for phase in plan.phase:
        for action in phase.action:
            for name, text in files_of(plan, action.id).items():
                assert repo.read(name).decode() == (revised if name == path else text)
    assert repo.read(".env") == b"TOKEN=secret\n"
    assert inside(repo, "verify").code == 0
    _tells_the_whole_story(repo, said.out)
    _nobody_kept_the_key(repo, said.out + said.err)


def _tells_the_whole_story(repo: Repo, printed: str) -> None:
    """The journal holds who was asked and what came of it, in what it cost too."""
    told = events(repo)
    assert all(e["withheld"] == [".env"] for e in told if e["type"] == "attempt.started")
    answered = [turn for turn in turns(repo) if turn["outcome"] == "answered"]
    for turn in answered:
        assert (turn["model"], turn["answered_by"]) == ("claude-opus-5-5", "claude-opus-5-5")
        assert len(turn["prompt_sha256"]) == len(turn["record_sha256"]) == 64
        assert turn["microcents"] == 1000 * 400 + 200 * 2000
        assert (turn["input_tokens"], turn["output_tokens"]) == (1000, 200)
        assert turn["request_id"] == "req_test"
    titles = [title for turn in answered for title in turn.get("tools", ())]
    assert sum(title.startswith("write ") for title in titles) > 80
    assert "finish" in titles
    used = inside(repo, "limit", "--json").json["used"]["run"]
    assert used["turns"] == len(turns(repo))
    assert used["microcents"] >= len(answered) * 800_000
    assert "withheld" in printed


def _nobody_kept_the_key(repo: Repo, printed: str) -> None:
    assert KEY not in printed
    for folder in (os.environ["CLUBOS_STATE_DIR"], repo.path):
        for top, _, names in os.walk(folder):
            for name in names:
                place = os.path.join(top, name)
                if os.path.isfile(place):
                    with open(place, "rb") as file:
                        assert KEY.encode() not in file.read(), place


def test_a_recording_replays_as_an_agent(repo: Repo, server: ModelServer, tmp_path: Path) -> None:
    """The same changes, so the same tree: without a key, a network or a price."""
    env = environment(server, tmp_path)
    model = ScriptedModel(script(built_in()))
    first = built_in().phase[0].action[0].id
    whole = Reply.of(stream(model.script[first][1]))  # type: ignore[arg-type]
    model.script[first].insert(1, Reply(whole.body, cut=len(whole.body) // 2))
    server.answer = model
    assert inside(repo, "run", "--agent", "claude", "--base-url", server.url, env=env).code == 0
    change_set = inside(repo, "diff", "1", "--json").json["id"]
    tape = tmp_path / "run.jsonl"
    assert inside(repo, "recording", str(tape)).code == 0
    asked = len(server.asked)

    other = Repo.make(tmp_path / "other")
    said = inside(other, "run", "--agent", f"replay:{tape}", env={"ANTHROPIC_API_KEY": ""})
    assert said.code == 0, said.err
    assert inside(other, "diff", "1", "--json").json["id"] == change_set
    assert len(server.asked) == asked
    told = turns(other)
    assert [turn["outcome"] for turn in told].count("withdrawn") == 1
    assert {turn["microcents"] for turn in told} == {0}
