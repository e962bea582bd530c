"""What went wrong elsewhere before anything was approved: scenarios and guards."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from support import agents, manifest
from support.cli import inside
from support.journey import WHO, Journey

from clubos_tui.engine import run as runs
from clubos_tui.engine.paths import StatePaths
from clubos_tui.engine.state import RunView, Status
from clubos_tui.errors import ClubosError
from clubos_tui.repository.objects import write_pack
from clubos_tui.repository.workshop import Workshop
from clubos_tui.workspace import scan
from faults.fork import fork
from faults.ground import Ground
from faults.races import moments

Patch = pytest.MonkeyPatch


# --- 5: an agent runs destructive git on the real tree --------------------------------------------

DESTRUCTIVE = (
    "git reset -q --hard", "git checkout -q -- .", "git clean -q -fdx", "git stash -q",
    "git stash drop", "git push -f", "git worktree prune", "git branch -D side",
    "git update-ref -d refs/heads/side", "git config alias.x '!rm -rf .'", "git gc -q --prune=now",
    "git rm -r -q --cached .", "git commit -q --allow-empty -m theirs", "env X=1 git clean -q -fdx",
    "sh -c 'git reset -q --hard'", "mkdir -p .git/hooks", "rm -rf ./*",
)  # fmt: skip


def hostile_agent(place: Ground, _patch: Patch) -> None:
    """In its workspace the agent runs what has emptied other people's repositories."""
    run = place.opened("idle")
    run.repo.mess()
    before = manifest.manifest(place.root, keep=lambda name: ".workspaces" not in name)

    def run_all(folder: str) -> None:
        for command in DESTRUCTIVE:
            subprocess.run(command, shell=True, cwd=folder, capture_output=True, check=False)

    run.edits["p1"] = run_all
    run.run.propose(1, by=WHO)
    run.settle()
    run.close()
    after = manifest.manifest(place.root, keep=lambda name: ".workspaces" not in name)
    changed = manifest.difference(before, after)
    assert changed == [], f"the agent reached the repository: {changed}"


def work_inside_the_repository(patch: Patch) -> None:
    def inside_it(self: StatePaths) -> str:
        repository = os.path.join(os.path.dirname(os.path.dirname(self.root)), "repo")
        return os.path.join(repository, ".workspaces", "agent")

    patch.setattr(StatePaths, "workspace", property(inside_it))


# --- 6: a dry run writes, or something executes around the approval -------------------------------


def dry_run(place: Ground, _patch: Patch) -> None:
    """Every byte and time of the repository, with all that a dry run and its review ask."""
    run = place.opened("idle")
    run.repo.mess()
    before = manifest.manifest(place.root)
    run.propose(1).propose(2)
    run.close()
    for command in (["status"], ["diff", "1"], ["log"], ["verify"], ["run", "--dry-run"]):
        inside(place.repo, *command)
    changed = manifest.difference(before, manifest.manifest(place.root))
    assert changed == [], f"the dry run wrote: {changed}"


def write_into_the_persons_store(patch: Patch) -> None:
    def careless(self: Workshop, objects: Any) -> None:
        with open(os.path.join(self.path, "objects/info/alternates"), encoding="utf-8") as file:
            lender = file.read().strip()
        os.makedirs(os.path.join(lender, "pack"), exist_ok=True)
        write_pack(os.path.join(lender, "pack"), objects, self.object_format)

    patch.setattr(Workshop, "write", careless)


def execute_without_approval(place: Ground, _patch: Patch) -> None:
    """Nothing is executed before the yes, once after it, and once where it was killed between."""
    run = place.opened("proposed")
    with suppress(ClubosError):
        run.run.execute(1, by=WHO)
    run.settle()
    assert not list(place.state.glob("*/transactions/*-1-execute-*")), "executed unapproved"
    assert not any(name.startswith("autogen/") for name in place.repo.branches())
    run.approve()
    run.run.execute(1, by=WHO)
    run.settle()
    run.reopen().settle()
    assert len(list(place.state.glob("*/transactions/*-1-execute-*"))) == 1
    run.close()


def approve_in_nobodys_name(patch: Patch) -> None:
    patch.setattr(runs, "refusal", lambda _view, _event: None)


# --- 8: a path leads out --------------------------------------------------------------------------


def hostile_paths(place: Ground, _patch: Patch) -> None:
    """Paths into git dirs, out of the tree, and to what is another name elsewhere."""
    before: manifest.Manifest = {}
    for name, edit in agents.HOSTILE:
        run = place.opened("idle")
        before = before or manifest.without_times(manifest.manifest(place.root))
        run.edits["p1"] = edit
        run.run.propose(1, by=WHO)
        run.settle()
        assert run.phase().state is Status.FAILED, f"{name!r} was proposed"
        assert run.phase().error, f"{name!r} was refused without a word"
        run.close()
    now = manifest.without_times(manifest.manifest(place.root))
    assert manifest.difference(before, now) == []


def allow_any_name(patch: Patch) -> None:
    patch.setattr(scan, "_require_allowed", lambda *_: None)


def folder_becomes_a_link(place: Ground, _patch: Patch) -> None:
    """After the last look a folder is swapped for a link to one outside that looks the same."""
    run = place.opened("validated")
    away = place.folder / "elsewhere"
    shutil.rmtree(away, ignore_errors=True)
    away.mkdir()

    def swap() -> None:
        (away / "only.txt").write_bytes(b"alone\n")
        (place.root / "deep/er").rename(place.folder / "elsewhere/er")
        (place.root / "deep/er").symlink_to(away)

    def visit(name: str) -> None:
        if name == "committed":
            os.waitpid(fork(swap), 0)

    with moments(visit):
        run.try_merge()
    run.close()
    assert (away / "only.txt").exists(), "a file outside was deleted"
    assert (away / "er/only.txt").exists()


def follow_links(patch: Patch) -> None:
    patch.setattr(os, "O_NOFOLLOW", 0)


# --- 10: a gate opens without evidence ------------------------------------------------------------


def checks_that_look_at_nothing(place: Ground, patch: Patch) -> None:
    """Zero cases, an unknown kind and a check that raises: no approval and no execution."""
    from clubos_tui.checks.base import Subject

    def raising(*_: object) -> None:
        raise ValueError("broken")

    kinds: dict[str, Callable[[Patch], None]] = {
        "zero cases": lambda _: None,
        "an unknown kind": lambda inner: inner.setattr("clubos_tui.checks.KINDS", {}),
        "it raises": lambda inner: inner.setattr(Subject, "matching", raising),
    }
    for name, bend in kinds.items():
        with pytest.MonkeyPatch.context() as inner:
            bend(inner)
            place.lay_out("idle")
            shutil.rmtree(place.state)
            run = Journey(place.repo, agents.write("a.txt", "a\n"), check=(_nothing_to_see(),))
            run.propose()
            with suppress(ClubosError):
                run.approve()
            with suppress(ClubosError):
                run.run.execute(1, by=WHO)
            run.settle()
            state = run.phase().state
            run.close()
        assert state is Status.PROPOSED, f"{name} opened the gate: {state}"


def _nothing_to_see() -> Any:
    from clubos_tui.plan import CheckSpec

    return CheckSpec("gate", "json", paths=("*.none",))


def let_unknown_pass(patch: Patch) -> None:
    closed = RunView.closed_checks

    def careless(self: RunView, scope: Any, tree: Any) -> Any:
        return tuple(item for item in closed(self, scope, tree) if item.outcome == "failed")

    patch.setattr(RunView, "closed_checks", careless)
