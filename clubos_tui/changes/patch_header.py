"""What a git patch says about a file before its first hunk: names, modes, ids, binary parts.

The half of `clubos_tui.changes.patch` that knows git's words; use it through that module.
"""

import base64
import re
import zlib
from dataclasses import dataclass

__all__ = ["Binary", "Header", "Lines", "PatchError", "read_binary", "read_header"]


class PatchError(ValueError):
    """The patch can't be read; `line` is the number of the offending line, from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"patch line {line}: {message}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Binary:
    """A change without lines: ``GIT binary patch``, or only the word that the files differ."""

    old_size: int | None
    """Bytes before, or None where the patch doesn't say."""
    new_size: int | None
    lines: tuple[bytes, ...]
    """The patch text of it, as git wrote it."""


@dataclass(frozen=True, slots=True)
class Header:
    """The header of one file; ids and modes are None where unsaid or the side doesn't exist."""

    path: bytes
    old_path: bytes
    created: bool
    deleted: bool
    renamed: bool
    old_mode: str | None
    new_mode: str | None
    old_blob: str | None
    new_blob: str | None
    similarity: int | None
    has_hunks: bool
    lines: tuple[bytes, ...]


class Lines:
    """The lines of a patch and where we are in them."""

    def __init__(self, patch: bytes) -> None:
        self.raw = patch.split(b"\n")
        if self.raw.pop():
            raise PatchError(len(self.raw) + 1, "the last line has no end: the patch is cut off")
        self.at = 0

    def fail(self, message: str) -> PatchError:
        """Return the error that names the current line."""
        return PatchError(self.at + 1, message)

    def peek(self) -> bytes:
        """Return the current line, or nothing at the end."""
        return self.raw[self.at] if self.at < len(self.raw) else b""


_INDEX = re.compile(rb"([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: ([0-7]{6}))?")
_MODE = re.compile(rb"[0-7]{6}")
_PERCENT = re.compile(rb"(100|[0-9]{1,2})%")
_PART = re.compile(rb"(literal|delta) ([0-9]{1,18})")
_ESCAPE = re.compile(rb'\\([0-3][0-7]{2}|[abtnvfr"\\])|\\|"')
_ESCAPES = dict(zip(b"abtnvfr", b"\a\b\t\n\v\f\r", strict=True))
_OLD, _NEW = b"old mode ", b"new mode "
_DELETED, _CREATED = b"deleted file mode ", b"new file mode "
_SIMILAR, _DISSIMILAR = b"similarity index ", b"dissimilarity index "
_FROM, _TO, _IDS = b"rename from ", b"rename to ", b"index "
_FIELDS = (_OLD, _NEW, _DELETED, _CREATED, _SIMILAR, _DISSIMILAR, _FROM, _TO, _IDS)
_ENDS = (b"diff --git ", b"--- ", b"GIT binary patch", b"Binary files ")


def read_header(lines: Lines) -> Header:
    """Read from ``diff --git`` to the line before the first hunk or the binary part."""
    start = lines.at
    if not lines.peek().startswith(b"diff --git "):
        raise lines.fail("expected 'diff --git'")
    lines.at += 1
    fields = _fields(lines)
    old_path, path = _names(lines, start, fields)
    created, deleted, renamed = _CREATED in fields, _DELETED in fields, _FROM in fields
    if created + deleted + renamed > 1:
        raise lines.fail("a file is created, deleted or renamed, not several of these")
    if not fields or (_OLD in fields) != (_NEW in fields):
        raise lines.fail("a file header that doesn't say what changes")
    old_blob, new_blob, mode = _ids(lines, fields)
    old_mode, new_mode = (
        _mode(lines, fields, _DELETED, _OLD),
        _mode(lines, fields, _CREATED, _NEW),
    )
    if not created and not deleted:
        old_mode, new_mode = old_mode or mode, new_mode or mode
    similarity = _PERCENT.fullmatch(fields.get(_SIMILAR, b"0%"))
    if similarity is None:
        raise lines.fail("unreadable similarity")
    if has_hunks := lines.peek().startswith(b"--- "):
        _side(lines, b"--- ", None if created else b"a/" + old_path)
        _side(lines, b"+++ ", None if deleted else b"b/" + path)
    return Header(
        path,
        old_path,
        created,
        deleted,
        renamed,
        old_mode,
        new_mode,
        old_blob,
        new_blob,
        int(similarity[1]) if _SIMILAR in fields else None,
        has_hunks,
        tuple(lines.raw[start : lines.at]),
    )


def _fields(lines: Lines) -> dict[bytes, bytes]:
    """Read the extended header; each line at most once."""
    found: dict[bytes, bytes] = {}
    while line := lines.peek():
        key = next((key for key in _FIELDS if line.startswith(key)), None)
        if key is None:
            break
        if key in found:
            raise lines.fail(f"a second '{key.decode().strip()}'")
        found[key] = line[len(key) :]
        lines.at += 1
    if lines.at < len(lines.raw) and not lines.peek().startswith(_ENDS):
        raise lines.fail("unknown line in a file header")
    return found


