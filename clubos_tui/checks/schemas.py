"""JSON files against their JSON Schema, which lies in the same tree; nothing is fetched."""

from __future__ import annotations

import json
import posixpath
from typing import Any

from clubos_tui.checks.base import Checking, NotThatTree, Subject, verdict
from clubos_tui.plan import CheckSpec

__all__ = ["json_schema", "schema_of"]

_AT_MOST = 5  # faults of one file that are named


def json_schema(subject: Subject, spec: CheckSpec) -> Checking:
    """Each file fits the plan's schema, or the one that it names itself as ``$schema``."""
    faults: list[str] = []
    found = subject.matching(spec)
    validators: dict[str, Any] = {}
    for path in found:
        yield path
        try:
            text = subject.text(path)
            data = json.loads(text)
            place = schema_of(path, data, spec)
            if place not in validators:
                validators[place] = _validator(subject, place)
            faults += _faults(path, text, data, validators[place])
        except NotThatTree:
            raise
        except json.JSONDecodeError as error:
            faults.append(f"{path}:{error.lineno}: {error}")
        except (UnicodeDecodeError, ValueError, LookupError) as error:
            faults.append(f"{path}: {error}")
    return verdict(len(found), faults, spec, "files with a schema")


def schema_of(path: str, data: Any, spec: CheckSpec) -> str:
    """Return the path of a file's schema in the tree; ``LookupError`` where it names none."""
    if spec.schema:
        return spec.schema
    named = data.get("$schema") if isinstance(data, dict) else None
    if not isinstance(named, str) or "://" in named:
        raise LookupError("it names no schema of this tree as $schema")
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), named))


def _validator(subject: Subject, place: str) -> Any:
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry

    if place not in subject.files:
        raise LookupError(f"its schema {place} is not there")
    schema = json.loads(subject.text(place))
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise LookupError(f"its schema {place} is none: {error.message}") from error
    empty: Registry[Any] = Registry()  # else a reference to another server would be followed
    return kind(schema, registry=empty)


def _faults(path: str, text: str, data: Any, validator: Any) -> list[str]:
    from referencing.exceptions import Unresolvable

    from clubos_tui.checks.sources.jsontree import line_at

    try:
        errors = sorted(validator.iter_errors(data), key=lambda error: list(map(str, error.path)))
    except Unresolvable as error:
        return [f"{path}: its schema refers to {error.ref}, which is not in it"]
    named = [
        f"{path}:{line_at(text, error.absolute_path)}: {error.json_path}: {error.message}"
        for error in errors[:_AT_MOST]
    ]
    more = len(errors) - len(named)
    return [*named, f"{path}: and {more} more"] if more > 0 else named
