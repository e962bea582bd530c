"""How the diff looks, as text: three sizes, unified and side by side, held against stored screens.

After a change that is meant, ``GOLDENS=write pytest tests/ui/test_goldens.py`` stores them anew;
look at what git says has changed.
"""

import os
from pathlib import Path

import pytest
from ui.test_diff_view import DiffApp, created, modified, patch

from clubos_tui.changes.alike import alike
from clubos_tui.changes.attention import attention, in_order
from clubos_tui.changes.decisions import Decision, Draft

GOLDENS = Path(__file__).parent / "goldens"

SAMPLE = (
    created("notes/long.md", "# Notes", "", "word " * 30)
    + modified(
        "src/app.py",
        "@@ -1,4 +1,5 @@ def run():\n import os\n-limit = 10\n+limit = 20\n+retries = 3\n \n \n",
        "@@ -40,3 +41,3 @@ def stop():\n a\n-\tb = 1\n+    b = 1\n c\n",
    )
    + "".join(modified(f"gen/{n}.ts", "@@ -1 +1 @@\n-import a\n+import b\n") for n in "xyz")
    + "diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n"
    + "diff --git a/migrations/1.sql b/migrations/1.sql\ndeleted file mode 100644\n"
    "index 1111111..0000000\n--- a/migrations/1.sql\n+++ /dev/null\n@@ -1 +0,0 @@\n-drop table x;\n"
)


@pytest.mark.parametrize("split", [False, True], ids=["unified", "split"])
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}")
async def test_the_diff_looks_as_stored(size, split):
    app = DiffApp()
    read = patch(SAMPLE)
    reasons = attention(read)
    read = in_order(read, reasons)
    draft = Draft()
    app_hunks = next(file for file in read.files if file.path == b"src/app.py").hunks
    draft.decide(
        [
            Decision("run.sh", "accept"),
            Decision("src/app.py", "reject", "keep ten", app_hunks[0].id),
            Decision("src/app.py", "accept", hunk=app_hunks[1].id, first=2, last=2),
        ]
    )
    async with app.run_test(size=size) as pilot:
        app.view.show(read, title="Phase 2", reasons=reasons, alike=alike(read))
        app.view.set_draft(draft)
        app.view.set_marks({b"run.sh": "changed outside"})
        if split:
            app.view.toggle_split()
        app.view.focus()
        await pilot.pause()
        shown = "\n".join(line.rstrip() for line in app.lines()) + "\n"
    stored = GOLDENS / f"diff-{size[0]}-{'split' if split else 'unified'}.txt"
    if os.environ.get("GOLDENS") == "write":
        stored.write_text(shown, encoding="utf-8")
    assert shown == stored.read_text(encoding="utf-8")
