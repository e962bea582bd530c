"""Watching is a hint: it must come, name the right paths, and end when asked."""

import asyncio
import os

import pytest

from clubos_tui.workspace import watch


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    (folder / "src").mkdir(parents=True)
    (folder / "src/a.txt").write_bytes(b"a")
    (folder / "src/b.txt").write_bytes(b"b")
    return folder


async def until(changes, stop, wanted, act):
    """Repeat ``act`` until ``wanted`` was reported; return all that was."""
    seen: set[str] = set()

    async def read():
        async for batch in changes:
            seen.update(batch)
            if wanted <= seen:
                stop.set()

    reading = asyncio.ensure_future(read())
    try:
        async with asyncio.timeout(30):
            count = 0
            while not reading.done():
                count += 1
                act(count)
                await asyncio.wait({reading}, timeout=0.1)
    finally:
        stop.set()
        await reading
    return seen


async def test_changes_below_a_folder_are_named_relative_to_it(root):
    stop = asyncio.Event()

    def act(count):
        (root / "src/new.txt").write_bytes(b"%d" % count)

    seen = await until(watch.watch_folder(str(root), stop), stop, {"src/new.txt"}, act)
    assert seen <= {"src/new.txt", "src"}


async def test_only_the_paths_that_were_asked_for_are_reported(root):
    stop = asyncio.Event()
    paths = ["src/a.txt", "none/yet.txt"]

    def act(count):
        (root / "src/b.txt").write_bytes(b"%d" % count)
        (root / "src/a.txt").write_bytes(b"%d" % count)

    seen = await until(watch.watch_paths(str(root), paths, stop), stop, {"src/a.txt"}, act)
    assert seen == {"src/a.txt"}


async def test_an_editor_that_saves_by_renaming_is_seen_again_and_again(root):
    """The file that was there has no name any more; its folder still has one."""
    for _ in range(2):
        stop = asyncio.Event()

        def act(count):
            (root / "src/.a.swp").write_bytes(b"%d" % count)
            os.replace(root / "src/.a.swp", root / "src/a.txt")

        changes = watch.watch_paths(str(root), ["src/a.txt"], stop)
        assert await until(changes, stop, {"src/a.txt"}, act) == {"src/a.txt"}


async def test_a_folder_that_goes_touches_what_lay_in_it(root):
    stop = asyncio.Event()

    def act(count):
        if count % 2:
            os.rename(root / "src", root / "gone")
        else:
            os.rename(root / "gone", root / "src")

    changes = watch.watch_paths(str(root), ["src/a.txt", "top.txt"], stop)
    assert "src/a.txt" in await until(changes, stop, {"src/a.txt"}, act)


async def test_without_watches_it_looks_by_itself(root, monkeypatch):
    """The system has only so many of them."""

    async def used_up(*_args, **_options):
        raise OSError(28, "inotify watch limit reached")
        yield

    monkeypatch.setattr(watch, "_watch", used_up)
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.01)
    stop = asyncio.Event()

    def act(count):
        if count % 2:
            (root / "src/a.txt").write_bytes(b"%d" % count * count)
        else:
            (root / "src/a.txt").unlink()

    changes = watch.watch_paths(str(root), ["src/a.txt", "src/b.txt"], stop)
    assert await until(changes, stop, {"src/a.txt"}, act) == {"src/a.txt"}


async def test_it_ends_when_asked(root):
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(30):
        assert [batch async for batch in watch.watch_folder(str(root), stop)] == []
