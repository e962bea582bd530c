"""What a phase may not bring: secrets in the lines it adds, large files, many files, names."""

from __future__ import annotations

import dataclasses

import pytest
from support.check_tree import Tree

from clubos_tui import checks
from clubos_tui.changes.manifest import FILE, BlobId, Change
from clubos_tui.plan import CheckSpec
from clubos_tui.repository.objects import object_id

KEY = "AKIA" + "ABCDEFGH12345678"
KNOWN = {
    "by its shape": ("k = " + KEY, "an AWS access key"),
    "a Stripe key": ("sk" + "_live_" + "a1B2c3D4e5F6g7H8i9J0k1L2", "Stripe"),
    "a SendGrid key": (
        "SG." + "a1B2c3D4e5F6g7H8i9J0k1" + "." + "a" * 43, "SendGrid"
    ),
    "an npm token": (
        "//r.example/:_authToken=" + "743b294a-cd03-11ec-9d64-0242ac120002", "NPM"
    ),
    "a token of a web": (
        "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "c2lnbmF0dXJlLW9mLWl0LWFsbA",
        "JSON Web Token",
    ),
}  # fmt: skip


@pytest.fixture
def tree(tmp_path):
    return lambda files: Tree(tmp_path / "tree", files)


@pytest.mark.parametrize("what", KNOWN)
def test_p12_a_key_of_each_kind_is_found_and_never_told(tree, what):
    line, said = KNOWN[what]
    found = tree({"a.ts": f"one\n{line}\n"}).check("secrets")
    assert found.outcome == "failed", found
    assert found.evidence[0].startswith("a.ts:2 holds what looks like ")
    assert said in found.evidence[0]
    assert line not in str(found)
    assert found.tool.startswith("clubos and detect-secrets ")


def test_no_comment_switches_it_off(tree):
    found = tree({"a.ts": f"{KNOWN['a Stripe key'][0]}  # pragma: allowlist secret\n"})
    assert found.check("secrets").outcome == "failed"


def test_random_text_and_lock_files_are_no_secrets(tree):
    files = {
        "a.ts": "sha = 'b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c'\n",
        "package-lock.json": KNOWN["a Stripe key"][0],
    }
    assert tree(files).check("secrets").outcome == "passed"


def test_only_added_lines_are_judged(tree):
    """What the base holds already is not the phase's doing, wherever the line stands now."""
    made = tree({"a.ts": f"new\n{KEY}\n"})
    before = f"{KEY}\n".encode()
    rows = (
        Change(
            "a.ts", "modify", old_mode=FILE, old_blob=BlobId(object_id("blob", before)),
            new_mode=FILE, new_blob=made.files["a.ts"].blob,
        ),
    )  # fmt: skip
    subject = made.subject(manifest=rows)
    held = dataclasses.replace(subject, before={"a.ts": before}.get)
    assert checks.run(CheckSpec("c", "secrets"), held).outcome == "passed"
    assert checks.run(CheckSpec("c", "secrets"), subject).outcome == "failed", "not known: all"


def test_without_the_extra_the_known_shapes_are_still_looked_for(tree, monkeypatch):
    monkeypatch.setattr("clubos_tui.checks.leaks._detectors", dict)
    subject = tree({"a": KEY}).subject()
    found = checks.run(CheckSpec("c", "secrets"), subject)
    assert (found.outcome, found.tool) == ("failed", "clubos")


def test_a_file_that_is_too_large_is_named_with_its_size(tree):
    made = tree({"big.bin": b"x" * 2049, "fits.bin": b"x" * 2048})
    found = made.check("size", kilobytes=2)
    assert found.evidence == ("big.bin: 2.0 KB, at most 2 allowed",)
    assert made.check("size", "fits.*", kilobytes=2).outcome == "passed"
    assert made.check("size", kilobytes=3).outcome == "passed"


def test_too_many_files_are_counted(tree):
    made = tree({f"{number}": "x" for number in range(4)})
    assert made.check("size", files=3).evidence == ("4 files are changed, at most 3 allowed",)
    assert made.check("size", files=4).outcome == "passed"


@pytest.mark.parametrize("path", ["src/key.pem", "SRC/Key.PEM", "secrets/x"])
def test_a_forbidden_name_is_refused_however_it_is_spelled(tree, path):
    made = tree({"src/a.ts": "x", path: "y"})
    found = made.check("forbidden", "*.pem", "secrets/")
    assert found.outcome == "failed"
    assert found.evidence[0].startswith(f"{path} is forbidden by ")


def test_a_name_may_go(tree):
    made = tree({"a": "x"})
    row = Change("old.pem", "delete", old_mode=FILE, old_blob=BlobId(object_id("blob", b"x")))
    found = checks.run(
        CheckSpec("c", "forbidden", ("*.pem",)),
        made.subject(manifest=(row,)),
    )
    assert found.outcome == "passed"
