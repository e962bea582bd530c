"""Evidence as the engine gathers it: side by side, held against the base, and never older than
what it is about.
"""

from __future__ import annotations

import dataclasses
import json
import os

import pytest
from support.agents import all_of, delete, write
from support.journey import WHO, Journey
from support.repo import Repo

from clubos_tui import __version__
from clubos_tui import events as e
from clubos_tui.changes.decisions import Decision
from clubos_tui.changes.manifest import digest
from clubos_tui.checks.guard import TAMPER
from clubos_tui.engine.state import Status
from clubos_tui.errors import GateClosed, Refused, Stale
from clubos_tui.plan import CheckSpec
from clubos_tui.workspace.sandbox.box import program

BOXED = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
NEW = write("new.txt", "new\n")
COUNT = "grep -ch '^case' -r tests | awk '{ n += $1 } END { print n \" cases\" }'"


def command(line: str, name: str = "runs", **fields: object) -> CheckSpec:
    spec = {"evidence": "count", "pattern": r"^(\d+) cases"} | fields
    return CheckSpec(name, "command", command=line, **spec)  # type: ignore[arg-type]


def evidence(journey: Journey, name: str, scope: str = "proposal") -> e.CheckFinished:
    journey.run.refresh()
    return journey.view.latest[len(journey.plan.phase), scope, name]  # type: ignore[index]


def outcomes(journey: Journey) -> dict[str, str]:
    tree = journey.phase().change_set
    return {
        name: check.outcome for name, check in journey.view.checks[("proposal", tree)].items()
    }  # fmt: skip


@pytest.fixture
def tested(repo: Repo) -> Repo:
    """A repository with tests, a script that runs them, and CI."""
    repo.write("tests/a.txt", "case 1\ncase 2\n")
    repo.write("tests/b.txt", "case 3\n")
    repo.write("scripts/check.sh", f"{COUNT}\n! grep -rq wrong tests src\n", 0o755)
    repo.write(".github/workflows/ci.yml", "on: push\n")
    repo.commit("tests")
    return repo


# --- what judges a phase ------------------------------------------------------------------------


MEDDLING = {
    "a test is changed": (write("tests/a.txt", "case 1\n"), "tests/a.txt: modify (a test)"),
    "a test is deleted": (delete("tests/b.txt"), "tests/b.txt: delete (a test)"),
    "a script of a check": (
        write("scripts/check.sh", "echo 9 cases\n"),
        "scripts/check.sh: modify (a check runs it)",
    ),
    "CI": (write(".github/workflows/ci.yml", ""), ".github/workflows/ci.yml: modify (it "),
    "new CI": (write(".GitHub/workflows/x.yml", ""), ".GitHub/workflows/x.yml: create (it "),
    "a plan": (write("clubos.toml", "x"), "clubos.toml: create (it configures"),
    "a conftest": (write("deep/conftest.py", ""), "deep/conftest.py: create (it configures"),
    "the runner's configuration": (
        write("pyproject.toml", "[tool.pytest.ini_options]\n"),
        "pyproject.toml: create (it configures",
    ),
    "what make does": (write("sub/Makefile", "check:\n"), "sub/Makefile: create (it configures"),
    "a script in another folder": (
        write("deep/scripts/check.sh", "true\n"),
        "deep/scripts/check.sh: create (a check runs it)",
    ),
    "a test that moves away": (
        all_of(write("attic/b.txt", "case 3\n"), delete("tests/b.txt")),
        "tests/b.txt: moved to attic/b.txt (a test)",
    ),
    "the plan's own": (write("rules/all.txt", "x"), "rules/all.txt: create (it configures"),
}


@pytest.mark.parametrize("what", MEDDLING)
def test_p7_a_phase_that_touches_its_judges_needs_a_yes_for_just_that(tested, what) -> None:
    edit, row = MEDDLING[what]
    line = "sh scripts/check.sh && pytest -q && make check"
    check = CheckSpec("sh", "command", ("*.txt",), command=line)
    journey = Journey(tested, all_of(NEW, edit), check=(check,), plan_guarded=("rules/",))
    journey.propose()
    closed = journey.view.closed_checks("proposal", journey.phase().change_set)
    [guard] = [found for found in closed if found.check == TAMPER]
    assert guard.evidence[0].startswith(row), guard.evidence
    with pytest.raises(GateClosed, match=TAMPER):
        journey.approve()
    journey.close()


