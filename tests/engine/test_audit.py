"""The audit: whatever is done to a journal, its streams or its commits is found, or it is said
from which event on it could not be (P9).
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import agents, forging
from support.journey import WHO, Journey
from support.repo import Repo

from clubos_tui import events as e
from clubos_tui.agents.claude.recording import Record as Answer
from clubos_tui.agents.claude.recording import Recording
from clubos_tui.changes.manifest import TreeId
from clubos_tui.engine import audit
from clubos_tui.engine.audit import Audit
from clubos_tui.engine.audit.chain import follow
from clubos_tui.engine.audit.kept import Kept, hold_answers
from clubos_tui.events import CommitId
from clubos_tui.journal import FileJournal
from clubos_tui.repository.discover import discover_commits
from clubos_tui.spending import ModelTurn

IDENTITY = "[user]\n\tname = Pat\n\temail = pat@example.org\n[init]\n\tdefaultBranch = main\n"


class Made:
    """A run with three phases, a merge, a rollback and its undoing, and a clone of it all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = Repo.make(folder / "repo")
        one = agents.all_of(agents.write("a.txt", "a\n"), agents.write("no.txt", "no\n"))
        journey = Journey(
            self.repo, one, agents.write("b.txt", "b\n"), agents.write("c.txt", "c\n")
        )
        journey.propose(1)
        journey.run.decide_file(1, "no.txt", "reject", by=WHO, note="not this one")
        journey.run.seal(1, by=WHO)
        journey.go().approve(1).execute(1)
        journey.live(2, 3).merge().roll_back(2).undo().close()
        self.run = journey.run.id
        self.path = Path(journey.session.paths.run(self.run), "journal.jsonl")
        self.data = self.path.read_bytes()
        self.records = forging.records(self.data)
        self.streams = str(self.path.parent / "streams")
        self.repo.git("clone", "--quiet", str(self.repo.root), str(folder / "clone"))
        self.clone = Repo(folder / "clone")

    def ask(self, data: bytes, where: Repo | None = None, **named: str) -> Audit:
        """Audit a journal in a clone, as anybody else would."""
        repository = discover_commits((where or self.clone).path)
        return audit.verify_exported(data, "journal", repository, **{"run": self.run, **named})

    def copy(self, name: str) -> Repo:
        """Return another clone, to be bent, that has the branches as its own."""
        place = self.folder / name
        if place.exists():
            shutil.rmtree(place)
        self.repo.git("clone", "--quiet", "--mirror", str(self.repo.root), str(place))
        return Repo(place)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("audit")
    (folder / ".gitconfig").write_text(IDENTITY)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_"))]:
            patch.delenv(name)
        patch.setenv("HOME", str(folder))
        patch.setenv("CLUBOS_STATE_DIR", str(folder / "state"))
        yield Made(folder)


def require_found(bent: bytes) -> None:
    """The chain alone shows it, or what is left ends in the middle of a record."""
    chain = follow(bent, "journal")
    assert chain.damage or chain.torn


# --- as it is -------------------------------------------------------------------------------------


def test_p9_a_whole_run_holds_in_any_clone(made: Made) -> None:
    """Six commits, six anchors, three approvals; the last events are said to be open."""
    found = made.ask(made.data, streams_in=made.streams)
    assert (found.broken, found.missing, found.notes) == ((), (), ())
    assert (found.commits, found.approvals, len(found.anchors)) == (6, 3, 6)
    assert found.events == len(made.records)
    assert 0 < found.vouched_to < found.events
    assert f"event {found.vouched_to + 1} is vouched for by nothing yet" in found.tail


def test_p9_streams_that_nobody_gave_are_a_note_and_no_fault(made: Made) -> None:
    found = made.ask(made.data)
    assert found.complete
    assert any("3 streams" in note for note in found.notes)


@pytest.mark.parametrize(
    ("options", "complete"),
    [
        (["--bare"], True),
        (["--mirror"], True),
        (["--single-branch"], True),  # all of it was merged
        (["--no-checkout"], True),
        (["--depth=1", "--no-single-branch"], False),
        (["--depth=1"], False),
        (["--single-branch", "--branch=before"], False),
    ],
)
def test_p9_every_kind_of_clone_can_be_asked(
    made: Made, tmp_path: Path, options: list[str], complete: bool
) -> None:
    """What a clone lacks is missing from it, and breaks nothing."""
    made.repo.git("branch", "--force", "before", made.records[0]["data"]["base_commit"])
    source = f"file://{made.repo.root}"
    made.repo.git("clone", "--quiet", *options, source, str(tmp_path / "c"))
    made.repo.git("branch", "-D", "before")
    found = made.ask(made.data, Repo(tmp_path / "c"))
    assert found.holds, found.broken
    assert found.complete == complete, found.missing
    if "--depth=1" in options:
        assert any("shallow" in line for line in found.missing)
    if "--branch=before" in options:
        assert found.vouched_to == 0
        assert "no anchor" in found.tail
        assert len(found.missing) == 6


