"""The recording: every byte of it held to what the journal says, gone on from, and replayed."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cli import inside, start
from support.model_bench import PLAN, QUICK, Bench, ended, of
from support.model_server import Asked, Reply, encoded, served
from support.repo import Repo
from support.scripted_model import Answer, ScriptedModel, call, finish, say, stream, think

from clubos_tui.agents import base as a
from clubos_tui.agents import require
from clubos_tui.agents.claude.agent import ClaudeAgent
from clubos_tui.agents.claude.asking import Timing
from clubos_tui.agents.claude.recording import Record, Recording, read_records
from clubos_tui.agents.claude.tape import Tape
from clubos_tui.agents.claude.turn import Turn
from clubos_tui.errors import AgentFailed, exit_code
from clubos_tui.spending import Limit, ModelTurn

WRITE = call("write_file", path="a.txt", content="ä\n")


def record(number: int = 1, **more: Any) -> Record:
    turn = ModelTurn(number, "answered", "m", "p", tools=("read \udcff",), microcents=3)
    fields: dict[str, Any] = {
        "user": ({"type": "text", "text": "half \ud800, ü and \u2028"},),
        "events": ({"x": 1.5, "deep": [{"y": None}]},),
        **more,
    }
    return Record(1, 1, "one", turn, **fields)


# --- the file -----------------------------------------------------------------------------------


def test_a_record_comes_back_as_it_was_added(tmp_path: Path) -> None:
    """Also words that no encoding has, and numbers that the journal could not hold."""
    recording = Recording(str(tmp_path / "new" / "r.jsonl"))
    added = [record(1), record(2, user=(), kind="overloaded_error"), record(3, events=())]
    names = [recording.add(item) for item in added]
    assert recording.find(names) == added
    assert read_records(recording.path) == added
    assert recording.find([names[2], "0" * 64, names[0]]) == [added[2], added[0]]
    assert os.stat(recording.path).st_mode & 0o777 == 0o600
    assert os.stat(tmp_path / "new").st_mode & 0o777 == 0o700


def test_a_line_torn_at_any_byte_is_left_out_and_ended(tmp_path: Path) -> None:
    recording = Recording(str(tmp_path / "r.jsonl"))
    first = recording.add(record(1))
    start_of_second = os.stat(recording.path).st_size
    second = recording.add(record(2))
    whole = Path(recording.path).read_bytes()
    for cut in range(start_of_second + 1, len(whole) - 1):
        Path(recording.path).write_bytes(whole[:cut])
        assert recording.find([first, second]) == [record(1)], cut
        assert [name for name, _ in recording.after(1, 1, 0)] == [first], cut
        third = recording.add(record(3))
        assert recording.find([first, third]) == [record(1), record(3)], cut
        assert read_records(recording.path) == [record(1), record(3)], cut
    Path(recording.path).write_bytes(whole[:-1])  # only the line end is missing
    assert recording.find([first, second]) == [record(1), record(2)]
    third = recording.add(record(3))
    assert recording.find([second, third]) == [record(2), record(3)]


@given(data=st.data())
def test_whatever_byte_is_changed_only_what_was_written_is_found(
    tmp_path: Path, data: st.DataObject
) -> None:
    recording = Recording(str(tmp_path / "r.jsonl"))
    Path(recording.path).unlink(missing_ok=True)
    names = [recording.add(record(number)) for number in (1, 2, 3)]
    whole = bytearray(Path(recording.path).read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    new = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    line = whole[:at].count(b"\n")
    was_end = whole[at] == ord("\n")
    whole[at] = new
    Path(recording.path).write_bytes(whole)
    hurt = {line, line + 1} if was_end else {line}
    left = [number for number in range(3) if number not in hurt]
    assert [item.turn.number - 1 for item in recording.find(names)] == left
    assert recording.missing(names) == [names[number] for number in range(3) if number in hurt]


def test_no_file_holds_nothing_and_none_is_made(tmp_path: Path) -> None:
    recording = Recording(str(tmp_path / "none" / "r.jsonl"))
    assert recording.find(["0" * 64]) == recording.after(1, 1, 0) == []
    assert recording.missing(["0" * 64]) == ["0" * 64]
    assert list(tmp_path.iterdir()) == []


# --- going on -----------------------------------------------------------------------------------


async def test_an_answer_that_the_journal_missed_is_adopted_and_paid_once(bench: Bench) -> None:
    """Killed between the flush of the last answer and the journal's line for it."""
    model = bench.script(one=[[WRITE], [finish("all of it")]])
    await bench.ask(await bench.agent())
    lost = bench.turns.pop()
    agent = await bench.agent()
    used = (Limit("run", "turns", 2, 1),)
    events = await bench.ask(agent, limits=used)
    assert (ended(events).reason, ended(events).summary) == ("end_turn", "all of it")
    assert of(events, a.TurnTaken) == [lost], "with its own number, cost and SHA-256"
    assert len(model.asked) == 2
    assert not of(events, a.LimitReached)


