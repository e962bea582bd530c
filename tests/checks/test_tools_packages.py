"""Whose compiler judges: one that a person has installed, never one that came with the tree."""

import dataclasses
import os

import pytest
from support import built_in
from support.judging import laid_out

from clubos_tui import checks, planfile
from clubos_tui.errors import PlanError
from clubos_tui.workspace.sandbox.box import program

needs_box = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
TYPES = "types are right, strictly"
TSC = "clubos/node_modules/@typescript/typescript-linux-x64/lib/tsc"
# It finds nothing wrong, and has looked at everything.
SHAM = "#!/bin/sh\ncase \"$*\" in *--listFilesOnly*) find $PWD -name '*.ts' ;; esac\n"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout in which something calls itself the compiler."""
    monkeypatch.delenv("CLUBOS_NODE_MODULES", raising=False)
    place = tmp_path / "checkout" / TSC
    place.parent.mkdir(parents=True)
    place.write_text(SHAM)
    place.chmod(0o755)
    return str(tmp_path / "checkout")


@needs_box
def test_what_a_person_has_installed_is_run(tmp_path, checkout):
    subject = dataclasses.replace(laid_out(tmp_path, 3), checkout=checkout)
    found = checks.run(built_in.checks_of(3)[TYPES], subject)
    assert found.outcome == "passed", found


@pytest.mark.parametrize("path", [TSC, "clubos/node_modules/x/index.js", "clubos/node_modules"])
def test_p7_what_the_tree_or_its_base_holds_is_not(tmp_path, checkout, path):
    with_it = laid_out(tmp_path, 3, {path: SHAM})
    plain = laid_out(tmp_path, 3)
    for subject in (
        dataclasses.replace(with_it, checkout=checkout),
        dataclasses.replace(plain, base={**plain.base, path: with_it.files[path]},
                            checkout=checkout),
    ):  # fmt: skip
        found = checks.run(built_in.checks_of(3)[TYPES], subject)
        # Not a lack of this machine: a phase could make it "not run" and so open its gate.
        assert (found.outcome, found.missing) == ("unknown", False), found
        assert found.summary.startswith("the tree brings packages of its own")


@pytest.mark.parametrize("folder", ["../x", "/etc", "a/../../b", ".."])
def test_a_command_runs_within_the_tree(folder):
    plan = (
        'name = "p"\n[[phase]]\nname = "a"\n[[phase.action]]\nid = "a"\nname = "a"\n'
        '[[phase.check]]\nname = "c"\nkind = "command"\npreset = "tsc"\n'
        f'paths = ["*.ts"]\nfolder = "{folder}"\n'
    )
    with pytest.raises(PlanError, match=r"must be a folder of the tree"):
        planfile.parse(plan, file=os.devnull)
    assert planfile.parse(plan.replace(folder, "a/b"), file=os.devnull)


@pytest.mark.parametrize("lines", ['command = "x"\nevidence = "problems"\n', 'preset = "oxlint"\n'])
def test_problems_need_the_files_that_they_are_about(lines):
    plan = (
        'name = "p"\n[[phase]]\nname = "a"\n[[phase.action]]\nid = "a"\nname = "a"\n'
        f'[[phase.check]]\nname = "c"\nkind = "command"\n{lines}'
    )
    with pytest.raises(PlanError, match="needs the key 'paths'"):
        planfile.parse(plan, file=os.devnull)