def test_p9_a_clone_that_has_only_tags_can_be_asked(made: Made, tmp_path: Path) -> None:
    made.repo.git("tag", "released", "main")
    clone = Repo(tmp_path / "c")
    made.repo.git("init", "--quiet", str(clone.root))
    clone.git("fetch", "--quiet", made.repo.path, "refs/tags/released:refs/tags/released")
    made.repo.git("tag", "-d", "released")
    found = made.ask(made.data, clone)
    assert (found.broken, found.missing) == ((), ())


def test_p9_another_repository_has_none_of_it(made: Made, tmp_path: Path) -> None:
    other = Repo.make(tmp_path / "other")
    other.write("more.txt", "x\n")
    other.commit("more")
    found = made.ask(forging.chained(made.records), other)
    assert found.holds
    assert not found.complete
    assert not found.anchors


def test_p6_nothing_of_the_clone_is_run(made: Made, tmp_path: Path) -> None:
    """Its hooks, filters, pagers, aliases, signature program and remotes may name anything."""
    made.repo.git("clone", "--quiet", made.repo.path, str(tmp_path / "c"))
    clone, mark = Repo(tmp_path / "c"), tmp_path / "mark"
    run = f"touch {mark};"
    for key, value in {
        "core.fsmonitor": run, "core.pager": run, "core.sshCommand": run, "gpg.program": run,
        "diff.external": run, "diff.all.textconv": run, "filter.all.smudge": run,
        "alias.rev-list": f"!{run}", "alias.cat-file": f"!{run}", "log.showSignature": "true",
        "core.hooksPath": str(tmp_path / "hooks"), "remote.origin.url": f"ext::{run}",
        "remote.origin.promisor": "true", "extensions.partialClone": "origin",
        "core.alternateRefsCommand": run,
    }.items():  # fmt: skip
        clone.git("config", key, value)
    clone.git("config", "core.repositoryFormatVersion", "1")
    (clone.root / ".git/info").mkdir(exist_ok=True)
    (clone.root / ".git/info/attributes").write_text("* diff=all filter=all\n")
    (tmp_path / "hooks").mkdir()
    for name in ("post-index-change", "reference-transaction", "pre-auto-gc", "post-checkout"):
        (tmp_path / "hooks" / name).write_text(f"#!/bin/sh\n{run}\n")
        (tmp_path / "hooks" / name).chmod(0o755)
    lost = forging.records(made.data)
    lost[0]["data"]["base_commit"] = "1" * 40  # which a promisor would be asked for
    assert made.ask(made.data, clone).holds
    assert "1" * 12 in " ".join(made.ask(forging.chained(lost), clone).missing)
    assert not mark.exists()
    clone.ask("status")
    assert mark.exists(), "the trap was not set"


# --- the journal, bent ----------------------------------------------------------------------------


@settings(max_examples=300)
@given(data=st.data())
def test_p9_no_byte_can_be_changed(made: Made, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(made.data) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != made.data[at]))
    require_found(made.data[:at] + bytes([byte]) + made.data[at + 1 :])


def test_p9_no_kind_of_field_can_be_changed(made: Made) -> None:
    """One byte in the key and in the value of every field of every type of event."""
    seen = set()
    start = 0
    for line, item in zip(made.data.splitlines(keepends=True), made.records, strict=True):
        for key in (*item, *item["data"]):
            if (item["type"], key) in seen:
                continue
            seen.add((item["type"], key))
            at = start + line.index(f'"{key}":'.encode())
            for place in (at + 1, at + len(key) + 3):
                other = made.data[place] ^ 1
                require_found(made.data[:place] + bytes([other]) + made.data[place + 1 :])
        start += len(line)
    assert len(seen) > 100


def test_p9_no_line_can_go_move_or_come_twice(made: Made) -> None:
    lines = made.data.splitlines(keepends=True)
    for at in range(len(lines) - 1):
        for bent in (
            [*lines[:at], *lines[at + 1 :]],
            [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]],
            [*lines[:at], lines[at], *lines[at:]],
        ):
            chain = follow(b"".join(bent), "journal")
            assert "record" in chain.damage
            assert len(chain.records) in {at, at + 1}  # what stands before it is still read