def test_a_phase_may_add_tests(tested) -> None:
    journey = Journey(tested, write("tests/c.txt", "case 4\n"))
    journey.propose().approve().execute()
    journey.close()


@BOXED
def test_p7_a_phase_is_judged_by_the_bases_tests_and_script(tested) -> None:
    """Its own would pass; those of the base see what it broke."""
    weaker = all_of(
        write("src/app.txt", "wrong\n"), write("scripts/check.sh", "echo 9 cases\n"),
        delete("tests/a.txt"), write(".github/workflows/new.yml", "on: push\n"),
    )  # fmt: skip
    journey = Journey(tested, weaker, check=(command("sh scripts/check.sh"),))
    journey.propose()
    found = evidence(journey, "runs")
    assert found.outcome == "failed"
    assert found.from_base == (".github/workflows/new.yml", "scripts/check.sh", "tests/a.txt")
    assert found.evidence[-1].startswith("judged as in the base: .github/workflows/new.yml")
    assert outcomes(journey)[TAMPER] == "failed"
    journey.close()


@BOXED
def test_p7_a_yes_to_its_judges_lets_them_judge_and_is_no_approval(tested) -> None:
    """The changed test is used from then on; the phase itself is approved apart."""
    edit = all_of(write("tests/a.txt", "case 1\ncase 2\ncase 9\n"), NEW)
    line = f"grep -q 'case 9' tests/a.txt && {COUNT}"
    journey = Journey(tested, edit, check=(command(line),))
    journey.propose()
    assert outcomes(journey) == {"runs": "failed", "protected paths": "passed", TAMPER: "failed"}
    journey.run.override(1, TAMPER, reason="the case is new", by=WHO)
    assert [type(item) for item in journey.view.queue] == [e.ChecksRequested]
    journey.go()
    assert journey.phase().state is Status.PROPOSED
    found = evidence(journey, "runs")
    assert (found.outcome, found.cases, found.from_base) == ("passed", 4, ())
    assert journey.view.reviewable(1)
    journey.approve().execute()
    assert evidence(journey, "runs", "stage").outcome == "passed", "the yes holds there too"
    journey.close()


@BOXED
def test_p7_a_yes_to_its_judges_alone_opens_nothing(tested) -> None:
    """Interrupted before they have judged, there is no evidence, and no approval."""
    edit = all_of(write("tests/a.txt", "case 1\ncase 2\ncase 9\n"), NEW)
    journey = Journey(tested, edit, check=(command(COUNT),))
    journey.propose()
    journey.run.override(1, TAMPER, reason="the case is new", by=WHO)
    journey.run.say(e.Paused("run checks", 1, WHO))
    assert journey.view.reviewable(1) is None
    with pytest.raises(Refused, match="have not ended"):
        journey.approve()
    journey.run.check(1, by=WHO)
    journey.go()
    assert evidence(journey, "runs").from_base == (), "the yes held when they began"
    assert journey.view.reviewable(1) is False, "and is asked for again with new evidence"
    journey.close()


@BOXED
def test_p7_evidence_that_is_reused_says_what_was_taken_from_the_base(tested) -> None:
    """An attempt that only meddles is judged like the one before it, and says as what."""
    journey = Journey(tested, NEW, check=(command(COUNT),))
    journey.propose()
    journey.edits["p1"] = all_of(NEW, write("tests/a.txt", "case 1\n"))
    journey.propose()
    found = evidence(journey, "runs")
    assert (found.reused, found.from_base) == (True, ("tests/a.txt",))
    journey.run.override(1, TAMPER, reason="x", by=WHO)
    journey.go()
    assert evidence(journey, "runs").outcome == "failed", "its own tests judge it now"
    journey.close()


