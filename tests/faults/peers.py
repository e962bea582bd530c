"""The ten worst failures seen in tools of this kind, and the guard here that rules each one out.

A scenario brings about what made the failure happen elsewhere and raises ``AssertionError`` when
the harm is done. :data:`GUARDS` says what holds it off and how to take that away: a scenario
that passes without its guard would prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from faults import failures_proposing as proposing
from faults import failures_writing as writing
from faults.ground import Ground


@dataclass(frozen=True)
class Guard:
    """What holds a failure off, in words, and how a test takes it away."""

    words: str
    scenario: Callable[[Ground, pytest.MonkeyPatch], None]
    remove: Callable[[pytest.MonkeyPatch], None]
    harm: str  # what the scenario says when the guard is gone


GUARDS: dict[str, Guard] = {
    "01": Guard(
        "a failed backup stops the operation",
        writing.backup_fails,
        writing.go_on_without_a_backup,
        "without a backup",
    ),
    "02": Guard(
        "a folder goes only when empty",
        writing.rollback_among_strangers,
        writing.remove_whole_folders,
        "is gone",
    ),
    "03 an edit": Guard(
        "what comes out of an exchange is compared",
        writing.edit_after_the_last_look,
        writing.trust_what_was_seen_before,
        "what it did is gone",
    ),
    "03 a commit": Guard(
        "a ref moves by compare-and-swap",
        writing.branch_moves_between_check_and_act,
        writing.move_whatever_the_branch_is,
        "on no branch",
    ),
    "04 half": Guard(
        "what breaks goes back",
        writing.rollback_fails_half_way,
        writing.leave_it_where_it_broke,
        "half of it",
    ),
    "04 told": Guard(
        "success is a fresh comparison",
        writing.file_comes_back_during_the_rollback,
        writing.believe_what_was_meant,
        "success that is not there",
    ),
    "05": Guard(
        "the workspace lies outside and has no .git",
        proposing.hostile_agent,
        proposing.work_inside_the_repository,
        "reached the repository",
    ),
    "06 a write": Guard(
        "proposals are stored in the workshop",
        proposing.dry_run,
        proposing.write_into_the_persons_store,
        "dry run wrote",
    ),
    "06 no yes": Guard(
        "the table of what may come when",
        proposing.execute_without_approval,
        proposing.approve_in_nobodys_name,
        "executed unapproved",
    ),
    "07": Guard(
        "staged bytes are compared with the approved id",
        writing.bytes_change_on_the_way,
        writing.stage_without_comparing,
        "not what was approved",
    ),
    "08 a name": Guard(
        "every proposed path is judged",
        proposing.hostile_paths,
        proposing.allow_any_name,
        "was proposed",
    ),
    "08 a link": Guard(
        "paths are walked without following",
        proposing.folder_becomes_a_link,
        proposing.follow_links,
        "outside was deleted",
    ),
    "09": Guard(
        "a backup holds what is replaced and no more",
        writing.backups_of_a_large_tree,
        writing.back_up_the_whole_tree,
        "bytes were kept",
    ),
    "10": Guard(
        "unknown is not passed",
        proposing.checks_that_look_at_nothing,
        proposing.let_unknown_pass,
        "opened the gate",
    ),
}
