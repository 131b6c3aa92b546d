"""The table of order states."""

from __future__ import annotations

import itertools

import pytest

from mvx.domain.order_status import (
    TERMINAL,
    TRANSITIONS,
    ExecType,
    IllegalTransition,
    OrdStatus,
    next_status,
)

EVERY_PAIR = list(itertools.product(OrdStatus, ExecType))
FILLS = (ExecType.PARTIAL_FILL, ExecType.FILL)
CLOSED_UNFILLED = (OrdStatus.CANCELED, OrdStatus.REJECTED, OrdStatus.EXPIRED)
LEGAL = [pair for pair in EVERY_PAIR if pair in TRANSITIONS]
ILLEGAL = [pair for pair in EVERY_PAIR if pair not in TRANSITIONS]

NEVER = {
    (OrdStatus.PARTIALLY_FILLED, ExecType.NEW),
    (OrdStatus.PARTIALLY_FILLED, ExecType.REJECTED),
    (OrdStatus.PENDING_CANCEL, ExecType.NEW),
    *itertools.product(
        (OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.EXPIRED),
        (ExecType.NEW, ExecType.PENDING_CANCEL, ExecType.CANCELED, ExecType.REJECTED, ExecType.EXPIRED),
    ),
    (OrdStatus.REJECTED, ExecType.PENDING_CANCEL),
    (OrdStatus.REJECTED, ExecType.REJECTED),
}


@pytest.mark.parametrize(("status", "event"), ILLEGAL)
def test_a_missing_row_is_an_error_that_names_both(status: OrdStatus, event: ExecType) -> None:
    """Where the table has no row the error says which state met which event."""
    with pytest.raises(IllegalTransition, match=f"{status.value}.*{event.value}"):
        next_status(status, event)


def test_the_rows_that_are_missing_are_those_that_no_venue_may_say() -> None:
    """Exactly the absurd pairs have no row: no order is new again, and none is closed twice."""
    assert set(ILLEGAL) == NEVER


def test_every_row_leads_to_a_state_that_is_left_only_by_rows() -> None:
    """The table is closed: keys and values are known states and events."""
    assert set(TRANSITIONS) <= set(EVERY_PAIR)
    assert set(TRANSITIONS.values()) == set(OrdStatus) - {OrdStatus.PENDING_NEW}


@pytest.mark.parametrize(("status", "event"), list(itertools.product(OrdStatus, FILLS)))
def test_a_fill_is_legal_in_every_state(status: OrdStatus, event: ExecType) -> None:
    """The venue is right about what filled, on whatever order."""
    assert (status, event) in TRANSITIONS


@pytest.mark.parametrize("status", OrdStatus)
def test_a_full_fill_always_ends_filled(status: OrdStatus) -> None:
    """An order whose whole quantity traded is FILLED, whatever was said of it before."""
    assert next_status(status, ExecType.FILL) is OrdStatus.FILLED


@pytest.mark.parametrize("event", ExecType)
def test_filled_is_never_left(event: ExecType) -> None:
    """No event makes less of a filled order."""
    assert TRANSITIONS.get((OrdStatus.FILLED, event), OrdStatus.FILLED) is OrdStatus.FILLED


@pytest.mark.parametrize("status", CLOSED_UNFILLED)
def test_only_a_refused_order_opens_again(status: OrdStatus) -> None:
    """Canceled and expired orders stay closed; a refused one that the venue shows alive does not."""
    reached = {TRANSITIONS.get((status, event)) for event in ExecType} - {None}
    assert (reached <= TERMINAL) is (status is not OrdStatus.REJECTED)


@pytest.mark.parametrize(("status", "event"), LEGAL)
def test_a_row_taken_is_the_table_s(status: OrdStatus, event: ExecType) -> None:
    """The function adds nothing to the table."""
    assert next_status(status, event) is TRANSITIONS[status, event]