@BOXED
def test_p7_a_base_that_can_not_be_counted_in_time_is_no_evidence(tested) -> None:
    line = f"ls new.* || sleep 30; {COUNT}"
    journey = Journey(tested, NEW, check=(command(line, seconds=2),))
    journey.propose()
    found = evidence(journey, "runs")
    assert (found.outcome, found.at_base) == ("unknown", -1)
    assert "how many cases the base has" in found.summary
    journey.close()


@BOXED
def test_p7_a_pass_is_not_reused_where_the_same_has_failed_since(repo) -> None:
    spec = CheckSpec("a", "command", ("*.txt",), command="cat new.txt")
    journey = Journey(repo, NEW, check=(spec,))
    journey.propose()
    found = evidence(journey, "a")
    failed = dataclasses.replace(found, scope="stage", outcome="failed")
    journey.run.say(failed)
    journey.edits["p1"] = all_of(NEW)
    journey.propose()
    assert not evidence(journey, "a").reused
    journey.close()


def test_p7_an_override_is_of_the_tree_that_was_shown(repo) -> None:
    journey = Journey(repo, NEW, check=(CheckSpec("b", "paths", ("gone.txt",)),))
    journey.propose()
    shown = journey.phase().change_set
    journey.edits["p1"] = write("new.txt", "other\n")
    journey.propose()
    with pytest.raises(Stale, match="evidence that was shown"):
        journey.run.override(1, "b", reason="x", by=WHO, shown=shown)
    assert not journey.view.overridden
    journey.close()


def test_p7_what_is_overridden_meanwhile_does_not_validate_what_fails(repo) -> None:
    """Two processes: one overrides x, while the other's y comes out failed."""
    specs = (CheckSpec("x", "paths", ("new.txt",)), CheckSpec("y", "paths", ("new.txt",)))
    journey = Journey(repo, NEW, check=specs)
    journey.propose().approve().execute()
    tree = journey.phase().change_set
    for name in ("x", "y"):
        journey.run.say(e.ChecksRequested(1, "stage", tree, (name,), WHO))
        journey.run.say(
            e.CheckFinished(1, "stage", tree, name, "failed", True, "no"),
            e.ChecksFinished(1, "stage", tree, open=False),
        )
        if name == "x":
            journey.run.override(1, "x", reason="fine", by=WHO)
            assert journey.phase().state is Status.VALIDATED
    assert journey.phase().state is Status.UNVALIDATED
    journey.close()


@BOXED
def test_p7_fewer_cases_than_at_the_base_is_a_failure(tested) -> None:
    """The tests are as they were, and the phase has them skipped all the same."""
    tested.write("skip.txt", "")
    tested.commit("nothing is skipped")
    skipping = write("skip.txt", "case 3\n")
    line = "cat tests/*.txt | grep '^case' | grep -vxFf sk*.txt | wc -l | sed 's/$/ cases/'"
    journey = Journey(tested, skipping, check=(command(line),))
    journey.propose()
    found = evidence(journey, "runs")
    assert (found.outcome, found.cases, found.at_base) == ("failed", 2, 3)
    assert found.summary == "2 cases, where the base has 3"
    assert found.evidence[-1] == "1 cases are gone or skipped"
    journey.close()


@BOXED
def test_what_the_base_has_is_counted_once(tested) -> None:
    counting = f"echo >> /tmp/x; {COUNT}"
    journey = Journey(tested, NEW, check=(command(counting),))
    journey.propose()
    first = evidence(journey, "runs")
    assert (first.at_base, first.base) == (3, journey.phase().base)
    journey.edits["p1"] = write("new.txt", "newer\n")
    journey.propose()
    again = evidence(journey, "runs")
    assert (again.at_base, again.reused) == (3, False), "another tree, the same base"
    journey.close()


@BOXED
def test_a_base_on_which_it_can_not_run_has_no_cases(repo) -> None:
    journey = Journey(repo, write("tests/a.txt", "case 1\n"), check=(command(COUNT),))
    journey.propose()
    found = evidence(journey, "runs")
    assert (found.outcome, found.cases, found.at_base) == ("passed", 1, -1)
    journey.close()


