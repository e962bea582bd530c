"""Journal, stream and record cut off or with a flipped bit: an earlier state, or plain words.

Every command is asked on every damaged image. None may end in a traceback, none may lose a byte
of the person's, and what the person has on disk is before or after, path by path.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import vaults
from support.cli import inside
from support.journey import Journey
from support.kill import Snapshot

from clubos_tui.apply.record import read_record, unfinished
from clubos_tui.engine.decide import decide, next_for_person
from clubos_tui.engine.run import Run
from clubos_tui.errors import ClubosError, JournalDamaged, RecordDamaged
from clubos_tui.journal import FileJournal
from clubos_tui.streams import UNREADABLE, StreamReader
from clubos_tui.ui.store import Store
from faults.fork import in_child
from faults.ground import PHASES, TOUCHED, Ground
from faults.world import Files, files_in

SEED = 20261
COMMANDS = (["status"], ["log"], ["verify"], ["recover"], ["rollback", "--run", "--preview"])


def journal_of(place: Ground) -> Path:
    """Return the journal of the one run."""
    return next(place.state.glob("*/runs/*/journal.jsonl"))


def cuts(data: bytes, count: int) -> list[int]:
    """Return lengths to cut to: around every line end, and ``count`` others spread evenly."""
    ends = [at + 1 for at, byte in enumerate(data) if byte == 0x0A]
    near = {end + by for end in ends for by in (-2, -1, 0, 1)}
    even = {round(at * len(data) / count) for at in range(count)}
    return sorted(at for at in near | even if 0 <= at < len(data))


def flips(data: bytes, count: int) -> Iterator[bytes]:
    """Yield the data with one bit flipped, at the same places each time."""
    chosen = random.Random(SEED)
    for at in sorted(chosen.sample(range(len(data)), min(count, len(data)))):
        bit = 1 << chosen.randrange(8)
        yield data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]


def _whole_appends(data: bytes) -> int:
    """Return how many lines there are up to the last append that is all there."""
    rest = [json.loads(line).get("rest", 0) for line in data.split(b"\n")[:-1]]
    return max((at for at, more in enumerate(rest, 1) if not more), default=0)


def words(place: Ground) -> list[str]:
    """Ask every command; each ends with an exit code and plain words. Return what was said."""
    said = []
    for command in COMMANDS:
        answer = inside(place.repo, *command)  # fails on a traceback
        assert answer.code in {0, 1, 2, 3, 4, 7}, (command, answer.err)
        assert "unexpected" not in answer.err, (command, answer.err)
        assert answer.code == 0 or answer.out.strip() or answer.err.strip(), command
        said.append(answer.out + answer.err)
    return said


def require_kept(place: Ground, before: Files, *, moves: bool) -> None:
    """Each path is as it was, or as approved with its former bytes in the vault."""
    approved = {path: data for patch in PHASES for path, data in patch.items()}
    backups = vaults.everything(place.state.glob("*/backups/*"))
    now = files_in(place.root)
    assert now.keys() <= before.keys() | set(TOUCHED)
    for path in before.keys() | set(TOUCHED):
        if now.get(path) != before.get(path):
            assert moves, path
            assert now.get(path) == approved[path], path
            assert path not in before or before[path] in backups, path
    assert place.repo.ask("status").returncode == 0


# --- the journal ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["validated", "merged", "reverted"])
def test_p3_a_journal_cut_anywhere_is_an_earlier_one(place: Ground, stage: str) -> None:
    """What is read of it is a beginning of the whole, and there is a next step from there."""
    place.lay_out(stage)
    path = journal_of(place)
    data = path.read_bytes()
    whole = [record.hash for record in FileJournal(str(path.parent)).load()]
    for cut in cuts(data, 150):
        path.write_bytes(data[:cut])
        found = [record.hash for record in FileJournal(str(path.parent)).load()]
        assert found == whole[: len(found)]
        assert len(found) == _whole_appends(data[:cut])
        if found:
            run = Run(path.parent.name, None, FileJournal(str(path.parent)))  # type: ignore[arg-type]
            assert decide(run.view)
            assert next_for_person(run.view).words


@pytest.mark.parametrize("stage", ["one", "merged", "reverted"])
def test_p3_every_command_answers_on_a_cut_journal(place: Ground, stage: str) -> None:
    """Cut to an earlier state, the repository is left as it is, and a commit's anchor says so."""
    place.lay_out(stage)
    path = journal_of(place)
    data, before = path.read_bytes(), files_in(place.root)
    anchored = 0
    for cut in cuts(data, 8)[::7]:
        place.lay_out(stage)
        path.write_bytes(data[:cut])
        said = words(place)
        anchored += "vouches for" in said[2]
        require_kept(place, before, moves=False)
        assert path.read_bytes()[:cut] == data[:cut], "nothing that was written is taken away"
    assert anchored, "no cut was found by `verify`"


