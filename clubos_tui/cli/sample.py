"""The sample repository of ``clubos demo``: a small project with a person's own unfinished work."""

from __future__ import annotations

import os
import subprocess
import tempfile

from clubos_tui.errors import Failed, UsageError
from clubos_tui.repository.git import clean_environment

_FILES = {
    "README.md": "# Fairway Club\n\nThe club's own project. ClubOS V2 will be added beside it.\n",
    "opening_hours.txt": "Mon-Fri 08:00-22:00\nSat-Sun 07:00-23:00\n",
    "scripts/lights.sh": "#!/bin/sh\necho lights on\n",
    ".gitignore": "*.log\n",
}
_WHO = {
    "GIT_AUTHOR_NAME": "Sample Club", "GIT_AUTHOR_EMAIL": "club@example.org",
    "GIT_COMMITTER_NAME": "Sample Club", "GIT_COMMITTER_EMAIL": "club@example.org",
}  # fmt: skip


def make_sample(folder: str | None) -> str:
    """Make the sample in ``folder`` (new or empty), else in a temporary one; return its path."""
    target = os.path.abspath(folder) if folder else tempfile.mkdtemp(prefix="clubos-demo-")
    if os.path.isdir(target) and os.listdir(target):
        raise UsageError(
            f"{target} is not empty",
            untouched="Nothing was written.",
            cure="Name a new folder, or none for a temporary one.",
        )
    for path, text in _FILES.items():
        place = os.path.join(target, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8") as file:
            file.write(text)
    os.chmod(os.path.join(target, "scripts/lights.sh"), 0o700)
    for arguments in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "."),
        ("commit", "--quiet", "--message=The club's own project", "--no-verify", "--no-gpg-sign"),
    ):
        done = subprocess.run(
            ["git", "-c", "core.hooksPath=/dev/null", *arguments],
            cwd=target, capture_output=True, env=clean_environment(**_WHO), check=False,
        )  # fmt: skip
        if done.returncode:
            raise Failed(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
    # Unfinished work of the person's, which no run may touch.
    with open(os.path.join(target, "opening_hours.txt"), "a", encoding="utf-8") as file:
        file.write("Holidays: to be decided\n")
    return target