async def test_an_answer_that_the_journal_missed_counts_against_the_limits(bench: Bench) -> None:
    model = bench.script(one=[[WRITE], [call("list_files")], [finish()]])
    first = (Limit("run", "turns", 2, 0),)
    assert ended(await bench.ask(await bench.agent(), limits=first)).reason == "held"
    bench.turns.pop()
    events = await bench.ask(await bench.agent(), limits=(Limit("run", "turns", 2, 1),))
    assert ended(events).reason == "held"
    assert [t.turn.number for t in of(events, a.TurnTaken)] == [2]
    assert len(model.asked) == 2


@pytest.mark.parametrize("lost", ["a word", "a line", "all of it"])
async def test_a_recording_that_is_not_as_it_was_is_not_gone_on_with(
    bench: Bench, lost: str
) -> None:
    bench.script(one=[[say("so"), WRITE], Reply.error(401, "authentication_error")])
    await bench.ask(await bench.agent())
    path = Path(bench.recording)
    if lost == "all of it":
        path.unlink()
    else:
        lines = path.read_bytes().splitlines(keepends=True)
        new = lines[0].replace(b'"so"', b'"no"')
        path.write_bytes(b"".join([new, *lines[1:]] if lost == "a word" else lines[1:]))
    asked = len(bench.server.asked)
    with pytest.raises(AgentFailed, match="does not hold what the journal says") as caught:
        await bench.agent()
    assert "Propose phase 1 again" in caught.value.cure
    assert len(bench.server.asked) == asked


# --- replay -------------------------------------------------------------------------------------


class Replay:
    """A bench whose agent is a recording; nothing is at the address that it would ask."""

    def __init__(self, bench: Bench, file: str, name: str = "again") -> None:
        self.place = bench.folder.parent / name
        self.folder = self.place / "workspace"
        self.folder.mkdir(parents=True)
        self.file = file
        self.bench = bench
        self.turns: list[a.TurnTaken] = []

    async def agent(self) -> ClaudeAgent:
        made = ClaudeAgent(Tape(self.file), timing=QUICK)
        self.bench.agents.append(made)
        taken = [event.turn for event in self.turns]
        await made.start(
            a.Workspace(
                str(self.folder), PLAN, 1, 1, recording=str(self.place / "run" / "r.jsonl"),
                turns=tuple(t.record_sha256 for t in taken if t.outcome == "answered"),
                requests=len(taken),
            )
        )  # fmt: skip
        return made

    async def ask(self, agent: ClaudeAgent, action: str = "one", **more: Any) -> list[a.AgentEvent]:
        out = []
        async for event in agent.prompt(a.Request(action, f"Do {action}.", **more)):
            if isinstance(event, a.TurnTaken):
                self.turns.append(event)
            out.append(event)
        return out


