"""Secrets where a reader in a hurry would not look."""

import importlib.util

import pytest
from support.check_tree import Tree, failed

# Of parts, so that no scanner takes them for real ones.
AWS = "AKIA" + "HIDDEN" + "0123456789"
STRIPE = "sk_live_" + "abcdefghij" + "klmnopqrstuvwx"
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