def test_p9_an_end_that_was_cut_off_is_found_down_to_the_last_anchor(made: Made) -> None:
    """Below it a commit vouches for more than is left; above it the report says what is open."""
    lines = made.data.splitlines(keepends=True)
    vouched = made.ask(made.data).vouched_to
    for left in range(len(lines)):
        found = made.ask(b"".join(lines[:left]))
        assert found.holds == (left >= vouched), (left, found.broken)
        assert any("vouches for" in line for line in found.broken) == (left < vouched)
        if left >= vouched:
            assert found.vouched_to == vouched
            assert found.events <= left


def test_p9_a_record_that_was_cut_in_two_is_found(made: Made) -> None:
    """What a crash leaves looks the same, so it is missing, and broken below an anchor."""
    lines = made.data.splitlines(keepends=True)
    last = b"".join(lines[:-1])
    for cut in (1, 2, 20, len(lines[-1]) - 2, len(lines[-1]) - 1):
        found = made.ask(last + lines[-1][:cut])
        assert found.holds
        assert "not all there" in " ".join(found.missing)
    found = made.ask(lines[0] + lines[1][:30])
    assert not found.holds


def test_p9_half_of_what_was_appended_at_once_is_found(made: Made) -> None:
    """The lines of one append count only when all of them are there."""
    lines = made.data.splitlines(keepends=True)
    first = next(at for at, item in enumerate(made.records) if item.get("rest"))
    found = made.ask(b"".join(lines[: first + 1]))
    assert "what was appended at once" in " ".join(found.missing)
    assert found.events == first


def test_p9_a_rewrite_with_a_new_chain_is_found_down_to_the_last_anchor(made: Made) -> None:
    """All from event k on written anew, with hashes that fit: the anchors do not agree."""
    vouched = made.ask(made.data).vouched_to
    for k in range(1, len(made.records) + 1):
        bent = [dict(item) for item in made.records]
        for item in bent[k - 1 :]:
            item["at"] = item["at"].replace("T", " ")
        found = made.ask(forging.chained(bent))
        assert follow(forging.chained(bent), "journal").damage == ""
        if k <= vouched:
            assert not found.holds, k
            assert found.vouched_to < k
        else:
            assert found.vouched_to == vouched, k
            assert f"{vouched + 1} is vouched for by nothing" in found.tail


