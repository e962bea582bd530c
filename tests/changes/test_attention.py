"""Which files are looked at first, over patches that git made."""

from dataclasses import replace

import pytest
from changes.test_patch import EXECUTABLE, FILE, LINK, Repository

from clubos_tui.changes.attention import LONGEST, Attention, attention, in_order
from clubos_tui.changes.patch import format as formatted
from clubos_tui.changes.patch import parse

ORDER = [
    ("looks like a secret",), ("protected path",), ("runs in CI",),
    ("a script", "becomes executable", "install script"), ("a symbolic link",),
    ("changes dependencies",), ("a migration", "destructive SQL"), ("deleted",), ("binary",),
    ("",), ("generated",), ("lock file",),
]  # fmt: skip
RANKS = {reason: rank for rank, reasons in enumerate(ORDER) for reason in reasons}
KEY = "sk-" + "ant-api03-" + "a1B2c3D4e5F6g7H8i9J0"  # in halves, lest somebody's scanner stops here
AWS = "AKIA" + "ABCDEFGHIJKLMNOP"
BLOCK = "-----BEGIN RSA " + "PRIVATE KEY-----"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return Repository(tmp_path_factory.mktemp("git"))


def entry(data, mode=FILE):
    return mode, data if isinstance(data, bytes) else data.encode()


def reasons(repository, old, new, protected=()):
    found = attention(parse(repository.diff(old, new)), protected)
    for path, item in found.items():
        assert item.rank == RANKS[item.reason.split(" (")[0]], path
    return {path: item.reason for path, item in found.items()}


def test_nothing_changed_is_nothing_to_look_at():
    empty = parse(b"")
    assert attention(empty, ("**",)) == {}
    assert in_order(empty, {}) == empty


NAMES = {
    "looks like a secret": [
        b".env", b"app/.env.production", b"prod.env", b"keys/server.pem", b".ssh/id_rsa",
        b"ID_ED25519", b".netrc", b"id_rsa.old", b"id_ed25519_sk", b"id_rsa_work", b"id_rsa-2024",
    ],
    "runs in CI": [
        b".github/workflows/test.yml", b".github/workflows/run.sh", b".GitHub/Workflows/x.yml",
        b".gitlab-ci.yml", b".circleci/config.yml", b"Jenkinsfile", b"azure-pipelines.yml",
    ],
    "a script": [
        b"bin/go.sh", b"Makefile", b"docker/Dockerfile", b"Dockerfile.dev", b".husky/pre-push",
        b"tools/hooks/pre-commit", b"dist/install.sh",
    ],
    "changes dependencies": [
        b"package.json", b"web/package.json", b"pyproject.toml", b"requirements-dev.txt",
        b"Cargo.toml", b"go.mod", b"Gemfile", b".gitmodules", b"vendor/x/go.mod",
    ],
    "a migration": [b"db/migrations/0001.py", b"db/migrate/1_users.rb", b"migrations/readme"],
    "generated": [
        b"dist/app.js", b"vendor/a/b.go", b"x/node_modules/y/z.js", b"js/app.min.js", b"api_pb2.py",
    ],
    "lock file": [
        b"package-lock.json", b"yarn.lock", b"pnpm-lock.yaml", b"poetry.lock", b"uv.lock",
        b"Cargo.lock", b"sub/go.sum", b"Gemfile.lock",
    ],
    "": [
        b"a.py", b".env.example", b"id_rsa.pub", b"id_rsa_work.pub", b"environment.py",
        b"docs/.github/workflows/x.yml",
        b"hooks/use.ts", b"makefiles.md", b"migrations", b"distance/x.py", b"query.sql",
        b"\xff\xfe.txt", b"d\xff/\xe9.c",
    ],
}  # fmt: skip


