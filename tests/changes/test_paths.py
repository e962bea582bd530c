"""Which paths may never be written, decided on the name alone."""

import os
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clubos_tui.changes.manifest import path_bytes, path_text
from clubos_tui.changes.paths import (
    MAX_COMPONENT,
    MAX_PATH,
    collision,
    folder_of,
    is_dot_git,
    link_refusal,
    matches,
    refusal,
)

# Names that git refuses in some commands and takes or silently drops in others.
HOSTILE = [
    (".git/hooks/x", ".git"), (".GIT/x", ".git"), ("sub/.git/x", ".git"), (".git", ".git"),
    (".git::$INDEX_ALLOCATION/x", ".git"), ("git~1/x", ".git"), ("GIT~2", ".git"),
    (".git./x", ".git"), (".git /x", ".git"), (".git. . ./x", ".git"), (".git\\hooks\\x", ".git"),
    ("a\\.git\\x", ".git"), (".g\u200cit/x", ".git"), (".\ufeffGi\u202et\u206f/x", ".git"),
    (".git:x", ".git"), ("git~1.", ".git"),
    ("../x", "leave"), ("a/../x", "leave"), ("a/..", "leave"), ("..", "leave"),
    ("./x", "empty component"), ("a/./x", "empty component"), (".", "empty component"),
    ("/etc/x", "absolute"), ("//x", "absolute"),
    ("a//b", "empty component"), ("a/", "empty component"), ("", "empty"),
    ("C:/x", "Windows"), ("c:x", "Windows"), ("a:b", "Windows"), ("..\\x", "Windows"),
    ("a\\b", "Windows"),
    ("CON", "device"), ("aux.txt", "device"), ("sub/Nul", "device"), ("COM1.log", "device"),
    ("lpt9", "device"),
    ("x.", "drops"), ("x ", "drops"), ("a /b", "drops"), ("...", "drops"),
    ("a\0b", "NUL"), ("a" * (MAX_COMPONENT + 1), "component is longer"),
    ("ä" * 128, "component is longer"), ("a/" * (MAX_PATH // 2) + "b", "longer than"),
    ("\ud800", "no file name"),
]  # fmt: skip

HARMLESS = [
    "a", "a/b c/d", ".gitignore", ".github/workflows/ci.yml", "git", "git~", "x.git", ".gitx/y",
    "my.git/x", "a\nb", "a\tb", "\x1b[31m", "\x7f", "a\rb", 'a"b', "-rf", "--", ":(top)x",
    "\udcff\udcfe", "a" * MAX_COMPONENT, "console", "auxiliary.txt", "com10", "nulls", "..a",
    "a..b", ".hidden", "über/größe", "e\u0301", "abc:d",
]  # fmt: skip


@pytest.mark.parametrize(("path", "why"), HOSTILE)
def test_p8_a_hostile_path_is_refused_with_its_reason(path, why):
    assert why in (refusal(path) or "")


@pytest.mark.parametrize("path", HARMLESS)
def test_an_odd_but_harmless_path_is_allowed(path):
    """It will be shown escaped; what is allowed here is what git can hold."""
    assert refusal(path) is None


NAMES = st.one_of(
    st.sampled_from([
        "..", ".", "", ".git", ".GIT", "git~1", ".git.", ".git ", ".g\u200dit", "\u206a.git",
        "a", "b", "\\", "C:", "/", "x ", "\udcff", ".Git::$DATA",
    ]),
    st.text(alphabet=".gGiItT~1 \\/:\u200c\ufeff\u0307a", max_size=8),
    st.binary(max_size=6).map(path_text),
)  # fmt: skip
PATHS = st.one_of(
    st.lists(NAMES, min_size=1, max_size=5).map("/".join), st.text(max_size=20), NAMES
)


@settings(deadline=None, max_examples=400)
@given(PATHS)
def test_p8_an_accepted_path_stays_inside_and_away_from_git(path):
    """Judged here by the rules of each file system, in other words than the code's."""
    if refusal(path) is not None:
        return
    raw = path_bytes(path)
    assert os.path.normpath(os.path.join(b"/ws", raw)) == b"/ws/" + raw
    ignored = {*map(chr, (*range(0x200C, 0x2010), *range(0x202A, 0x202F))), "\ufeff"}
    ignored |= {*map(chr, range(0x206A, 0x2070))}
    for component in path.replace("\\", "/").split("/"):
        plain = "".join(letter for letter in component if letter not in ignored)
        for form in ("NFC", "NFD"):
            name = unicodedata.normalize(form, plain).casefold()
            assert name.split(":")[0].rstrip(". ") != ".git"


@pytest.mark.parametrize("name", [".git", ".GIT", ".g\u200cit", ".git . ", "git~1", "a\\.git"])
def test_p8_every_spelling_of_the_git_folder_is_known(name):
    assert is_dot_git(name)


# --- links --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "target", "why"),
    [
        ("l", b"", "empty"),
        ("l", b"/etc/passwd", "absolute"),
        ("l", b"..", "leaves"),
        ("a/l", b"../../x", "leaves"),
        ("a/l", b".././../x", "leaves"),
        ("l", b"a/../../x", "in and out|out again"),
        ("l", b"d/../x", "out again"),
        ("l", b".git/config", ".git"),
        ("a/l", b"../.GIT/hooks", ".git"),
        (".gitmodules", b"x", "does not follow"),
        ("sub/.GitAttributes", b"x", "does not follow"),
    ],
)
def test_p8_a_link_that_leads_out_is_refused(path, target, why):
    said = link_refusal(path, target) or ""
    assert any(part in said for part in why.split("|"))


@pytest.mark.parametrize(
    ("path", "target"),
    [("l", b"a"), ("l", b"."), ("a/l", b".."), ("a/b/l", b"../../x/y"), ("l", b"\xff//b/.")],
)
def test_a_link_inside_is_allowed(path, target):
    assert link_refusal(path, target) is None


PARTS = st.lists(st.sampled_from(["..", ".", "a", "b", "l", "m", ""]), min_size=1, max_size=5)
LINKS = st.tuples(st.sampled_from(["l", "m", "a/l", "a/m", "a/b/l", "a/b/m"]), PARTS)


@settings(deadline=None, max_examples=150)
@given(st.lists(LINKS, min_size=1, max_size=3))
@example([("l", ["."]), ("m", ["l", "..", "a"])])
@example([("a/l", ["b"]), ("m", ["a", "l", "..", "..", "..", "a"])])
def test_p8_allowed_links_never_lead_out_together(tmp_path_factory, links):
    """Each may be harmless alone; the kernel follows one through another."""
    root = tmp_path_factory.mktemp("links") / "root"
    (root / "a" / "b").mkdir(parents=True)
    for name in ("a", "b", "l", "m"):
        (root.parent / name).mkdir()
    for path, parts in links:
        target = "/".join(parts)
        place = root / path
        if link_refusal(path, target.encode()) is None and not os.path.lexists(place):
            place.symlink_to(target)
    for path, _ in links:
        try:
            real = os.path.realpath(root / path, strict=True)
        except OSError:
            continue  # a link to nothing, or in a circle, leads nowhere
        assert real == str(root) or real.startswith(f"{root}/")


# --- collisions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["README", "readme"], ("README", "readme")),
        (["a", "\u00e9", "e\u0301"], ("\u00e9", "e\u0301")),
        (["stra\u00dfe", "STRASSE"], ("stra\u00dfe", "STRASSE")),
        (["a/B", "A/b"], ("a/B", "A/b")),
        (["lib", "Lib/x"], ("lib", "Lib/x")),
        (["Lib/x/y", "lib"], ("Lib/x/y", "lib")),
        (["\u00e9", "e\u0301/x"], ("\u00e9", "e\u0301/x")),
        (["a", "b", "a/b"], ("a", "a/b")),
    ],
)
def test_two_paths_that_are_one_on_some_disk_are_found(paths, found):
    assert collision(paths) == found