FORGED = {
    "an approval of nothing": e.Approved(
        1, TreeId("0" * 40), TreeId("1" * 40), 1, "Mallory", "person", "0" * 64
    ),
    "an execution": e.Executed(3, TreeId("1" * 40), "autogen/phase-3-x", CommitId("2" * 40), "t"),
    "a second beginning": e.RunStarted(
        e.RunId("x"), "/", "refs/heads/main", CommitId("1" * 40), TreeId("1" * 40), "sha1", {},
        "0" * 64, "x", "Mallory", "1",
    ),
    "a phase that is none": e.ProposalRequested(99, "Mallory"),
    "a merge": e.Merged("refs/heads/main", CommitId("1" * 40), CommitId("2" * 40), TreeId("3")),
    "a rollback": e.RolledBack(1, (1, 2, 3), "t", 0, 0, (), CommitId("4" * 40)),
    "no commit id": e.RolledBack(1, (1, 2, 3), "t", 0, 0, (), CommitId("HEAD\n; x")),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_p9_an_event_that_was_appended_is_found(made: Made, name: str) -> None:
    """What acts is held against the state before it and against git."""
    bent = forging.chained([*made.records, forging.record(FORGED[name])])
    assert follow(bent, "journal").damage == ""
    found = made.ask(bent)
    assert not (found.holds and found.complete), name


def test_p9_words_that_were_appended_are_said_to_be_open(made: Made) -> None:
    """Nothing vouches for the end of a journal: that is said, with the number."""
    words = forging.record(e.PauseRequested("Mallory"))
    found = made.ask(forging.chained([*made.records, words]))
    assert found.holds
    assert found.vouched_to < found.events == len(made.records) + 1


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"a":' * 100_000])
def test_a_file_that_is_no_journal_is_broken_and_stops_nobody(made: Made, deep: bytes) -> None:
    for data in (deep + b"\n", b"\0\xff\n", b"\n", b"{}\n", b"null\n"):
        found = made.ask(data)
        assert "record 1" in " ".join(found.broken)
    assert made.ask(deep).missing


@pytest.mark.parametrize("field", ["rest", "at", "type", "data"])
def test_a_chained_record_of_another_form_is_broken(made: Made, field: str) -> None:
    bent = forging.records(made.data)[:3]
    bent[2][field] = {"x": "y"}
    found = made.ask(forging.chained(bent))
    assert not found.holds


def test_p9_a_journal_is_not_another_runs(made: Made) -> None:
    found = made.ask(made.data, run="another")
    assert "not of another" in found.broken[0]


# --- what an approval binds -----------------------------------------------------------------------


def approved(made: Made, bend: str) -> list[forging.Record]:
    """Return the journal up to the first approval, with one thing bent in it."""
    items = forging.records(made.data)
    at = forging.found(items, "approved")[0]
    items = items[: at + 1]
    data = items[at]["data"]
    check = next(item["data"] for item in reversed(items) if item["type"] == "check.finished")
    sealed = next(item["data"] for item in reversed(items) if item["type"] == "sealed")
    match bend:
        case "approver":
            data["by"] = "Mallory"
        case "nobody":
            data["by"] = " "
        case "digest":
            data["digest"] = "0" * 64
        case "attempt":
            data["attempt"] = 2
        case "shown":
            data["shown"] = {"files": 9, "seconds": 600, "where": "dashboard"}
        case "evidence":
            check["summary"] = "all is well"
        case "manifest":
            sealed["manifest"][0]["new_blob"] = "0" * 40
        case "plan":
            data["how"] = "plan"
    return items


@pytest.mark.parametrize(
    "bend",
    ["approver", "nobody", "digest", "attempt", "shown", "evidence", "manifest", "plan"],
)
def test_p9_an_approval_is_computed_anew(made: Made, tmp_path: Path, bend: str) -> None:
    """Even where no anchor vouches yet: what was approved, on which evidence, by whom."""
    before = Repo(tmp_path / "before")
    made.repo.git("clone", "--quiet", "--no-local", "--bare", made.repo.path, before.path)
    for name in before.branches():
        before.git("update-ref", f"refs/heads/{name}", made.records[0]["data"]["base_commit"])
    good = forging.chained(approved(made, ""))
    assert made.ask(good, before).holds
    found = made.ask(forging.chained(approved(made, bend)), before)
    assert "approv" in " ".join(found.broken)


# --- the commits, bent ----------------------------------------------------------------------------


def amended(repo: Repo, commit: str, *, tree: str = "", old: str = "", new: str = "") -> str:
    """Return a commit like ``commit`` with another tree, or other words in its message."""
    text = repo.git("cat-file", "commit", commit)
    if tree:
        text = f"tree {tree}\n" + text.split("\n", 1)[1]
    if old:
        assert old in text
        text = text.replace(old, new)
    return repo.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=text.encode() + b"\n")


def named(made: Made, tag: str) -> e.Executed | e.Merged:
    """Return the last event of a type that names a commit."""
    at = forging.found(made.records, tag)[-1]
    event = e.decode(tag, made.records[at]["data"])
    assert isinstance(event, e.Executed | e.Merged)
    return event


HEAD_OF = "Audit-Head: "


@pytest.mark.parametrize("how", ["tree", "approver", "anchor", "run", "gone"])
def test_p9_a_phase_commit_in_anothers_place_is_found(made: Made, how: str) -> None:
    """The branch is moved to a commit with another tree or other trailers, or thrown away."""
    clone = made.copy("bent")
    event = named(made, "executed")
    for ref in ("refs/heads/main",):  # its merge would still hold the true one
        clone.git("update-ref", ref, made.records[0]["data"]["base_commit"])
    wrong = {
        "tree": lambda: amended(clone, event.commit, tree=clone.tree("main")),
        "approver": lambda: amended(
            clone, event.commit, old="Approved-by: P", new="Approved-by: X"
        ),
        "anchor": lambda: amended(clone, event.commit, old=HEAD_OF, new="Audit-Head: 1"),
        "run": lambda: amended(clone, event.commit, old="ClubOS-Run: ", new="ClubOS-Run: x"),
        "gone": lambda: "",
    }[how]()
    branch = f"refs/heads/{event.branch}"
    clone.git("update-ref", *([branch, wrong] if wrong else ["-d", branch]))
    found = made.ask(made.data, clone)
    assert found.holds == (how == "gone"), found
    assert event.commit[:12] in " ".join((*found.broken, *found.missing))


