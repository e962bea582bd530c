"""Every error a person can meet, as one tree.

::

    ClubosError
    ├── UsageError              the command or a file given to it is wrong
    │   └── PlanError           a plan file has faults, each with its line
    ├── NotARepository          no repository, or one without a commit
    ├── NeedsPerson             a decision is needed and nobody may assume it
    ├── GateClosed              a required check is failed or unknown
    ├── Stale                   what was shown is not what is there now
    ├── DriverBusy              another process drives this run
    ├── Refused                 doing it would be unsafe
    │   ├── HostilePath         a path that may never be written
    │   ├── RepositoryState     the repository is in the middle of something
    │   └── InTheWay            the person's own files stand where ours would go
    └── Failed                  tried, and undone
        ├── GitFailed           git said no
        ├── BackupFailed        a backup could not be made or read back
        ├── ApplyFailed         a write could not be made
        ├── AgentFailed         the agent could not do its action
        ├── RecordDamaged       the record of a transaction does not verify
        ├── CutShort            neither done nor undone on record: the next start settles it
        └── JournalDamaged      the journal does not verify

Each error says what happened, what was left untouched and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ClubosError(Exception):
    """What happened (``message``), what was left alone (``untouched``), what to do (``cure``)."""

    def __init__(self, message: str, *, untouched: str = "", cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.untouched = untouched
        self.cure = cure


class UsageError(ClubosError):
    """The command line, or a file named on it, is wrong."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a file: where it is, what it is and, where one is near, what was meant."""

    file: str
    line: int
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        hint = f" (did you mean {self.suggestion!r}?)" if self.suggestion else ""
        return f"{self.file}:{self.line}: {self.message}{hint}"


class PlanError(UsageError):
    """A plan file has faults; all of them at once."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(
            "\n".join(str(fault) for fault in faults),
            untouched="No run was started.",
            cure="Correct the plan and try `clubos plan check FILE`.",
        )
        self.faults = tuple(faults)


class NotARepository(ClubosError):
    """There is no git repository here, or it has no commit to come back to."""


class NeedsPerson(ClubosError):
    """A person has to decide, and none is here (P10)."""


class GateClosed(ClubosError):
    """A required check is failed or unknown, so the gate stays shut (P7); ``evidence`` is why."""

    def __init__(
        self,
        message: str,
        *,
        evidence: Sequence[dict[str, object]] = (),
        untouched: str = "",
        cure: str = "",
    ) -> None:
        super().__init__(message, untouched=untouched, cure=cure)
        self.evidence = tuple(evidence)


class Stale(ClubosError):
    """What was shown is no longer what is there; ``paths`` says where they differ (P2)."""

    def __init__(
        self, message: str, *, paths: Sequence[str] = (), untouched: str = "", cure: str = ""
    ) -> None:
        super().__init__(message, untouched=untouched, cure=cure)
        self.paths = tuple(paths)


class DriverBusy(ClubosError):
    """Another process holds the run's lock."""


class Refused(ClubosError):
    """Refused because doing it would not be safe."""


class HostilePath(Refused):
    """A path that may never be written, with the reason."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"{path!r} is refused: {reason}",
            untouched="Nothing was written for it.",
            cure="Take the path out of the proposal.",
        )
        self.path = path
        self.reason = reason


class RepositoryState(Refused):
    """The repository is in the middle of something, or of a form we must not write to."""


class InTheWay(Refused):
    """The person's own files stand where approved files would go."""

    def __init__(
        self,
        paths: Sequence[str],
        what: str,
        cure: str = "Commit, move or restore these files, then try again.",
    ) -> None:
        shown = "\n".join(f"  {path}" for path in paths)
        super().__init__(
            f"{what}:\n{shown}",
            untouched="Nothing has changed: no file, no index entry, no branch.",
            cure=cure,
        )
        self.paths = tuple(paths)


class Failed(ClubosError):
    """Tried, failed and undone."""


class GitFailed(Failed):
    """A git command ended with an error."""


class BackupFailed(Failed):
    """A backup could not be written or read back, so nothing was written (P5)."""


class ApplyFailed(Failed):
    """A file could not be written; the operation was undone."""


class AgentFailed(Failed):
    """The agent could not carry out an action."""


class RecordDamaged(Failed):
    """The record of a transaction does not verify, so nobody can say how far it came."""

    def __init__(self, path: str, line: int) -> None:
        super().__init__(
            f"{path}: line {line} is damaged",
            untouched="Nothing was finished or undone for it.",
            cure="Restore the file from a copy. Without one, compare your files with `git status` "
            "and the folder `backups` beside it, then move the file away.",
        )
        self.path = path


class CutShort(Failed):
    """A step could not be brought to an end or not be recorded; nothing goes on before it is."""


class JournalDamaged(Failed):
    """The journal does not verify; nothing goes on from it."""


# Most specific first; `exit_code` takes the first that fits.
EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (UsageError, 2),
    (NotARepository, 2),
    (NeedsPerson, 3),
    (GateClosed, 4),
    (Stale, 5),
    (DriverBusy, 6),
    (Refused, 7),
    (KeyboardInterrupt, 130),
)


def exit_code(error: BaseException) -> int:
    """Return the exit code for an error; 1 for what failed and was undone."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)
