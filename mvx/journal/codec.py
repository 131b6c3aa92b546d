"""Entries as JSON text and back, derived from the types of their fields.

Rule: decode(encode(entry)) == entry for every entry, and money is plain text, never a JSON number. A
field that an older version did not write has its default.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from mvx.domain import entries
from mvx.domain.entries import Entry
from mvx.domain.money import plain

Convert = Callable[[Any], Any]
T = TypeVar("T")

KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(entries.Entry)}
_to_text = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def encode(value: object) -> str:
    """The JSON object of an entry's fields, or of any other dataclass of such fields."""
    return _to_text(_encoder(cast(Any, type(value)))(value))


def decode(kind: str, body: str) -> Entry:
    """The entry of a kind. Raises KeyError for a kind that this version does not know."""
    return cast(Entry, decode_as(KINDS[kind], body))


def decode_as(kind: type[T], body: str) -> T:
    """The value of a dataclass that `encode` made the text of."""
    return cast(T, _decoder(cast(Any, kind))(json.loads(body)))


def _same(value: Any) -> Any:
    return value


def _element(hint: Any) -> Any:
    """The type inside `X | None`, or None where the hint is no such union."""
    if get_origin(hint) in (types.UnionType, Union):
        return next(arg for arg in get_args(hint) if arg is not type(None))
    return None


@cache
def _encoder(hint: Any) -> Convert:
    if hint is Decimal:
        return plain
    if (inner := _element(hint)) is not None:
        convert = _encoder(inner)
        return lambda value: None if value is None else convert(value)
    if get_origin(hint) is tuple:
        return _each(_encoder(get_args(hint)[0]), list)
    if get_origin(hint) is Mapping:
        return _values(_encoder(get_args(hint)[1]))
    if is_dataclass(hint):
        return _object_encoder(hint)
    return _same


@cache
def _decoder(hint: Any) -> Convert:
    if hint is Decimal:
        return Decimal
    if (inner := _element(hint)) is not None:
        convert = _decoder(inner)
        return lambda value: None if value is None else convert(value)
    if get_origin(hint) is tuple:
        return _each(_decoder(get_args(hint)[0]), tuple)
    if get_origin(hint) is Mapping:
        return _values(_decoder(get_args(hint)[1]))
    if is_dataclass(hint):
        return _object_decoder(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    return _same


def _each(convert: Convert, into: Callable[[Any], Any]) -> Convert:
    return lambda values: into(map(convert, values))


def _values(convert: Convert) -> Convert:
    return lambda mapping: {key: convert(value) for key, value in mapping.items()}


def _object_encoder(kind: Any) -> Convert:
    hints = get_type_hints(kind)
    columns = [(field.name, _encoder(hints[field.name])) for field in fields(kind)]
    return lambda value: {name: convert(getattr(value, name)) for name, convert in columns}


def _object_decoder(kind: Any) -> Convert:
    hints = get_type_hints(kind)
    columns = [(field.name, _decoder(hints[field.name]), _default(field)) for field in fields(kind)]
    return lambda body: kind(
        *(convert(body[name]) if name in body else default() for name, convert, default in columns)
    )


def _default(field: Field[Any]) -> Callable[[], Any]:
    if field.default_factory is not MISSING:
        return field.default_factory

    def default() -> Any:
        if field.default is MISSING:
            raise KeyError(field.name)
        return field.default

    return default
