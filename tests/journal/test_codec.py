"""Entries as text and back."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mvx.domain import entries as log
from mvx.domain.ids import Venue
from mvx.journal.codec import KINDS, decode, encode
from mvx.journal.fold import _HANDLERS
from tests.domain.orders import BTC, at, fill, order
from tests.journal.entries import ENTRIES

D = Decimal


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_entry_is_read_as_it_was_written(kind: str, data: st.DataObject) -> None:
    """decode(encode(entry)) == entry, with the same types inside, for every kind."""
    entry = data.draw(ENTRIES[kind])
    again = decode(kind, encode(entry))
    assert again == entry
    assert repr_of_types(again) == repr_of_types(entry)


def repr_of_types(value: Any) -> Any:
    """The types of a value and of all that it holds."""
    if isinstance(value, dict):
        return {key: repr_of_types(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [repr_of_types(each) for each in value]
    if hasattr(value, "__dataclass_fields__"):
        return type(value), {n: repr_of_types(getattr(value, n)) for n in value.__dataclass_fields__}
    return type(value)


def test_every_kind_of_entry_is_known_to_the_codec_and_to_the_fold() -> None:
    """The union, the codec, the fold and these tests name the same 38 kinds."""
    union = {kind.__name__ for kind in get_args(log.Entry)}
    assert union == set(KINDS) == set(ENTRIES) == {kind.__name__ for kind in _HANDLERS}
    assert len(union) == 38


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (D("0.1") + D("0.2"), "0.3"),
        (D("1E+3"), "1000"),
        (D("1E-18"), "0.000000000000000001"),
        (D("-0.00"), "0"),
        (D("1234567890123456789012345678901234567890"), "1234567890123456789012345678901234567890"),
    ],
)
def test_money_is_plain_text(number: Decimal, expected: str) -> None:
    """A reader of JSON never meets money as a number that it would take for a float."""
    body = json.loads(encode(log.BalanceDoubted(Venue("kraken"), BTC, number, D(0), at(0))))
    assert body["ours"] == expected


def test_nested_money_is_plain_text_too() -> None:
    """Orders and fills inside an entry, and mappings of balances."""
    booked = json.loads(encode(log.FillBooked(fill("0.10", "100.0"), BTC, BTC, None)))
    opened = json.loads(encode(log.Opening(Venue("a"), "main", at(0), {BTC: D("1.50")}, {}, ())))
    intended = json.loads(encode(log.Intended(order(qty="1.0"))))
    found = (booked["fill"]["qty"], opened["balances"]["BTC"], intended["order"]["order_qty"])
    assert found == ("0.1", "1.5", "1")


def test_a_kind_of_a_later_version_is_refused() -> None:
    """What this version does not know it does not guess at."""
    with pytest.raises(KeyError):
        decode("Teleported", "{}")
