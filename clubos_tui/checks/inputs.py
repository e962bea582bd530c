"""What a check's result rests on, as one hash: where it is the same, so is the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from clubos_tui import __version__
from clubos_tui.changes.manifest import Entry, TreeId, digest
from clubos_tui.changes.paths import folder_of, matches
from clubos_tui.checks.base import below_of
from clubos_tui.checks.files import suffix_of
from clubos_tui.plan import CheckSpec

__all__ = ["inputs_of", "tree_of"]


_OF_A_CHANGE = frozenset({"secrets", "protected", "forbidden", "size", "tamper"})
"""The kinds that look at what a phase changes; the others look at what there is."""


def tree_of(spec: CheckSpec, tree: TreeId, base: TreeId) -> str:
    """Return the same for a check that only reads, and may read all of the tree.

    Args:
        spec: The check.
        tree: What it reads.
        base: What that is a change of.
    """
    plain = dataclasses.replace(spec, name="", canary="", canary_text="")
    held = [tree, base] if spec.kind in _OF_A_CHANGE else [tree]
    return digest({"version": __version__, "check": digest(plain), "held": held})


def inputs_of(spec: CheckSpec, files: Mapping[str, Entry], tree: TreeId, base: TreeId) -> str:
    """Return the SHA-256 of a check and of what it depends on.

    Args:
        spec: The check. Its name, and what it means that it can't be run, are not part of it.
        files: What it is judged on.
        tree: The id of that.
        base: The tree whose cases it must not have fewer than; empty where none are counted.
    """
    plain = dataclasses.replace(spec, name="", if_available=False, canary="", canary_text="")
    patterns = spec.inputs or _implied(spec)
    held = [tree] if not patterns else sorted(_rows(files, patterns))
    return digest({"version": __version__, "check": digest(plain), "held": held, "base": base})


def _implied(spec: CheckSpec) -> tuple[str, ...]:
    """Return what a kind is known to read; nothing where that may be anything."""
    if spec.kind != "migrations":
        return ()
    suffix = suffix_of(spec.paths)
    downs = (path.removesuffix(suffix) + (spec.partner or ".down.sql") for path in spec.paths)
    return (*spec.paths, *downs, *spec.then)


def _rows(files: Mapping[str, Entry], patterns: tuple[str, ...]) -> set[str]:
    out: set[str] = set()
    for pattern in patterns:
        out.update(
            f"{path}\0{entry.mode}\0{entry.blob}"
            for path, entry in below_of(files, folder_of(pattern)).items()
            if matches(path, (pattern,))
        )
    return out
