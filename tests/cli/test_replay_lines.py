"""``clubos replay`` without a screen: each event with the state after it; nothing is touched."""

import json
from pathlib import Path

import pytest
from support import agents, cli

from clubos_tui.cli import replays
from clubos_tui.cli.show import status_json
from clubos_tui.engine.fold import fold
from clubos_tui.ui.app import ClubosApp
from clubos_tui.ui.replaying import Replay


@pytest.fixture
def run(journey):
    """A run of two phases, the second only proposed."""
    made = journey(agents.write("a.txt", "a\n"), agents.write("b.txt", "b\n"))
    made.live(1).propose(2)
    made.close()
    return made


def lines(said):
    return [json.loads(line) for line in said.out.splitlines()]


def test_each_event_is_one_line_with_the_state_after_it(run):
    said = cli.clubos(run.repo, "replay", "--json")
    assert said.code == 0
    records = run.run.journal.load()
    out = lines(said)
    assert [line["seq"] for line in out] == [record.seq for record in records]
    assert [line["at"] for line in out] == [record.at for record in records]
    for number, line in enumerate(out, 1):
        view = fold(record.event for record in records[:number])
        assert [phase["status"] for phase in line["phases"]] == [view.status(1), view.status(2)]
        assert line["mode"] == view.mode
    assert out[0]["next"]["words"] == "Dry run of phase 1"
    by_type = {line["type"]: line for line in out}
    assert by_type["approved"]["phases"][0]["status"] == "approved"
    assert by_type["executed"]["mode"] == "LIVE"
    now = status_json(run.session, run.run)
    assert out[-1]["next"] == now["next"]
    assert [phase["id"] for phase in out[-1]["phases"]] == [row["id"] for row in now["phases"]]


def test_no_terminal_and_no_json_are_plain_lines(run):
    said = cli.inside(run.repo, "replay", run.run.id)
    assert said.code == 0
    assert "Approved by" in said.out
    assert "[LIVE] 1 validated, 1 proposed; next: Review and approve phase 2" in said.out
    assert len(said.out.splitlines()) == 2 * len(run.run.journal.load())


def test_on_a_terminal_it_opens_the_dashboard_on_that_run(run, monkeypatch):
    opened = []
    monkeypatch.setattr(replays, "has_terminal", lambda: True)
    monkeypatch.setattr(ClubosApp, "run", lambda app: opened.append(app.make_bridge()))
    assert cli.inside(run.repo, "replay").code == 0
    (bridge,) = opened
    assert isinstance(bridge, Replay)
    assert run.run.id in repr(vars(bridge))


def test_p11_what_an_agent_wrote_does_nothing_to_the_terminal(journey):
    made = journey(agents.fail("no \x1b[31mred\x07 \u202e"))
    made.run.propose(1, by="A\x1b]0;x\x07")
    made.settle()
    made.close()
    said = cli.inside(made.repo, "replay")
    assert "no ␛[31mred␇" in said.out
    assert "\u202e" not in said.out


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_a_run_that_is_not_there_is_refused_and_those_there_are_named(run, extra):
    said = cli.inside(run.repo, "replay", "nope", *extra)
    assert said.code == 2
    assert run.run.id in (said.json["cure"] if extra else said.err)


def test_without_any_run_it_says_how_one_begins(repo):
    said = cli.inside(repo, "replay")
    assert said.code == 2
    assert "clubos run" in said.err


def test_a_damaged_journal_is_the_usual_error(run):
    path = Path(run.run.journal.path)
    path.write_bytes(path.read_bytes().replace(b'"a.txt"', b'"z.txt"', 1))
    said = cli.inside(run.repo, "replay", "--json")
    assert said.code == 1
    assert "the chain does not hold" in said.json["error"]


def test_the_journal_is_as_before(run):
    path = Path(run.run.journal.path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    cli.inside(run.repo, "replay")
    cli.inside(run.repo, "replay", "--json")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