@BOXED
def test_p7_a_check_that_may_be_missing_counts_where_it_is_not(repo) -> None:
    specs = (
        CheckSpec("fails", "command", ("*.txt",), command="exit 1", if_available=True),
        CheckSpec("missing", "command", ("*.txt",), command="no-such-tool", if_available=True),
    )
    journey = Journey(repo, NEW, check=specs)
    journey.propose()
    tree = journey.phase().change_set
    assert (outcomes(journey)["fails"], outcomes(journey)["missing"]) == ("failed", "not run")
    assert [check.check for check in journey.view.closed_checks("proposal", tree)] == ["fails"]
    assert journey.view.reviewable(1) is False
    journey.close()


# --- again, and not again -----------------------------------------------------------------------


@BOXED
def test_after_a_decision_only_what_can_have_changed_is_tried_again(repo) -> None:
    first = CheckSpec("a", "command", ("a/*",), command="date +%N > out; cat a/x", inputs=("a/",))
    second = CheckSpec("b", "command", ("b/*",), command="cat b/x", inputs=("b/",))
    whole = CheckSpec("all", "command", ("a/*",), command="cat a/x b/x")
    edit = all_of(write("a/x", "1\n"), write("b/x", "2\n"), write("b/y", "3\n"))
    journey = Journey(repo, edit, check=(first, second, whole))
    journey.propose()
    before = {name: evidence(journey, name) for name in ("a", "b", "all")}
    journey.run.decide(1, journey.phase().change_set, [Decision("b/y", "reject")], by=WHO)
    journey.run.seal(1, by=WHO)
    journey.go()
    found = {name: evidence(journey, name) for name in ("a", "b", "all")}
    assert {name: item.reused for name, item in found.items()} == {
        "a": True, "b": False, "all": False
    }  # fmt: skip
    assert {item.tree for item in found.values()} == {journey.phase().change_set}
    assert found["a"].inputs_sha256 == before["a"].inputs_sha256
    assert journey.view.earlier[1, "proposal", "b"] == before["b"]
    journey.close()


@BOXED
def test_what_failed_is_always_tried_again(repo) -> None:
    spec = CheckSpec("a", "command", ("*.txt",), command="exit 1", inputs=("none",))
    journey = Journey(repo, NEW, check=(spec,))
    journey.propose()
    journey.edits["p1"] = write("new.txt", "newer\n")
    journey.propose()
    assert not evidence(journey, "a").reused
    journey.close()


@BOXED
def test_a_check_that_is_asked_for_again_is_really_tried_and_only_it(repo) -> None:
    specs = (
        CheckSpec("a", "command", ("*.txt",), command="cat new.txt"),
        CheckSpec("b", "paths", ("new.txt",)),
    )
    journey = Journey(repo, NEW, check=specs)
    journey.propose()
    seen = journey.run.journal.seq
    journey.run.check(1, "a", by=WHO)
    journey.go()
    told = [
        (record.event.check, record.event.reused)
        for record in journey.run.journal.new(seen)
        if isinstance(record.event, e.CheckFinished)
    ]
    assert told == [("a", False)]
    assert set(outcomes(journey)) == {"a", "b", "protected paths", TAMPER}
    assert journey.view.reviewable(1)
    journey.approve()
    with pytest.raises(Refused, match="phase 1 is approved"):
        journey.run.check(1, by=WHO)
    journey.close()


def test_p7_what_is_tried_again_takes_its_override_with_it(repo) -> None:
    journey = Journey(repo, NEW, check=(CheckSpec("b", "paths", ("gone.txt",)),))
    journey.propose()
    journey.run.override(1, "b", reason="later", by=WHO)
    assert journey.view.reviewable(1)
    journey.run.check(1, "b", by=WHO)
    journey.go()
    assert journey.view.reviewable(1) is False
    journey.close()


