"""A quantity over time: even, never early, never more than the whole, and whole in the end."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvx.router.plan import smallest_order
from mvx.router.twap import due_qty, next_slice_s, placeable_qty, slice_at, slices_of
from tests.router.market import SELL, quote, request

D = Decimal
DURATIONS = st.floats(1, 100_000)


def test_the_first_slice_is_due_at_once_and_each_next_one_at_its_time() -> None:
    """Four of a minute's two: at 0, 30, 60 and 90 s."""
    assert 4 == slices_of(120)
    done = [D(0), D(1), D(1), D(2), D(3), D(4)]
    at_s = [0, 29, 30, 60, 90, 120]
    assert [1, 0, 1, 1, 1, 0] == [due_qty(D(4), so_far, s, 120) for so_far, s in zip(done, at_s, strict=True)]


def test_what_fell_behind_is_caught_up_two_slices_at_a_time() -> None:
    assert [D(2), D(4)] == [due_qty(D(4), D(0), s, 120) for s in (95, 120)]


def test_nothing_is_due_of_an_order_that_filled_for_more_than_the_whole() -> None:
    assert [D(0), D(0)] == [due_qty(D(4), D(5), s, 120) for s in (95, 120)]


def test_the_next_slice_is_the_very_next_one() -> None:
    """At 30, 60 and 90 s, and the end at 120."""
    assert [30, 1, 30, 15] == [next_slice_s(s, 120) for s in (0, 29, 30, 105)]


def test_each_moment_has_its_slice_and_what_is_after_the_end_is_none_of_them() -> None:
    """A clock that is before the beginning is in the first one."""
    assert [0, 0, 0, 1, 3, 4, 4] == [slice_at(s, 120) for s in (-5, 0, 29, 30, 119, 120, 500)]


@pytest.mark.parametrize(
    ("due", "left", "placed"),
    [
        ("0.3", "1", "0.3"),  # enough for an order
        ("0.01", "1", "0.1"),  # raised to the smallest order
        ("0.05", "0.15", "0.15"),  # what would be left over is none
        ("0.25", "0.3", "0.3"),
        ("0.01", "0.02", "0.02"),  # nothing can be done for what is less in all
        ("0.2", "0.3", "0.2"),  # what is left is one
    ],
)
def test_what_is_due_is_raised_to_orders_that_a_venue_takes(due: str, left: str, placed: str) -> None:
    assert D(placed) == placeable_qty(D(due), D(left), D("0.1"))


def test_the_smallest_order_is_that_of_the_venue_that_takes_the_least() -> None:
    """By lot, by minimum, by value; and not of a venue that can not pay for it, or lies beyond the limit."""
    by_lot, by_value = quote("a", lot="0.5"), quote("b", min_notional="20")
    poor, far = quote("c", spendable="0.5"), quote("d", asks=[("120", "10")], bids=[("98", "10")])
    asked = request("1", limit="110")
    assert D("0.5") == smallest_order(asked, [by_lot])
    assert D("0.2") == smallest_order(asked, [by_lot, by_value])
    assert D("0.5") == smallest_order(asked, [by_lot, poor, far])
    assert smallest_order(asked, [poor, far]) is None
    assert D("0.21") == smallest_order(request("1", SELL), [by_value])  # 0.2 bring 19.80 at the bid of 99


@given(
    DURATIONS, st.integers(1, 400), st.integers(1, 500), st.sets(st.integers(0, 119)), st.integers(80, 120)
)
def test_what_a_venue_would_refuse_as_too_small_is_never_due_and_never_left(
    duration_s: float, lots: int, least_lots: int, missed: set[int], drift: int
) -> None:
    """Whole lots are traded, also where the minimum moves and slices are missed."""
    whole, least, done, elapsed_s = D(lots), D(least_lots), D(0), 0.0
    while done < whole:
        due = due_qty(whole, done, elapsed_s, duration_s)
        if due and slice_at(elapsed_s, duration_s) not in missed:
            left = whole - done
            placed = placeable_qty(due, left, least)
            assert due <= placed <= left
            assert placed >= min(least, left)
            assert not 0 < left - placed < least
            assert elapsed_s >= duration_s or placed <= max(due, 2 * least)
            done += max(D(1), placed // 1) if left > 1 else left
            least = max(D(1), least * drift // 100)
        elapsed_s += next_slice_s(elapsed_s, duration_s)
        assert elapsed_s < 2 * duration_s + 1
    assert done == whole


@given(DURATIONS, st.floats(0, 2), st.integers(0, 100))
def test_never_more_than_is_left_and_all_of_it_after_the_end(
    duration_s: float, part: float, done: int
) -> None:
    whole = D(100)
    due = due_qty(whole, D(done), part * duration_s, duration_s)
    assert 0 <= due <= whole - done
    if part >= 1:
        assert due == whole - done


@given(DURATIONS, st.floats(0, 0.999))
def test_never_ahead_of_the_schedule_by_more_than_the_slice_that_begins(
    duration_s: float, part: float
) -> None:
    """What is done and due lies on the line, or one slice above it."""
    slices = slices_of(duration_s)
    for done in (D(0), D(50), D(100)):
        due = due_qty(D(100), done, part * duration_s, duration_s)
        ahead = done + due - D(100) * D(part)
        assert not due or ahead <= D(100) / slices + D("0.000001")


@given(DURATIONS, st.floats(0, 0.999))
def test_whoever_trades_what_is_due_whenever_a_slice_begins_is_done_before_the_end(
    duration_s: float, missed: float
) -> None:
    """Also where some slices were missed: two at a time catch up, the rest at the end."""
    done, elapsed_s = D(0), 0.0
    for _ in range(3 * slices_of(duration_s)):
        if not 0.3 < elapsed_s / duration_s < 0.3 + missed / 2:
            done += due_qty(D(7), done, elapsed_s, duration_s)
        elapsed_s += next_slice_s(elapsed_s, duration_s)
    assert done == D(7)
