"""Headless: the whole journey by command, what needs a person, interrupts, kills and races."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support import manifest
from support.cli import COMMAND, clubos, environment, inside, small_plan, start
from support.repo import Repo, leftovers


def big(repo: Repo) -> None:
    """Add some 300 files in 30 folders."""
    for number in range(300):
        repo.write(f"pkg{number % 30}/mod{number}.py", f"value = {number}\n" * (number % 7))
    repo.write("pkg0/tool.sh", "#!/bin/sh\n", 0o755)
    (repo.root / "pkg1/alias").symlink_to("mod1.py")
    repo.commit("a real project")


def test_p1_p2_the_whole_run_in_a_project_with_unfinished_work(
    repo: Repo, state: Path, home: Path
) -> None:
    """Dry run of all: no byte differs. Live: five branches of approved ids, merged. Back: whole."""
    big(repo)
    repo.write("pkg2/mod2.py", "mode of mine\n", 0o600)
    repo.commit("private mode")
    repo.mess()
    everything = manifest.manifest(repo.root)
    files, index, start_at = manifest.checkout(repo.root), repo.index(), repo.head
    dry = clubos(repo, "run", "--all", "--json")
    assert dry.code == 0, dry.err
    assert manifest.difference(everything, manifest.manifest(repo.root)) == []
    approved = [phase["id"] for phase in dry.json["phases"]]
    live = clubos(repo, "run", "--all", "--live", "--yes", "--json")
    assert live.code == 0, live.err
    branches = [phase["branch"] for phase in live.json["phases"]]
    assert len(branches) == len(set(branches)) == 5
    assert [repo.tree(branch) for branch in branches] == approved
    assert repo.tree("HEAD") == approved[-1]
    assert repo.git("log", "-1", "--format=%P").split()[0] == start_at
    now = manifest.checkout(repo.root)
    assert [name for name in files if files[name] != now.get(name)] == []
    assert set(index.split("\0")) <= set(repo.index().split("\0"))
    repo.fsck()
    merged = repo.head
    back = clubos(repo, "rollback", "--run", "--yes", "--json")
    assert back.code == 0, back.err
    assert manifest.difference(files, manifest.checkout(repo.root)) == []
    assert repo.index() == index
    assert repo.git("log", "-1", "--format=%P") == merged
    assert repo.tree("HEAD") == repo.tree(start_at)
    assert set(branches) <= repo.branches().keys()
    assert inside(repo, "verify").code == 0
    assert leftovers(repo, state) == []
    repo.fsck()


def test_p10_headless_never_assumes_yes(repo: Repo) -> None:
    """Without --yes: exit code 3 wherever a person has to decide, and nothing happened."""
    plan = small_plan(repo)
    said = clubos(repo, "run", "--all", "--live", "--plan", plan)
    assert said.code == 3
    assert "clubos approve 2 --id" in said.err
    assert repo.tree("HEAD") != json.loads(inside(repo, "diff", "1", "--json").out)["id"]
    change_set = inside(repo, "diff", "2", "--json").json["id"]
    assert inside(repo, "approve", "2", "--id", change_set).code == 0
    said = clubos(repo, "run", "--all", "--live")
    assert said.code == 3
    assert "merge" in said.err
    before = manifest.manifest(repo.root)
    for command in (["merge"], ["rollback", "--run"], ["rollback", "1"]):
        assert clubos(repo, *command).code == 3, command
        assert clubos(repo, *command, stdin=subprocess.PIPE).code == 3, command
    assert manifest.difference(before, manifest.manifest(repo.root)) == []
    assert clubos(repo, "merge", "--yes").code == 0
    assert clubos(repo, "rollback", "--run", "--yes").code == 0
    assert clubos(repo, "undo").code == 3
    assert clubos(repo, "undo", "--yes").code == 0


def test_closed_stdin_and_stdout(repo: Repo) -> None:
    """Started by a daemon with nothing open: it works, and still assumes nothing."""
    plan = small_plan(repo)
    line = " ".join([*COMMAND, "--repo", repo.path, "run", "--all", "--live", "--plan", plan])
    done = subprocess.run(["sh", "-c", f"{line} <&-"], env=environment(), capture_output=True,
                          check=False)  # fmt: skip
    assert done.returncode == 3, done.stderr
    done = subprocess.run(
        ["sh", "-c", f"{line} --yes <&- >&- 2>&-"], env=environment(), check=False
    )
    assert done.returncode == 0
    assert repo.read("two/2.txt") == b"two 2\n"


@pytest.mark.parametrize(
    ("variables", "flags", "branches", "code"),
    [
        ({}, [], 0, 0),
        ({"DRY_RUN": "false"}, [], 1, 0),
        ({"DRY_RUN": "false"}, ["--dry-run"], 0, 0),
        ({"DRY_RUN": "true"}, ["--live"], 1, 0),
        ({"DRY_RUN": "nonsense"}, [], 0, 0),
        ({"DRY_RUN": "false", "PHASE": "2"}, ["--phase", "1"], 1, 0),
        ({"PHASE": "two"}, [], 0, 2),
        ({"DRY_RUN": "false", "AUTO_APPROVE": "true"}, ["--all"], 2, 0),
        ({"DRY_RUN": "false", "AUTO_APPROVE": "false"}, ["--all"], 1, 3),
        ({"AUTO_APPROVE": "true"}, [], 0, 0),
    ],
)
def test_variables_and_flags(
    repo: Repo, variables: dict[str, str], flags: list[str], branches: int, code: int
) -> None:
    """The original's variables mean what the flags mean; a flag wins; dry run is the default."""
    said = clubos(repo, "run", *flags, "--plan", small_plan(repo), env=variables)
    assert said.code == code, said.err
    assert len([name for name in repo.branches() if name.startswith("autogen/")]) == branches
    assert ("DRY RUN" in said.out) == (branches == 0 and code == 0)