def files(folder: Path) -> dict[str, bytes]:
    """Return what a workspace holds."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def timeless(events: list[a.AgentEvent]) -> list[tuple[Any, ...]]:
    """Return events apart from time, money and how words were cut."""
    out: list[tuple[Any, ...]] = []
    for event in events:
        match event:
            case a.MessageChunk(text) | a.ThoughtChunk(text):
                said = out.pop()[1] if out and out[-1][0] is type(event) else ""
                out.append((type(event), said + text))
            case a.ToolCall(status="in_progress") | a.Usage(estimated=True):
                pass
            case a.Usage():
                out.append((a.Usage, event.input_tokens, event.output_tokens))
            case a.TurnTaken(turn):
                out.append(
                    (turn.number, turn.outcome, turn.model, turn.prompt_sha256, turn.answered_by,
                     turn.stop_reason, turn.tokens, turn.estimated, turn.tools, turn.error)
                )  # fmt: skip
            case _:
                out.append((event,))
    return out


ANSWERS: dict[str, list[Answer]] = {
    "one": [
        [think("What is there? " * 4), call("list_files")],
        [say("I write. " * 9), WRITE, call("write_file", path="deep/b.txt", content="b\n" * 99)],
        [call("edit_file", path="a.txt", old_string="ä", new_string="ö"),
         call("read_file", path="nowhere"), {**call("write_file"), "raw": '{"path": "half'}],
        [finish("one is done", notes_for_reviewer=["a note"], open_questions=["a question"])],
    ],
    "two": [
        Reply.of(stream([say("cut off")], "max_tokens")),
        [call("move_file", from_path="deep/b.txt", to_path="c"), call("delete_file", path="no")],
        [say("nothing more to do")],
    ],
}  # fmt: skip


async def test_a_replay_makes_the_same_files_and_says_the_same_for_nothing(bench: Bench) -> None:
    """With an answer in it that broke off, one that an error ended, and calls that failed."""
    body = encoded(stream([say("I write it " * 9), WRITE]))
    broken = Reply(body, cut=len(body) - 150, end="reset")
    overloaded = Reply.error(529, "overloaded_error", "too much")
    one, two = ANSWERS["one"], ANSWERS["two"]
    bench.script(one=[one[0], broken, *one[1:]], two=[two[0], overloaded, *two[1:]])
    agent = await bench.agent()
    before = [await bench.ask(agent), await bench.ask(agent, "two")]
    assert [t.turn.outcome for t in bench.turns].count("withdrawn") == 2
    asked = len(bench.server.asked)

    again = Replay(bench, bench.recording)
    agent = await again.agent()
    for events, name in zip(before, ("one", "two"), strict=True):
        now = await again.ask(agent, name, limits=(Limit("run", "cents", 1, 0),))
        assert timeless(now) == timeless(events)
        assert {usage.microcents for usage in of(now, a.Usage)} == {0}
    assert {event.turn.microcents for event in again.turns} == {0}
    assert files(again.folder) == files(bench.folder) != {}
    assert len(bench.server.asked) == asked

    # A replay is recorded too, and its recording is as good as the first.
    third = Replay(bench, str(again.place / "run" / "r.jsonl"), "third")
    agent = await third.agent()
    for events, name in zip(before, ("one", "two"), strict=True):
        assert timeless(await third.ask(agent, name)) == timeless(events)
    assert files(third.folder) == files(bench.folder)


async def test_a_replay_that_was_killed_goes_on_where_it_was(bench: Bench) -> None:
    bench.script(one=list(ANSWERS["one"]))
    await bench.ask(await bench.agent())
    again = Replay(bench, bench.recording)
    agent = await again.agent()
    events = agent.prompt(a.Request("one", "Do one."))
    async for event in events:
        if isinstance(event, a.TurnTaken):
            again.turns.append(event)
            if event.turn.number == 2:
                break
    await events.aclose()
    for name in ("a.txt", "deep/b.txt"):
        (again.folder / name).unlink(missing_ok=True)  # as the engine does
    rest = await again.ask(await again.agent())
    assert ended(rest).summary.startswith("one is done")
    assert [event.turn.number for event in again.turns] == [1, 2, 3, 4]
    assert files(again.folder) == files(bench.folder)


async def test_a_replay_of_a_later_attempt_takes_the_last_that_there_is(bench: Bench) -> None:
    bench.script(one=[[WRITE], [finish("first")]])
    await bench.ask(await bench.agent())
    again = Replay(bench, bench.recording)
    agent = ClaudeAgent(Tape(bench.recording), timing=QUICK)
    bench.agents.append(agent)
    await agent.start(
        a.Workspace(str(again.folder), PLAN, 1, 7, recording=str(again.place / "r.jsonl"))
    )
    assert ended(await again.ask(agent)).summary == "first"


async def test_a_recording_that_ends_early_is_held_with_what_is_missing(bench: Bench) -> None:
    bench.script(one=[[WRITE], [finish()]])
    await bench.ask(await bench.agent())
    short = bench.folder.parent / "short.jsonl"
    short.write_bytes(Path(bench.recording).read_bytes().splitlines(keepends=True)[0])
    again = Replay(bench, str(short))
    end = ended(await again.ask(await again.agent()))
    assert end.reason == "held"
    assert "the recording holds no request 2 for one, attempt 1" in end.error
    assert "choose another agent" in end.cure
    assert files(again.folder) == {"a.txt": "ä\n".encode()}, "what it held was done"


async def test_a_recording_of_another_action_is_not_carried_out(bench: Bench) -> None:
    bench.script(one=[[WRITE], [finish()]])
    await bench.ask(await bench.agent())
    again = Replay(bench, bench.recording)
    end = ended(await again.ask(await again.agent(), "two"))
    assert "the recording holds no request 1 for two" in end.error
    assert files(again.folder) == {}


async def test_a_run_that_was_interrupted_once_replays_to_its_end(bench: Bench) -> None:
    """ctrl+c in the dashboard, then on: nothing says that its recording is less worth."""
    model = bench.script(one=[[WRITE], Reply(b"", cut=0, end="silence"), [finish("all of it")]])
    agent = await bench.agent(Timing(silence=30, chance=lambda: 0.0))
    reached = asyncio.Event()

    def answer(asked: Asked) -> Reply:
        if len(bench.server.asked) == 2:
            reached.set()
        return model(asked)

    async def interrupt() -> None:
        await reached.wait()
        await agent.cancel()

    bench.server.answer = answer
    events, _ = await asyncio.gather(bench.ask(agent), interrupt())
    assert ended(events).reason == "cancelled"
    assert ended(await bench.ask(await bench.agent())).summary == "all of it"
    again = Replay(bench, bench.recording)
    assert ended(await again.ask(await again.agent())).summary == "all of it"


@pytest.mark.parametrize("text", [None, b"", b"\n\n", b"no JSON\n", b"5\n", b"\xff\xfe\n", b"{}\n",
                                  b'{"phase": "one"}\n'])  # fmt: skip
async def test_what_is_no_recording_is_refused_with_its_cure(
    tmp_path: Path, text: bytes | None
) -> None:
    file = tmp_path / "r.jsonl"
    if text is not None:
        file.write_bytes(text)
    agent = require(f"replay:{file}")()
    with pytest.raises(AgentFailed) as caught:
        await agent.start(a.Workspace(str(tmp_path), PLAN, 1, 1))
    assert str(file) in caught.value.message
    assert "clubos recording" in caught.value.cure
    assert exit_code(caught.value) == 1
    await agent.aclose()
    await agent.aclose()


async def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(AgentFailed, match="directory"):
        await require(f"replay:{tmp_path}")().start(a.Workspace(str(tmp_path), PLAN, 1, 1))


# --- given away ---------------------------------------------------------------------------------

TOML = """\
name = "Model"
agent = "claude"
model = {{ base_url = "{url}" }}
[[phase]]
name = "First"
[[phase.action]]
id = "one"
name = "Write one"
[[phase.check]]
name = "there"
kind = "paths"
paths = ["*.txt"]
"""


def recorded(repo: Repo, folder: Path, *answers: Answer) -> str:
    """Let a model carry out a plan of one action; return the plan."""
    file = folder / "plan.toml"
    with served() as server:
        server.answer = ScriptedModel({"one": list(answers)})
        file.write_text(TOML.format(url=server.url))
        said = inside(repo, "run", "--plan", str(file))
    assert said.code == 0, said.err
    return str(file)


def test_p12_a_key_in_a_file_is_not_given_away_and_the_rest_replays(
    repo: Repo, key: None, tmp_path: Path
) -> None:
    token = "ghp_" + "a1B2" * 9
    plan = recorded(
        repo, tmp_path, [WRITE, call("write_file", path="b.txt", content=f'token = "{token}"\n')],
        [finish(f"wrote {token}")],
    )  # fmt: skip
    tape = tmp_path / "tape.jsonl"
    assert inside(repo, "recording", str(tape)).code == 0
    assert token not in tape.read_text()
    other = Repo.make(tmp_path / "other")
    said = inside(other, "run", "--plan", plan, "--agent", f"replay:{tape}")
    assert said.code == 0, said.err
    diff = inside(other, "diff").out
    assert "+ä" in diff
    assert '+token = "[redacted]"' in diff


def test_a_recording_is_not_written_over_a_file(repo: Repo, key: None, tmp_path: Path) -> None:
    recorded(repo, tmp_path, [WRITE], [finish()])
    mine = tmp_path / "mine.txt"
    mine.write_text("my words\n")
    said = inside(repo, "recording", str(mine))
    assert said.code == 1
    assert "not there yet" in said.err
    assert mine.read_text() == "my words\n"


def test_what_is_given_away_stays_a_call_that_can_be_read(
    repo: Repo, key: None, tmp_path: Path
) -> None:
    """As of a model that writes a check for private keys: there is nothing secret in it."""
    text = 'MARK = "-----BEGIN PRIVATE KEY-----"\n'
    recorded(repo, tmp_path, [call("write_file", path="check.txt", content=text)], [finish()])
    raws = [
        event["delta"]["partial_json"]
        for line in inside(repo, "recording").out.splitlines()
        for event in json.loads(line)["events"]
        if event.get("delta", {}).get("type") == "input_json_delta"
    ]
    assert len(raws) == 2
    for raw in raws:
        json.loads(raw)


def test_a_reader_that_leaves_early_is_no_error(repo: Repo, key: None, tmp_path: Path) -> None:
    """`clubos recording | head -1`; `clubos diff` minds it."""
    long = call("write_file", path="a.txt", content="a line\n" * 100_000)
    recorded(repo, tmp_path, [long], [finish()])
    done = start(repo.path, "recording")
    assert done.stdout
    assert done.stderr
    assert os.read(done.stdout.fileno(), 10).startswith(b"{")
    done.stdout.close()
    code, said = done.wait(60), done.stderr.read()
    done.stderr.close()
    assert (code, said) == (0, b"")


WHOLE = stream([think("hm"), say("I write."), call("write_file", path="a.txt", content="ä\n")])


def short(number: int = 1, outcome: Any = "answered") -> Record:
    turn = ModelTurn(number, outcome, "m", "p", microcents=3)
    return Record(1, 1, "one", turn, ({"type": "text", "text": "ü"},), ({"x": 1.5},))


def test_a_record_is_found_by_what_it_is(tmp_path: Path) -> None:
    recording = Recording(str(tmp_path / "deep" / "r.jsonl"))
    names = [recording.add(short(number)) for number in (1, 2, 3)]
    assert [item.turn.number for item in recording.find([names[2], names[0]])] == [3, 1]
    assert recording.missing(["0" * 64, *names]) == ["0" * 64]
    assert os.stat(recording.path).st_mode & 0o777 == 0o600


def test_answers_that_nobody_was_told_of(tmp_path: Path) -> None:
    recording = Recording(str(tmp_path / "r.jsonl"))
    recording.add(short(1))
    recording.add(short(2, "withdrawn"))
    third = recording.add(short(3))
    recording.add(replace(short(4), attempt=2))
    assert [(name, item.turn.number) for name, item in recording.after(1, 1, 1)] == [(third, 3)]
    assert recording.after(1, 1, 3) == []
    assert Recording(str(tmp_path / "none")).after(1, 1, 0) == []


@given(cut=st.integers(0, len(WHOLE)), piece=st.integers(1, 50))
def test_a_stream_survives_being_put_together(cut: int, piece: int) -> None:
    """What is recorded of it gives the same answer, also of one that broke off."""
    events = stream(
        [think("hm"), say("I wrïte."), call("write_file", path="a", content="x" * 99)], piece=piece
    )[:cut]
    turn = Turn.of(events)
    again = Turn.of(turn.events())
    assert again.events() == turn.events()
    assert again.content() == turn.content()
    assert (again.complete, again.stop_reason, again.tokens) == (
        turn.complete, turn.stop_reason, turn.tokens,
    )  # fmt: skip
    assert [c.raw for c in again.calls] == [c.raw for c in turn.calls]


async def test_what_was_read_in_an_earlier_action_may_be_replaced_after_a_kill(
    bench: Bench,
) -> None:
    """A file that was not read can't be replaced; one that was read before the kill was read."""
    (bench.folder / "a.txt").write_text("old\n")
    write = call("write_file", path="a.txt", content="new\n")
    bench.script(
        one=[[call("read_file", path="a.txt")], [finish()]],
        two=[[write], Reply.error(401, "authentication_error"), [finish("replaced")]],
    )
    agent = await bench.agent()
    await bench.ask(agent)
    assert ended(await bench.ask(agent, "two")).reason == "held"
    assert (bench.folder / "a.txt").read_text() == "new\n"
    (bench.folder / "a.txt").write_text("old\n")  # as the engine lays it out again
    assert ended(await bench.ask(await bench.agent(), "two")).summary == "replaced"
    assert (bench.folder / "a.txt").read_text() == "new\n"


