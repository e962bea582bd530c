"""``clubos`` and ``python -m clubos_tui``."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line; return the exit code."""
    # Else the first files we open would be what every program below us writes its messages to.
    for standard in range(3):
        try:
            os.fstat(standard)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    # Inside a hook or an alias these would send git to another repository than the one named.
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
    from clubos_tui.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
