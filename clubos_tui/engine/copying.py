"""Keep a state as it is now while folding goes on: a fold changes its state in place."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, TypeVar

__all__ = ["copied"]

T = TypeVar("T")


def copied(value: T) -> T:
    """Return a copy that nothing done to ``value`` changes.

    Lists, dictionaries, sets and dataclasses that can change are copied, each once; everything
    else (events, manifests, texts) never changes and is shared.
    """
    return _copied(value, {})  # type: ignore[no-any-return]


def _copied(value: Any, known: dict[int, Any]) -> Any:
    kind = type(value)
    changes = kind in {list, dict, set} or _is_changed(kind)
    if not changes:
        return value
    if id(value) in known:
        return known[id(value)]
    if kind is dict:
        new: Any = known.setdefault(id(value), {})
        new.update((key, _copied(item, known)) for key, item in value.items())
    elif kind is list:
        new = known.setdefault(id(value), [])
        new.extend(_copied(item, known) for item in value)
    elif kind is set:
        new = known[id(value)] = set(value)
    else:
        new = known[id(value)] = copy.copy(value)
        for field in dataclasses.fields(value):
            setattr(new, field.name, _copied(getattr(value, field.name), known))
    return new


def _is_changed(kind: type) -> bool:
    parameters = getattr(kind, "__dataclass_params__", None)
    return parameters is not None and not parameters.frozen
