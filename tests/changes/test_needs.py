"""What kept rows use and only rejected ones would define, over patches that git made."""

from dataclasses import replace

import pytest
from changes.test_attention import Counted
from changes.test_patch import FILE, LINK, Repository

from clubos_tui.changes.needs import Missing, missing
from clubos_tui.changes.patch import ADDED, CONTEXT, REMOVED, parse


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return Repository(tmp_path_factory.mktemp("git"))


def patch_of(repository, old, new):
    sides = [
        {path: data if isinstance(data, tuple) else (FILE, data) for path, data in side.items()}
        for side in (old, new)
    ]
    return parse(repository.diff(*sides))


def rejecting(patch, *paths, word=b""):
    """Return what rejects the rows of some files, or of those only the rows with a word."""
    rows = {
        row
        for file in patch.files
        if file.path in paths
        for row in file.rows
        if word in patch.lines[row] and patch.kinds[row] in (ADDED, REMOVED)
    }
    return rows.__contains__


def names(patch, *paths, word=b""):
    return [item.name for item in missing(patch, rejecting(patch, *paths, word=word))]


def created(repository, files, *paths):
    return names(patch_of(repository, {}, files), *paths)


def test_nothing_is_missing_where_nothing_is_rejected(repository):
    assert missing(parse(b""), lambda _: True) == ()
    files = {b"a.py": b"def helper():\n", b"b.py": b"helper()\n"}
    patch = patch_of(repository, {}, files)
    assert missing(patch, lambda _: False) == ()
    assert missing(patch, lambda _: True) == ()
    assert names(patch, b"a.py") == ["helper"]


def test_a_missing_name_says_where_it_is_used_first_and_where_it_would_be_defined(repository):
    lines = [b"line %d" % n for n in range(40)]
    changed = [*lines[:30], b"x = helper(1)", b"helper(2)", *lines[30:]]
    old = {b"\xff/use.py": b"\n".join([b"", *lines])}
    new = {
        b"\xff/use.py": b"\n".join([b"top", b"", *changed]),
        b"lib \xe9.py": b"import os\n\ndef helper(x):\n    pass\n",
        b"zz.py": b"helper(3)\n",
    }
    patch = patch_of(repository, old, new)
    by = {file.path: file for file in patch.files}
    (found,) = missing(patch, rejecting(patch, b"lib \xe9.py"))
    # Git lists by bytes: `lib`, `zz`, and then what begins with the byte 255.
    assert (found.path, found.line) == (b"zz.py", 1)
    patch = replace(
        patch, files=tuple(by[path] for path in (b"\xff/use.py", b"zz.py", b"lib \xe9.py"))
    )
    (found,) = missing(patch, rejecting(patch, b"lib \xe9.py"))
    use, definition = by[b"\xff/use.py"].hunks[1], by[b"lib \xe9.py"].hunks[0]
    assert found == Missing("helper", b"\xff/use.py", 33, use.id, b"lib \xe9.py", definition.id)
    assert new[b"\xff/use.py"].split(b"\n")[33 - 1] == b"x = helper(1)"


DEFINITIONS = [
    (b"a.py", b"def wanted(x):"),
    (b"a.py", b"    async def wanted(self):"),
    (b"a.py", b"class wanted(Base):"),
    (b"a.py", b"wanted = 5"),
    (b"a.py", b"wanted: Final[int] = 5"),
    (b"a.py", b"type wanted = int"),
    (b"a.js", b"function wanted() {"),
    (b"a.js", b"export default async function* wanted() {"),
    (b"a.js", b"const wanted = () => 1"),
    (b"a.ts", b"export const wanted: number = 1"),
    (b"a.ts", b"    export let wanted;"),
    (b"a.ts", b"export interface wanted {"),
    (b"a.ts", b"export abstract class wanted<T> extends X {"),
    (b"a.rs", b"pub(crate) fn wanted<T>(x: T) {"),
    (b"a.rs", b"pub struct wanted;"),
    (b"a.rs", b"    pub trait wanted: Clone {"),
    (b"a.go", b"func (r *Thing) wanted(x int) {"),
    (b"a.go", b"type wanted struct {"),
    (b"a.go", b"var wanted int"),
    (b"a.rb", b"  def self.wanted"),
    (b"a.rb", b"module wanted"),
    (b"a.kt", b"data class wanted(val x: Int)"),
    (b"a.c", b"#define wanted 5"),
    (b"a.c", b"struct wanted {"),
    (b"a.sh", b"export wanted=5"),
    (b".env", b"wanted=5"),
    (b"a.sql", b"CREATE TABLE wanted ("),
    (b"a.sql", b"create table if not exists public.wanted ("),
    (b"a.sql", b'CREATE OR REPLACE VIEW "club"."wanted" AS'),
    (b"a.sql", b"CREATE TABLE [dbo].[wanted] ("),
    (b"a.sql", b"CREATE TEMP TABLE `wanted` ("),
    (b"a.sql", b"CREATE TYPE wanted AS ENUM ("),
    (b"a.sql", b"CREATE UNIQUE INDEX CONCURRENTLY wanted ON x"),
    (b"a.sql", b"Create Function a.b.wanted(x int)"),
]