@pytest.mark.parametrize("how", ["tree", "anchor", "parent"])
def test_p9_a_merge_commit_in_anothers_place_is_found(made: Made, how: str) -> None:
    clone = made.copy("bent")
    event = named(made, "merged")
    assert isinstance(event, e.Merged)
    wrong = {
        "tree": lambda: amended(clone, event.commit, tree=clone.tree(event.onto)),
        "anchor": lambda: amended(clone, event.commit, old=HEAD_OF, new="Audit-Head: 1"),
        "parent": lambda: amended(clone, event.commit, old=f"parent {event.onto}\n"),
    }[how]()
    clone.git("update-ref", "refs/heads/main", wrong)
    found = made.ask(made.data, clone)
    assert event.commit[:12] in " ".join(found.broken)


@pytest.mark.parametrize("to", ["base", "other phase", "own parent"])
def test_p9_a_journal_that_names_another_commit_is_found(made: Made, to: str) -> None:
    """Beyond the last anchor an event can be bent; what it names must still be what it says."""
    items = forging.records(made.data)
    at = forging.found(items, "executed")
    last = at[-1]
    other = {
        "base": items[0]["data"]["base_commit"],
        "other phase": items[at[0]]["data"]["commit"],
        "own parent": items[at[-2]]["data"]["commit"],
    }[to]
    items[last]["data"]["commit"] = other
    clone = made.copy("bent")  # as it was when the phase had just been executed
    for name in ("main", items[last]["data"]["branch"]):
        clone.git("update-ref", f"refs/heads/{name}", items[at[-2]]["data"]["commit"])
    branch, true = items[last]["data"]["branch"], made.records[last]["data"]["commit"]
    clone.git("update-ref", f"refs/heads/{branch}", true)
    found = made.ask(forging.chained(items[: last + 1]), clone)
    assert not found.holds


def test_p9_a_copy_that_somebody_made_is_a_note(made: Made) -> None:
    """A cherry-picked phase has its trailers; it stands in nobody's place."""
    clone = made.copy("bent")
    event = named(made, "executed")
    copy = amended(clone, event.commit, old="committer Pat", new="committer Ann")
    clone.git("update-ref", "refs/heads/copy", copy)
    found = made.ask(made.data, clone)
    assert (found.broken, found.missing) == ((), ())
    assert copy[:12] in " ".join(found.notes)


def test_p9_words_of_a_plan_are_no_trailers(made: Made) -> None:
    """An anchor stands in the last paragraph; above it a plan may say what it likes."""
    clone = made.copy("bent")
    event = named(made, "executed")
    run = f"ClubOS-Run: {made.run}"
    said = f"{run}\n{HEAD_OF}1:{'0' * 64}\n\n{run}"
    words = amended(clone, event.commit, old=run, new=said)
    clone.git("update-ref", "refs/heads/copy", words)
    assert made.ask(made.data, clone).holds


# --- streams and answers --------------------------------------------------------------------------


def test_p9_a_replaced_stream_is_broken_and_a_lost_one_missing(made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.streams, tmp_path / "s")
    first, second = sorted((tmp_path / "s").glob("*-p*.jsonl"))[:2]
    first.write_bytes(first.read_bytes().replace(b"doing", b"going"))
    second.unlink()
    found = made.ask(made.data, streams_in=str(tmp_path / "s"))
    assert "what the agent said in 'p1'" in " ".join(found.broken)
    assert "what the agent said in 'p2'" in " ".join(found.missing)


def test_p9_a_replaced_recording_is_broken_and_a_lost_one_missing(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    turn = ModelTurn(1, "answered", "m", "0" * 64)
    sha = Recording(str(path)).add(Answer(1, 1, "a", turn, events=({"text": "yes"},)))
    journal = FileJournal(str(tmp_path))
    journal.append(e.TurnTaken(1, 1, "a", ModelTurn(1, "answered", "m", "0" * 64, "", sha)))
    good, bent, lost = Kept(), Kept(), Kept()
    hold_answers(journal.load(), str(path), good)
    path.write_bytes(path.read_bytes().replace(b"yes", b"no"))
    hold_answers(journal.load(), str(path), bent)
    path.unlink()
    hold_answers(journal.load(), str(path), lost)
    assert (good.broken, good.missing) == ([], [])
    assert "event 1" in bent.broken[0]
    assert lost.broken == []
    assert "recording is gone" in lost.missing[0]


# --- every point ----------------------------------------------------------------------------------


@pytest.mark.soak
def test_p9_no_bit_of_any_byte_can_be_changed(made: Made) -> None:
    """All that the test above samples."""
    chosen = random.Random(1)
    for at in range(len(made.data)):
        other = made.data[at] ^ (1 << chosen.randrange(8))
        require_found(made.data[:at] + bytes([other]) + made.data[at + 1 :])