def test_a_check_that_is_not_there_is_refused(repo) -> None:
    journey = Journey(repo, NEW)
    journey.propose()
    with pytest.raises(Refused, match="phase 1 has no check 'x'"):
        journey.run.check(1, "x", by=WHO)
    journey.close()


def test_p7_a_checkpoint_that_is_tried_again_says_what_it_comes_to(repo) -> None:
    """The stage was touched meanwhile: what was validated is so no longer, and is again later."""
    journey = Journey(repo, NEW, check=(CheckSpec("b", "paths", ("new.txt",)),))
    journey.propose().approve().execute()
    stage = os.path.join(journey.session.paths.stage(journey.run.id), "new.txt")
    with open(stage, "w") as file:
        file.write("touched\n")
    journey.run.check(1, by=WHO)
    journey.go()
    assert journey.phase().state is Status.UNVALIDATED
    assert evidence(journey, "b", "stage").outcome == "unknown", "it is not that tree"
    with open(stage, "w") as file:
        file.write("new\n")
    journey.run.check(1, by=WHO)
    journey.go()
    assert journey.phase().state is Status.VALIDATED
    journey.close()


def test_a_phase_below_the_stages_can_not_be_tried_again(repo) -> None:
    journey = Journey(repo, NEW, write("more.txt", "x"))
    journey.propose(1).approve(1).execute(1).propose(2).approve(2).execute(2)
    with pytest.raises(Refused, match="a later phase stands on the stage"):
        journey.run.check(1, by=WHO)
    journey.close()


# --- the merged tree ----------------------------------------------------------------------------


def test_p7_every_phases_checks_are_held_against_the_tree_that_is_merged(repo) -> None:
    """Phase 2 takes away what phase 1 was checked for: no checkpoint of its own sees that."""
    check = (CheckSpec("it is there", "paths", ("new.txt",)),)
    later = all_of(delete("new.txt"), write("other.txt", "x"))
    journey = Journey(repo, NEW, later, check=check)
    journey.propose(1).approve(1).execute(1).propose(2)
    journey.run.override(2, "it is there", reason="it moves", by=WHO)
    journey.approve(2)
    journey.run.execute(2, by=WHO)
    journey.go()
    journey.run.override(2, "it is there", reason="it moves", by=WHO)
    before = repo.head
    journey.run.merge(by=WHO)
    journey.go()
    assert journey.view.merge_waits
    assert repo.head == before
    shut = journey.view.closed_checks("merge", journey.view.merge.prepared.tree)
    assert [check.check for check in shut] == ["1: it is there", "2: it is there"]
    for check in shut:
        journey.run.override(2, check.check, reason="it moved", by=WHO)
    journey.go()
    assert journey.view.ending == "merged"
    journey.close()


@BOXED
def test_what_the_stage_has_shown_of_the_very_tree_is_not_tried_again_for_the_merge(repo) -> None:
    spec = CheckSpec("a", "command", ("*.txt",), command="cat new.txt")
    journey = Journey(repo, NEW, check=(spec,))
    journey.propose().approve().execute()
    assert evidence(journey, "a", "stage").reused
    journey.run.merge(by=WHO)
    journey.go()
    assert journey.view.ending == "merged"
    assert evidence(journey, "1: a", "merge").reused
    journey.close()


# --- side by side -------------------------------------------------------------------------------


@BOXED
def test_two_that_need_the_same_port_and_the_same_files_do_not_meet(repo) -> None:
    """Each has a box and a copy of its own, so both bind and both write."""
    listen = (
        "python3 -c \"import socket, time; s = socket.create_server(('127.0.0.1', 8421)); "
        "open('mine', 'x'); time.sleep(1)\""
    )
    specs = [CheckSpec(name, "command", ("*.txt",), command=listen) for name in ("a", "b")]
    journey = Journey(repo, NEW, check=tuple(specs))
    journey.propose()
    assert {outcomes(journey)[name] for name in ("a", "b")} == {"passed"}
    journey.close()