@pytest.mark.parametrize(("path", "line"), DEFINITIONS)
def test_what_a_definition_is(repository, path, line):
    again = b"zz" + path
    files = {path: line + b"\n", b"use.py": b"x = f(wanted)\n", again: line + b"\n"}
    patch = patch_of(repository, {}, files)
    assert names(patch, path, again) == ["wanted"]
    assert names(patch, path) == []  # it is defined somewhere else
    assert names(patch, path, again, b"use.py") == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (b"a.py", b"wanted == 5"),
        (b"a.py", b"    wanted = 5"),
        (b"a.py", b"import wanted"),
        (b"a.py", b"from x import wanted"),
        (b"a.py", b"wanted.x = 5"),
        (b"a.py", b"x = wanted"),
        (b"a.py", b"# def wanted():"),
        (b"a.js", b"    const wanted = 5"),
        (b"a.js", b"import wanted from 'x'"),
        (b"a.js", b"export { wanted }"),
        (b"a.js", b"export default wanted;"),
        (b"a.js", b"wanted => 5"),
        (b"a.js", b"// function wanted() {"),
        (b"a.c", b"struct wanted x;"),
        (b"a.md", b"def wanted():"),
        (b"a.toml", b"wanted = 5"),
        (b"a.sql", b"SELECT * FROM wanted"),
        (b"a.sql", b'CREATE TABLE "wanted items" ('),
        (b"a.sql", b"CREATE INDEX other_one ON wanted"),
    ],
)
def test_what_a_definition_is_not(repository, path, line):
    files = {path: line + b"\n", b"use.py": b"x = f(wanted)\n"}
    assert created(repository, files, path) == []


@pytest.mark.parametrize(
    "line",
    [b"x = wanted_too", b"# wanted", b"  // wanted", b"    * wanted", b"-- wanted", b"unwanted()"],
)
def test_what_a_use_is_not(repository, line):
    files = {b"a.py": b"def wanted():\n", b"use.py": b"other()\n" + line + b"\n"}
    assert created(repository, files, b"a.py") == []
    files[b"use.py"] += b"x(wanted)\n"
    assert created(repository, files, b"a.py") == ["wanted"]


def test_prose_and_links_neither_use_nor_define(repository):
    definition, use = b"def wanted():\n", b"wanted()"
    files = {b"a.py": definition, b"README.md": use, b"link": (LINK, b"wanted")}
    assert created(repository, files, b"a.py") == []
    files = {b"a": (LINK, b"wanted=5"), b"b.py": use}
    assert created(repository, files, b"a") == []


@pytest.mark.parametrize(
    "name", [b"ab", b"main", b"Test", b"self", b"data", b"value", b"__init__", b"name"]
)
def test_short_and_common_names_say_nothing(repository, name):
    files = {b"x1.py": b"def %b():\ndef telling():\n" % name, b"x2.py": b"%b(telling)\n" % name}
    assert created(repository, files, b"x1.py") == ["telling"]


def test_names_outside_of_ascii_and_of_utf_8(repository):
    files = {b"a.py": b"def gr\xc3\xb6\xc3\x9fe():\ndef b\xe9b\xe9():\n"}
    files[b"b.py"] = b"gr\xc3\xb6\xc3\x9fe()\nb\xe9b\xe9()\n"
    assert created(repository, files, b"a.py") == ["größe", "b\udce9b\udce9"]


def test_a_definition_that_stays_is_not_missing(repository):
    old = {b"a.py": b"def wanted(x):\n    pass\n", b"b.py": b"1\n"}
    new = {b"a.py": b"def wanted(x, y):\n    pass\n", b"b.py": b"wanted()\n"}
    patch = patch_of(repository, old, new)
    assert names(patch, b"a.py") == []  # the rejected removal stays
    # Only the new line is rejected: the old one goes, and nothing comes.
    assert names(patch, b"a.py", word=b"y") == ["wanted"]

    old = {b"a.py": b"def wanted():\n    pass\n", b"b.py": b"1\n", b"c.py": b"2\n"}
    new = {**old, b"a.py": old[b"a.py"] + b"\n", b"b.py": b"wanted()\n", b"c.py": b"wanted = 1\n"}
    patch = patch_of(repository, old, new)
    assert patch.kinds[patch.files[0].hunks[0].rows[0]] == CONTEXT
    assert names(patch, b"c.py") == []  # there it stands, in the context
    new[b"a.py"] = old[b"a.py"].replace(b"wanted", b"other")
    assert names(patch_of(repository, old, new), b"c.py") == ["wanted"]


def test_parts_of_one_hunk_count_by_their_rows(repository):
    files = {b"a.py": b"wanted()\ndef wanted():\n    return wanted\n"}
    patch = patch_of(repository, {}, files)
    (found,) = missing(patch, rejecting(patch, b"a.py", word=b"def"))
    assert (found.name, found.line) == ("wanted", 1)
    assert found.hunk == found.defining_hunk == patch.files[0].hunks[0].id
    assert names(patch, b"a.py", word=b"return") == []