@pytest.mark.parametrize(
    "paths", [[], ["a", "b"], ["a/x", "a/y", "b/x"], ["Src/a", "src/b"], ["\udcff", "\udcfe"]]
)
def test_paths_that_are_apart_everywhere_do_not_collide(paths):
    assert collision(paths) is None


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text("aAbB/", min_size=1, max_size=4).filter(lambda p: refusal(p) is None)))
def test_collisions_are_found_wherever_they_are(paths):
    unique = list(dict.fromkeys(paths))
    folded = [path.casefold() for path in unique]
    folders = {path[:at] for path in folded for at, letter in enumerate(path) if letter == "/"}
    clash = len(set(folded)) < len(folded) or bool(folders.intersection(folded))
    assert (collision(unique) is not None) == clash


# --- patterns -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        (".env", [".env", "a/.env", ".env/x", "a/b/.env/c"], [".envx", "x.env", "a.env/b"]),
        ("*.key", ["a.key", "d/a.key", "d/a.key/x"], ["a.keys", "akey"]),
        ("a/*.ts", ["a/x.ts", "a/.ts"], ["a/b/x.ts", "b/a/x.ts", "x.ts"]),
        ("a/**/*.ts", ["a/x.ts", "a/b/x.ts", "a/b/c/x.ts"], ["x.ts", "ab/x.ts"]),
        ("a/**", ["a/x", "a/b/c"], ["a", "b/a/x"]),
        ("**/x", ["x", "a/x", "a/b/x/y"], ["ax", "a/xb"]),
        (".github/", [".github/x", ".github/w/y", "a/.github/x"], ["x.github/a"]),
        ("/top", ["top", "top/x"], ["a/top"]),
        ("a?c", ["abc", "d/a\nc"], ["a/c", "ac", "abbc"]),
        ("a[b].c+", ["a[b].c+"], ["ab.c", "a[b]xc+", "a[b].cc"]),
        ("secrets.y*ml", ["secrets.yml", "x/secrets.yaml"], ["secrets.y/ml"]),
    ],
)
def test_what_a_pattern_covers(pattern, inside, outside):
    for path in inside:
        assert matches(path, [pattern]) == pattern, path
    for path in outside:
        assert matches(path, [pattern]) is None, path


def test_the_first_pattern_that_covers_a_path_is_named():
    assert matches("a/b", ["x", "a/*", "a/b"]) == "a/*"
    assert matches("a", []) is None


@given(
    st.lists(st.sampled_from(["a", "b", "*", "?", "**", "a*"]), min_size=1, max_size=4),
    st.lists(st.sampled_from(["a", "b", "ab", "c"]), min_size=1, max_size=4),
)
def test_what_a_pattern_matches_lies_in_its_folder(parts, names):
    pattern, path = "/".join(parts), "/".join(names)
    folder = folder_of(pattern)
    assert not {"*", "?"} & set(folder)
    if matches(path, (pattern,)):
        assert not folder or path.startswith(f"{folder}/")


def test_a_pattern_from_the_root_lies_in_its_folder():
    for pattern in ("/dir/*.py", "/dir/in/a.py", "/a.py"):
        path = pattern.replace("*", "a").lstrip("/")
        assert matches(path, [pattern])
        assert folder_of(pattern) == path.rpartition("/")[0]
