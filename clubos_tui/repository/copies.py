"""Folders of copies that git is asked about; nobody keeps them.

Previews and a driver make them at the same time, so each has a name of its own. It bears the
number of our process: a start after a crash knows by it whose folder that was.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

COPIES = "copies-"  # how their names begin; the number of the process follows


def new_copies(scratch: str) -> str:
    """Make an empty folder of copies in ``scratch``."""
    os.makedirs(scratch, mode=0o700, exist_ok=True)
    return tempfile.mkdtemp(prefix=f"{COPIES}{os.getpid()}-", dir=scratch)


@contextmanager
def copies(scratch: str) -> Iterator[str]:
    """Make an empty folder of copies and remove it at the end."""
    folder = new_copies(scratch)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
