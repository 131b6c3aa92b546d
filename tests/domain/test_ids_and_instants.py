"""Client order ids that every venue takes, and instants as text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvx.domain.ids import EPOCH_RANGE, make_cl_ord_id, make_epoch, make_parent_id
from mvx.domain.instant import Instant, after, parse_rfc3339, rfc3339, seconds_between
from tests.support import START

EPOCHS = st.integers(0, EPOCH_RANGE - 1)
COUNTERS = st.integers(0, 36**7 - 1)
INSTANTS = st.integers(0, 4_000_000_000_000_000).map(Instant)


@given(EPOCHS, COUNTERS)
@settings(max_examples=100, deadline=None)
def test_a_client_order_id_is_18_characters_that_every_venue_takes(epoch: int, counter: int) -> None:
    """Kraken's limit is 18, and all take [a-z0-9]."""
    assert re.fullmatch(r"m[a-z0-9]{17}", make_cl_ord_id(make_epoch(epoch), counter))
    assert re.fullmatch(r"p[a-z0-9]{17}", make_parent_id(make_epoch(epoch), counter))


@given(st.lists(st.tuples(EPOCHS, COUNTERS), unique=True, max_size=50))
@settings(max_examples=100, deadline=None)
def test_ids_are_unique(pairs: list[tuple[int, int]]) -> None:
    """Another epoch or another counter is another id, and no parent's id is an order's."""
    made = [make(make_epoch(e), c) for e, c in pairs for make in (make_cl_ord_id, make_parent_id)]
    assert len(set(made)) == 2 * len(pairs)


@given(EPOCHS, COUNTERS, COUNTERS)
@settings(max_examples=100, deadline=None)
def test_ids_of_one_epoch_are_ordered_as_their_counters(epoch: int, a: int, b: int) -> None:
    """Text order is the order in which they were made."""
    text = make_epoch(epoch)
    assert (make_cl_ord_id(text, a) < make_cl_ord_id(text, b)) is (a < b)


def test_an_id_that_no_longer_fits_is_refused() -> None:
    """The counter never runs over into the epoch, and the epoch never out of the id."""
    make_cl_ord_id("0" * 10, 36**7 - 1)
    with pytest.raises(OverflowError):
        make_cl_ord_id("0" * 10, 36**7)
    with pytest.raises(OverflowError):
        make_epoch(EPOCH_RANGE)


@given(INSTANTS)
@settings(max_examples=100, deadline=None)
def test_an_instant_round_trips_through_its_text(instant: Instant) -> None:
    """Not a microsecond is lost."""
    assert parse_rfc3339(rfc3339(instant)) == instant


@given(INSTANTS, INSTANTS)
@settings(max_examples=100, deadline=None)
def test_texts_sort_as_instants(a: Instant, b: Instant) -> None:
    """Text order is time order."""
    assert (rfc3339(a) < rfc3339(b)) is (a < b)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T12:00:00Z", START),
        ("2026-11-22T13:30:00+01:30", START),
        ("2026-11-22T12:00:00.000001Z", START + 1),
    ],
)
def test_other_writings_of_an_instant_are_read(text: str, expected: int) -> None:
    """A zone other than UTC and any fraction are the same instant."""
    assert parse_rfc3339(text) == expected


@pytest.mark.parametrize("text", ["", "now", "2026-11-22", "2026-11-22T12:00:00", "2026-13-01T00:00:00Z"])
def test_a_text_without_a_zone_is_no_instant(text: str) -> None:
    """A local time names no instant."""
    with pytest.raises(ValueError, match=r".+"):
        parse_rfc3339(text)


@given(INSTANTS, st.integers(-(10**9), 10**9))
@settings(max_examples=100, deadline=None)
def test_seconds_add_up(instant: Instant, micros: int) -> None:
    """Going so many seconds on is as far as it says, to the microsecond."""
    moved = after(instant, micros / 1_000_000)
    assert moved - instant == micros
    assert seconds_between(instant, moved) == micros / 1_000_000