@pytest.mark.parametrize("reason", NAMES)
def test_what_a_name_says(repository, reason):
    paths = NAMES[reason]
    found = reasons(repository, {}, {path: entry("hello\n") for path in paths})
    assert found == dict.fromkeys(paths, reason)
    # The same holds of an edit; and of what is outside of ASCII.
    paths = [b"\xff/" + path for path in paths] if reason != "runs in CI" else paths
    sides = [{path: entry(data) for path in paths} for data in ("one\n", "two\n")]
    assert reasons(repository, *sides) == dict.fromkeys(paths, reason)


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        (f"key: {KEY}", True),
        (f"id = {AWS}", True),
        ("gh" + "p_" + "a1" * 18, True),
        ("github" + "_pat_" + "a1" * 15, True),
        ("xox" + "b-123456789012-abcdef", True),
        (BLOCK, True),
        ("postgres://club:" + "hunter22@db.example.org/x", True),
        ('password = "hunter2"', True),
        ('password = "swordfish"', True),
        ("PASSWORD='swordfish'", True),
        ('"password": "hunter2"', True),
        ('api_key: "a1b2c3d4e5"', True),
        ('SECRET_KEY = "django-1nsecure"', True),
        ("sk-...", False),
        ("class=sk-loading-spinner-with-dots", False),
        (f"task-{KEY}", False),
        (f"X{AWS}", False),
        ("-----BEGIN CERTIFICATE-----", False),
        ("postgres://club:" + "${PASSWORD}@db.example.org/x", False),
        ('password = "${PASSWORD}"', False),
        ('password = "change-me"', False),
        ('"password": "Passwort"', False),
        ("password = read_password()", False),
        ('token = "Bearer"', False),
        ('token: "#d0d0d0"', False),
        ('password = "short', False),
    ],
)
def test_secrets_in_added_lines_whatever_the_file_is(repository, line, secret):
    data = entry(f"first\n  {line}\nlast\n")
    for path, otherwise in [(b"a.py", ""), (b"dist/x.js", "generated"), (b"uv.lock", "lock file")]:
        wanted = "looks like a secret" if secret else otherwise
        assert reasons(repository, {}, {path: data}) == {path: wanted}


def test_a_secret_that_was_there_or_goes_is_none_that_comes(repository):
    old, new = f"{KEY}\na\n{AWS}\n", f"{KEY}\nb\n"
    assert reasons(repository, {b"x": entry(old)}, {b"x": entry(new)}) == {b"x": ""}


def test_long_lines_are_looked_at_up_to_a_limit(repository):
    pad = b"x " * (LONGEST // 2 - 100)
    key = KEY.encode()
    new = {
        b"in": entry(b"short\n" + pad + key + b"\n"),
        b"beyond": entry(pad + b"x " * 200 + key + b"\n"),
        b"below": entry(pad * 3 + b"\n" + key + b"\n"),
    }
    found = reasons(repository, {}, new)
    assert found == {b"in": "looks like a secret", b"beyond": "", b"below": "looks like a secret"}


def test_protected_paths_name_their_pattern_and_yield_to_secrets(repository):
    body = "".join(f"{n}\n" for n in range(9))
    old = {b"moved.safe": entry(body), b"gone.safe": entry("gone\n")}
    new = {
        b"away.py": entry(body), b"core/a.py": entry("x\n"), b"Core/B.py": entry("x\n"),
        b"core/.env": entry("x\n"), b".github/workflows/\xff.safe": entry("x\n"),
        b"other.py": entry("x\n"),
    }  # fmt: skip
    assert reasons(repository, old, new, ("core/**", "*.safe")) == {
        b"away.py": "protected path (*.safe)",
        b"gone.safe": "protected path (*.safe)",
        b"core/a.py": "protected path (core/**)",
        b"Core/B.py": "protected path (core/**)",
        b"core/.env": "looks like a secret",
        b".github/workflows/\xff.safe": "protected path (*.safe)",
        b"other.py": "",
    }


BODY = "".join(f"line {n}\n" for n in range(20))


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ({}, {b"x": entry("a\n", EXECUTABLE)}, "a script"),
        ({b"x": entry("a\n")}, {b"x": entry("a\n", EXECUTABLE)}, "becomes executable"),
        ({b"x.sh": entry("a\n")}, {b"x.sh": entry("b\n", EXECUTABLE)}, "becomes executable"),
        ({b"x": entry("a\n", EXECUTABLE)}, {b"x": entry("b\n", EXECUTABLE)}, "a script"),
        ({b"x": entry("a\n", EXECUTABLE)}, {b"x": entry("a\n")}, ""),
        ({}, {b"x": entry("to", LINK)}, "a symbolic link"),
        ({b"x": entry("a\n")}, {b"x": entry("to", LINK)}, "a symbolic link"),
        ({b"x": entry("to", LINK)}, {b"x": entry("a\n")}, "a symbolic link"),
        ({b"x": entry("a\n")}, {}, "deleted"),
        ({b"dist/x": entry("a\n")}, {}, "deleted"),
        ({b"go.mod": entry("a\n")}, {}, "changes dependencies"),
        ({}, {b"x": entry(b"\0a")}, "binary"),
        ({}, {b"dist/x": entry(b"\0a")}, "binary"),
        ({b"x": entry(b"\0a")}, {}, "deleted"),
        ({b".github/workflows/x": entry(BODY)}, {b"x": entry(BODY)}, "runs in CI"),
        ({b"a": entry(BODY)}, {b"x": entry(BODY)}, ""),
    ],
)
def test_modes_links_deletions_and_renames(repository, old, new, wanted):
    (found,) = reasons(repository, old, new).values()
    assert found == wanted


