"""One check of the built-in plan, carried out on what a phase builds, with some files edited."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path

from clubos_tui import checks
from clubos_tui.checks import Subject, Verdict
from clubos_tui.plan import CheckSpec
from support import built_in


def laid_out(
    folder: Path, number: int, edits: Mapping[str, str | bytes | None] | None = None
) -> Subject:
    """Lay a phase's tree out, with copies of it for what runs commands."""
    tree = folder / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    subject = built_in.subject(tree, number, edits)

    def copy() -> str:
        shutil.rmtree(folder / "copy", ignore_errors=True)
        shutil.copytree(tree, folder / "copy", symlinks=True)
        return str(folder / "copy")

    return dataclasses.replace(subject, copy=copy)


def judged(
    folder: Path,
    number: int,
    check: str | CheckSpec,
    edits: Mapping[str, str | bytes | None] | None = None,
) -> Verdict:
    """Return what a check makes of a phase's tree."""
    spec = built_in.checks_of(number)[check] if isinstance(check, str) else check
    return checks.run(spec, laid_out(folder, number, edits))
