"""What must be true after a fault and the next start, asked of plain git and of the disk."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from support import vaults
from support.repo import leftovers

from clubos_tui.repository.git import clean_environment
from faults.image import Image, Node, capture, difference, under
from faults.scenario import Moment

OURS = "refs/heads/autogen/"
TARGET = "refs/heads/main"
Side = Literal["before", "after"]


@dataclass(frozen=True)
class Seen:
    """A repository and its stage as a person and plain git see them."""

    target: str  # the target branch: its tree and its parents
    index: str
    files: Image
    stage: Image
    phases: tuple[str, ...]  # the phase branches: trees and parents
    theirs: dict[str, object]  # HEAD, every other ref, configuration: never touched
    image: Image = field(repr=False, compare=False)

    @property
    def checkout(self) -> tuple[str, str, Image]:
        """What one transaction on the checkout moves together."""
        return self.target, self.index, self.files


def see(moment: Moment) -> Seen:
    """Look at the disk, and ask git for refs and index."""
    root = str(moment.repo.root)
    image = capture(moment.roots)
    listing = moment.repo.git(
        "for-each-ref", "--format=%(refname)%00%(objectname)%00%(tree) %(parent)"
    )
    refs = {name: (commit, made) for name, commit, made in
            (line.split("\0") for line in listing.splitlines())}  # fmt: skip
    inside = under(image, os.path.join(root, ".git"))
    theirs: dict[str, object] = {
        name: commit for name, (commit, _) in refs.items()
        if name != TARGET and not name.startswith(OURS)
    }  # fmt: skip
    theirs.update({name: inside.get(name) for name in ("HEAD", "config", "description")})
    theirs["hooks"] = {name for name in inside if name.startswith(("hooks", "info"))}
    return Seen(
        refs.get(TARGET, ("", "gone"))[1],
        moment.repo.index(),
        {path: node for path, node in under(image, root).items()
         if path != ".git" and not path.startswith(".git/")},
        under(image, moment.stage),
        tuple(sorted(made for name, (_, made) in refs.items() if name.startswith(OURS))),
        theirs,
        image,
    )  # fmt: skip


@dataclass(frozen=True)
class Golden:
    """The only states there may be: before and after, and the bytes only backups still hold."""

    before: Seen
    after: Seen
    base_stage: Image  # a stage laid out and not yet written to

    @classmethod
    def of(cls, moment: Moment) -> Golden:
        """Look, perform the operation undisturbed, look again, and lay the moment out anew."""
        before = see(moment)
        report = moment.perform()
        assert report.done, report
        after = see(moment)
        moment.restore()
        return cls(before, after, _base(moment))

    def faults(self, moment: Moment, *, fsck: bool = True) -> tuple[Side, list[str]]:
        """Return which side the operation is on after recovery, and all that is wrong."""
        now, wrong = see(moment), []
        side: Side = "after" if now.checkout == self.after.checkout else "before"
        if now.checkout not in (self.before.checkout, self.after.checkout):
            wrong.append(f"between: {_between(self.before, now)} || {_between(self.after, now)}")
        if self.before.checkout == self.after.checkout:  # an operation on the stage alone
            side = "after" if now.stage == self.after.stage else "before"
        if now.stage not in (self.before.stage, self.after.stage, self.base_stage):
            wrong.append(f"stage between: {difference(self.before.stage, now.stage)}")
        if not {*self.before.phases} <= {*now.phases} <= {*self.before.phases, *self.after.phases}:
            wrong.append(f"phase branches: {now.phases}")
        wrong += self._always(moment, now, fsck=fsck)
        return side, wrong

    def end_faults(self, moment: Moment, *, fsck: bool = False) -> list[str]:
        """Return what is wrong once the operation was seen through."""
        now = see(moment)
        wrong = self._always(moment, now, fsck=fsck)
        if now.checkout != self.after.checkout:
            wrong.append(f"at the end: {_between(self.after, now)}")
        if now.stage != self.after.stage:
            wrong.append(f"stage at the end: {difference(self.after.stage, now.stage)}")
        if now.phases != self.after.phases:
            wrong.append(f"phase branches at the end: {now.phases}")
        return wrong

    def _always(self, moment: Moment, now: Seen, *, fsck: bool) -> list[str]:
        wrong = [f"left behind: {path}" for path in leftovers(moment.repo, moment.state)]
        for key in self.before.theirs.keys() | now.theirs.keys():
            if self.before.theirs.get(key) != now.theirs.get(key):
                wrong.append(f"theirs: {key} is {now.theirs.get(key)}")
        kept = backed_up({path: node for path, node in now.image.items()
                          if path not in moment.image})  # fmt: skip
        for folder in ("files", "stage"):
            was, present = getattr(self.before, folder), getattr(now, folder)
            wrong += [
                f"no backup of {path}" for path, node in was.items()
                if node.kind in {"file", "link"} and present.get(path) != node
                and _content(present.get(path)) != node.data and node.sha256 not in kept
            ]  # fmt: skip
        if fsck:
            done = moment.repo.ask("fsck", "--strict", "--full", "--no-dangling")
            if done.returncode or done.stdout.strip():
                wrong.append(f"git fsck: {(done.stderr + done.stdout).decode().strip()}")
        return wrong


def backed_up(image: Image) -> set[str]:
    """Return the SHA-256 of every content that the vaults among these paths really hold."""
    found = [Path(path) for path in image if os.path.basename(os.path.dirname(path)) == "backups"]
    return {hashlib.sha256(data).hexdigest() for vault in found for data in vaults.contents(vault)}


def _content(node: Node | None) -> bytes | None:
    return node.data if node else None


def _between(golden: Seen, now: Seen) -> str:
    said = []
    if golden.target != now.target:
        said.append(f"target {golden.target[:9]} -> {now.target[:9]}")
    if golden.index != now.index:
        said.append("index differs")
    if golden.files != now.files:
        said.append(difference(golden.files, now.files, 4))
    return ", ".join(said)


def _base(moment: Moment) -> Image:
    """Return the run's base as plain git writes it."""
    folder = str(moment.state.parent / "base")
    index = f"{folder}.index"
    os.makedirs(folder, exist_ok=True)
    for words in (["read-tree", TARGET], ["checkout-index", "--all", f"--prefix={folder}/"]):
        subprocess.run(
            ["git", *words], cwd=moment.repo.root, env=clean_environment(GIT_INDEX_FILE=index),
            check=True, capture_output=True,
        )  # fmt: skip
    return under(capture([folder]), folder)
