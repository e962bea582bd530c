"""``clubos checks``: the evidence, gathering it again, and whether a check can fail at all."""

from __future__ import annotations

import asyncio
from argparse import Namespace

from clubos_tui.cli.drive import Headless
from clubos_tui.cli.endings import Ended
from clubos_tui.cli.evidence import Gathered, gathered, lines, to_json, write_junit
from clubos_tui.cli.opened import phase_of, run_of, session_of, who_of
from clubos_tui.cli.output import emit, say
from clubos_tui.cli.starting import every
from clubos_tui.codec import Json
from clubos_tui.engine.proving import Proof, prove
from clubos_tui.engine.state import PhaseView
from clubos_tui.errors import UsageError

_MISSED = 4  # the exit code of a gate that could open without evidence
_DETAIL = 200  # characters of what a check said


def show_checks(options: Namespace) -> int:
    """Print what the checks came to."""
    with session_of(options) as session:
        run = run_of(session)
        numbers = every(run) if options.phase is None else [phase_of(run, options.phase)]
        found = gathered(run.view, numbers)
        if not found:
            raise UsageError(
                "no check was carried out on a tree that is still there",
                untouched="Nothing was touched.",
                cure="Make a dry run first: clubos run",
            )
        return _told(found, options)


def run_checks(options: Namespace) -> int:
    """Carry checks of a phase out again; exit code 4 where its gate is shut then."""
    with session_of(options) as session:
        run = run_of(session)
        headless = Headless(session, run, options, yes=False)
        number = phase_of(run, options.phase)
        with headless.driving():
            try:
                asyncio.run(headless.check(number, options.check))
            except Ended as error:
                return headless.end(error)
            finally:
                if options.junit:
                    write_junit(gathered(run.view, [number]), options.junit)
        found = [item for item in gathered(run.view, [number]) if item.scope != "merge"]
        return _told(found[-1:], options)


def _told(found: list[Gathered], options: Namespace) -> int:
    if options.junit:
        write_junit(found, options.junit)
    if options.json:
        emit({"evidence": [to_json(item) for item in found]})
        return 0
    for item in found:
        for line in lines(item):
            say(line)
    return 0


def prove_checks(options: Namespace) -> int:
    """Print the matrix of checks and faults; exit code 4 where one was missed."""
    with session_of(options) as session:
        run, who = run_of(session), who_of(options, session)
        phases = [phase for phase in run.view.phases if _asked(phase, options.phase)]
        if not phases:
            raise UsageError(
                "there is no change set on which checks could be tried",
                untouched="Nothing was tried.",
                cure="Make a dry run first: clubos run --all",
            )
        proofs = []
        for phase in phases:
            for proof in prove(session, run, phase.number):
                proofs.append(proof)
                if proof.proved != "unproven":
                    caught = proof.proved == "caught"
                    run.prove(phase.number, proof.spec, caught=caught, fault=proof.fault, by=who)
                if not options.json:
                    _print(proof)
    if options.json:
        emit({"proofs": [_json(proof) for proof in proofs]})
    else:
        counts = {
            word: sum(proof.proved == word for proof in proofs)
            for word in ("caught", "missed", "unproven")
        }
        say(", ".join(f"{number} {word}" for word, number in counts.items()))
    return _MISSED if any(proof.proved == "missed" for proof in proofs) else 0


def _asked(phase: PhaseView, number: int | None) -> bool:
    return bool(phase.change_set and phase.manifest) and number in {None, phase.number}


def _json(proof: Proof) -> Json:
    return {
        "phase": proof.phase, "check": proof.spec.name, "kind": proof.spec.kind,
        "proved": proof.proved, "fault": proof.fault, "detail": proof.detail,
    }  # fmt: skip


def _print(proof: Proof) -> None:
    say(f"{proof.proved:<8} phase {proof.phase}  {proof.spec.name}")
    for text in (proof.fault, proof.detail):
        if text:
            say(f"{'':18}{text[:_DETAIL]}")
