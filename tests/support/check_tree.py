"""Small trees for checks: a folder of files, and what a check says about it."""

from clubos_tui.changes.manifest import FILE, Change, Entry
from clubos_tui.checks import Subject, run
from clubos_tui.plan import CheckSpec
from clubos_tui.repository.objects import object_id

SERVER = {
    "router.ts": "export const ADMIN = ['admin'];\n"
                 "export function route() {}\nexport function publicRoute() {}\n",
    "services.ts": "import { Club } from './club.js';\nexport interface Services { club: Club }\n",
    "club.ts": "export class Club { find(id: string) {} }\n",
    "routes/x.ts": "import { ADMIN, publicRoute, route } from '../router.js';\n"
                   "export default ({ services }) => [\n"
                   "  publicRoute('GET', '/health', () => 'ok'),\n"
                   "  route('GET', '/x/:id', ADMIN, ({ params }) =>\n"
                   "    services.club.find(params.text('id'))),\n];\n",
}  # fmt: skip
"""A server of two routes, in the shape that the checks on routes know."""


class Tree:
    """A folder of files, and what a check sees of it."""

    def __init__(self, folder, files=None, base=None):
        self.folder = folder
        self.base = base or {}
        self.files = {}
        for path, data in (files or {}).items():
            self.put(path, data)

    def put(self, path, data):
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        data = data.encode() if isinstance(data, str) else data
        place.write_bytes(data)
        self.files[path] = Entry(FILE, object_id("blob", data))

    def take(self, path):
        (self.folder / path).unlink()
        del self.files[path]

    def subject(self, **fields):
        rows = [
            Change(path, "create", new_mode=entry.mode, new_blob=entry.blob)
            for path, entry in self.files.items()
            if self.base.get(path) != entry
        ]
        fields = {"manifest": tuple(rows), **fields}
        return Subject(str(self.folder), self.files, self.base, **fields)

    def check(self, kind, *paths, **fields):
        spec = {k: fields.pop(k) for k in list(fields) if k in CheckSpec.__dataclass_fields__}
        return run(CheckSpec("c", kind, paths, **spec), self.subject(**fields))


def failed(verdict, *evidence):
    assert verdict.outcome == "failed", verdict
    for line in evidence:
        assert any(line in found for found in verdict.evidence), (line, verdict.evidence)
    return True
