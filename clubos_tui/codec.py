"""Frozen dataclasses to JSON values and back, by a tag.

The values know no JSON; this module reads their fields once per class. It knows only what the
journal needs: ``str``, ``int``, ``bool``, ``None``, tuples, dicts and nested dataclasses. Floats
are left out on purpose, because their text differs between languages and the text is hashed.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import operator
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

Json = dict[str, Any]
# Made once: `json.dumps` would make it anew for each value.
_text = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
).encode
_PLAIN = frozenset({str, int, bool, type(None)})
T = TypeVar("T")


class DecodeError(ValueError):
    """A stored value does not have the form of its type."""


def canonical(value: object) -> bytes:
    """Return the one JSON text of ``value``: sorted keys, no spaces, ASCII.

    ASCII escapes keep file names that are not UTF-8 (lone surrogates) intact.
    """
    return _text(value).encode()


def unstructure(value: object) -> Any:
    """Return ``value`` as JSON values; a field that holds its default is left out."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, tuple | list):
        return [unstructure(item) for item in value]
    if isinstance(value, dict):
        return {str(key): unstructure(item) for key, item in value.items()}
    if isinstance(value, str | int):
        return value
    values, fields = _fields(typing.cast("Any", type(value)))
    return {
        name: item if type(item) in _PLAIN else unstructure(item)
        for (name, default), item in zip(fields, values(value), strict=True)
        if item is not default and item != default
    }


def structure(cls: type[T], data: Any) -> T:
    """Return ``data`` as a ``cls``; raises :class:`DecodeError` where it does not fit."""
    return typing.cast("T", _decoder(typing.cast("Any", cls))(data))


@functools.cache
def _fields(cls: Any) -> tuple[Callable[[Any], Any], tuple[tuple[str, object], ...]]:
    """Return what reads all fields of a class at once, and their names and defaults."""
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls.__name__} has no place in the journal")
    fields = tuple(
        (
            field.name,
            field.default_factory()
            if field.default_factory is not dataclasses.MISSING
            else field.default,
        )
        for field in dataclasses.fields(cls)
    )
    names = [name for name, _ in fields]
    if len(names) < 2:  # of one name it would return the value, of none it can't be made
        return lambda value: tuple(getattr(value, name) for name in names), fields
    return operator.attrgetter(*names), fields


@functools.cache
def _decoder(kind: Any) -> Callable[[Any], Any]:
    if dataclasses.is_dataclass(kind):
        return _dataclass_decoder(kind)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, typing.NewType):
        return _decoder(kind.__supertype__)
    if origin is tuple:
        item = _decoder(args[0])
        return lambda data: tuple(item(entry) for entry in _expect(list, data))
    if origin is dict:
        value = _decoder(args[1])
        return lambda data: {key: value(entry) for key, entry in _expect(dict, data).items()}
    if origin in {types.UnionType, typing.Union}:
        inner = _decoder(next(arg for arg in args if arg is not types.NoneType))
        return lambda data: None if data is None else inner(data)
    if origin is typing.Literal:
        return lambda data: _one_of(args, data)
    if kind is Any:
        return lambda data: data
    return lambda data: _expect(kind, data)


def _dataclass_decoder(cls: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(cls)
    decoders: dict[str, Callable[[Any], Any]] | None = None

    def decode(data: Any) -> Any:
        nonlocal decoders
        if decoders is None:
            decoders = {
                field.name: _decoder(hints[field.name]) for field in dataclasses.fields(cls)
            }
        values = {}
        for key, entry in _expect(dict, data).items():
            if key not in decoders:
                raise DecodeError(f"{cls.__name__} has no field {key!r}")
            values[key] = decoders[key](entry)
        try:
            return cls(**values)
        except TypeError as error:
            raise DecodeError(f"{cls.__name__}: {error}") from error

    return decode


def _expect(kind: type, data: Any) -> Any:
    # bool is an int to Python, but not to a reader of the journal.
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise DecodeError(f"expected {kind.__name__}, found {type(data).__name__}")
    return data


def _one_of(choices: tuple[Any, ...], data: Any) -> Any:
    if data not in choices:
        raise DecodeError(f"{data!r} is none of {', '.join(map(repr, choices))}")
    return data
