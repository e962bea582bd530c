"""A repository that is reached by URL: a clone of ours, and the branches we send back.

Only a clone that we made is written, only branches below the run's own prefix are sent, and each
by compare-and-swap on what was seen there. Nothing of this runs against a person's repository.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

from clubos_tui.errors import GitFailed, Refused, Stale, UsageError
from clubos_tui.events import CommitId
from clubos_tui.plan import url_fault
from clubos_tui.repository.git import CONFIG, clean_environment

__all__ = ["Remote", "advance_clone", "make_clone"]

PROTOCOLS = "file:git:http:https:ssh"
SECONDS = 600  # for one conversation with a remote
_SETTINGS = (
    *CONFIG,
    "push.followTags=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "remote.pushDefault=",
)


@dataclass(frozen=True, slots=True)
class Remote:
    """The branches below one prefix at one URL, as the git dir ``git_dir`` of ours talks to it."""

    git_dir: str
    url: str
    prefix: str  # ends with a slash; nothing outside of it is ever sent

    def heads(self) -> dict[str, CommitId]:
        """Return what the branches below the prefix are there: name without prefix → commit."""
        out = _git(self.git_dir, "ls-remote", "--heads", self.url, f"refs/heads/{self.prefix}*")
        found = {}
        for line in out.decode("utf-8", "surrogateescape").splitlines():
            commit, _, ref = line.partition("\t")
            found[ref.removeprefix(f"refs/heads/{self.prefix}")] = CommitId(commit)
        return found

    def fetch(self) -> None:
        """Bring every branch below the prefix here, and the remote's other branches."""
        _git(
            self.git_dir, "fetch", "-q", "--no-tags", "--no-write-fetch-head", "--prune",
            "--no-auto-maintenance", self.url,
            "+refs/heads/*:refs/remotes/origin/*",
        )  # fmt: skip

    def fetched(self, branch: str) -> CommitId:
        """Return the commit of a branch of the remote's as it was fetched last."""
        code, out = _ask(
            self.git_dir, "rev-parse", "-q", "--verify", f"refs/remotes/origin/{branch}^{{commit}}"
        )
        return CommitId(out.decode().strip() if code == 0 else "")

    def send(self, name: str, commit: str, seen: str, *, source: str = "") -> None:
        """Have the branch ``prefix + name`` be ``commit`` if it is ``seen`` there now.

        ``source`` is the git dir that holds the commit, if not ours.

        Raises:
            Stale: It is something else there by now.
            GitFailed: The remote can't be reached or does not take it.
        """
        ref = f"refs/heads/{self.prefix}{name}"
        if ".." in ref or not re.fullmatch(r"[\w./-]+", ref):
            raise Refused(f"{ref!r} is no branch of a run", untouched="Nothing was sent.")
        code, said = _ask(
            source or self.git_dir, "push", "-q", "--no-verify", "--porcelain",
            f"--force-with-lease={ref}:{seen}", self.url, f"{commit}:{ref}",
        )  # fmt: skip
        if code and self.heads().get(name) != commit:
            text = " ".join(said.decode("utf-8", "replace").split())
            if "stale info" in text or "already exists" in text or "fetch first" in text:
                raise Stale(
                    f"branch {self.prefix}{name} is not what it was at {self.url}",
                    untouched="Nothing was sent.",
                    cure="Somebody else moved it. Try again.",
                )
            raise GitFailed(
                f"{self.url} does not take branch {self.prefix}{name}: {text[-400:]}",
                untouched="Nothing was recorded; the step is tried again.",
                cure="See that this machine may push there.",
            )


def make_clone(folder: str, url: str, branch: str, commit: str) -> None:
    """Make a clone with ``branch`` checked out at ``commit``; whole, or not there.

    Raises:
        UsageError: The URL is none, or the commit is not there.
        GitFailed: The remote can't be reached.
    """
    fault = url_fault(url)
    if fault:
        raise UsageError(fault, untouched="Nothing was cloned.")
    part = f"{folder}.part"
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
    object_format = "sha256" if len(commit) == 64 else "sha1"
    subprocess.run(
        ["git", "init", "-q", "--template=", f"--object-format={object_format}",
         f"--initial-branch={branch}", part],
        check=True, capture_output=True, env=_environment(),
    )  # fmt: skip
    git_dir = os.path.join(part, ".git")
    Remote(git_dir, url, "").fetch()
    if _ask(git_dir, "cat-file", "-e", f"{commit}^{{commit}}")[0]:
        raise UsageError(
            f"commit {commit[:12]} is not on any branch of {url}",
            untouched="Nothing was started.",
            cure="Push it there first.",
        )
    _git(git_dir, "update-ref", f"refs/heads/{branch}", commit)
    _git(git_dir, f"--work-tree={part}", "read-tree", "-m", "-u", "HEAD", cwd=part)
    _git(git_dir, "config", "remote.origin.url", url)
    os.rename(part, folder)


def advance_clone(folder: str, branch: str, commit: str) -> None:
    """Move a clone of ours forward, files and all; never back, and never over what differs."""
    git_dir = os.path.join(folder, ".git")
    code, out = _ask(git_dir, "rev-parse", "-q", "--verify", f"refs/heads/{branch}^{{commit}}")
    old = out.decode().strip()
    if code or old == commit or _ask(git_dir, "merge-base", "--is-ancestor", old, commit)[0]:
        return
    _git(git_dir, f"--work-tree={folder}", "read-tree", "-m", "-u", old, commit, cwd=folder)
    _git(git_dir, "update-ref", f"refs/heads/{branch}", commit, old)


def _environment() -> dict[str, str]:
    # The person's own settings count here: they say how a remote is reached, and by whom.
    return {**clean_environment(), "GIT_ALLOW_PROTOCOL": PROTOCOLS}


def _ask(git_dir: str, *args: str, cwd: str | None = None) -> tuple[int, bytes]:
    config = [part for setting in _SETTINGS for part in ("-c", setting)]
    try:
        done = subprocess.run(
            ["git", f"--git-dir={git_dir}", *config, *args],
            capture_output=True, stdin=subprocess.DEVNULL, env=_environment(), cwd=cwd,
            check=False, timeout=SECONDS, process_group=0,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise GitFailed(
            f"git {args[0]} did not end within {SECONDS} seconds",
            untouched="The step it belongs to was undone.",
            cure="See whether the remote answers.",
        ) from error
    return done.returncode, done.stdout + (done.stderr if done.returncode else b"")


def _git(git_dir: str, *args: str, cwd: str | None = None) -> bytes:
    code, out = _ask(git_dir, *args, cwd=cwd)
    if code:
        said = " ".join(out.decode("utf-8", "replace").split())
        name = next(word for word in args if not word.startswith("-"))
        raise GitFailed(
            f"git {name} failed ({code}): {said[-400:] or 'no message'}",
            untouched="The step it belongs to was undone.",
            cure="See whether the remote can be reached from this machine.",
        )
    return out
