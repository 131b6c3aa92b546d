"""A quantity over time: even, never early, never more than the whole, and whole in the end."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mvx.router.twap import due_qty, next_slice_s, slices_of

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