@pytest.mark.parametrize(
    ("path", "old", "new", "wanted"),
    [
        (b"package.json", "{\n}\n", '{\n"postinstall": "x"\n}\n', "install script"),
        (b"package.json", '{\n"preinstall": "x"\n}\n', '{\n"a": 1\n}\n', "changes dependencies"),
        (b"a.json", "{\n}\n", '{\n"postinstall": "x"\n}\n', ""),
        (b"a.sql", "", "drop table x;\n", "destructive SQL"),
        (b"migrations/a.sql", "", "ALTER TABLE x DROP y;\n", "destructive SQL"),
        (b"a.sql", "", "DELETE FROM x;\n", "destructive SQL"),
        (b"a.sql", "", "y int references z on delete cascade\n", ""),
        (b"a.sql", "truncate x;\n", "select 1;\n", ""),
        (b"a.sql", "", "select dropped, deleted;\n", ""),
        (b"a.py", "", "drop = 1\n", ""),
        (b"a.py", "", "# @generated by x\n1\n", "generated"),
        (b"a.go", "", "//\n// Code by x. DO NOT EDIT.\n", "generated"),
        (b"a.go", "// DO NOT EDIT\na\n", "// DO NOT EDIT\nb\n", ""),
        (b"a.py", BODY, BODY + "'DO NOT EDIT'\n", ""),
        (b"a.py", "", BODY + "'DO NOT EDIT'\n", ""),
    ],
)
def test_what_added_lines_say(repository, path, old, new, wanted):
    sides = [{path: entry(data)} if data else {} for data in (old, new)]
    assert reasons(repository, *sides) == {path: wanted}


def test_the_most_urgent_is_first_and_the_rest_stays_in_order(repository):
    old = {b"b": entry("x\n"), b"u": entry("a\n")}
    new = {
        b"a": entry("x\n"), b"b": entry("to", LINK), b"c": entry("x\n"), b"d/uv.lock": entry("x\n"),
        b"e.sh": entry("x\n"), b"z": entry(KEY + "\n"), b"vendor/x": entry("x\n"),
    }  # fmt: skip
    patch = parse(repository.diff(old, new))
    by = attention(patch)
    ordered = in_order(patch, by)
    wanted = [b"z", b"e.sh", b"b", b"b", b"u", b"a", b"c", b"vendor/x", b"d/uv.lock"]
    assert [file.path for file in ordered.files] == wanted
    assert [file.kind for file in ordered.files if file.path == b"b"] == ["delete", "symlink"]
    assert sorted(map(id, ordered.files)) == sorted(map(id, patch.files))
    assert ordered.lines is patch.lines
    assert sorted(formatted(ordered).split(b"\n")) == sorted(formatted(patch).split(b"\n"))
    # What nobody judged is ordinary.
    some = {b"c": Attention(0, "x"), b"a": Attention(11, "y")}
    assert [file.path for file in in_order(patch, some).files] == [
        b"c", b"b", b"b", b"d/uv.lock", b"e.sh", b"u", b"vendor/x", b"z", b"a",
    ]  # fmt: skip


def test_the_two_files_of_a_path_come_together_wherever_they_were(repository):
    old = {b"b": entry("x\n")}
    patch = parse(repository.diff(old, {b"b": entry("to", LINK), b"c": entry("to", LINK)}))
    gone, link, other = patch.files
    apart = replace(patch, files=(gone, other, link))
    assert in_order(apart, attention(apart)).files == (gone, link, other)


class Counted(list):
    """A column that counts how many rows are taken out of it."""

    taken = 0

    def __getitem__(self, index):
        found = super().__getitem__(index)
        self.taken += len(found) if isinstance(index, slice) else 1
        return found


@pytest.mark.parametrize("files", [1, 500])
def test_each_row_is_taken_once(repository, files):
    """A mark in every file, far down, so that the search for it has to end by itself."""
    rows = 100_000 // files
    body = entry(b"value = compute(thing)\n" * (rows - 1) + b"# DO NOT EDIT\n")
    patch = parse(repository.diff({}, {b"%d.py" % n: body for n in range(files)}))
    lines = Counted(patch.lines)
    found = attention(replace(patch, lines=lines))
    assert set(found.values()) == {Attention(9, "")}
    assert len(patch.lines) == 100_000
    assert 100_000 <= lines.taken <= 100_000 + 20 * files