def _names(lines: Lines, start: int, fields: dict[bytes, bytes]) -> tuple[bytes, bytes]:
    """Return old and new path. Unquoted names may hold spaces: compare both, split at none."""
    names = lines.raw[start][len(b"diff --git ") :]
    old, new = fields.get(_FROM), fields.get(_TO)
    if (old is None) != (new is None):
        raise lines.fail("'rename from' and 'rename to' belong together")
    if old is None or new is None:
        token = names[: len(names) // 2]
        if not token.startswith((b"a/", b'"a/')):
            raise PatchError(start + 1, "expected the prefixes a/ and b/ before the names")
        old = new = token.replace(b"a/", b"", 1)
    if names != _prefixed(b"a/", old) + b" " + _prefixed(b"b/", new):
        raise PatchError(start + 1, "the two names are not those of one file or its renaming")
    return _unquote(lines, old), _unquote(lines, new)


def _prefixed(prefix: bytes, token: bytes) -> bytes:
    return b'"' + prefix + token[1:] if token.startswith(b'"') else prefix + token


def _unquote(lines: Lines, token: bytes) -> bytes:
    if not token.startswith(b'"'):
        name = token
    elif len(token) < 2 or not token.endswith(b'"'):
        raise lines.fail("a quoted file name has no end")
    else:

        def char(match: re.Match[bytes]) -> bytes:
            code = match[1]
            if code is None:
                raise lines.fail("a bad escape in a quoted file name")
            return bytes((int(code, 8) if len(code) == 3 else _ESCAPES.get(code[0], code[0]),))

        name = _ESCAPE.sub(char, token[1:-1])
    if not name or b"\0" in name:
        raise lines.fail("no file can have this name")
    return name


def _ids(lines: Lines, fields: dict[bytes, bytes]) -> tuple[str | None, str | None, str | None]:
    if _IDS not in fields:
        return None, None, None
    match = _INDEX.fullmatch(fields[_IDS])
    if match is None:
        raise lines.fail("unreadable 'index' line")
    old, new = (blob.decode() if blob.strip(b"0") else None for blob in match.group(1, 2))
    return old, new, match[3].decode() if match[3] else None


def _mode(lines: Lines, fields: dict[bytes, bytes], *keys: bytes) -> str | None:
    value = next((fields[key] for key in keys if key in fields), None)
    if value is not None and not _MODE.fullmatch(value):
        raise lines.fail("a mode is six octal digits")
    return value.decode() if value is not None else None


def _side(lines: Lines, key: bytes, expected: bytes | None) -> None:
    line = lines.peek()
    if not line.startswith(key):
        raise lines.fail(f"expected '{key.decode().strip()}'")
    token = line[len(key) :].removesuffix(b"\t")  # git ends a name that holds a space with a tab
    if (None if token == b"/dev/null" else _unquote(lines, token)) != expected:
        raise lines.fail("this name contradicts the file header")
    lines.at += 1


def read_binary(lines: Lines) -> Binary | None:
    """Read the binary part if one is here."""
    start = lines.at
    if lines.peek().startswith(b"Binary files ") and lines.peek().endswith(b" differ"):
        lines.at += 1
        return Binary(None, None, (lines.raw[start],))
    if lines.peek() != b"GIT binary patch":
        return None
    lines.at += 1
    sizes: list[tuple[int | None, int]] = []
    while len(sizes) < 2 and (match := _PART.fullmatch(lines.peek())):
        lines.at += 1
        first = lines.at
        while line := lines.peek():
            length = line[0] - 64 if line[0] < 0x5B else line[0] - 70  # A-Z is 1-26, a-z 27-52
            if not 1 <= length <= 52 or len(line) != 1 + (length + 3) // 4 * 5:
                raise lines.fail("a line of a binary patch has the wrong length")
            lines.at += 1
        if lines.at == len(lines.raw) or lines.at == first:
            raise lines.fail("a binary patch is cut off")
        sizes.append(_sizes(lines.raw[first], first + 1, match))
        lines.at += 1
    if not sizes:
        raise lines.fail("expected 'literal' or 'delta'")
    # A delta carries both sizes, a literal that of its own side; the second part is the way back.
    old = sizes[0][0] if sizes[0][0] is not None or len(sizes) == 1 else sizes[1][1]
    return Binary(old, sizes[0][1], tuple(lines.raw[start : lines.at]))


def _sizes(data: bytes, number: int, match: re.Match[bytes]) -> tuple[int | None, int]:
    """Return the sizes in bytes before (None if unsaid) and after one part of a binary patch."""
    if match[1] == b"literal":
        return None, int(match[2])
    try:
        head = zlib.decompressobj().decompress(base64.b85decode(data[1:]), 20)
    except (ValueError, zlib.error) as error:
        raise PatchError(number, "a binary delta can't be read") from error
    # A delta opens with both sizes, seven bits a byte, the lowest first.
    values, shift, value = [], 0, 0
    for byte in head:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            values.append(value)
            shift = value = 0
    if len(values) < 2:
        raise PatchError(number, "a binary delta can't be read")
    return values[0], values[1]
