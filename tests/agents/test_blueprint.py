"""The blueprint agent: it writes what the plan ships, over nobody's work and nowhere else."""

import os
import stat

import pytest

from clubos_tui import planfile
from clubos_tui.agents.base import MessageChunk, PlanUpdate, Request, ToolCall, TurnEnded, Workspace
from clubos_tui.agents.blueprint import BlueprintAgent
from clubos_tui.errors import AgentFailed
from clubos_tui.plan import Action, Phase, Plan


@pytest.fixture
def home(tmp_path):
    """A plan's folder with a blueprint of two files."""
    folder = tmp_path / "home" / "files"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"a\r\n")
    (folder / "deep/run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "deep/run.sh").chmod(0o755)
    return tmp_path / "home"


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


async def act(home, workspace, blueprint="files", *, prompt="Write"):
    plan = Plan("P", phase=(Phase("One", action=(Action("x", "X", "", blueprint),)),),
                home=str(home))  # fmt: skip
    agent = BlueprintAgent()
    await agent.start(Workspace(str(workspace), plan, 1, 1))
    events = [event async for event in agent.prompt(Request("x", prompt))]
    await agent.aclose()
    return events


def failed(events):
    """Return what the turn says went wrong; the file's own call says it too."""
    end = events[-1]
    assert isinstance(end, TurnEnded)
    assert end.reason == "failed"
    assert end.cure
    assert isinstance(events[-2], ToolCall)
    assert events[-2].status == "failed"
    return end.error


async def test_it_streams_what_a_model_would(home, workspace):
    events = await act(home, workspace)
    assert [type(event) for event in events] == [
        MessageChunk, PlanUpdate, ToolCall, ToolCall, ToolCall, ToolCall, TurnEnded,
    ]  # fmt: skip
    assert [(event.path, event.status) for event in events[2:-1]] == [
        ("a.txt", "in_progress"), ("a.txt", "completed"),
        ("deep/run.sh", "in_progress"), ("deep/run.sh", "completed"),
    ]  # fmt: skip
    assert events[1].steps == ("write a.txt", "write deep/run.sh")
    assert (workspace / "a.txt").read_bytes() == b"a\r\n"
    assert stat.S_IMODE((workspace / "deep/run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((workspace / "a.txt").stat().st_mode) == 0o644


async def test_another_content_is_refused_and_left_as_it_is(home, workspace):
    (workspace / "a.txt").write_bytes(b"the person's")
    assert "a.txt: it is already there with other content" in failed(await act(home, workspace))
    assert (workspace / "a.txt").read_bytes() == b"the person's"
    assert not (workspace / "deep").exists(), "it stops where it failed"


async def test_the_same_content_is_fine(home, workspace):
    await act(home, workspace)
    before = (workspace / "a.txt").stat().st_mtime_ns
    assert (await act(home, workspace))[-1].reason == "end_turn"
    assert (workspace / "a.txt").stat().st_mtime_ns == before


async def test_a_link_that_spells_the_content_is_not_the_same(home, workspace):
    (home / "files/a.txt").write_bytes(b"elsewhere")
    (workspace / "a.txt").symlink_to("elsewhere")
    assert "already there" in failed(await act(home, workspace))
    assert os.readlink(workspace / "a.txt") == "elsewhere"


@pytest.mark.parametrize("there", ["folder", "fifo"])
async def test_what_is_no_file_is_left_as_it_is(home, workspace, there):
    (workspace / "a.txt").mkdir() if there == "folder" else os.mkfifo(workspace / "a.txt")
    assert "neither a file nor a symbolic link" in failed(await act(home, workspace))


async def test_a_file_where_a_folder_would_be_is_left_as_it_is(home, workspace):
    (workspace / "deep").write_bytes(b"file")
    assert "a file stands where its folder would be" in failed(await act(home, workspace))
    assert (workspace / "deep").read_bytes() == b"file"


async def test_p8_it_never_writes_through_a_linked_folder(home, workspace, tmp_path):
    (tmp_path / "outside").mkdir()
    (workspace / "deep").symlink_to("../outside")
    failed(await act(home, workspace))
    assert os.listdir(tmp_path / "outside") == []


async def test_p8_a_hostile_name_in_a_blueprint_is_refused(home, workspace):
    (home / "files/.git").mkdir()
    (home / "files/.git/config").write_bytes(b"[core]\n")
    assert ".git folder" in failed(await act(home, workspace))
    assert not (workspace / ".git").exists()


async def test_a_full_disk_is_a_failed_action(home, workspace, monkeypatch):
    def full(*_args, **_kinds):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("clubos_tui.agents.blueprint.make_file", full)
    assert "a.txt: No space left on device" in failed(await act(home, workspace))


@pytest.mark.parametrize(
    ("blueprint", "said"),
    [
        ("", "names no blueprint folder"),
        ("none", "'none' of action 'x' is not there"),
        ("files/a.txt", "is not there"),
    ],
)
async def test_a_missing_blueprint_is_one_clear_failure(home, workspace, blueprint, said):
    with pytest.raises(AgentFailed, match=said) as caught:
        await act(home, workspace, blueprint)
    assert caught.value.cure
    assert os.listdir(workspace) == []


@pytest.mark.parametrize("blueprint", ["../outside", "/etc", "files/../../outside", "linked"])
async def test_p8_a_blueprint_lies_beside_its_plan(home, workspace, tmp_path, blueprint):
    """A plan that comes with a repository must not carry the person's files into a proposal."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(b"secret")
    (home / "linked").symlink_to("../outside")
    with pytest.raises(AgentFailed, match="not beside the plan"):
        await act(home, workspace, blueprint)
    assert os.listdir(workspace) == []


async def test_a_blueprint_of_nothing_is_an_empty_turn(home, workspace):
    (home / "empty/__pycache__").mkdir(parents=True)
    (home / "empty/__pycache__/x.pyc").write_bytes(b"x")
    events = await act(home, workspace, "empty")
    assert [event.reason for event in events] == ["end_turn"]
    assert os.listdir(workspace) == []


async def test_the_built_in_plan_writes_every_file_once(workspace):
    plan = planfile.built_in()
    agent, written = BlueprintAgent(), []
    for number, phase in enumerate(plan.phase, 1):
        await agent.start(Workspace(str(workspace), plan, number, 1))
        for action in phase.action:
            events = [event async for event in agent.prompt(Request(action.id, action.prompt))]
            assert events[-1].reason == "end_turn", events[-1]
            written += [event.path for event in events
                        if isinstance(event, ToolCall) and event.status == "completed"]  # fmt: skip
    found = [path.relative_to(workspace).as_posix() for path in workspace.rglob("*")
             if path.is_file()]  # fmt: skip
    assert sorted(written) == sorted(found)


async def test_the_built_in_plan_is_found_where_this_machine_has_it(workspace):
    """The journal holds where it lay on the machine on which the run was started."""
    shipped = planfile.built_in()
    blueprint = shipped.phase[0].action[0].blueprint
    events = await act("/another/machine/plans/clubos_v2", workspace, blueprint)
    assert events[-1].reason == "end_turn"
    assert any(workspace.iterdir())
