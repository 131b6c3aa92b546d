"""The order's states as a table: (OrdStatus, ExecType) -> OrdStatus, with FIX 4.2's names.

FIX 4.2 tells PARTIAL_FILL and FILL apart (later versions fold both into TRADE), which makes the
table a function. A key that is missing is an error that names both, and the state is unchanged.
Fills that arrive on a closed order are rows here: the venue is right about what filled.
"""

from __future__ import annotations

from enum import StrEnum


class OrdStatus(StrEnum):
    """FIX tag 39."""

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class ExecType(StrEnum):
    """FIX tag 150, the subset that spot venues report."""

    NEW = "NEW"
    PARTIAL_FILL = "PARTIAL_FILL"
    FILL = "FILL"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


TERMINAL = frozenset({OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.REJECTED, OrdStatus.EXPIRED})

_S, _E = OrdStatus, ExecType

TRANSITIONS: dict[tuple[OrdStatus, ExecType], OrdStatus] = {
    # On its way: any report may be the first one that we hear.
    (_S.PENDING_NEW, _E.NEW): _S.NEW,
    (_S.PENDING_NEW, _E.PARTIAL_FILL): _S.PARTIALLY_FILLED,
    (_S.PENDING_NEW, _E.FILL): _S.FILLED,
    (_S.PENDING_NEW, _E.PENDING_CANCEL): _S.PENDING_CANCEL,
    (_S.PENDING_NEW, _E.CANCELED): _S.CANCELED,
    (_S.PENDING_NEW, _E.REJECTED): _S.REJECTED,
    (_S.PENDING_NEW, _E.EXPIRED): _S.EXPIRED,
    # Working.
    (_S.NEW, _E.NEW): _S.NEW,
    (_S.NEW, _E.PARTIAL_FILL): _S.PARTIALLY_FILLED,
    (_S.NEW, _E.FILL): _S.FILLED,
    (_S.NEW, _E.PENDING_CANCEL): _S.PENDING_CANCEL,
    (_S.NEW, _E.CANCELED): _S.CANCELED,
    (_S.NEW, _E.REJECTED): _S.REJECTED,
    (_S.NEW, _E.EXPIRED): _S.EXPIRED,
    (_S.PARTIALLY_FILLED, _E.PARTIAL_FILL): _S.PARTIALLY_FILLED,
    (_S.PARTIALLY_FILLED, _E.FILL): _S.FILLED,
    (_S.PARTIALLY_FILLED, _E.PENDING_CANCEL): _S.PENDING_CANCEL,
    (_S.PARTIALLY_FILLED, _E.CANCELED): _S.CANCELED,
    (_S.PARTIALLY_FILLED, _E.EXPIRED): _S.EXPIRED,
    # A cancel is asked for; the order trades until the venue says otherwise.
    (_S.PENDING_CANCEL, _E.PENDING_CANCEL): _S.PENDING_CANCEL,
    (_S.PENDING_CANCEL, _E.PARTIAL_FILL): _S.PENDING_CANCEL,
    (_S.PENDING_CANCEL, _E.FILL): _S.FILLED,
    (_S.PENDING_CANCEL, _E.CANCELED): _S.CANCELED,
    (_S.PENDING_CANCEL, _E.REJECTED): _S.REJECTED,
    (_S.PENDING_CANCEL, _E.EXPIRED): _S.EXPIRED,
    # Closed, and still the venue is right: late fills, overfills, an order thought refused.
    (_S.FILLED, _E.PARTIAL_FILL): _S.FILLED,
    (_S.FILLED, _E.FILL): _S.FILLED,
    (_S.CANCELED, _E.PARTIAL_FILL): _S.CANCELED,
    (_S.CANCELED, _E.FILL): _S.FILLED,
    (_S.EXPIRED, _E.PARTIAL_FILL): _S.EXPIRED,
    (_S.EXPIRED, _E.FILL): _S.FILLED,
    (_S.REJECTED, _E.NEW): _S.NEW,
    (_S.REJECTED, _E.PARTIAL_FILL): _S.PARTIALLY_FILLED,
    (_S.REJECTED, _E.FILL): _S.FILLED,
    (_S.REJECTED, _E.CANCELED): _S.CANCELED,
    (_S.REJECTED, _E.EXPIRED): _S.EXPIRED,
}


class IllegalTransition(LookupError):
    """No such row in TRANSITIONS; names the state and the event."""


def next_status(status: OrdStatus, exec_type: ExecType) -> OrdStatus:
    """The state after an execution report. Raises IllegalTransition, the state unchanged."""
    try:
        return TRANSITIONS[status, exec_type]
    except KeyError:
        raise IllegalTransition(f"no transition from {status} on {exec_type}") from None
