"""Which paths may never be written (P8), decided on the name alone.

git refuses some of these in some commands and takes or silently drops them in others, so the
decision is ours and comes before git sees a path.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable

from clubos_tui.changes.manifest import path_bytes

MAX_COMPONENT = 255  # bytes, the limit of common file systems
MAX_PATH = 4096  # bytes, Linux's PATH_MAX
MAX_DEPTH = 200  # folders; git and everybody's tools go down a tree by recursion

# Code points that HFS+ ignores in a name, so that `.g<ZWNJ>it` opens `.git` there.
_HFS_IGNORED = dict.fromkeys(
    [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
)
_DOS_DEVICE = re.compile(r"(?i)^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\.|$)")
_GIT_FILES = frozenset({".gitattributes", ".gitignore", ".gitmodules", ".mailmap"})
_DOS_SHORT_GIT = re.compile(r"(?i)^git~[0-9]+$")


def refusal(path: str) -> str | None:
    """Return why ``path`` may not be written, or ``None`` where it may."""
    try:
        raw = path_bytes(path)
    except UnicodeEncodeError:
        return "it holds characters that no file name can hold"
    if not raw:
        return "it is empty"
    if len(raw) > MAX_PATH:
        return f"it is longer than {MAX_PATH} bytes"
    if b"\0" in raw:
        return "it holds a NUL byte"
    if raw.count(b"/") > MAX_DEPTH:
        return f"it lies deeper than {MAX_DEPTH} folders"
    if raw.startswith(b"/"):
        return "it is absolute and would leave the workspace"
    for component in path.split("/"):
        reason = _component_refusal(component)
        if reason:
            return reason
    return None


def _component_refusal(name: str) -> str | None:
    if name in {"", "."}:
        return "it has an empty component"
    if name == "..":
        return "it would leave the workspace"
    if len(path_bytes(name)) > MAX_COMPONENT:
        return f"a component is longer than {MAX_COMPONENT} bytes"
    if is_dot_git(name):
        return "it would touch a .git folder"
    if "\\" in name or re.match(r"^[A-Za-z]:", name):
        return "it would leave the folder on Windows"
    if name[-1] in ". ":
        return "it ends in a dot or space, which Windows drops"
    if _DOS_DEVICE.match(name):
        return "it is a device name on Windows"
    return None


def is_dot_git(name: str) -> bool:
    """Tell whether some file system opens ``.git`` when asked for ``name``."""
    if name.isascii() and "git" not in name.lower():
        return False
    folded = unicodedata.normalize("NFC", name.translate(_HFS_IGNORED)).casefold()
    for part in folded.split("\\"):
        stem = part.split(":", 1)[0].rstrip(". ")
        if stem == ".git" or _DOS_SHORT_GIT.match(stem):
            return True
    return False


def link_refusal(path: str, target: bytes) -> str | None:
    """Return why a symbolic link at ``path`` may not point to ``target``."""
    if not target:
        return "its link target is empty"
    if target.startswith(b"/"):
        return "its link target is absolute"
    if path.rsplit("/", 1)[-1].casefold() in _GIT_FILES:
        return "git does not follow a link there"
    up, named = 0, False
    for part in target.split(b"/"):
        if part == b"..":
            if named:  # what was named may itself be a link, and then `..` is anywhere
                return "its link target goes into a folder and out again"
            up += 1
        elif part not in {b"", b"."}:
            named = True
            if is_dot_git(part.decode("utf-8", "surrogateescape")):
                return "its link target is a .git folder"
    if up > path.count("/"):
        return "its link target leaves the workspace"
    return None


def collision(paths: Iterable[str]) -> tuple[str, str] | None:
    """Return the first two paths that are one on a case-insensitive or normalising disk.

    A file and a folder collide as well as two files; two spellings of one folder do not.
    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    known: set[str] = set()
    for path in paths:
        key = fold(path)
        other = files.setdefault(key, path)
        if other != path:
            return other, path
        if key in folders:
            return folders[key], path
        folder = path.rpartition("/")[0]
        while folder and folder not in known:
            known.add(folder)
            key = fold(folder)
            folders.setdefault(key, path)
            if key in files:
                return files[key], path
            folder = folder.rpartition("/")[0]
    return None


def fold(path: str) -> str:
    """Return what a case-insensitive or normalising disk takes ``path`` for."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def matches(path: str, patterns: Iterable[str]) -> str | None:
    """Return the first pattern that ``path`` falls under.

    A pattern is a glob over the whole path (``*`` stays inside a component, ``**`` does not); a
    pattern that names a folder covers all that is in it.
    """
    for pattern in patterns:
        if _pattern(pattern).fullmatch(path):
            return pattern
    return None


def folder_of(pattern: str) -> str:
    """Return the folder that everything a pattern matches lies in, ``""`` for the whole tree."""
    text = pattern.strip("/")
    if "/" not in text:
        return ""
    fixed = itertools.takewhile(lambda part: not {"*", "?"} & set(part), text.split("/")[:-1])
    return "/".join(fixed)


def matcher(patterns: Iterable[str]) -> re.Pattern[str]:
    """Return one expression for many patterns; ``fullmatch`` tells whether any of them matches."""
    return re.compile("|".join(f"(?:{_pattern(item).pattern})" for item in patterns), re.DOTALL)


_compiled: dict[str, re.Pattern[str]] = {}


def _pattern(pattern: str) -> re.Pattern[str]:
    compiled = _compiled.get(pattern)
    if compiled is None:
        text, out = pattern.rstrip("/"), ""
        if "/" not in text and not text.startswith("**"):
            out = "(?:.*/)?"  # like .gitignore: a bare name matches in any folder
        index = 0
        while index < len(text):
            if text.startswith("**/", index):
                out, index = out + "(?:.*/)?", index + 3
            elif text.startswith("**", index):
                out, index = out + ".*", index + 2
            elif text[index] == "*":
                out, index = out + "[^/]*", index + 1
            elif text[index] == "?":
                out, index = out + "[^/]", index + 1
            else:
                out, index = out + re.escape(text[index]), index + 1
        compiled = _compiled[pattern] = re.compile(out.lstrip("/") + "(?:/.*)?", re.DOTALL)
    return compiled
