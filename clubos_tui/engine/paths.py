"""Where a repository's state lies: outside the repository, readable by its owner only."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass

from clubos_tui.errors import Failed
from clubos_tui.repository.discover import Repository


def state_folder() -> str:
    """Return the folder that holds the state of every repository."""
    base = os.environ.get("CLUBOS_STATE_DIR") or os.path.join(
        os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"), "clubos"
    )
    return os.path.abspath(base)


@dataclass(frozen=True, slots=True)
class StatePaths:
    """The folders of one repository's state."""

    root: str

    @classmethod
    def of(cls, repository: Repository) -> StatePaths:
        """Return the paths for ``repository`` and make the folder, mode 0700."""
        # Named after what all its work trees share, so that they share runs and locks too.
        folder, last = os.path.split(repository.common_dir)
        name = os.path.basename(folder) if last == ".git" else last
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:40] or "repository"
        digest = hashlib.sha256(os.fsencode(repository.common_dir)).hexdigest()[:12]
        root = os.path.join(state_folder(), f"{name}-{digest}")
        try:
            os.makedirs(root, mode=0o700, exist_ok=True)
            os.chmod(root, 0o700)
        except OSError as error:
            raise Failed(
                f"the state folder {root} cannot be made: {error.strerror}",
                untouched="The repository was not touched.",
                cure="Set CLUBOS_STATE_DIR to a folder you can write to.",
            ) from error
        return cls(root)

    @property
    def workshop(self) -> str:
        """The bare repository that borrows the person's objects."""
        return os.path.join(self.root, "workshop.git")

    @property
    def runs(self) -> str:
        """One folder a run."""
        return os.path.join(self.root, "runs")

    def run(self, run_id: str) -> str:
        """Return the folder of a run's journal."""
        return os.path.join(self.runs, run_id)

    def stream(self, run_id: str, name: str) -> str:
        """Return the file of one action's chatter."""
        return os.path.join(self.run(run_id), "streams", name)

    def recording(self, run_id: str) -> str:
        """Return the file of what a model was told and answered in a run."""
        return os.path.join(self.run(run_id), "recording.jsonl")

    @property
    def workspace(self) -> str:
        """The folder an agent works in: one for all runs, brought from base to base."""
        return os.path.join(self.root, "workspaces", "agent")

    def bench(self, number: int) -> str:
        """Return a folder in which a check's command runs, brought from tree to tree."""
        name = f"checks-{number}" if number else "checks"
        return os.path.join(self.root, "workspaces", name)

    @property
    def stages(self) -> str:
        """One folder a run that executed something."""
        return os.path.join(self.root, "stages")

    def stage(self, run_id: str) -> str:
        """Return the folder that holds the tree of the last executed phase."""
        return os.path.join(self.stages, run_id)

    def staging(self, transaction: str) -> str:
        """Return where files wait to be exchanged into a stage: on the same file system."""
        return os.path.join(self.root, "staging", transaction)

    def vault(self, transaction: str) -> str:
        """Return the backup file of a transaction."""
        return os.path.join(self.root, "backups", transaction)

    @property
    def transactions(self) -> str:
        """One record a transaction."""
        return os.path.join(self.root, "transactions")

    def transaction(self, transaction: str) -> str:
        """Return the record of a transaction."""
        return os.path.join(self.transactions, f"{transaction}.jsonl")

    @property
    def scratch(self) -> str:
        """For copies and rehearsals that nobody keeps."""
        return os.path.join(self.root, "scratch")

    @property
    def trash(self) -> str:
        """For what is let go, from its rename to its removal."""
        return os.path.join(self.root, "trash")

    @property
    def start_lock(self) -> str:
        """Held while a run is started."""
        return os.path.join(self.root, "start.lock")

    @property
    def driver_lock(self) -> str:
        """Held by the one process that drives."""
        return os.path.join(self.root, "driver.lock")