async def test_an_attempt_goes_on_with_the_model_it_began_with(bench: Bench) -> None:
    model = bench.script(one=[[call("list_files")], Reply.error(402, "billing_error"), [finish()]])
    await bench.ask(await bench.agent())
    events = await bench.ask(await bench.agent(name="claude-sonnet-5-5"))
    assert ended(events).reason == "end_turn"
    assert {asked.body["model"] for _, asked in model.asked} == {"claude-opus-5-5"}
    assert "goes on with claude-opus-5-5" in of(events, a.Notice)[0].text


async def test_a_finish_is_the_last_of_an_answers_calls(bench: Bench) -> None:
    both = [finish("done"), call("write_file", path="a.txt", content="a\n")]
    bench.script(one=[both])
    assert ended(await bench.ask(await bench.agent())).summary == "done"
    assert (bench.folder / "a.txt").exists()


async def test_an_answer_that_cannot_be_kept_is_not_used_and_still_counted(bench: Bench) -> None:
    """As on a full disk: what is not on disk before it is done could not be gone on from."""
    Path(bench.recording).parent.write_text("in the way")
    bench.script(one=[[say("so"), WRITE]])
    events = await bench.ask(await bench.agent())
    end = ended(events)
    assert end.reason == "held"
    assert "could not be kept" in end.error
    taken = of(events, a.TurnTaken)[0].turn
    assert (taken.outcome, taken.microcents) == ("withdrawn", 800_000)
    assert files(bench.folder) == {}
