"""The workspace as tools reach it: by relative paths, and never beyond its folder.

A path is resolved first, links and all; then the place it comes to is opened folder by folder
without following any link, so that one that was swapped in meanwhile leads nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator

from clubos_tui.changes.manifest import FILE, SYMLINK, path_bytes, path_text
from clubos_tui.changes.paths import fold, refusal
from clubos_tui.disk import Found, NotAFile, aside, make_file, move_new, parent_of, read_at
from clubos_tui.workspace.secrets import is_secret

__all__ = ["TOP", "Denied", "Files"]

Leave = Callable[[Collection[bytes]], Collection[bytes]]

TOP = frozenset({"", ".", "./"})
"""How the top of the workspace is written."""


class Denied(Exception):
    """A path that a tool can't use; the message is for the model and names no path of the host."""


class Files:
    """The files of one workspace."""

    def __init__(self, folder: str, withheld: Iterable[str] = ()) -> None:
        """Open a workspace.

        Args:
            folder: Its folder.
            withheld: Paths of the repository that are not in it, because they are secrets.
        """
        self._root = os.path.realpath(folder)
        self._withheld = {fold(path) for path in withheld}

    def place(self, path: str, *, follow: bool = True) -> str:
        """Return where a path comes to, or raise :class:`Denied`.

        Args:
            path: As the model wrote it.
            follow: Whether a link at its end is followed too.
        """
        path = path.removeprefix("./").rstrip("/")
        self._check(path, path)
        folder, _, name = path.rpartition("/")
        if follow:
            real = os.path.realpath(os.path.join(self._root, path))
        else:
            real = os.path.join(os.path.realpath(os.path.join(self._root, folder)), name)
        if os.path.commonpath([self._root, real]) != self._root or real == self._root:
            raise Denied(f"{path} leads out of the workspace through a link")
        place = os.path.relpath(real, self._root)
        self._check(path, place)
        return place

    def folder(self, path: str) -> str:
        """Return a folder within the workspace, ``""`` for its top; raises :class:`Denied`."""
        if path in TOP:
            return ""
        place = self.place(path)
        if not os.path.isdir(os.path.join(self._root, place)):
            raise Denied(f"{path} is no folder")
        return place

    def _check(self, path: str, place: str) -> None:
        reason = refusal(place)
        if reason:
            raise Denied(f"{path or 'an empty path'} can't be used: {reason}")
        if fold(place) in self._withheld:
            raise Denied(f"{path} is withheld: its name says that it holds a secret")

    def read(self, path: str) -> Found:
        """Return what lies at a path; raises :class:`Denied` where no file is there."""
        place = self.place(path)
        if is_secret(place) or is_secret(path):
            raise Denied(f"{path} is not shown: its name says that it holds a secret")
        found = self._found(path, place)
        if found is None:
            raise Denied(f"there is no file {path}")
        return found

    def size(self, path: str) -> int:
        """Return how many bytes lie at a path; 0 where nothing does."""
        try:
            return os.lstat(os.path.join(self._root, self.place(path))).st_size
        except OSError:
            return 0

    def peek(self, path: str) -> Found | None:
        """Return what would be replaced at a path, if anything."""
        return self._found(path, self.place(path))

    def _found(self, path: str, place: str) -> Found | None:
        try:
            with parent_of(self._root, place) as (fd, name):
                found = read_at(fd, name)
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            raise Denied(f"{path}: a file stands where a folder would be") from None
        except NotAFile:
            raise Denied(f"{path} is a folder, or no regular file") from None
        if found is not None and found.mode == SYMLINK:
            raise Denied(f"{path} is a link that leads nowhere")
        return found

    def write(self, path: str, data: bytes) -> None:
        """Put a file in place as a whole; one that is replaced keeps its permissions."""
        place = self.place(path)
        before = self._found(path, place)
        new = Found(FILE, data, before.permissions & 0o777 if before else 0o644)
        part = aside()
        try:
            with parent_of(self._root, place, make=[]) as (fd, name):
                make_file(fd, part, new)
                try:
                    os.rename(part, name, src_dir_fd=fd, dst_dir_fd=fd)
                except BaseException:
                    os.unlink(part, dir_fd=fd)
                    raise
        except NotADirectoryError:
            raise Denied(f"{path}: a file stands where its folder would be") from None
        except OSError as error:
            raise Denied(f"{path} can't be written: {error.strerror}") from None

    def delete(self, path: str) -> None:
        """Delete a file or a link; folders that are empty then go too."""
        place = self.place(path, follow=False)
        try:
            with parent_of(self._root, place) as (fd, name):
                os.unlink(name, dir_fd=fd)
        except FileNotFoundError:
            raise Denied(f"there is no file {path}") from None
        except NotADirectoryError:
            raise Denied(f"there is no file {path}") from None
        except (IsADirectoryError, PermissionError):
            raise Denied(f"{path} is a folder; delete its files one by one") from None
        self._prune(place)

    def move(self, source: str, target: str) -> None:
        """Move a file or a link to a free name."""
        old, new = self.place(source, follow=False), self.place(target, follow=False)
        if self.is_folder(old):
            raise Denied(f"{source} is a folder; move its files one by one")
        try:
            with parent_of(self._root, old) as (from_fd, from_name):
                os.stat(from_name, dir_fd=from_fd, follow_symlinks=False)
                with parent_of(self._root, new, make=[]) as (to_fd, to_name):
                    move_new(from_fd, from_name, to_fd, to_name)
        except FileExistsError:
            raise Denied(f"something is at {target} already; delete it first") from None
        except FileNotFoundError:
            raise Denied(f"there is no file {source}") from None
        except NotADirectoryError:
            raise Denied(f"{source} or {target}: a file stands where a folder would be") from None
        except OSError as error:
            raise Denied(f"{source} can't be moved: {error.strerror}") from None
        self._prune(old)

    def is_folder(self, place: str) -> bool:
        """Tell whether a folder is at a place, and no link to one."""
        whole = os.path.join(self._root, place)
        return os.path.isdir(whole) and not os.path.islink(whole)

    def _prune(self, place: str) -> None:
        folder = place.rpartition("/")[0]
        while folder:
            try:
                with parent_of(self._root, folder) as (fd, name):
                    os.rmdir(name, dir_fd=fd)
            except OSError:  # it holds something else
                return
            folder = folder.rpartition("/")[0]

    def walk(
        self, folder: str = "", leave: Leave = lambda _: frozenset()
    ) -> Iterator[tuple[str, os.stat_result]]:
        """Yield every file and link below a folder, in order; no link is followed.

        Args:
            folder: Where it begins.
            leave: Says which of these paths are to be left alone. A folder ends in ``/``, also
                where it is yielded instead of what is in it.
        """
        top = os.fsencode(os.path.join(self._root, folder))
        found = []
        for name, status, inner in _entries(top):
            path = f"{folder}/{name}" if folder else name
            found.append((f"{path}/" if inner else path, status))
        left = leave([path_bytes(path) for path, _ in found])
        for path, status in found:
            if path.endswith("/") and path_bytes(path) not in left:
                yield from self.walk(path[:-1], leave)
            else:
                yield path, status


def _entries(folder: bytes) -> list[tuple[str, os.stat_result, bool]]:
    try:
        with os.scandir(folder) as found:
            return sorted(
                (path_text(entry.name), entry.stat(follow_symlinks=False),
                 entry.is_dir(follow_symlinks=False))
                for entry in found
            )  # fmt: skip
    except OSError:  # gone, or taken away, meanwhile
        return []
