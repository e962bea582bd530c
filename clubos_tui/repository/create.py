"""Make a repository with an empty first commit, so that every later step can be taken back."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass

from clubos_tui.changes.manifest import TreeId
from clubos_tui.errors import Failed, NotARepository
from clubos_tui.repository import refs
from clubos_tui.repository.discover import discover, identity, read_head
from clubos_tui.repository.git import clean_environment
from clubos_tui.repository.objects import NewObject, object_id
from clubos_tui.repository.workshop import CommitSpec


@dataclass(frozen=True, slots=True)
class Created:
    """What was done: ``made`` tells whether there was no repository; no commit if one was there."""

    root: str
    made: bool
    commit: str


def create(folder: str) -> Created:
    """Make what is missing in ``folder``; nothing of the person's is added or changed."""
    try:
        repository, made = discover(folder) if os.path.isdir(folder) else None, False
    except NotARepository:
        repository = None
    if repository is None:
        os.makedirs(folder, exist_ok=True)
        done = subprocess.run(
            ["git", "init", "--quiet", folder],
            capture_output=True,
            env=clean_environment(),
            check=False,
        )
        if done.returncode:
            raise Failed(
                f"git init failed: {done.stderr.decode('utf-8', 'replace').strip()}",
                untouched="Your files were not touched.",
            )
        repository, made = discover(folder), True
    head = read_head(repository)
    if head.commit:
        return Created(repository.root, made, "")
    tree = TreeId(object_id("tree", b"", repository.object_format))
    spec = CommitSpec(tree, (), "Begin\n", identity(repository), f"{int(time.time())} +0000")
    first = spec.object(repository.object_format)
    with refs.published(repository, [NewObject("tree", tree, b""), first]):
        refs.move(repository, head.ref, first.id, "0" * len(first.id), "clubos: first commit")
    return Created(repository.root, made, first.id)
