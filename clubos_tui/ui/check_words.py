"""What the log says of checks, gates and rehearsals, and of what people do about them. Pure."""

from __future__ import annotations

from clubos_tui import events as e
from clubos_tui.checks.guard import TAMPER
from clubos_tui.ui.values import Level, count

__all__ = ["checked"]

_OUTCOMES: dict[str, Level] = {
    "passed": "success",
    "failed": "error",
    "unknown": "error",
    "not run": "info",
}


def checked(event: e.Event) -> tuple[Level, str, str] | None:
    """Return level, text and detail of an event that is about checks."""
    match event:
        case e.Overridden() if event.check == TAMPER:
            said = f"{event.by} lets phase {event.phase} change what judges it: {event.reason}"
            return "warning", said, "The phase itself is approved apart from this."
        case e.Overridden():
            return "warning", f"{event.by} overrode {event.check}: {event.reason}", ""
        case e.ChecksRequested():
            what = ", ".join(event.checks) or "all checks"
            return "info", f"{event.by} asked for {what} of phase {event.phase} again", ""
        case e.CheckStarted():
            return "debug", f"Check {event.check}: begun", ""
        case e.CheckFinished() if event.check == TAMPER and event.outcome == "failed":
            said = f"Phase {event.phase} changes what judges it: {event.summary}"
            return "error", said, "\n".join(event.evidence)
        case e.CheckFinished():
            level = _OUTCOMES[event.outcome] if event.required else "info"
            level = "success" if event.outcome == "passed" else level
            return (
                level,
                f"Check {event.check}: {event.outcome}: {event.summary}",
                "\n".join((*event.evidence, f"tool {event.tool}" if event.tool else "")).strip(),
            )
        case e.CheckProved():
            caught = "finds" if event.caught else "does not find"
            said = f"Check {event.check} {caught} a seeded fault: {event.detail}"
            return "success" if event.caught else "error", said, ""
        case e.Rehearsed() if event.identical:
            paths = event.paths or event.files
            return "success", f"Undo proven: {count(paths, 'path')} identical", ""
        case e.Rehearsed():
            return "error", f"Rollback rehearsal differs: {event.detail}", ""
        case e.ChecksFinished():
            opened: Level = "success" if event.open else "warning"
            return opened, f"Gate of the {event.scope} is {'open' if event.open else 'shut'}", ""
    return None
