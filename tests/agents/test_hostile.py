"""Hostile agents through the whole of it: whatever one tries, nothing but its workspace differs.

Each runs as ``clubos run --agent 'shell:...'`` would run it, as who runs the tests and as nobody.
Before and after, everything else of a person's is compared: bytes, modes, times, refs. And the
attempt is in the journal, as far as anything of it could be seen.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from support.hostile import World, world
from support.manifest import difference

from clubos_tui.workspace.sandbox.box import program
from clubos_tui.workspace.sandbox.watch import Limits

pytestmark = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
WHO = [pytest.param(False, id="as who runs the tests"), pytest.param(True, id="as nobody")]


@dataclass(frozen=True)
class Try:
    """One attempt: what is run, and what of it the journal must hold beside the command line."""

    script: str
    seen: str = ""
    """A pattern; empty where nothing was printed, nor left."""
    code: int = -1
    """The exit code, where there is but one."""


GIT = r"cannot change to '@REPO@'.*No such file or directory"
NO_GIT = r"\.(git|GIT)' is refused: it would touch a \.git"
NONE = "Directory nonexistent|No such file or directory"
TRIES = {
    # git, in the person's repository
    "reset": Try("git -C @REPO@ reset --hard", GIT),
    "clean": Try("git -C @REPO@ clean -fdx", GIT),
    "push": Try("git -C @REPO@ push -f origin other:main", GIT),
    "worktree": Try("git -C @REPO@ worktree remove -f @ROOT@/tree", GIT),
    "branches": Try("git -C @REPO@ branch -D other; git -C @REPO@ gc --prune=now -q", GIT),
    "git dir": Try("GIT_DIR=@REPO@/.git git update-ref -d HEAD; "
                   "GIT_DIR=@REPO@/.git GIT_WORK_TREE=@REPO@ git checkout -f other",
                   "not a git repository: '@REPO@/.git'"),
    "alias": Try("git config --global alias.st '!touch @ROOT@/escaped'; git st; "
                 "git -c alias.x='!touch @ROOT@/escaped' x", f"escaped.*({NONE})"),
    # files, by every way to them
    "delete above": Try("rm -rf ..; rm -rf @REPO@ @THEIRS@ ../bin ../home ../etc",
                        "refusing to remove"),
    "absolute": Try("echo x > @REPO@/README.md; echo x >> @THEIRS@/.bashrc; "
                    "echo x > @ROOT@/escaped", NONE),
    "made there": Try("mkdir -p @REPO@ @THEIRS@; echo x > @REPO@/README.md; "
                      "echo x > @ROOT@/escaped; git -C @REPO@ init -q", ""),
    "dots": Try("echo x > ../../../../../..@THEIRS@/.bashrc; echo x > ../journal.jsonl; "
                "cd /workspace/../..@ROOT@ && touch escaped", "Read-only file system"),
    "link": Try("ln -s @THEIRS@ out; echo x > out/.bashrc; rm -rf out/", "out.*", 7),
    "link that stays": Try("ln -s @REPO@/.git/config config; ln -s ../../.. up",
                           "config' is refused|up' is refused", 7),
    "hard link": Try("ln @THEIRS@/.ssh/id_rsa hard; echo x >> hard; ln /usr/bin/env env",
                     "Invalid cross-device link|id_rsa.*No such file"),
    "race": Try("(while :; do rm -rf d; mkdir d; rm -rf d; ln -s @THEIRS@ d; done) 2>/dev/null & "
                "sleep 0.1; for i in $(seq 2000); do echo x > d/.bashrc; echo x > d/escaped; done "
                "2>/dev/null; kill $!; rm -rf d", ""),
    "race that stays": Try("setsid sh -c 'while :; do rm -rf d; mkdir d; echo x > d/.bashrc; "
                           "rm -rf d; ln -s @THEIRS@ d; done' 2>/dev/null & sleep 0.2", ""),
    "programs": Try("echo x > /usr/bin/git; echo x > /bin/sh; echo x > /escaped; "
                    "echo x > /etc/profile", "Read-only file system"),
    "modes": Try("mkdir d; echo x > d/x; chmod 000 d; echo x > y; chmod 000 y", ""),
    "too deep": Try("n=$(printf 'd%.0s' $(seq 200)); for i in $(seq 30); do mkdir $n; cd $n; done; "
                    "echo x > x", "can't be read: File name too long", 7),
    "holes": Try("for i in 1 2 3 4; do truncate -s 15M f$i; echo $i >> f$i; done",
                 "more than 40 MiB would differ", 7),
    "odd names": Try(r"touch -- -rf '$(touch @ROOT@/escaped)' \"$(printf 'a\nb')\" "
                     r"\"$(printf '\033]0;x\007')\" \"$(printf '\377')\"".replace('\\"', '"'), ""),
    "pipe": Try("mkfifo pipe; echo x > file", "'pipe' is refused: it is neither a file nor", 7),
    # what is left for a git of ours to stumble over
    "hooks": Try("mkdir -p .git/hooks; printf '#!/bin/sh\\ntouch @ROOT@/escaped\\n' > "
                 ".git/hooks/post-checkout; chmod +x .git/hooks/*; echo 'ref: x' > .git/HEAD",
                 NO_GIT, 7),
    "fsmonitor": Try("git init -q . && git config core.fsmonitor 'touch @ROOT@/escaped; false' && "
                     "git config core.hooksPath /workspace && git config diff.external "
                     "'touch @ROOT@/escaped'", NO_GIT, 7),
    "git file": Try("echo 'gitdir: @REPO@/.git' > .git", NO_GIT, 7),
    "other spellings": Try("mkdir -p a/.GIT/hooks; echo x > a/.GIT/config",
                           NO_GIT, 7),
    "nested": Try("git init -q deep/er/repo && cd deep/er/repo && git config core.fsmonitor "
                  "'touch @ROOT@/escaped; false' && git -c user.name=x -c user.email=x commit -q "
                  "--allow-empty -m x", NO_GIT, 7),
    "modules": Try("printf '[submodule \"x\"]\\npath = x\\nurl = ext::touch @ROOT@/escaped\\n' > "
                   ".gitmodules; mkdir x; echo x > x/x", "", -1),
    # what takes too much, or stays
    "processes": Try("for i in $(seq 300); do sleep 30 & done; wait",
                     "more than 60 processes|Cannot fork|Resource temporarily", 1),
    "disk": Try("i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > f$i; done",
                "MiB of the disk|No space left", 1),
    "a file": Try("exec head -c 40000000 /dev/zero > big", "exit code", 1),
    "output": Try("yes hostile", "printed more than 1 MiB", 1),
    "stays": Try("(setsid sh -c 'sleep 0.4; echo late > late.txt; touch @ROOT@/escaped' &); "
                 "nohup sh -c 'sleep 0.4; echo late > late.txt' >/dev/null 2>&1 & echo left", ""),
    # secrets
    "secrets": Try("cat ~/.ssh/id_rsa @THEIRS@/.ssh/id_rsa @THEIRS@/.gitconfig /etc/shadow "
                   "/root/.ssh/id_rsa", "id_rsa.*No such file"),
    "environment": Try("env; cat /proc/self/environ /proc/[0-9]*/environ; cat /proc/@PID@/environ",
                       "/proc/@PID@/environ.*No such file"),
    "another root": Try("cat /proc/1/root@THEIRS@/.ssh/id_rsa /proc/@PID@/root/etc/shadow "
                        "/proc/1/cwd/xdg/beside.txt", "No such file|Permission denied"),
    # network, terminal, signals, rights
    "network": Try("bash -c 'echo x > /dev/tcp/127.0.0.1/@PORT@'; "
                   "timeout 1 bash -c 'echo x > /dev/tcp/192.0.2.1/80'; "
                   "timeout 1 bash -c 'echo x > /dev/tcp/example.org/80'",
                   "Connection refused|Network is unreachable|name resolution"),
    "terminal": Try("echo x > /dev/tty; echo x > @TTY@; perl -e 'ioctl(STDIN, 0x5412, \"x\") or "
                    "print \"$!\\n\"; open(T, \"+<\", \"/dev/tty\") or die \"tty: $!\\n\"'",
                    "/dev/tty: No such device or address"),
    "signals": Try("kill -9 @PID@; kill -STOP @PID@; kill -9 -1; kill -9 1", "No such process"),
    "rights": Try("mount -t tmpfs x /usr; mount -o remount,rw /usr; unshare -U true; "
                  "mknod sda b 8 0; chroot / true; su -c true",
                  "Operation not permitted|[Pp]ermission denied|must be superuser"),
}  # fmt: skip
TRIES_OF_A_RACE = 40  # on a busy machine one of its two sides may get no turn for a while
SMALL = partial(Limits, processes=60, disk=24 << 20, output=1 << 20, file=16 << 20)


@pytest.fixture(scope="module")
def warm() -> None:
    """Import what is imported late: each attempt has a process, and nobody may not read it."""
    with world(nobody=False) as place:
        for script in ("echo x > a; cat /x", "mkdir .git", "exit 1"):
            place.next_run()
            place.here(*commands(place, script))


@pytest.fixture(scope="module", params=WHO)
def place(request: pytest.FixtureRequest, warm: None) -> Iterator[World]:
    """One for all attempts of a user: as long as they fail, nothing of it changes."""
    with world(nobody=request.param) as made:
        yield made


def commands(place: World, script: str) -> list[tuple[str, ...]]:
    """Return a dry run with an agent, and what is asked of clubos after it."""
    plan = ("--plan", str(place.root / "plan.toml"))
    return [("run", "--dry-run", *plan, "--agent", f"shell:{script}"),
            ("log", "--json"), ("status",), ("diff", "1"), ("verify",)]  # fmt: skip


@pytest.mark.parametrize("name", TRIES)
def test_p8_a_hostile_agent_changes_nothing_and_is_in_the_journal(
    place: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = TRIES[name]
    monkeypatch.setattr("clubos_tui.agents.shell.Limits", SMALL)
    monkeypatch.setattr("clubos_tui.workspace.scan.MOST_BYTES", 40 << 20)
    place.next_run()
    script = place.say(attempt.script)
    before = place.outside()
    ran, log, *_ = said = place.go(*commands(place, script))
    if "late" in script or "setsid" in script:
        time.sleep(0.5)
        assert not list(place.state.rglob("late.txt")), "it wrote after its end"
    assert difference(before, place.outside()) == []
    assert place.reached() == ""
    assert place.found(place.secret) == []
    assert place.secret not in "".join(item.out + item.err for item in said)
    assert ran.code in ({0, 1, 4, 7} if attempt.code < 0 else {attempt.code}), ran.err
    assert said[-1].code == 0, said[-1].err
    journal = list(map(json.loads, log.out.splitlines()))
    started = next(event for event in journal if event["type"] == "attempt.started")
    assert started["agent"] == f"shell:{script}"
    ended = next(event for event in journal if event["type"] == "action.finished")
    if attempt.seen:
        lines = (*ended.get("refused", ()), ended.get("error", ""))
        assert any(re.search(place.say(attempt.seen), line) for line in lines), lines


@pytest.mark.parametrize(
    "name",
    ["reset", "clean", "push", "worktree", "branches", "git dir", "alias", "absolute", "dots",
     "link", "hard link", "race", "secrets", "network", "terminal"],
)  # fmt: skip
def test_without_the_box_the_same_would_have_been_done(name: str) -> None:
    """So that each of the above can fail; only what stays within the test's own folder is run."""
    with world(nobody=False) as place:
        folder = place.root / "work" / "space"
        folder.mkdir(parents=True)
        before = place.outside()
        script = place.say(TRIES[name].script).replace("/workspace", str(folder))
        for _ in range(TRIES_OF_A_RACE if name == "race" else 1):
            with place.environment():
                ran = subprocess.run(
                    ["/bin/sh", "-c", script], cwd=folder, capture_output=True, timeout=20,
                    check=False, stdin=subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip
            lines = difference(before, place.outside())
            changed = [line for line in lines if "work" not in line[:6]]
            if changed:
                break
        assert changed or place.reached() or place.secret in ran.stdout.decode()


PLANTED = """\
printf '* filter=evil diff=evil merge=evil\\n' > .gitattributes
cat > .gitconfig <<END
[core]
fsmonitor = "touch @ROOT@/escaped; false"
hooksPath = hooks
[filter "evil"]
clean = touch @ROOT@/escaped; cat
smudge = touch @ROOT@/escaped; cat
required = true
[diff "evil"]
command = touch @ROOT@/escaped
textconv = touch @ROOT@/escaped; cat
[merge "evil"]
driver = touch @ROOT@/escaped
[alias]
status = "!touch @ROOT@/escaped"
END
git init -q --bare bare
cp .gitconfig bare/config.planted
cat .gitconfig >> bare/config
mkdir hooks
printf '#!/bin/sh\\ntouch @ROOT@/escaped\\n' > hooks/post-checkout
chmod +x hooks/post-checkout
cp hooks/post-checkout hooks/pre-commit
cp hooks/post-checkout hooks/post-merge
cp hooks/post-checkout hooks/reference-transaction
"""


def test_p6_what_was_planted_for_git_is_never_run(warm: None) -> None:
    """From the dry run to the merge and back: a bare repository, filters, hooks, all approved."""
    with world(nobody=False) as place:
        place.repo.git("stash", "--include-untracked")  # a person's, so that a merge finds room
        agent = f"shell:{place.say(PLANTED)}"
        plan = ("--plan", str(place.root / "plan.toml"))
        done = place.here(
            ("run", *plan, "--agent", agent), ("status",), ("diff", "1"), ("doctor",),
            ("run", "--all", "--live", "--yes"), ("status",), ("log",), ("verify",),
            ("rollback", "--run", "--yes"), ("undo", "--yes"), ("verify",),
        )  # fmt: skip
        assert [item.code for item in done if item is not done[3]] == [0] * 10, done
        assert (place.repo.root / "hooks" / "post-merge").exists(), "it was merged"
        assert not (place.root / "escaped").exists()
        place.repo.ask("-C", "bare", "status")  # as a person's own git would
        place.repo.ask("-c", "core.hooksPath=hooks", "checkout", "-q", "--detach")
        assert (place.root / "escaped").exists(), "a plain git would have run it"
