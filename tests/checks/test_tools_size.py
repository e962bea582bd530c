"""How many files a phase may change: what goes is a change too, and a merge is no phase."""

from support.check_tree import Tree

from clubos_tui import checks
from clubos_tui.changes.manifest import FILE, BlobId, Change
from clubos_tui.engine.checkpoints import specs_of
from clubos_tui.plan import Action, CheckSpec, Phase, Plan
from clubos_tui.repository.objects import object_id


def gone(path):
    return Change(path, "delete", old_mode=FILE, old_blob=BlobId(object_id("blob", b"x")))


def test_a_file_that_goes_is_changed(tmp_path):
    made = Tree(tmp_path, {"a": "x"})
    rows = (*made.subject().manifest, gone("b"), gone("c"))
    found = checks.run(CheckSpec("c", "size", files=2), made.subject(manifest=rows))
    assert (found.outcome, found.cases) == ("failed", 3), found
    assert found.evidence == ("3 files are changed, at most 2 allowed",)
    only = checks.run(CheckSpec("c", "size", files=2), made.subject(manifest=rows[1:]))
    assert (only.outcome, only.cases) == ("passed", 2), only


def test_a_file_that_goes_has_no_size(tmp_path):
    made = Tree(tmp_path, {"a": "x"})
    rows = (*made.subject().manifest, gone("b"))
    found = checks.run(CheckSpec("c", "size", kilobytes=1), made.subject(manifest=rows))
    assert found.outcome == "passed", found


def test_the_limit_of_a_phase_does_not_hold_for_what_all_of_them_change():
    both = CheckSpec("both", "size", kilobytes=9, files=3)
    phases = (
        Phase("one", action=(Action("a", "a"),), check=(both,)),
        Phase("two", action=(Action("b", "b"),), check=(CheckSpec("few", "size", files=3),)),
    )
    plan = Plan("p", phase=phases)
    assert [spec.files for spec in specs_of(plan, 1, "stage")] == [3]
    [merged] = specs_of(plan, 0, "merge")
    assert (merged.name, merged.kilobytes, merged.files) == ("1: both", 9, 0)
