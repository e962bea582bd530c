"""One door to the git program: arguments, environment and configuration of every call.

Each setting stands here because something went wrong without it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clubos_tui.config import without_keys
from clubos_tui.errors import Failed, GitFailed
from clubos_tui.locks import handed_on

# Verbs that must never run against the person's repository (P6); the runner refuses them, so that
# a slip is a failing test and not somebody's lost work.
FORBIDDEN = frozenset(
    {"reset", "clean", "checkout", "checkout-index", "restore", "switch", "stash", "push", "gc",
     "prune", "repack", "reflog", "rebase", "merge", "pull", "am", "branch", "worktree", "commit",
     "add", "rm", "mv", "filter-branch", "read-tree"}
)  # fmt: skip

CONFIG = (
    "core.hooksPath=/dev/null",  # a ref update would run the reference-transaction hook
    "core.fsmonitor=false",  # even ls-files and write-tree start that program
    "core.splitIndex=false",  # an index we write is whole: its shared part would lie elsewhere
    "gc.auto=0",  # no repacking behind anyone's back
    "maintenance.auto=false",
    "commit.gpgSign=false",  # would start gpg and ask for a passphrase
    "core.pager=cat",
    "core.protectHFS=true",  # refuse names that are .git on other systems
    "core.protectNTFS=true",
    "core.quotePath=true",
    "diff.noprefix=false",  # the patch parser reads a/ and b/
    "diff.mnemonicPrefix=false",
    "diff.renames=true",
    "core.fsync=committed,reference",  # by default a new ref is not flushed
    "core.compression=1",  # time matters more than bytes
    "advice.detachedHead=false",
)


def clean_environment(**extra: str) -> dict[str, str]:
    """Return this process's environment without anything that would redirect git.

    With ``GIT_DIR`` set (we may run inside a hook or an alias) git works on another repository
    than the one it is asked about.
    """
    mine = without_keys(os.environ)
    env = {key: value for key, value in mine.items() if not key.startswith("GIT_")}
    env.update(
        LC_ALL="C",  # we read some of its messages
        GIT_TERMINAL_PROMPT="0",
        GIT_OPTIONAL_LOCKS="0",
        GIT_NO_REPLACE_OBJECTS="1",  # else cat-file returns other bytes for an id
        GIT_GRAFT_FILE=os.devnull,  # else a commit has other parents than it was made with
        GIT_NO_LAZY_FETCH="1",  # no network behind anyone's back
        GIT_LITERAL_PATHSPECS="1",  # `:(top)x` is a file name
        **extra,
    )
    return env


@dataclass(frozen=True, slots=True)
class Git:
    """Runs git on one git dir, bytes in and bytes out.

    ``private`` is for the workshop, which is ours: no global configuration, all verbs.
    """

    git_dir: str
    private: bool = False

    def command(self, *args: str) -> list[str]:
        """Return the whole command line for ``args``."""
        if not self.private and args[0] in FORBIDDEN:
            raise AssertionError(f"BUG: git {args[0]} may not run on the person's repository")
        config = [part for setting in CONFIG for part in ("-c", setting)]
        return ["git", f"--git-dir={self.git_dir}", *config, *args]

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment for a call."""
        env = clean_environment(**(extra or {}))
        # A remote may name a program, and a git before 2.39.4 asks it for a missing object.
        env["GIT_ALLOW_PROTOCOL"] = "none"
        if self.private:
            env.update(GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL="/dev/null")
        return env

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        ok: Sequence[int] = (0,),
        writes: bool = False,
    ) -> bytes:
        """Run git and return its output; :class:`GitFailed` for an exit code not in ``ok``.

        One that ``writes`` keeps the driver's lock, should it outlive us.
        """
        return self.ask(*args, stdin=stdin, env=env, ok=ok, writes=writes)[1]

    def ask(
        self,
        *args: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        ok: Sequence[int] = (0, 1),
        writes: bool = False,
    ) -> tuple[int, bytes]:
        """Run git and return its exit code and output."""
        try:
            done = subprocess.run(
                self.command(*args),
                input=stdin,
                capture_output=True,
                env=self.environment(env),
                check=False,
                process_group=0,  # ctrl+c on the terminal is for us, not for a git in mid-write
                pass_fds=handed_on() if writes else (),
            )
        except FileNotFoundError as error:
            raise Failed(
                "git was not found",
                untouched="Nothing was done.",
                cure="Install git 2.38 or newer.",
            ) from error
        if done.returncode not in ok:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise GitFailed(
                f"git {args[0]} failed ({done.returncode}): {said or 'no message'}",
                untouched="The step it belongs to was undone.",
            )
        return done.returncode, done.stdout
