"""Secrets where a reader in a hurry would not look."""

import importlib.util
import shutil

import pytest
from support.check_tree import Tree, failed

from clubos_tui import checks
from clubos_tui.checks.canaries import fault_for, plant
from clubos_tui.checks.canaries import found as caught
from clubos_tui.plan import CheckSpec
from clubos_tui.workspace.sandbox.box import program

# Of parts, so that no scanner takes them for real ones.
AWS = "AKIA" + "HIDDEN" + "0123456789"
STRIPE = "sk_live_" + "abcdefghij" + "klmnopqrstuvwx"
needs_box = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
needs_detectors = pytest.mark.skipif(
    importlib.util.find_spec("detect_secrets") is None, reason="detect-secrets is not installed"
)


@pytest.mark.parametrize("before", [4080, 4096, 100_000])
def test_p12_a_key_far_out_in_a_line_is_found(tmp_path, before):
    text = f"fine\nconst a = '{'x' * before}', b = '{AWS}';\n"
    failed(Tree(tmp_path, {"a.js": text}).check("secrets"), "a.js:2 holds")


@needs_detectors
@pytest.mark.parametrize("before", [4080, 4096, 100_000])
def test_p12_what_only_a_detector_knows_is_found_there_too(tmp_path, before):
    text = f"fine\nconst a = '{'x ' * before}', b = '{STRIPE}';\n"
    failed(Tree(tmp_path, {"a.js": text}).check("secrets"), "a.js:2 holds")


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_p12_a_line_that_only_ends_otherwise_adds_none(tmp_path, end):
    """Who turns CRLF into LF brings no key that was not there."""
    tree = Tree(tmp_path, {"a.txt": f"key {AWS}{end}"})
    before = {"a.txt": f"key {AWS}\r\n".encode()}
    tree.base["a.txt"] = tree.files["a.txt"].__class__("100644", "0" * 40)
    row = tree.subject().manifest[0]
    changed = row.__class__(
        row.path, "modify", old_mode="100644", old_blob="0" * 40,
        new_mode=row.new_mode, new_blob=row.new_blob,
    )  # fmt: skip
    found = tree.check("secrets", manifest=(changed,), before=before.get)
    assert found.outcome == "passed", found


# What stands for gitleaks here shows what it is given, and answers as the real one does.
FAKE = """\
#!/bin/sh
if [ "$1" = --version ]; then echo 8.30.1; exit; fi
test -e .gitleaksignore && exit 0
grep -q 'useDefault = true' /tmp/leaks.toml || exit 9
test "$(wc -l < /tmp/leaks.tmpl)" = 1 || exit 9
grep -rlE 'planted|ghp_' . | sed 's|^./||; s|$|:1: generic-api-key|'
grep -rqE 'planted|ghp_' . && exit 1
exit 0
"""


@pytest.fixture
def gitleaks(tmp_path, monkeypatch):
    """Return a function that runs the check on a tree with a program in the place of gitleaks."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "gitleaks").write_text(FAKE)
    (tools / "gitleaks").chmod(0o755)
    monkeypatch.setenv("CLUBOS_TOOLS", str(tools))

    def verdict(files, base=(), planted=False):
        folder = tmp_path / "tree"
        made = Tree(folder, files)
        made.base = {path: made.files[path] for path in base}

        def copy():
            shutil.rmtree(tmp_path / "copy", ignore_errors=True)
            shutil.copytree(folder, tmp_path / "copy")
            return str(tmp_path / "copy")

        spec = CheckSpec("l", "command", preset="gitleaks")
        if not planted:
            return checks.run(spec, made.subject(copy=copy))
        fault = fault_for(spec, made.subject())
        return caught(fault, checks.run(spec, plant(fault, made.subject(copy=copy), copy())))

    return verdict


@needs_box
def test_p12_gitleaks_looks_at_what_is_changed_and_at_no_word_of_the_tree_about_it(gitleaks):
    files = {"a b/x.txt": "planted\n", "fine.txt": "fine\n", ".gitleaksignore": "x\n"}
    found = gitleaks(files)
    assert (found.outcome, found.cases) == ("failed", 3), found
    assert found.evidence[1:] == ("a b/x.txt:1: generic-api-key",)
    assert found.tool == "gitleaks 8.30.1"
    found = gitleaks(files, base=("a b/x.txt",))
    assert (found.outcome, found.cases) == ("passed", 2), found


@needs_box
def test_p7_gitleaks_is_proven_on_a_key_that_is_planted(gitleaks):
    assert gitleaks({"fine.txt": "fine\n"}, planted=True) is True


def test_p7_without_gitleaks_it_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("CLUBOS_TOOLS", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    found = checks.run(
        CheckSpec("l", "command", preset="gitleaks"), Tree(tmp_path / "t", {"a": "x"}).subject()
    )
    assert (found.outcome, found.missing, found.summary) == (
        "unknown", True, "gitleaks is not installed"
    )  # fmt: skip
