"""``clubos init``: a repository with something to come back to."""

from __future__ import annotations

import os
from argparse import Namespace

from clubos_tui.cli.output import emit, say
from clubos_tui.repository.create import create


def init(options: Namespace) -> int:
    """``git init`` where needed, and an empty first commit; files are left alone."""
    folder = os.path.abspath(options.dir or options.repo)
    done = create(folder)
    if options.json:
        emit({"repository": done.root, "made": done.made, "commit": done.commit})
    elif done.commit:
        what = "a new repository" if done.made else "your repository"
        say(f"{done.root} is {what} with an empty first commit {done.commit[:12]}.")
        say("Your files were left as they are. Next: clubos")
    else:
        say(f"{done.root} has commits already; nothing was done.")
    return 0
