"""A second process does one harmful thing at one moment of an operation, and ends.

The moments are those a transaction names itself, and both sides of the last look before the
commit. What the second process did must be there afterwards, and nothing beyond its reach.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

from support.journey import WHO, Journey
from support.repo import Repo, leftovers

from clubos_tui.apply.hooks import Hooks
from clubos_tui.apply.transaction import Transaction
from clubos_tui.engine.effects import execute, merge
from faults.fork import fork
from faults.ground import TOUCHED, Ground
from faults.outcome import Outcome

VICTIM = "src/app.txt"  # a touched file in a folder; every operation here replaces it
OPERATIONS: dict[str, tuple[str, Callable[[Journey], object]]] = {
    "execute": ("proposed", lambda run: run.approve().try_execute()),
    "rollback of the stage": ("validated", lambda run: run.try_roll_back(1)),
    "merge": ("validated", lambda run: run.try_merge()),
    "rollback of the merge": ("merged", lambda run: run.try_roll_back(1)),
    "undo": ("reverted", lambda run: (run.run.undo(by=WHO), run.settle())),
}
ON_CHECKOUT = ("merge", "rollback of the merge", "undo")


@dataclass(frozen=True)
class Malice:
    """One harmful thing: ``do`` it under a root, and require later that it is ``still`` there."""

    do: Callable[[Repo, Path], object]
    still: Callable[[Repo, Path], bool]


def _swap_parent(repo: Repo, root: Path) -> None:
    shutil.move(root / "src", outside(root) / "src-before")
    (root / "src").symlink_to(outside(root))


def _replace(make: Callable[[Path], object]) -> Callable[[Repo, Path], None]:
    def do(_repo: Repo, root: Path) -> None:
        place = root / VICTIM
        if place.is_symlink() or place.exists():
            place.unlink()
        place.parent.mkdir(exist_ok=True)
        make(place)

    return do


def _folder(place: Path) -> None:
    place.mkdir()
    (place / "inside.txt").write_bytes(b"mine\n")


def outside(root: Path) -> Path:
    """Return the folder beside a root that nothing of ours may ever reach."""
    return root.parent / "outside"


def _commit(repo: Repo, path: str) -> None:
    """Commit a path as a person would; where git finds a lock, it was refused."""
    repo.write(path, "mine, committed\n")
    repo.ask("add", "--", path)
    repo.ask("commit", "-q", "--no-verify", "-m", "mine", "--", path)


def _committed(repo: Repo, path: str) -> bool:
    log = repo.git("log", "--format=%H", "--grep=^mine$", "main")
    content = repo.read(path) if (repo.root / path).is_file() else b""
    return content == b"mine, committed\n" or (
        bool(log) and repo.git("show", f"{log.split()[0]}:{path}") == "mine, committed"
    )


def _is(data: bytes) -> Callable[[Repo, Path], bool]:
    return lambda _repo, root: (root / VICTIM).read_bytes() == data


# What works on any folder, and what only a repository can suffer.
ON_FILES: dict[str, Malice] = {
    "edits": Malice(_replace(lambda place: place.write_bytes(b"mine\n")), _is(b"mine\n")),
    "saves by renaming": Malice(
        lambda repo, root: (
            (root / "src/.app.swp").write_bytes(b"mine\n"),
            os.replace(root / "src/.app.swp", root / VICTIM),
        ),
        _is(b"mine\n"),
    ),
    "makes a folder of it": Malice(
        _replace(_folder),
        lambda repo, root: (root / VICTIM / "inside.txt").read_bytes() == b"mine\n",
    ),
    "makes a pipe of it": Malice(
        _replace(lambda place: os.mkfifo(place)), lambda repo, root: (root / VICTIM).is_fifo()
    ),
    "makes a link of it": Malice(
        _replace(lambda place: place.symlink_to(outside(place.parent.parent) / "target")),
        lambda repo, root: (root / VICTIM).is_symlink(),
    ),
    "swaps its folder for a link to outside": Malice(
        _swap_parent, lambda repo, root: (root / "src").is_symlink()
    ),
}
ON_REPOSITORY: dict[str, Malice] = {
    "commits something": Malice(
        lambda repo, root: _commit(repo, "own.txt"), lambda repo, root: _committed(repo, "own.txt")
    ),
    "commits the file": Malice(
        lambda repo, root: _commit(repo, VICTIM), lambda repo, root: _committed(repo, VICTIM)
    ),
    "stages the file": Malice(
        lambda repo, root: (
            repo.write(VICTIM, "mine, staged\n"), repo.ask("add", "--", VICTIM)
        ),
        lambda repo, root: repo.read(VICTIM) == b"mine, staged\n",
    ),
    "takes the index's lock": Malice(
        lambda repo, root: _take_lock(repo), lambda repo, root: _has_lock(repo)
    ),
    "switches the branch": Malice(
        lambda repo, root: repo.ask("switch", "-q", "side"), lambda repo, root: True
    ),
}  # fmt: skip
MALICE = {**ON_FILES, **ON_REPOSITORY}
_LOCK = b"the next index of another git"


def _take_lock(repo: Repo) -> None:
    with contextlib.suppress(FileExistsError), open(repo.root / ".git/index.lock", "xb") as file:
        file.write(_LOCK)
        (repo.root.parent / "locked").touch()


def _has_lock(repo: Repo) -> bool:
    lock = repo.root / ".git/index.lock"
    return not (repo.root.parent / "locked").exists() or lock.read_bytes() == _LOCK


@contextlib.contextmanager
def moments(visit: Callable[[str], None]) -> Iterator[None]:
    """Call ``visit`` with the name of each moment of every transaction."""
    watched, look_again = execute.watched, Transaction.look_again

    def also(hooks: Hooks, moves: object, context: object) -> Hooks:
        return replace(watched(hooks, moves, context), step=visit)  # type: ignore[arg-type]

    def looked(self: Transaction) -> None:
        visit("before the last look")
        look_again(self)
        visit("after the last look")

    with (
        mock.patch.object(execute, "watched", also),
        mock.patch.object(merge, "watched", also),
        mock.patch.object(Transaction, "look_again", looked),
    ):
        yield


def moments_of(place: Ground, operation: str) -> list[str]:
    """Return the names of the moments that an undisturbed operation passes."""
    stage, work = OPERATIONS[operation]
    run = place.lay_out(stage)
    run.open()
    passed: list[str] = []
    with moments(passed.append):
        work(run)
    run.close()
    return passed


def race(place: Ground, operation: str, malice: str, moment: str) -> Outcome:
    """Do ``malice`` in a second process at one moment of an operation; judge what is then there."""
    stage, work = OPERATIONS[operation]
    run = place.lay_out(stage)
    for left in (outside(place.root), place.folder / "locked", outside(Path(place.state))):
        shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
    run.open()
    root = place.root if operation in ON_CHECKOUT else Path(run.stage)
    away = outside(root)
    away.mkdir(parents=True, exist_ok=True)
    (away / "app.txt").write_bytes(b"not ours\n")
    (away / "target").write_bytes(b"not ours\n")
    deed = MALICE[malice]
    done: list[int] = []

    def visit(name: str) -> None:
        if name == moment and not done:
            done.append(os.waitpid(fork(lambda: deed.do(place.repo, root)), 0)[1])

    old = place.repo.git("rev-parse", "main")
    with moments(visit):
        work(run)
    assert done == [0], "the second process could not do it"
    case = f"{operation}: a second process {malice} at {moment!r}"
    moved = place.repo.git("rev-parse", "main") != old
    assert deed.still(place.repo, root), f"{case}: what it did is gone"
    for name in ("app.txt", "target"):
        assert (away / name).read_bytes() == b"not ours\n", f"{case}: written outside"
    assert len(list(away.iterdir())) <= 3, f"{case}: {list(away.iterdir())} outside"
    (place.root / ".git/index.lock").unlink() if (place.folder / "locked").exists() else None
    assert leftovers(place.repo, place.state) == [], case
    require_told(run, case)
    if operation in ON_CHECKOUT and malice not in {"switches the branch"}:
        require_unmixed(place, {VICTIM, "src/old.txt", "own.txt"}, case)
    run.close()
    shutil.rmtree(away)
    return Outcome(1, before=int(not moved), after=int(moved))


def require_told(run: Journey, case: str) -> None:
    """It either failed with plain words, or says which paths it left."""
    failure = run.view.failure
    assert failure is None or (failure.error and failure.untouched), case


def require_unmixed(place: Ground, theirs: set[str], case: str) -> None:
    """What the second process did not touch is in file, index and branch the same."""
    for row in place.repo.git("status", "--porcelain", "-z", "--no-renames").split("\0"):
        path = row[3:].rstrip("/")
        ours = [item for item in TOUCHED if item == path or item.startswith(path + "/")]
        assert not row or not set(ours) - theirs, f"{case}: mixed: {row}"


def cases(place: Ground) -> list[tuple[str, str, str]]:
    """Return every (operation, malice, moment)."""
    out = []
    for operation in OPERATIONS:
        deeds = MALICE if operation in ON_CHECKOUT else ON_FILES
        for moment in moments_of(place, operation):
            out += [(operation, malice, moment) for malice in deeds]
    return out
