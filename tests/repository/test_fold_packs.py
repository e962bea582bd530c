"""Many small packs of the workshop become few, and no object is forgotten."""

from __future__ import annotations

import os
from pathlib import Path

from clubos_tui.changes.manifest import BlobId, Entry
from clubos_tui.engine.session import Session
from clubos_tui.repository import workshop as workshop_room
from clubos_tui.repository.objects import object_id
from clubos_tui.repository.workshop import Workshop


def test_objects_that_no_ref_holds_outlive_the_folding(session: Session) -> None:
    workshop = session.workshop
    folder = Path(workshop.path, "objects", "pack")
    trees, most = [], 0
    tree = workshop.trees.empty
    for number in range(3 * workshop_room.MANY_PACKS):
        data = b"%d\n" % number * 50
        blob = BlobId(object_id("blob", data))
        tree = workshop.build(tree, {f"{number % 7}/{number}": Entry("100644", blob)}, {blob: data})
        trees.append((tree, blob, data))
        most = max(most, len(list(folder.glob("*.idx"))))
        workshop.fold_packs()
    assert most <= workshop_room.MANY_PACKS
    assert sorted(name[:-5] for name in os.listdir(folder) if name.endswith(".pack")) == sorted(
        name[:-4] for name in os.listdir(folder) if name.endswith(".idx")
    )
    for reader in (workshop, Workshop(workshop.path, session.repository)):
        for tree, blob, data in trees:
            assert reader.objects.read(tree)[0] == "tree"
            assert reader.objects.blob(blob) == data
        reader.close()
    assert "missing" not in workshop.git.run("fsck", "--full", "--no-dangling").decode()
