"""Patches to measure with: code of two languages, the same one for each size."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

FILES = 50
A_HUNK = 25  # changed rows
CONTEXT = 3
APART = 20  # unchanged lines between two hunks

_PYTHON = (
    "    {a} = self.{b}.get({n}, default={c})",
    "    if {a} is None or {b} > {n}:",
    '        raise ValueError(f"{a} {{{b}}} is beyond {n}")  # {c} keeps them apart',
    "    for {a}, {b} in enumerate({c}, start={n}):",
    "        {a}.append(({b}, {c} + {n}))",
    "    return [{a}({b}) for {b} in {c} if {b} != {n}]",
)
_TYPESCRIPT = (
    "  const {a} = await this.{b}.find({{ id: {n}, {c} }});",
    "  if (!{a} || {b}.length > {n}) {{",
    "    throw new RangeError(`{a} ${{{b}}} is beyond {n}`); // {c}",
    "  export async function {a}({b}: string, {c} = {n}): Promise<number> {{",
    "    {a}.push({{ {b}, {c}: {c} + {n} }});",
    "  return {a}.filter(({b}) => {b}.{c} !== {n});",
)
_NAMES = ("member", "event", "season", "invoice", "balance", "guest", "court", "coach", "total")


class Version(NamedTuple):
    """A file before and after."""

    path: str
    old: str
    new: str


class Made(NamedTuple):
    """A patch, and the same as pairs of texts for widgets that take no patch."""

    patch: str
    files: list[Version]
    rows: int
    hunks: int


def make_patch(changed: int) -> Made:
    """Return a patch of 50 files with so many changed rows, about 25 to a hunk."""
    choose = random.Random(changed)
    patch: list[str] = []
    files: list[Version] = []
    hunks = 0
    for number in range(FILES):
        python = number % 2 == 0
        path = f"src/part{number % 7}/module{number:02}.{'py' if python else 'ts'}"
        lines = _PYTHON if python else _TYPESCRIPT
        old: list[str] = []
        new: list[str] = []
        patch += [
            f"diff --git a/{path} b/{path}\n",
            f"index {number + 1:040x}..{number + 91:040x} 100644\n",
            f"--- a/{path}\n",
            f"+++ b/{path}\n",
        ]

        def some(count: int, lines: Sequence[str] = lines) -> list[str]:
            return [
                choose.choice(lines).format(
                    a=choose.choice(_NAMES), b=choose.choice(_NAMES), c=choose.choice(_NAMES),
                    n=choose.randrange(10_000),
                ) + "\n"
                for _ in range(count)
            ]  # fmt: skip

        left = (number + 1) * changed // FILES - number * changed // FILES
        while left:
            size = min(A_HUNK, left)
            left -= size
            gap = some(APART)
            removed = some(size // 2)
            added = [line.replace("(", "(0, ", 1).replace("  ", "   ", 1) for line in removed]
            added += some(size - 2 * (size // 2))
            before, after = some(CONTEXT), some(CONTEXT)
            old += gap
            new += gap
            spans = (
                f"-{len(old) + 1},{2 * CONTEXT + len(removed)}",
                f"+{len(new) + 1},{2 * CONTEXT + len(added)}",
            )
            name = choose.choice(_NAMES)
            heading = f"def {name}{hunks}(self):" if python else f"export class {name} {{"
            patch.append(f"@@ {' '.join(spans)} @@ {heading}\n")
            for sign, part in ((" ", before), ("-", removed), ("+", added), (" ", after)):
                patch += [sign + line for line in part]
            old += before + removed + after
            new += before + added + after
            hunks += 1
        files.append(Version(path, "".join(old), "".join(new)))
    return Made("".join(patch), files, len(patch), hunks)