def test_p2_an_edit_between_approval_and_execution_is_stale(repo: Repo) -> None:
    """A touched file that was changed since it was approved stops the execution by its path."""
    plan = Path(small_plan(repo))
    assert clubos(repo, "run", "--all", "--plan", str(plan)).code == 0
    assert clubos(repo, "run", "--live", "--phase", "1").code == 0
    change_set = inside(repo, "diff", "2", "--json").json["id"]
    assert inside(repo, "approve", "2", "--id", change_set).code == 0
    repo.write("two/1.txt", "mine\n")
    said = clubos(repo, "run", "--live", "--phase", "2")
    assert said.code == 5, said.err
    assert "two/1.txt" in said.err
    assert repo.read("two/1.txt") == b"mine\n"


def test_a_run_that_changes_nothing_is_done_and_not_an_error(repo: Repo) -> None:
    """Asked for again after it was merged, the same plan finds nothing to do: exit code 0."""
    plan = small_plan(repo)
    arguments = ["run", "--all", "--live", "--yes", "--plan", plan]
    assert inside(repo, *arguments).code == 0
    head = repo.head
    assert inside(repo, *arguments).code == 0
    assert repo.head == head


def test_log_file_and_json_log(repo: Repo, tmp_path: Path) -> None:
    """Every entry has the fields of the contract."""
    log = tmp_path / "dry-run-log.json"
    plan = small_plan(repo)
    assert clubos(repo, "run", "--plan", plan, "--log-file", str(log)).code == 0
    rows = json.loads(log.read_text())
    lines = [json.loads(line) for line in clubos(repo, "log", "--json").out.splitlines()]
    for row in (*rows, *lines):
        assert {"timestamp", "phase", "action", "dry_run", "status", "changes"} <= row.keys()
        assert row["status"] in {"pending", "success", "failed"}
        assert row["dry_run"] is True
        assert ("result" in row) != ("error" in row)
    assert len(rows) == len(lines)


# --- interrupts, kills, seconds -----------------------------------------------------------------


def wait_for(process: subprocess.Popen[bytes], word: bytes) -> bytes:
    """Read the output until a word comes, or it ends."""
    assert process.stdout
    got = b""
    while word not in got:
        part = process.stdout.readline()
        if not part:
            break
        got += part
    return got


