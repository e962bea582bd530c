"""``clubos checks prove``: whether each check finds the fault that it must find."""

from __future__ import annotations

from argparse import Namespace

from clubos_tui.cli.opened import run_of, session_of, who_of
from clubos_tui.cli.output import emit, say
from clubos_tui.codec import Json
from clubos_tui.engine.proving import Proof, prove
from clubos_tui.engine.state import PhaseView
from clubos_tui.errors import UsageError

_MISSED = 4  # the exit code of a gate that could open without evidence
_DETAIL = 200  # characters of what a check said


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