@BOXED
def test_what_checks_say_on_their_way_is_in_a_stream(repo) -> None:
    specs = (
        CheckSpec("a", "command", ("*.txt",), command="echo one; sleep 0.3; echo two; exit 3"),
        CheckSpec("b", "paths", ("new.txt",)),
    )
    journey = Journey(repo, NEW, check=specs)
    journey.propose()
    started = [
        record.event for record in journey.run.journal.load()
        if isinstance(record.event, e.CheckStarted)
    ]  # fmt: skip
    assert [item.check for item in started] == ["a"]
    with open(started[0].stream) as file:
        rows = [json.loads(line) for line in file]
    of_a = [(row["type"], row.get("text") or row.get("outcome")) for row in rows
            if row["check"] == "a"]  # fmt: skip
    assert of_a == [
        ("check.began", None), ("check.said", "one"), ("check.said", "two"),
        ("check.ended", "failed"),
    ]  # fmt: skip
    assert {row["check"] for row in rows} == {"a", "b", "protected paths", TAMPER}
    journey.close()


@BOXED
def test_an_interrupt_ends_all_that_run(repo) -> None:
    import asyncio
    import time

    specs = [CheckSpec(f"c{n}", "command", ("*.txt",), command="sleep 60") for n in range(5)]
    journey = Journey(repo, NEW, check=tuple(specs))
    journey.run.propose(1, by=WHO)

    async def go() -> float:
        driving = asyncio.ensure_future(journey.driver.until_waiting())
        for _ in range(200):
            await asyncio.sleep(0.05)
            if any(isinstance(r.event, e.CheckStarted) for r in journey.run.journal.load()):
                break
        await asyncio.sleep(0.3)
        began = time.monotonic()
        journey.run.pause(by=WHO)
        await driving
        return time.monotonic() - began

    assert asyncio.run(go()) < 10
    journey.run.refresh()
    assert journey.view.paused
    assert not journey.view.checks
    journey.close()


# --- seen to fail -------------------------------------------------------------------------------


def test_p7_a_check_that_was_not_seen_to_fail_is_unproven(repo) -> None:
    specs = (
        CheckSpec("finds it", "paths", ("new.txt",)),
        CheckSpec("blind", "text", ("new.txt",), pattern=".*"),
        CheckSpec("runs", "command", ("new.txt",), command="true"),
    )
    journey = Journey(repo, NEW, check=specs)
    journey.propose()
    found = journey.view.checks["proposal", journey.phase().change_set]
    assert {name: found[name].proved for name in ("finds it", "blind", "runs")} == {
        "finds it": __version__, "blind": "", "runs": ""
    }  # fmt: skip
    assert [journey.view.is_proved(1, spec) for spec in specs] == [True, False, False]
    journey.run.prove(1, specs[2], caught=True, fault="new.txt is empty", by=WHO)
    assert journey.view.is_proved(1, specs[2])
    journey.run.prove(1, specs[0], caught=False, fault="new.txt is empty", by=WHO)
    assert not journey.view.is_proved(1, specs[0]), "what was seen last counts"
    journey.close()


def test_what_the_run_before_has_shown_of_the_same_checks_still_holds(repo) -> None:
    kept = CheckSpec("runs", "command", ("new.txt",), command="true")
    other = CheckSpec("other", "command", ("new.txt",), command="true ")
    journey = Journey(repo, NEW, check=(kept, other))
    for spec in (kept, other):
        journey.run.prove(1, spec, caught=True, fault="x", by=WHO)
    journey.run.roll_back(1, by=WHO, close=True)
    journey.go().close()
    again = Journey(repo, NEW, check=(kept, CheckSpec("other", "paths", ("new.txt",))))
    assert again.run.id != journey.run.id
    assert again.view.is_proved(1, kept)
    assert list(again.view.proofs) == [digest(kept)]
    again.close()


def test_p2_nobody_approves_on_evidence_that_is_being_gathered_again(repo) -> None:
    journey = Journey(repo, NEW)
    journey.propose()
    journey.run.check(1, by=WHO)
    with pytest.raises(Refused, match="asked for again"):
        journey.approve()
    journey.go()
    journey.approve().execute()
    journey.close()