@pytest.mark.parametrize(
    ("when", "number"),
    [
        (b"phase 1", signal.SIGINT),
        (b"phase 2", signal.SIGINT),
        (b"phase 4", signal.SIGINT),
        (b"phase 3", signal.SIGTERM),
    ],
)
def test_an_interrupt_is_exit_130_and_can_be_gone_on_from(
    repo: Repo, state: Path, when: bytes, number: signal.Signals
) -> None:
    """ctrl+c somewhere in a live run: the step is undone, nothing is lost, the rest goes on."""
    repo.mess()
    before = manifest.checkout(repo.root)
    process = start(
        repo.path, "run", "--all", "--live", "--yes",
        env=environment(PYTHONUNBUFFERED="1"),
    )  # fmt: skip
    wait_for(process, when)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    # SIGTERM between two steps, where nothing is under way, just ends it.
    assert process.returncode in {130, 0, -signal.SIGTERM}, err
    now = manifest.checkout(repo.root)
    assert [name for name in before if before[name] != now.get(name)] == []
    assert leftovers(repo, state) == []
    if process.returncode:  # else it came too late
        said = clubos(repo, "run", "--all", "--live", "--yes")
        assert said.code == 0, (said.out, said.err)
    assert repo.git("log", "-1", "--format=%s").startswith("Merge ")
    assert inside(repo, "verify").code == 0


def test_p3_kills_at_random_moments(repo: Repo, state: Path) -> None:
    """SIGKILL again and again; each next start goes on, and the end is the same."""
    repo.mess()
    before, index = manifest.checkout(repo.root), repo.index()
    chance = random.Random(20)
    for _ in range(8):
        process = start(repo.path, "run", "--all", "--live", "--yes",
                        env=environment(PYTHONUNBUFFERED="1"))  # fmt: skip
        for _ in range(chance.randrange(1, 14)):
            assert process.stdout
            process.stdout.readline()
        process.kill()
        process.communicate()
        assert inside(repo, "status").code == 0
        now = manifest.checkout(repo.root)
        assert [name for name in before if before[name] != now.get(name)] == []
    said = clubos(repo, "run", "--all", "--live", "--yes", "--json")
    assert said.code == 0, said.err
    for phase in said.json["phases"]:
        assert repo.tree(phase["branch"]) == phase["id"]
    assert clubos(repo, "rollback", "--run", "--yes").code == 0
    assert manifest.difference(before, manifest.checkout(repo.root)) == []
    assert repo.index() == index
    assert inside(repo, "verify").code == 0
    assert leftovers(repo, state) == []
    repo.fsck()


@pytest.mark.parametrize("lines", [4, 12])
def test_a_killed_run_can_be_taken_back_at_once(repo: Repo, lines: int) -> None:
    """The first thought after a crash is *back*: rollback works without going on first."""
    before = manifest.checkout(repo.root)
    process = start(repo.path, "run", "--all", "--live", "--yes",
                    env=environment(PYTHONUNBUFFERED="1"))  # fmt: skip
    assert process.stdout
    for _ in range(lines):
        process.stdout.readline()
    process.kill()
    process.communicate()
    said = clubos(repo, "rollback", "--run", "--yes")
    assert said.code == 0, said.err
    assert manifest.difference(before, manifest.checkout(repo.root)) == []
    assert clubos(repo, "run").code == 0


def test_a_second_clubos_is_told_who_drives(repo: Repo) -> None:
    """Exit code 6 while the lock is held; reading commands work meanwhile."""
    from clubos_tui.engine.session import Session
    from clubos_tui.locks import FileLock

    plan = small_plan(repo)
    assert clubos(repo, "run", "--plan", plan).code == 0
    session = Session.open(repo.path)
    lock = FileLock(session.paths.driver_lock)
    assert lock.acquire()
    try:
        assert clubos(repo, "run").code == 6
        for command in (["run", "--all", "--live", "--yes"], ["merge", "--yes"],
                        ["rollback", "--run", "--yes"], ["recover"]):  # fmt: skip
            assert inside(repo, *command).code == 6, command
        for command in (["status"], ["log"], ["diff", "1"], ["verify"]):
            assert inside(repo, *command).code == 0, command
    finally:
        lock.release()
        session.close()


