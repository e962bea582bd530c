"""Keep a state folder within a budget, the way the command does it, and look at what is left."""

from __future__ import annotations

import os
from pathlib import Path

from clubos_tui.engine.housekeeping import Plan
from clubos_tui.engine.letting_go import let_go, plan
from clubos_tui.engine.session import Session
from support import manifest
from support.repo import Repo

WHO = "Kim <kim@example.org>"


def gc(repo: Repo, budget: int = 0) -> Plan:
    """Let go all that may go; nothing of the person's repository may change by it."""
    before = manifest.manifest(repo.root)
    session = Session.open(repo.path)
    try:
        done = let_go(session, plan(session, budget), by=WHO)
    finally:
        session.close()
    assert manifest.difference(before, manifest.manifest(repo.root)) == []
    return done


def shown(repo: Repo, budget: int = 0) -> Plan:
    """Return what would go."""
    session = Session.open(repo.path)
    try:
        return plan(session, budget)
    finally:
        session.close()


def went(done: Plan) -> set[str]:
    """Return the kinds of thing that went."""
    return {row.thing.kind for row in done.go}


def why(done: Plan, kind: str) -> set[str]:
    """Return why things of a kind stay."""
    return {row.why for row in done.keep if row.thing.kind == kind}


def age(state: Path, seconds: int = 7200) -> None:
    """Make the workshop's objects as old as if nobody had been at work for that long."""
    for top, _, names in os.walk(next(state.glob("*/workshop.git/objects"))):
        for name in names:
            path = os.path.join(top, name)
            then = os.stat(path).st_mtime - seconds
            os.utime(path, (then, then))
