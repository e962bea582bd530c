"""A change set as it is looked at: its patch in the order of risk, and what was there before.

Pure, and made beside the loop: everything that costs time per line is here.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clubos_tui.changes.alike import alike
from clubos_tui.changes.attention import Attention, attention, in_order
from clubos_tui.changes.decisions import Decision, Draft, FileDraft, Verdict
from clubos_tui.changes.manifest import Change, path_bytes, path_text
from clubos_tui.changes.needs import Missing, missing
from clubos_tui.changes.patch import FilePatch, Hunk, Patch, parse
from clubos_tui.changes.selection import (
    Standing,
    hunk_standing,
    rejected_rows,
    standing,
    whole_files,
)
from clubos_tui.ui.diff.scene import Selected
from clubos_tui.ui.listing import Listing
from clubos_tui.ui.text import decode, visible

__all__ = ["Review", "copied", "editor", "hasty", "review"]

_JUDGES = -1  # before all others
READING = 12
"""Changed lines a second; nobody reads code faster."""


@dataclass(frozen=True, slots=True)
class Review:
    """One change set."""

    change_set: str
    patch: Patch
    reasons: Mapping[bytes, Attention] = field(default_factory=dict)
    alike: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fresh: frozenset[str] | None = None
    since: Patch | None = None
    """What changed since the one before it, where there was one."""
    parts: Mapping[str, FilePatch] = field(default_factory=dict)
    """The files of which parts can be decided on, by path."""
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Path and line of each hunk of these."""

    whole: Mapping[str, int] = field(default_factory=dict)
    """How many entries of the patch each other path has; nearly always one."""
    listing: Listing = field(default_factory=lambda: Listing(()))
    _done: dict[str, tuple[FileDraft, int]] = field(default_factory=dict, compare=False)

    def pending(self, draft: Draft) -> int:
        """Return how many hunks, and files that have none, nobody has decided on.

        Only files with other decisions than last time are counted anew.
        """
        left = len(self.places) + sum(self.whole.values())
        for path, own in draft.files.items():
            known = self._done.get(path)
            if known is None or known[0] is not own:
                known = self._done[path] = own, self._decided(path, own)
            left -= known[1]
        return left

    def _decided(self, path: str, own: FileDraft) -> int:
        file = self.parts.get(path)
        if not own.divided or file is None:
            parts = self.whole.get(path, 0) if file is None else len(file.hunks)
            return 0 if own.verdict == "pending" else parts
        words = [hunk_standing(self.patch, hunk, own) for hunk in file.hunks]
        return len(words) - words.count("pending") - words.count("partly")

    def missing(self, draft: Draft) -> tuple[Missing, ...]:
        """Return what is kept and uses a name that only something rejected defines."""
        return missing(self.patch, rejected_rows(self.patch, draft).__contains__)

    def on_hunk(
        self,
        file: FilePatch,
        hunk: Hunk,
        selected: Selected | None,
        verdict: Verdict,
        note: str = "",
    ) -> list[Decision]:
        """Return the decisions that a key on a hunk means: its alike ones go with it."""
        path = path_text(file.path)
        if path not in self.parts:
            return [Decision(path, verdict, note)]
        if selected and selected.first in hunk.rows:
            first = selected.first - hunk.rows.start + 1
            last = selected.last - hunk.rows.start + 1
            rows = range(selected.first, hunk.rows.stop)
            line = next((self.patch.new_lines[at] for at in rows if self.patch.new_lines[at]), 0)
            return [Decision(path, verdict, note, hunk.id, first, last, line)]
        return [
            Decision(self.places[one][0], verdict, note, one, line=self.places[one][1])
            for one in self.alike.get(hunk.id, (hunk.id,))
            if one in self.places
        ]

    def undecided(self, draft: Draft, verdict: Verdict, folder: str = "") -> list[Decision]:
        """Return decisions on all in a folder (or everywhere) that nobody has decided on."""
        out = []
        for path in dict.fromkeys(path_text(file.path) for file in self.patch.files):
            if folder and not path.startswith(f"{folder}/"):
                continue
            own, file = draft.of(path), self.parts.get(path)
            if not own.divided or file is None:
                out += [Decision(path, verdict)] if own.verdict == "pending" else []
                continue
            for hunk in file.hunks:
                if hunk_standing(self.patch, hunk, own) in ("pending", "partly"):
                    out += self._rest(path, hunk, own, verdict)
        return out

    def _rest(self, path: str, hunk: Hunk, own: FileDraft, verdict: Verdict) -> list[Decision]:
        line = self.places[hunk.id][1]
        lines = own.lines.get(hunk.id, ())
        kept = [part for part in lines if part.verdict != "pending"]
        return [Decision(path, verdict, hunk=hunk.id, line=line), *kept]


def review(
    change_set: str,
    manifest: Sequence[Change],
    patch: bytes,
    protected: Sequence[str],
    before: bytes,
    since: bytes,
    judging: Mapping[str, str] | None = None,
) -> Review:
    """Read a change set.

    Args:
        change_set: Its id.
        manifest: Its rows.
        patch: It as a git patch.
        protected: The patterns of protected paths.
        before: The patch of the change set before it; empty where there was none.
        since: What changed from that to this one.
        judging: By path, why it judges the change set that it is part of.
    """
    read = parse(patch)
    reasons = attention(read, protected)
    for path, why in (judging or {}).items():
        reasons[path_bytes(path)] = Attention(_JUDGES, f"judges this phase: {why}")
    read = in_order(read, reasons)
    parts = whole_files(read)
    fresh = None
    if before:
        known = {hunk.id for file in parse(before).files for hunk in file.hunks}
        fresh = frozenset(hunk.id for file in read.files for hunk in file.hunks) - known

    def divided(path: str, own: FileDraft) -> Standing:
        return standing(read, parts[path], own) if path in parts else "partly"

    return Review(
        change_set,
        read,
        reasons,
        alike(read),
        fresh,
        parse(since) if since else None,
        parts,
        {hunk.id: (path, hunk.new_start) for path, file in parts.items() for hunk in file.hunks},
        Counter(path for file in read.files if (path := path_text(file.path)) not in parts),
        Listing(manifest, reasons, divided),
    )


def hasty(lines: int, seconds: float) -> bool:
    """Tell whether so many changed lines can't have been read in that time."""
    return seconds < lines / READING


def copied(patch: Patch, hunk: Hunk) -> str:
    """Return a hunk's rows for the clipboard: its lines and tabs, no other control character."""
    rows = patch.lines[hunk.rows.start : hunk.rows.stop]
    return "\n".join("\t".join(map(visible, decode(row).split("\t"))) for row in rows)


def editor(path: str, line: int) -> list[str]:
    """Return the command that opens a file at a line in the person's editor."""
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    command = shlex.split(chosen) or ["vi"]
    name = os.path.basename(command[0])
    if name in {"code", "codium", "cursor"}:
        wait = [] if {"-w", "--wait"} & set(command) else ["--wait"]
        return [*command, *wait, "--goto", f"{path}:{line}"]
    if name in {"hx", "helix", "subl", "zed"}:
        return [*command, f"{path}:{line}"]
    if name in {"vi", "vim", "nvim", "nano", "emacs", "micro", "kak", "joe", "ne", "mg", "jed"}:
        return [*command, f"+{line}", path]
    return [*command, path]