def test_two_live_runs_at_once(repo: Repo, state: Path) -> None:
    """One goes through, the other is told so; the result is one merge."""
    plan = small_plan(repo)
    both = [start(repo.path, "run", "--all", "--live", "--yes", "--plan", plan) for _ in range(2)]
    codes = sorted(process.wait(60) for process in both)
    for process in both:
        process.communicate()
    assert codes[0] == 0
    assert codes[1] in {0, 6}, codes
    merges = repo.git("log", "--merges", "--format=%s").splitlines()
    assert len(merges) == 1
    assert leftovers(repo, state) == []
    repo.fsck()


def test_p4_a_person_who_works_meanwhile_loses_nothing(repo: Repo, state: Path) -> None:
    """Edits, commits and staging race with merge and rollback: all that was written is there."""
    plan = small_plan(repo)
    ended = threading.Event()
    kept: list[tuple[str, str]] = []

    def person() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            path = f"{['one', 'two', 'three'][number % 3]}/{number % 3}.txt"
            text = f"words {number}\n"
            repo.write(f"mine/{number}.txt", text)
            if repo.ask("add", f"mine/{number}.txt").returncode == 0:
                kept.append((f"mine/{number}.txt", text))
            if number % 4 == 0:
                repo.ask("commit", "-q", "-m", f"words {number}")
            if (repo.root / path).exists():
                repo.write(path, text)
                last[path] = text

    last: dict[str, str] = {}
    thread = threading.Thread(target=person)
    thread.start()
    try:
        for _ in range(2):
            clubos(repo, "run", "--all", "--live", "--yes", "--plan", plan)
            clubos(repo, "merge", "--yes")
            clubos(repo, "rollback", "--run", "--yes")
    finally:
        ended.set()
        thread.join()
    clubos(repo, "recover")
    for path, text in kept:
        assert repo.read(path).decode() == text
        assert repo.git("show", f":{path}") + "\n" == text
    for path, text in last.items():
        assert repo.read(path).decode() == text, path
    assert leftovers(repo, state) == []
    repo.fsck()


def test_a_reader_that_has_seen_enough(repo: Repo) -> None:
    """`| head -1` ends the reading and not the safety: the run can be gone on with."""
    plan = small_plan(repo)
    line = " ".join([*COMMAND, "--repo", repo.path, "run", "--all", "--live", "--yes",
                     "--plan", plan])  # fmt: skip
    subprocess.run(["sh", "-c", f"{line} | head -1"], env=environment(), check=True,
                   capture_output=True)  # fmt: skip
    done = clubos(repo, "run", "--all", "--live", "--yes")
    assert done.code == 0, done.err
    assert repo.read("two/1.txt") == b"two 1\n"


def test_variables_of_a_hook_do_not_redirect(repo: Repo, tmp_path: Path) -> None:
    """Run from a hook of another repository, the named one is worked on."""
    other = Repo.make(tmp_path / "other")
    before = manifest.manifest(other.root)
    said = clubos(
        repo, "run", "--all", "--live", "--yes", "--plan", small_plan(repo),
        env={"GIT_DIR": f"{other.path}/.git", "GIT_INDEX_FILE": f"{other.path}/.git/index",
             "GIT_WORK_TREE": other.path},
    )  # fmt: skip
    assert said.code == 0, said.err
    assert repo.read("one/1.txt") == b"one 1\n"
    assert manifest.difference(before, manifest.manifest(other.root)) == []


def test_no_colour_and_dumb_terminals_get_plain_text(repo: Repo) -> None:
    """No command prints an escape code into a pipe (each call of this file looks)."""
    for command in (["status"], ["doctor"], ["plan", "show"], ["--help"], []):
        said = clubos(repo, *command, env={"TERM": "dumb", "NO_COLOR": "1"})
        assert said.code == 0, (command, said.err)
        assert said.out
    assert sys.executable in COMMAND
    assert os.path.isdir(repo.root)
