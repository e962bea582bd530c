"""In which order a person should look at changed files, and why: what can do harm comes first.

A file is judged on its name, its modes and the lines it adds, never on what it has always said.
This orders and explains; it neither checks nor forbids, so a shape that is only probably a secret
counts, and one that nobody knows goes unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

from clubos_tui.changes.manifest import EXECUTABLE, GITLINK, path_text
from clubos_tui.changes.patch import ADDED, SYMLINK, FilePatch, Patch
from clubos_tui.changes.paths import matcher, matches

__all__ = ["Attention", "attention", "in_order"]


@dataclass(frozen=True, slots=True)
class Attention:
    """How urgently to look at a file: what has the lowest rank is looked at first."""

    rank: int
    reason: str
    """A few words for the person; empty for an ordinary file."""


_SECRET = Attention(0, "looks like a secret")
_PROTECTED = 1
_CI = Attention(2, "runs in CI")
_EXECUTABLE = Attention(3, "becomes executable")
_INSTALL = Attention(3, "install script")
_SCRIPT = Attention(3, "a script")
_LINK = Attention(4, "a symbolic link")
_DEPENDENCIES = Attention(5, "changes dependencies")
_SQL = Attention(6, "destructive SQL")
_MIGRATION = Attention(6, "a migration")
_DELETED = Attention(7, "deleted")
_BINARY = Attention(8, "binary")
ORDINARY = Attention(9, "")
"""What a file gets that nothing is said about."""
_GENERATED = Attention(10, "generated")
_LOCK = Attention(11, "lock file")


def attention(patch: Patch, protected: Sequence[str] = ()) -> dict[bytes, Attention]:
    """Say of each path of a patch how urgently to look at it, and why.

    Args:
        patch: The change set. A path that is two files in it gets the more urgent answer.
        protected: Patterns of protected paths, as `clubos_tui.changes.paths.matches` reads them.

    Returns:
        By path: the new one of a rename, that of the deleted file for a deletion.
    """
    judge = _Judge(patch, protected)
    out: dict[bytes, Attention] = {}
    for file in patch.files:
        found, other = judge.of(file), out.get(file.path)
        if other is None or found.rank < other.rank:
            out[file.path] = found
    return out


def in_order(patch: Patch, by: Mapping[bytes, Attention]) -> Patch:
    """Return the patch with its most urgent files first, those of one rank in the order they had.

    The two files of one path stay together. Rows keep their numbers, so a file's rows may now lie
    before those of the file in front of it.
    """
    places: dict[bytes, int] = {}
    for place, file in enumerate(patch.files):
        places.setdefault(file.path, place)

    def key(file: FilePatch) -> tuple[int, int]:
        return by.get(file.path, ORDINARY).rank, places[file.path]

    return replace(patch, files=tuple(sorted(patch.files, key=key)))


# --- names --------------------------------------------------------------------------------------

# Lower case; the group is the class, and of several that match the first is the most urgent.
_NAME = re.compile(
    rb"""
    (?P<secret> \.env(?!\.(?:example|sample|template|dist|defaults?)$)(?:\..*)? | .+\.env
        | id_(?:rsa|dsa|ecdsa|ed25519)(?:[._-](?!.*pub$).*)?
        | .+\.(?:pem|key|p12|pfx|jks|keystore|ppk)
        | \.(?:netrc|pgpass|pypirc|htpasswd|git-credentials) | credentials(?:\.json)?
        | secrets?\.(?:ya?ml|json|toml) )
    | (?P<ci> \.gitlab-ci\.ya?ml | jenkinsfile(?:\..*)? | azure-pipelines.*\.ya?ml
        | bitbucket-pipelines\.yml | \.(?:travis|drone|woodpecker|appveyor|cirrus)\.ya?ml
        | appveyor\.yml | buildspec\.ya?ml | cloudbuild\.(?:ya?ml|json) )
    | (?P<script> .+\.(?:sh|bash|zsh|fish|ksh|ps1|psm1|bat|cmd|command) | \.envrc
        | (?:gnu)?makefile(?:\..*)? | .+\.mk | (?:docker|container)file(?:\..*)?
        | .+\.dockerfile | justfile | rakefile | vagrantfile | \.pre-commit-config\.ya?ml )
    | (?P<dependencies> package\.json | pyproject\.toml | setup\.(?:py|cfg) | pipfile
        | requirements.*\.(?:txt|in) | constraints.*\.txt | environment\.ya?ml | cargo\.toml
        | go\.(?:mod|work) | gemfile | .+\.gemspec | composer\.json | pom\.xml
        | build\.gradle(?:\.kts)? | libs\.versions\.toml | mix\.exs | pubspec\.yaml
        | package\.swift | podfile | deno\.jsonc? | .+\.(?:cs|fs|vb)proj
        | packages\.config | directory\.packages\.props | \.gitmodules | \.npmrc | flake\.nix )
    | (?P<generated> .+\.min\.(?:js|css|mjs) | .+_pb2(?:_grpc)?\.pyi? | .+\.pb\.(?:go|cc|h)
        | .+\.(?:js|css)\.map | .+\.g\.dart | .+_generated\.\w+ | .+\.generated\.\w+ )
    | (?P<lock> (?:package-lock|npm-shrinkwrap|packages\.lock)\.json | pnpm-lock\.yaml
        | (?:yarn|poetry|uv|pdm|pipfile|cargo|gemfile|composer|mix|flake|pubspec|podfile|bun|deno)
          \.lock
        | bun\.lockb | go(?:\.work)?\.sum | gradle\.lockfile | \.terraform\.lock\.hcl )
    """,
    re.VERBOSE | re.DOTALL,
)
_NAMED = {
    "secret": _SECRET,
    "ci": _CI,
    "script": _SCRIPT,
    "dependencies": _DEPENDENCIES,
    "generated": _GENERATED,
    "lock": _LOCK,
}
_HOOK = re.compile(
    rb"(?:applypatch-msg|(?:prepare-)?commit-msg|fsmonitor-watchman|(?:pre|post)-"
    rb"(?:applypatch|auto-gc|checkout|commit|merge(?:-commit)?|push|rebase|receive|rewrite|update))"
)
# Searched in the folder with a slash at each end; the first is the most urgent.
_FOLDERS = (
    (re.compile(rb"\A/\.(?:github/(?:workflows|actions)|circleci|buildkite|woodpecker)/"), _CI),
    (re.compile(rb"/\.(?:husky|githooks)/"), _SCRIPT),
    (re.compile(rb"/(?:migrations?|migrate)/"), _MIGRATION),
    (re.compile(rb"/(?:generated|__generated__|dist|build|vendor|node_modules)/"), _GENERATED),
)


# --- added lines --------------------------------------------------------------------------------

LONGEST = 64 * 1024
"""So much of a line is looked at, in bytes: nobody reads on, and one line may be a whole bundle."""

# The literal is looked for first, in the whole patch, because most hold none of them. It begins the
# expression too, so that the search goes from one such place to the next; all repeats are bounded.
_KEYS = tuple(
    (literal, re.compile(shape))
    for literal, shape in (
        (b"-----BEGIN ", rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY"),
        (b"AKIA", rb"AKIA(?<!\wAKIA)[0-9A-Z]{16}\b"),
        (b"ASIA", rb"ASIA(?<!\wASIA)[0-9A-Z]{16}\b"),
        (b"sk-", rb"sk-(?<![\w-]sk-)(?=[A-Za-z_-]{0,60}[0-9])[A-Za-z0-9_-]{20}"),
        (b"gh", rb"gh[pousr]_(?<!\w....)[A-Za-z0-9]{30}"),
        (b"github_pat_", rb"github_pat_[A-Za-z0-9_]{22}"),
        (b"glpat-", rb"glpat-[A-Za-z0-9_-]{20}"),
        (b"xox", rb"xox[abeoprs]-[0-9A-Za-z-]{10}"),
        (b"AIza", rb"AIza(?<!\wAIza)[0-9A-Za-z_-]{35}"),
        (b"k_live_", rb"k_live_(?<=[sr]k_live_)[0-9A-Za-z]{16}"),
        (b"://", rb"://[^\s:/@]{1,100}:[^\s:/@<>{}$]{6,100}@(?!localhost)"),
    )
)
_VALUE = (
    rb"(?!<|[$%#]|\{|\*\*\*|\.\.\.|xxx|change.?me|replace.?me|your|example|placeholder|dummy)"
    rb"[^\"'\s]{6}"
)
# In lower case. After a colon, and of tokens, a word alone is a label or a kind and no secret.
_LITERALS = tuple(
    (word, re.compile(word + tail + rb"[\"']?\s{0,20}" + sign + rb"\s{0,20}[\"']" + _VALUE))
    for words, sign in (
        ((b"passw", b"passphrase", b"pwd"), rb"(?::?=|:(?=\s{0,20}[\"'][a-z]{0,60}[^a-z\"'\s]))"),
        (
            (b"secret", b"token", b"api_key", b"apikey", b"api-key", b"private_key"),
            rb"(?::?=|:)(?=\s{0,20}[\"'][a-z_]{0,60}[^a-z_\"'\s])",
        ),
    )
    for word in words
    for tail in [{b"passw": rb"(?:or)?d", b"secret": rb"(?:_?(?:access_?)?key)?"}.get(word, b"")]
)
_HOOKED = re.compile(rb'"(?:(?:pre|post)?install|prepare)"\s{0,20}:')
_DESTRUCTIVE = re.compile(rb"(?i)\b(?:drop|alter|truncate|(?<!\bon\s)delete(?!\s+on\b))\b")
_MARKS = (b"@generated", b"DO NOT EDIT")
_HEAD = 10  # lines; a mark below them is what a generator writes and no mark


class _Judge:
    """One look over a patch: what it learns of folders holds for all their files."""

    def __init__(self, patch: Patch, protected: Sequence[str]) -> None:
        self.patch = patch
        self.folders: dict[bytes, tuple[Attention, ...]] = {}
        whole = b"\n".join(patch.lines)
        self.marks = any(mark in whole for mark in _MARKS)
        self.keys = [shape for literal, shape in _KEYS if literal in whole]
        whole = whole.lower()
        self.literals = [shape for word, shape in _LITERALS if word in whole]
        # `.GitHub` is `.github` on many a disk.
        self.protected = [(pattern, pattern.casefold()) for pattern in protected]
        self.guard = matcher(folded for _, folded in self.protected) if protected else None

    def of(self, file: FilePatch) -> Attention:
        return min(self.holding(file), key=_rank, default=ORDINARY)

    def holding(self, file: FilePatch) -> Iterator[Attention]:
        """Yield what holds of a file; what is told apart within a rank, the more telling first."""
        path = file.path.lower()
        name = path[path.rfind(b"/") + 1 :]
        if file.added:
            lines = self.added(file)
            yield from self.content(name, lines)
            if self.marks and self.marked(file):
                yield _GENERATED
        if self.guard:
            yield from self.guarded(file)
        if file.new_mode == EXECUTABLE:
            becomes = file.old_mode not in (None, EXECUTABLE)
            yield _EXECUTABLE if becomes else _SCRIPT
        yield from self.named(path)
        if file.old_path is not None and file.old_path != file.path:
            # What is moved out of CI no longer runs there.
            yield from (found for found in self.named(file.old_path.lower()) if found is _CI)
        if SYMLINK in (file.old_mode, file.new_mode):
            yield _LINK
        if GITLINK in (file.old_mode, file.new_mode):
            yield _DEPENDENCIES
        if file.kind == "delete":
            yield _DELETED
        if file.binary:
            yield _BINARY

    def named(self, path: bytes) -> Iterator[Attention]:
        slash = path.rfind(b"/") + 1
        folder, name = path[:slash], path[slash:]
        if match := _NAME.fullmatch(name):
            yield _NAMED[match.lastgroup or ""]
        if not folder:
            return
        known = self.folders.get(folder)
        if known is None:
            whole = b"/" + folder
            known = tuple(found for shape, found in _FOLDERS if shape.search(whole))
            self.folders[folder] = known
        yield from known
        if folder.endswith(b"hooks/") and _HOOK.fullmatch(name):
            yield _SCRIPT

    def guarded(self, file: FilePatch) -> Iterator[Attention]:
        assert self.guard
        for raw in (file.path, file.old_path):
            path = path_text(raw).casefold() if raw is not None else None
            if path is not None and self.guard.fullmatch(path):
                for pattern, folded in self.protected:
                    if matches(path, (folded,)):
                        yield Attention(_PROTECTED, f"protected path ({pattern})")
                        return

    def added(self, file: FilePatch) -> bytes:
        """Return the added lines, one below the other; they keep their signs."""
        start, stop = file.rows.start, file.rows.stop
        lines = self.patch.lines[start:stop]
        if file.added < len(lines):
            kinds = self.patch.kinds[start:stop]
            lines = list(compress(lines, map(ADDED.__eq__, kinds)))
        text = b"\n".join(lines)
        if len(text) > LONGEST:
            longest = max(map(len, lines))
            if longest > LONGEST:
                text = b"\n".join([line[:LONGEST] for line in lines])
        return text

    def content(self, name: bytes, lines: bytes) -> Iterator[Attention]:
        if self.secret(lines):
            yield _SECRET
        if name == b"package.json" and _HOOKED.search(lines):
            yield _INSTALL
        if name.endswith(b".sql") and _DESTRUCTIVE.search(lines):
            yield _SQL

    def secret(self, lines: bytes) -> bool:
        if any(shape.search(lines) for shape in self.keys):
            return True
        lower = lines.lower() if self.literals else b""
        return any(shape.search(lower) for shape in self.literals)

    def marked(self, file: FilePatch) -> bool:
        """Tell whether the head of the file gets a line that says it is generated."""
        patch = self.patch
        for row in file.rows:
            if patch.new_lines[row] > _HEAD:
                return False
            if patch.kinds[row] == ADDED and any(mark in patch.lines[row] for mark in _MARKS):
                return True
        return False


def _rank(found: Attention) -> int:
    return found.rank
