"""Hypothesis builders of log entries: every kind, with fields at the edges of what they may hold."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from mvx.journal.codec import KINDS

#: Any text that can be stored as UTF-8.
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


@st.composite
def amounts(draw: st.DrawFn) -> Decimal:
    """Any number of at most 40 digits."""
    count = draw(st.integers(1, 40))
    number = Decimal(draw(st.integers(-(10**count) + 1, 10**count - 1)))
    return number.scaleb(-draw(st.integers(0, count)))


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value that a field of this type may hold."""
    hint = getattr(hint, "__supertype__", hint)
    if hint is Decimal:
        return amounts()
    if get_origin(hint) in (types.UnionType, Union):
        inner = next(arg for arg in get_args(hint) if arg is not type(None))
        return st.none() | values_of(inner)
    if get_origin(hint) is tuple:
        return st.lists(values_of(get_args(hint)[0]), max_size=3).map(tuple)
    if get_origin(hint) is Mapping:
        key, value = get_args(hint)
        return st.dictionaries(values_of(key), values_of(value), max_size=3)
    if is_dataclass(hint):
        return entries_of(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: TEXTS,
        bool: st.booleans(),
        int: st.integers(0, 2**62),
        float: st.floats(0, 1e9, allow_nan=False),
    }
    return simple[hint]


def entries_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a dataclass, each field by its type."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: values_of(hints[field.name]) for field in fields(kind)})


ENTRIES = {name: entries_of(kind) for name, kind in KINDS.items()}
