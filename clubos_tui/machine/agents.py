"""Which agents can run here, and what each would be given: the names of it, never a value."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Final

from clubos_tui.agents.claude.api import key_source
from clubos_tui.agents.needs import given
from clubos_tui.agents.presets import PRESETS, Preset
from clubos_tui.machine.parts import Part
from clubos_tui.machine.seen import Seen

__all__ = ["agents"]

_PROFILES: Final = ("active_config", "configs/default.json")


def agents(seen: Mapping[str, Seen], *, boxed: bool) -> Iterator[Part]:
    """Yield the agents that have names; ``boxed`` tells whether the sandbox holds."""
    yield Part(
        "agents", "blueprint", True,
        purpose="the built-in plan; no key, no network",
    )  # fmt: skip
    yield _claude(boxed=boxed)
    for name, preset in PRESETS.items():
        yield _preset(name, preset, seen[preset.program], boxed=boxed)


def _claude(*, boxed: bool) -> Part:
    source = key_source() or _profile()
    note = [f"key from {source}" if source else "no key"]
    if source and not boxed:
        note.append("runs no commands without the sandbox")
    return Part(
        "agents", "claude", bool(source), purpose="asks a model of Anthropic's",
        cure="" if source else "Set ANTHROPIC_API_KEY, or log in with a profile of the SDK.",
        note="; ".join(note),
    )  # fmt: skip


def _profile() -> str:
    """Return the SDK's own profile, if there seems to be one that no variable names."""
    folder = os.path.join(os.path.expanduser("~"), ".config", "anthropic")
    there = any(os.path.isfile(os.path.join(folder, name)) for name in _PROFILES)
    return "the SDK's profile" if there else ""


def _preset(name: str, preset: Preset, program: Seen, *, boxed: bool) -> Part:
    found = given(preset.needs)
    has = (*found.variables, *(f"~/{path}" for path in found.home))
    cure = off = ""
    if not program.found:
        cure = preset.install
    elif not program.starts:
        off, cure = program.why, preset.install
    elif not boxed:
        off, cure = "runs only in the sandbox", "The sandbox has to hold first."
    elif not has:
        cure = f"Log in with it once, or set {' or '.join(preset.needs.variables[:2])}."
    notes = [f"has {', '.join(has)}" if has else "no key and no login seen" * program.found]
    notes += [program.why] if program.starts and not program.version else []
    return Part(
        "agents", name, program.found, program.version, preset.title, cure, off=off,
        note="; ".join(filter(None, notes)), has=has,
    )  # fmt: skip