@pytest.mark.parametrize("stage", ["one", "merged"])
def test_p9_every_command_answers_on_a_flipped_bit(place: Ground, stage: str) -> None:
    """The record is named, and nothing is read beyond it, appended or done."""
    place.lay_out(stage)
    path = journal_of(place)
    data, before = path.read_bytes(), files_in(place.root)
    for number, bent in enumerate(flips(data, 120)):
        path.write_bytes(bent)
        with pytest.raises(JournalDamaged, match="record"):
            FileJournal(str(path.parent)).load()
        if number % 24 == 0:
            said = words(place)
            assert all("record" in one for one in said), said
            assert path.read_bytes() == bent
    require_kept(place, before, moves=False)


# --- the record of a transaction -----------------------------------------------------------------


@pytest.fixture(scope="module", params=["merge", "rollback"])
def cut_short(request: pytest.FixtureRequest, place: Ground) -> tuple[Journey, Snapshot, str, int]:
    """A merge and a revert, killed in the middle of their exchanges: half of the files moved."""
    merging = request.param == "merge"
    stage = "validated" if merging else "merged"
    run = place.lay_out(stage)
    work = (lambda item: item.merge()) if merging else (lambda item: item.roll_back(1))
    total = in_child(run, work).points
    for at in range(total // 2, total):
        run = place.lay_out(stage)
        assert in_child(run, work, at).killed
        folder = str(next(place.state.glob("*/transactions")))
        still = unfinished(folder)
        staged = list(place.root.glob(".git/clubos/*/*.new"))
        if still and still[0].last.state == "committed" and len(staged) >= 2:
            break
    snapshot = Snapshot(place.folder / f"cut-{request.param}", place.root, place.state)
    return run, snapshot, still[0].path, at


def recovered(run: Journey) -> str:
    """Open the run, which recovers; return what was wrong, if it says so plainly."""
    try:
        run.open()
    except ClubosError as error:
        run.session.close()
        return f"{error.message} {error.untouched} {error.cure}"
    run.close()
    return ""


def test_p3_a_record_cut_anywhere_is_recovered(
    place: Ground, cut_short: tuple[Journey, Snapshot, str, int]
) -> None:
    """Files are before or after, displaced bytes are kept, and recovery can be asked twice."""
    run, snapshot, path, _ = cut_short
    snapshot.restore()
    data = Path(path).read_bytes()
    before = {**files_in(place.root)}
    for cut in cuts(data, 30):
        snapshot.restore()
        Path(path).write_bytes(data[:cut])
        assert recovered(run) == ""
        assert recovered(run) == ""
        assert unfinished(os.path.dirname(path)) == []
        committed = data[:cut].count(b"\n") >= 3
        if committed:
            assert place.repo.git("status", "--porcelain") == ""
        _require_before_or_after(place, before)
        run.close()


def _require_before_or_after(place: Ground, half: Files) -> None:
    """Every path holds bytes of one side; those of the other are in the vault or a commit."""
    backups = vaults.everything(place.state.glob("*/backups/*"))
    now = files_in(place.root)
    for path, data in half.items():
        if now.get(path) != data and data not in backups:
            blob = place.repo.git("hash-object", "--stdin", stdin=data)
            assert place.repo.ask("cat-file", "-e", blob).returncode == 0, f"{path} is lost"
    sides = [{path: place.repo.ask("show", f"{commit}:{path}").stdout for path in TOUCHED}
             for commit in ("main", "main^")]  # fmt: skip
    for path in TOUCHED:
        assert now.get(path, b"") in [side[path] for side in sides], path


def test_p3_a_record_with_a_flipped_bit_stops_recovery(
    place: Ground, cut_short: tuple[Journey, Snapshot, str, int]
) -> None:
    """Nobody can say how far it came: the file is named and nothing is finished or undone."""
    run, snapshot, path, _ = cut_short
    snapshot.restore()
    data = Path(path).read_bytes()
    before, index = files_in(place.root), place.repo.index()
    for bent in flips(data, 40):
        Path(path).write_bytes(bent)
        with pytest.raises(RecordDamaged):
            read_record(path)
        assert os.path.basename(path) in recovered(run)  # and again, by the same process
        assert files_in(place.root) == before
        assert place.repo.index() == index
    assert inside(place.repo, "recover").code == 1
    Path(path).write_bytes(data)
    assert recovered(run) == ""
    assert place.repo.git("status", "--porcelain") == ""


def test_p3_the_record_of_what_is_over_stops_nobody(place: Ground) -> None:
    """A flipped bit in an old record is met by whoever needs it: the rollback, and it says so."""
    run = place.lay_out("merged")
    path = max(place.state.glob("*/transactions/*-merge-*"))
    data = bytearray(path.read_bytes())
    data[40] ^= 4
    path.write_bytes(data)
    before = files_in(place.root)
    run.open()
    failure = run.try_roll_back(1)
    assert failure
    assert path.name in failure.error
    assert files_in(place.root) == before
    run.close()


# --- streams -------------------------------------------------------------------------------------


def streams_of(place: Ground) -> list[Path]:
    """Return the streams of all actions and transactions."""
    return sorted(place.state.glob("*/runs/*/streams/*"))


def test_p9_a_bent_stream_is_named_and_the_rest_is_read(place: Ground) -> None:
    """Cut at every byte or with a flipped bit: whole lines are read, ``verify`` names it."""
    place.lay_out("merged")
    for path in streams_of(place):
        data = path.read_bytes()
        whole = StreamReader(str(path)).read()
        for cut in range(len(data)):
            path.write_bytes(data[:cut])
            assert StreamReader(str(path)).read() == whole[: data[:cut].count(b"\n")]
        for bent in flips(data, 200):
            path.write_bytes(bent)
            found = StreamReader(str(path)).read()
            same = [event for event in found if event in whole]
            assert len(same) >= len(whole) - 2
            assert all(isinstance(event, dict) for event in found)
        path.write_bytes(data)
    assert inside(place.repo, "verify").code == 0
    for path, bend in ((streams_of(place)[0], b""), (streams_of(place)[1], b"x\n")):
        kept = path.read_bytes()
        path.write_bytes(bend)
        said = inside(place.repo, "verify")
        assert said.code == 1
        assert "what the agent said" in said.out
        path.write_bytes(kept)
    streams_of(place)[0].unlink()
    assert inside(place.repo, "verify").code == 4


def test_a_bent_line_does_not_stop_the_screen(place: Ground) -> None:
    """What can't be read is shown as left out; a time that is no time is no time."""
    place.lay_out("merged")
    chosen = random.Random(SEED)
    store = Store()
    for path in streams_of(place):
        for bent in flips(path.read_bytes(), 60):
            other = path.with_name("bent")
            other.write_bytes(bent)
            for event in StreamReader(str(other)).read():
                store.hear(event, phase=chosen.choice([1, 2]))
                store.move(event)
            other.unlink()
    store.hear({"at": "2026-1q-23", "type": "message", "text": "x\n"}, phase=1)
    store.hear(dict(UNREADABLE), phase=1)
    assert "a damaged line was left out" in [entry.text for entry in store.drain()]
