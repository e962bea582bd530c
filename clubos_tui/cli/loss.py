"""In plain lines and as JSON: what a rollback would do to each path, and what recovery did."""

from __future__ import annotations

from collections.abc import Sequence

from clubos_tui.cli.output import emit, say
from clubos_tui.codec import Json
from clubos_tui.engine.effects.asked import Asked
from clubos_tui.engine.views import RollbackPreview
from clubos_tui.events import Recovered
from clubos_tui.ui.wording import operation


def show(preview: RollbackPreview, *, as_json: bool) -> int:
    """Print the loss statement; returns the exit code of a preview."""
    if as_json:
        emit(_json(preview))
        return 0
    if preview.refusal:
        say(f"Nothing would be taken back: {preview.refusal}")
        if preview.error and preview.error.cure:
            say(f"  {preview.error.cure}")
        return 0
    say(f"Phases {', '.join(map(str, preview.phases))} would be taken back:")
    _print_paths("restore {} files", preview.restore)
    _print_paths("delete {} files (kept in the backup)", preview.delete)
    if preview.taken_out:
        _print_paths("take only our part out of {} files you edited", preview.taken_out)
    left = [f"{item.path} ({item.reason})" for item in preview.left]
    _print_paths("leave alone {} files that are not as we last wrote them", left)
    for item in preview.asked:
        _print_asked(item, chosen=item.path in preview.taken_out)
    return 0


def _print_paths(title: str, paths: tuple[str, ...] | list[str]) -> None:
    say(f"  {title.format(len(paths))}")
    for path in paths:
        say(f"    {path}")


def _print_asked(item: Asked, *, chosen: bool) -> None:
    say(f"  {item.path}: you have edited it since")
    for name, blob in (("before", item.before), ("ours", item.ours), ("yours", item.theirs)):
        say(f"    {name:<7} {blob or 'nothing was there'}")
    texts = [("your edit", item.edit)]
    if item.before:
        texts.append(("what would go back", item.part))
    for title, text in texts:
        say(f"    {title}:")
        for line in text.splitlines() or ["only the file's mode"]:
            say(f"      {line}")
    if chosen:
        say("    chosen: only our part goes, your edit stays")
    elif item.refusal:
        say(f"    it is left alone; our part alone can't be taken out: {item.refusal}")
    else:
        say(f"    it is left alone; to take only our part out: --take-out {item.path}")


def _json(preview: RollbackPreview) -> Json:
    error = preview.error
    return {
        "phases": list(preview.phases),
        "restore": list(preview.restore),
        "delete": list(preview.delete),
        "left": [{"path": left.path, "reason": left.reason} for left in preview.left],
        "asked": [_asked_json(item, preview.taken_out) for item in preview.asked],
        "take_out": list(preview.taken_out),
        "refusal": preview.refusal or None,
        "cure": (error.cure or None) if error else None,
    }


def _asked_json(item: Asked, taken_out: tuple[str, ...]) -> Json:
    return {
        "path": item.path,
        "before": item.before or None,
        "ours": item.ours,
        "theirs": item.theirs,
        "edit": item.edit,
        "part": item.part,
        "possible": not item.refusal,
        "why": item.refusal or None,
        "choice": "take out" if item.path in taken_out else "leave alone",
    }


def show_recovered(
    found: Sequence[Recovered], removed: Sequence[str], lock: str, *, as_json: bool
) -> None:
    """Print what was cut short, what was done about it, and whose lock stands in the way."""
    if as_json:
        emit(
            {
                "recovered": [_recovered_json(item) for item in found],
                "removed": list(removed),
                "locked_by_others": lock or None,
            }
        )
        return
    if not found:
        say("Nothing was cut short; there is nothing to recover.")
    for item in found:
        say(f"{operation(item)} ({item.transaction}) was cut short")
        say(f"  found: {item.found}")
        say(f"  {item.direction}: {item.detail}")
        for left in item.left:
            say(f"  left alone: {left.path} ({left.reason})")
        if item.backup:
            say(f"  what it had replaced is kept in {item.backup}")
        if item.cure:
            say(f"  Do: {item.cure}")
    for path in removed:
        say(f"removed what was half written: {path}")
    if lock:
        say(f"The index is locked by another git: {lock}")
        say("  Wait for it to end; if none runs, remove that file.")


def _recovered_json(item: Recovered) -> Json:
    return {
        "transaction": item.transaction,
        "operation": item.purpose,
        "phase": item.phase,
        "place": item.place,
        "found": item.found,
        "direction": item.direction,
        "detail": item.detail,
        "left": [{"path": left.path, "reason": left.reason} for left in item.left],
        "backup": item.backup or None,
        "cure": item.cure or None,
    }
