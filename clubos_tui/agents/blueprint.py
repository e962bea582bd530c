"""The blueprint agent: carries out an action by writing the files a plan ships. No network.

It streams the same events a model would. A file that is already there with other content is a
failed action that says so, never an overwrite.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator

from clubos_tui.agents.base import (
    AgentEvent,
    MessageChunk,
    PlanUpdate,
    Request,
    ToolCall,
    TurnEnded,
    Workspace,
)
from clubos_tui.changes.manifest import EXECUTABLE, FILE, SYMLINK, path_text
from clubos_tui.changes.paths import refusal
from clubos_tui.disk import Found, make_file, parent_of, read_at
from clubos_tui.errors import AgentFailed
from clubos_tui.planfile import BUILT_IN, built_in


class BlueprintAgent:
    """Writes ``<plan home>/<blueprint folder of the action>`` into the workspace."""

    def __init__(self) -> None:
        self._workspace: Workspace | None = None
        self._cancelled = False

    async def start(self, workspace: Workspace) -> None:
        """Remember the workspace."""
        self._workspace = workspace

    async def cancel(self) -> None:
        """Stop after the file that is being written."""
        self._cancelled = True

    async def aclose(self) -> None:
        """Hold nothing."""
        self._workspace = None

    async def prompt(self, request: Request) -> AsyncIterator[AgentEvent]:
        """Write the action's files one by one."""
        assert self._workspace, "BUG: prompt before start"
        self._cancelled = False
        folder = self._source(self._workspace, request.action)
        files = _files(folder)
        if not files:
            yield TurnEnded("end_turn", "The blueprint has no file for this action.")
            return
        yield MessageChunk(f"{request.prompt}: {len(files)} files from the blueprint.")
        yield PlanUpdate(tuple(f"write {path}" for path in files))
        for number, path in enumerate(files):
            await asyncio.sleep(0)  # let the screen and a cancel in
            if self._cancelled:
                yield TurnEnded("cancelled")
                return
            call = f"{request.action}-{number}"
            yield ToolCall(call, f"write {path}", "edit", "in_progress", path)
            problem = _write(folder, self._workspace.folder, path)
            if problem:
                yield ToolCall(call, f"write {path}", "edit", "failed", path, problem)
                yield TurnEnded(
                    "failed",
                    error=f"{path}: {problem}",
                    cure="Move that file away or take the action out of the plan, then try again.",
                )
                return
            yield ToolCall(call, f"write {path}", "edit", "completed", path)
        yield TurnEnded("end_turn", f"Wrote {len(files)} files.")

    def _source(self, workspace: Workspace, action_id: str) -> str:
        spec = workspace.plan.phase[workspace.phase - 1]
        action = next(item for item in spec.action if item.id == action_id)
        if not action.blueprint:
            raise AgentFailed(
                f"action {action_id!r} names no blueprint folder",
                untouched="Nothing was written.",
                cure="Give the action a `blueprint`, or name another agent for the phase.",
            )
        home = os.path.realpath(_home(workspace) or workspace.folder)
        folder = os.path.realpath(os.path.join(home, action.blueprint))
        if os.path.commonpath([home, folder]) != home:
            raise AgentFailed(
                f"the blueprint folder {action.blueprint!r} of action {action_id!r} is not beside "
                "the plan",
                untouched="Nothing was written.",
                cure="Name a folder below the one that holds the plan.",
            )
        if not os.path.isdir(folder):
            raise AgentFailed(
                f"the blueprint folder {action.blueprint!r} of action {action_id!r} is not there",
                untouched="Nothing was written.",
                cure="Check the plan with `clubos plan check`.",
            )
        return folder


def _files(folder: str) -> list[str]:
    found = []
    root = os.fsencode(folder)
    for top, folders, names in os.walk(root):
        folders.sort()
        folders[:] = [name for name in folders if name != b"__pycache__"]
        found += [path_text(os.path.relpath(os.path.join(top, name), root)) for name in names]
    return sorted(found)


def _write(source: str, workspace: str, path: str) -> str | None:
    """Write one file; return what stands in its way, or ``None``."""
    reason = refusal(path)
    if reason:
        return reason
    with parent_of(source, path) as (fd, name):
        found = read_at(fd, name)
    assert found, "BUG: a listed file is gone"
    executable = found.mode == EXECUTABLE and stat.S_IMODE(found.permissions) & 0o100
    mode, permissions = (EXECUTABLE, 0o755) if executable else (found.mode, 0o644)
    try:
        with parent_of(workspace, path, make=[]) as (fd, name):
            present = read_at(fd, name)
            if present is None:
                make_file(fd, name, Found(mode if executable else FILE, found.data, permissions))
                return None
    except NotADirectoryError:
        return "a file stands where its folder would be"
    except OSError as error:
        return error.strerror or str(error)
    if present.data == found.data and (present.mode == SYMLINK) == (found.mode == SYMLINK):
        return None
    return "it is already there with other content, and is left as it is"


def _home(workspace: Workspace) -> str:
    """Return the folder of the plan; of the built-in one where this machine has it."""
    home = workspace.plan.home
    if os.path.basename(home) == BUILT_IN and not os.path.isdir(home):
        return built_in().home  # the run was started where clubos lies elsewhere
    return home
