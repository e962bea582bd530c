"""The manifest of two trees: a row for each path that differs, and which action changed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from clubos_tui.changes.manifest import (
    GITLINK,
    Change,
    Entry,
    TreeId,
    change,
    kind_of,
    pair_renames,
)
from clubos_tui.engine.effects.context import Context

__all__ = ["between", "contents"]


def between(
    context: Context, base: TreeId, tree: TreeId, known: Mapping[str, Change]
) -> tuple[Change, ...]:
    """Return the manifest of ``tree`` on ``base``.

    ``known`` are rows by path that were found before: one that still fits is taken as it is, and
    of one that doesn't the action is kept.
    """
    workshop = context.session.workshop
    different = workshop.trees.diff(base, tree)
    fresh = [
        item
        for item in different
        if (row := known.get(item.path)) is None or (row.before, row.after) != item[1:]
    ]
    old = contents(context, [item.before if item.after else None for item in fresh])
    new = contents(context, [item.after if item.before else None for item in fresh])
    kinds = {
        item.path: kind_of(item.before, item.after, old=was, new=now)
        for item, was, now in zip(fresh, old, new, strict=True)
    }
    rows = []
    for path, before, after in different:
        row = known.get(path)
        if path in kinds:
            rows.append(change(path, before, after, kinds[path], row.action if row else ""))
        else:
            assert row
            rows.append(row)
    effects = {row.effect for row in rows}
    if {"create", "delete"} <= effects:
        return pair_renames(rows, workshop.renames(base, tree))
    return tuple(rows)


def contents(context: Context, entries: Sequence[Entry | None]) -> Iterator[bytes]:
    """Yield the content of each entry; nothing for none and for a submodule."""
    wanted = [entry.blob for entry in entries if entry and entry.mode != GITLINK]
    contents = context.session.workshop.objects.read_all(wanted)
    for entry in entries:
        yield next(contents)[1] if entry and entry.mode != GITLINK else b""
