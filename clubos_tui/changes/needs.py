"""What the kept part of a change set uses and only the rejected part would define.

Names are found by how definitions look in the common languages, without parsing any of them: good
enough to warn a person who drops a helper and keeps its callers, and no proof of anything. Where
in doubt nothing is said; a warning that is mostly wrong is soon not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clubos_tui.changes.manifest import path_text
from clubos_tui.changes.patch import (
    ADDED,
    CONTEXT,
    NO_NEWLINE,
    REMOVED,
    SYMLINK,
    FilePatch,
    Hunk,
    Patch,
)

__all__ = ["Missing", "missing"]


@dataclass(frozen=True, slots=True)
class Missing:
    """A name that is used and would not be there, at its first use."""

    name: str
    path: bytes
    line: int
    """On the new side, from 1."""
    hunk: str
    """`clubos_tui.changes.patch.Hunk.id` of the use."""
    defined_in: bytes
    """The path whose rejected part would define it."""
    defining_hunk: str


def missing(patch: Patch, rejected: Callable[[int], bool]) -> tuple[Missing, ...]:
    """Find the names that kept rows use and that only rejected rows would define.

    Args:
        patch: The change set.
        rejected: Tells of the number of an added or removed row whether it is rejected.

    Returns:
        One for each name, in the order of their first uses.
    """
    gone = bytearray(
        kind in (ADDED, REMOVED) and rejected(row) for row, kind in enumerate(patch.kinds)
    )
    if not any(gone):
        return ()
    defined = _defined(patch, gone)
    modules = {stem: at for stem, at in _modules(patch, gone).items() if stem not in defined}
    return tuple(_uses(patch, gone, defined, modules)) if defined or modules else ()


_Place = tuple[FilePatch, Hunk]
_LONGEST = 64 * 1024  # bytes of a line that are looked at; more is data

_PROSE = re.compile(rb"(?i)\.(?:md|markdown|rst|adoc)$")
# There a name with a sign behind it is a setting.
_SETTINGS = re.compile(rb"(?i)\.(?:toml|ini|cfg|conf|properties|json|ya?ml|lock|csv|svg|css)$")
_COMMENT = re.compile(rb"\s*(?:\#+[\s!]|//|/\*|\*\s|--\s|<!--|;;|'''|\"\"\")")

_WORD = rb"[A-Za-z_\x80-\xff][\w\x80-\xff]*"
_WORDS = re.compile(_WORD)
_TOKENS = re.compile(rb"[\w\x80-\xff][\w\x80-\xff-]*")  # a module's name may hold hyphens
_DEFINITION = re.compile(
    rb"""
    (?P<indent>\s*)
    (?: (?P<shown>(?:(?:export|default|declare|public|private|protected|internal|open|static|async
            |abstract|final|sealed|data|inline|override|virtual|partial|readonly|unsafe|local|const
            |extern(?:\s+"C")?|pub(?:\([\w:\s]{1,40}\))?)\s+){0,6})
        (?: (?: (?: def[pn]? | defmodule | defmacro | class | function | func | fun | fn | sub
              | type | interface | trait | module | namespace | protocol | object | record
              | macro_rules!
              # In C these also stand in front of what has such a type.
              | (?:struct|enum(?:\s+class)?)(?=\s+[\w\x80-\xff]{1,128}\s*(?:$|[:;{<(]|where\b))
              )\s+ | function\s*\*\s* )
            (?:\([^)]{0,200}\)\s*)? (?:\w{1,80}(?:::|\.)){0,5} (?P<named>WORD)
          | (?P<bound>const|let(?:\s+mut)?|var|val|export) \s+ (?P<value>WORD)
        )
      | \#\s*define\s+ (?P<macro>WORD)
      | (?i:create)\s+ (?:(?i:or\s+replace|temp|temporary|unlogged|unique|materialized|recursive
            |external|virtual|global|local)\s+){0,4}
        (?i:table|view|type|function|procedure|index|trigger|sequence|schema|domain)\s+
        (?i:concurrently\s+)? (?i:if\s+not\s+exists\s+)?
        (?:["`\[]?[\w$\x80-\xff]{1,128}["`\]]?\s{0,9}\.\s{0,9}){0,3}
        (?: ["`\[](?P<quoted>WORD)["`\]] | (?P<plain>WORD) )
      | (?P<assigned>WORD)\s{0,40} (?: :[^=]{0,200} )? =(?![=>~])
    )
    """.replace(b"WORD", _WORD),
    re.VERBOSE,
)
_IMPORT = re.compile(
    rb"\s*+(?:(?:pub\s+)?(?:import|from|use|mod)\b|(?:\#\s*)?(?:include|require)"
    rb"|export\b.{0,500}?\bfrom\b|\}\s*from\b|.{0,500}?\b(?:require(?:_relative)?|import)\b\s*\(?\s*[\"'])"
)
_PACKAGE = {b"__init__", b"index", b"mod"}  # the file that stands for its folder

# Too short or too common to tell anything.
_COMMON = frozenset(
    b"""
    self this that cls super null none nil true false undefined void int str string bool boolean
    float double char byte bytes list dict set map array object tuple type any all some
    for while not and but the with from into then else elif case when where return yield await
    async try except catch finally raise throw new delete del import export default class def
    function func module public private protected static const let var val extends implements
    out err error are was has have its can may must will each one two only other same such what
    which who main test self data name names value values key keys item index idx num count size
    len length line text file path dir root base node prev next last first start stop end begin
    open close read write load save get put post add pop push update remove clear run call exec
    init setup copy print log args kwargs params options config settings context ctx state props
    result response request res req msg message event callback app api url uri code status mode
    kind title label description version date time now tmp temp foo bar baz old left right min max
    sum constructor prototype exports
    """.split()
)


def _telling(name: bytes) -> bool:
    dunder = name.startswith(b"__") and name.endswith(b"__")
    return len(name) >= 3 and not dunder and name.lower() not in _COMMON


def _definition(line: bytes, *, shared: bool, settings: bool = False) -> bytes | None:
    """Return the name that a row defines.

    Args:
        line: The row's content.
        shared: Whether a name counts only where other places can use it.
        settings: Whether the file holds settings, whose names nothing calls.
    """
    match = _DEFINITION.match(line)
    if not match:
        return None
    inner = bool(match["indent"])
    if match["assigned"]:
        return None if inner or (shared and settings) else match["assigned"]
    if match["bound"]:
        if match["bound"] == b"export" and not line[match.end() :].lstrip().startswith(b"="):
            return None
        return None if shared and inner and not match["shown"] else match["value"]
    return match["named"] or match["macro"] or match["quoted"] or match["plain"]


def _hunks(patch: Patch) -> Iterator[_Place]:
    """Yield the hunks that hold what programs are made of."""
    for file in patch.files:
        if SYMLINK not in (file.old_mode, file.new_mode) and not _PROSE.search(file.path):
            for hunk in file.hunks:
                yield file, hunk


def _defined(patch: Patch, gone: bytearray) -> dict[bytes, _Place]:
    """Return the telling names that rejected rows would define, each where that is first."""
    out: dict[bytes, _Place] = {}
    for file, hunk in _hunks(patch):
        settings = bool(_SETTINGS.search(file.path))
        for row in hunk.rows:
            if gone[row] and patch.kinds[row] == ADDED:
                line = patch.lines[row][1:_LONGEST]
                name = _definition(line, shared=True, settings=settings)
                if name and _telling(name) and not _COMMENT.match(line):
                    out.setdefault(name, (file, hunk))
    return out


def _modules(patch: Patch, gone: bytearray) -> dict[bytes, _Place]:
    """Return the new files of which nothing is kept, by the name they are imported by."""
    out: dict[bytes, _Place] = {}
    staying: set[bytes] = set()
    for file in patch.files:
        stem = _stem(file.path)
        if file.kind == "create" and file.added and all(gone[row] for row in _added(patch, file)):
            if _telling(stem) and not _PROSE.search(file.path):
                out.setdefault(stem, (file, file.hunks[0]))
        elif file.kind != "delete":
            staying.add(stem)
    return {stem: place for stem, place in out.items() if stem not in staying}


def _added(patch: Patch, file: FilePatch) -> Iterator[int]:
    return (row for row in file.rows if patch.kinds[row] == ADDED)


def _stem(path: bytes) -> bytes:
    folders, _, name = path.rpartition(b"/")
    stem = name.split(b".", 1)[0]
    return folders.rpartition(b"/")[2] if stem in _PACKAGE and folders else stem


def _uses(
    patch: Patch, gone: bytearray, defined: dict[bytes, _Place], modules: dict[bytes, _Place]
) -> Iterator[Missing]:
    """Yield the first use of each name that nothing else in the patch defines."""
    known = {*defined, *modules}
    shapes = (_WORDS, _TOKENS) if modules else (_WORDS,)
    found: dict[bytes, tuple[_Place, int]] = {}
    for file, hunk in _hunks(patch):
        whole = b"\n".join(patch.lines[hunk.rows.start : hunk.rows.stop])
        if not any(known.intersection(shape.findall(whole)) for shape in shapes):
            continue
        for row in hunk.rows:
            kind = patch.kinds[row]
            # What is in the file afterwards: context, kept additions and rejected removals.
            if kind == NO_NEWLINE or (kind != CONTEXT and gone[row] != (kind == REMOVED)):
                continue
            line = patch.lines[row][1:_LONGEST]
            words = [word for word in _WORDS.findall(line) if word in defined]
            name = _definition(line, shared=False) if words else None
            if name in defined:
                del defined[name]
                found.pop(name, None)
            if kind == ADDED and (words or modules) and not _COMMENT.match(line):
                if modules and _IMPORT.match(line):
                    words = [word for word in _TOKENS.findall(line) if word in known]
                for word in words:
                    if word in defined or word in modules:
                        found.setdefault(word, ((file, hunk), row))
    for name, ((file, hunk), row) in found.items():
        other, source = defined.get(name) or modules[name]
        yield Missing(
            path_text(name), file.path, patch.new_lines[row], hunk.id, other.path, source.id
        )