def test_each_name_once_in_the_order_of_use(repository):
    files = {
        b"a.py": b"def one_():\ndef two_():\ndef three():\ndef unused():\n",
        b"b.py": b"three(two_)\nthree()\n",
        b"c.py": b"two_(one_)\n",
        b"d.py": b"def one_():\n",
    }
    assert created(repository, files, b"a.py", b"d.py") == ["three", "two_", "one_"]
    patch = patch_of(repository, {}, files)
    found = missing(patch, rejecting(patch, b"a.py", b"d.py"))
    assert {item.defined_in for item in found} == {b"a.py"}


@pytest.mark.parametrize(
    ("path", "line", "used"),
    [
        (b"helpers.py", b"import helpers", True),
        (b"helpers.py", b"from .helpers import x", True),
        (b"helpers.py", b"    from club import helpers", True),
        (b"helpers.py", b"import club.helpers as h", True),
        (b"helpers.py", b"import other", False),
        (b"helpers.py", b"helpers = 5", False),
        (b"helpers.py", b"call(helpers)", False),
        (b"helpers.py", b"# import helpers", False),
        (b"src/helpers.ts", b'import { x } from "./helpers"', True),
        (b"src/helpers.ts", b'} from "../src/helpers.js";', True),
        (b"src/helpers.ts", b'export * from "./helpers"', True),
        (b"src/helpers.ts", b'const x = require("./helpers")', True),
        (b"src/helpers.ts", b'const x = await import("./helpers")', True),
        (b"src/helpers.ts", b'import x from "./helpers-too"', False),
        (b"src/helpers.rs", b"use crate::helpers::x;", True),
        (b"src/helpers.rs", b"mod helpers;", True),
        (b"src/helpers.h", b'#include "helpers.h"', True),
        (b"helpers.rb", b"require_relative 'helpers'", True),
        (b"helpers/__init__.py", b"import helpers", True),
        (b"src/helpers/index.ts", b'import x from "./helpers"', True),
        (b"helpers.md", b"import helpers", False),
        (b"main.py", b"import main", False),
        (b"db.py", b"import db", False),
    ],
)
def test_a_rejected_new_file_is_missed_by_who_imports_it(repository, path, line, used):
    again = b"zz/" + path
    files = {path: b"1\n2\n", b"use.py": b"0\n" + line + b"\n", again: b"1\n3\n"}
    patch = patch_of(repository, {}, files)
    found = missing(patch, rejecting(patch, path, again))
    wanted = [("helpers", b"use.py", 2, path)] if used else []
    assert [(item.name, item.path, item.line, item.defined_in) for item in found] == wanted
    # Where a line of it is kept, or another file has that name, it is there.
    assert names(patch, path, again, word=b"1") == []
    assert names(patch, path) == []


def test_a_module_with_hyphens_and_what_it_defines(repository):
    files = {
        b"my-lib.js": b"export function wanted() {\n",
        b"x.js": b"import {wanted} from './my-lib'\n",
    }
    assert created(repository, files, b"my-lib.js") == ["wanted", "my-lib"]
    files[b"x.js"] = b"import './my-lib'\n"
    assert created(repository, files, b"my-lib.js") == ["my-lib"]


def test_what_is_named_like_its_file_is_missed_without_an_import(repository):
    files = {b"verify.go": b"func verify(x int) {\n", b"x.go": b"verify(1)\n"}
    assert created(repository, files, b"verify.go") == ["verify"]
    files[b"x.go"] = b'import "./verify"\n'
    assert created(repository, files, b"verify.go") == ["verify"]
    files[b"y.go"] = b"func verify(y int) {\n"
    assert created(repository, files, b"verify.go") == []


def test_a_rejected_edit_of_a_file_leaves_the_file(repository):
    old, new = {b"helpers.py": b"1\n"}, {b"helpers.py": b"2\n", b"use.py": b"import helpers\n"}
    assert names(patch_of(repository, old, new), b"helpers.py") == []


def test_each_row_is_asked_about_once_and_taken_at_most_three_times(repository):
    """However many names are missing: 20 000 of them, each used and defined."""
    count = 20_000
    files = {
        b"a.py": b"".join(b"def name_%d():\n    pass\n" % n for n in range(count)),
        b"b.py": b"".join(b"name_%d()\n" % n for n in reversed(range(count))) + b"\n" * 40_000,
    }
    patch = patch_of(repository, {}, files)
    lines = Counted(patch.lines)
    asked = []
    inside = rejecting(patch, b"a.py")

    def rejected(row):
        asked.append(row)
        return inside(row)

    found = missing(replace(patch, lines=lines), rejected)
    assert [item.name for item in found] == [f"name_{n}" for n in reversed(range(count))]
    assert asked == list(range(len(patch.lines)))
    assert len(patch.lines) == 100_000
    assert lines.taken <= 3 * len(patch.lines)
    before = lines.taken
    assert missing(replace(patch, lines=lines), lambda _: False) == ()
    assert lines.taken == before
