"""`mvx explain` of an order, a parent or a break: what became of it, told from the log.

Read-only, and light. A story is folded by the journal's own
fold, so that what it says of an order at each step is what was stored then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mvx.config.desk import DeskSettings
from mvx.domain.entries import Entry, JournalRestored, TradingSet
from mvx.domain.ids import ClOrdId
from mvx.domain.order import Order
from mvx.domain.order_status import OrdStatus
from mvx.domain.telling import known_of, names_in, sentence, subject_of
from mvx.domain.text import typed
from mvx.engine.outcome import Outcome
from mvx.engine.reports import known_break
from mvx.engine.setup import existing_journal
from mvx.engine.words import Event, ExplainResult, close_to
from mvx.errors import Exit, UsageError
from mvx.journal import history, story, views
from mvx.journal.fold import apply
from mvx.journal.history import ParentRow
from mvx.journal.rows import order_of
from mvx.journal.store import ReadTx
from mvx.journal.story import Logged
from mvx.journal.verify import MemoryState

#: Kinds of entries that are about every order that was alive then.
_AROUND = (TradingSet, JournalRestored)
#: The journal counts no further.
_MOST_DIGITS = 19


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who a story is about, every name under which the log speaks of them, and what to run where it has not
    ended."""

    about: str
    orders: tuple[Order, ...]
    names: frozenset[str]
    next: str


def explain_order(desk: DeskSettings, name: str) -> Outcome:
    """The story of an order, mvx's id or its venue's, of a parent, by its id or its --id, or of a break.
    Raises UsageError where there is none, JournalError where a live desk has no journal to tell of it."""
    if desk.mode == "paper" and not desk.journal.exists():
        raise _nothing_called(name)
    journal = existing_journal(desk)
    with journal.read() as tx:
        cast = _cast(tx, name)
        events = () if cast is None else tuple(_told(cast, _log_of(tx, cast)))
    journal.close()
    if cast is None:
        raise _nothing_called(name)
    return Outcome(ExplainResult(name, cast.about, (), events, cast.next), Exit.OK)


def _next(orders: Iterable[Order]) -> str:
    """Only the venue itself can tell how the story of an order ends. A cancel that may have arrived is not
    asked for again by anybody else."""
    alive = [order for order in orders if not order.settled]
    if not alive:
        return ""
    look = f"mvx reconcile --venue {typed(','.join(dict.fromkeys(order.venue for order in alive)))}"
    asked = [f"mvx cancel {typed(o.cl_ord_id)}" for o in alive if o.ord_status is OrdStatus.PENDING_CANCEL]
    return f"{look}, and {'; '.join(asked)} where it is open yet" if asked else look


def _nothing_called(word: str) -> UsageError:
    close = close_to(word)
    hint = f"; did you mean {close}?" if close else ""
    return UsageError(
        f"no code, kind of break, state, order, parent or break is called {word}{hint}",
        next_step=f"mvx explain {close}" if close else "mvx help words, or mvx orders",
    )


def _cast(tx: ReadTx, name: str) -> _Cast | None:
    """By the name of a parent, of an order, mvx's or its venue's, or of a break."""
    parent = history.parent(tx, name) or history.parent_by_key(tx, name)
    if parent is not None:
        return _cast_of(tx, "parent", views.children(tx, parent.parent_id), [parent])
    order = views.order(tx, name)
    orders = views.orders_with_venue_id(tx, name) if order is None else (order,)
    if orders:
        return _cast_of(tx, "order", orders, _parents(tx, orders))
    row = history.break_by_id(tx, int(name)) if _is_break_id(name) else None
    return None if row is None else _cast_of_break(tx, row)


def _is_break_id(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < _MOST_DIGITS


def _parents(tx: ReadTx, orders: Iterable[Order]) -> list[ParentRow]:
    found = (history.parent(tx, each.parent_id) for each in orders if each.parent_id)
    return [each for each in found if each is not None]


def _cast_of(tx: ReadTx, about: str, orders: tuple[Order, ...], parents: Iterable[ParentRow]) -> _Cast:
    ids = [each.cl_ord_id for each in orders]
    names: list[str] = [*ids, *story.refs_of_breaks(tx, ids)]
    for parent in parents:
        names += [parent.parent_id, *story.jobs_of(tx, parent)]
    return _Cast(about, orders, frozenset(names), _next(orders))


def _cast_of_break(tx: ReadTx, row: Mapping[str, Any]) -> _Cast:
    """The break itself, and with it the order that it is about."""
    order = views.order(tx, row["cl_ord_id"]) if row["cl_ord_id"] else None
    orders = () if order is None else (order,)
    found = _cast_of(tx, "break", orders, _parents(tx, orders))
    return replace(found, names=found.names | {row["ref"]}, next=known_break(row).next)


def _log_of(tx: ReadTx, cast: _Cast) -> Iterator[Logged]:
    """The entries of a story: those about its cast, and what was decided around it while it lasted."""
    kinds = [kind.__name__ for kind in _AROUND]
    found = list(story.entries_that_hold(tx, cast.names, kinds))
    own = [logged.seq for logged in found if names_in(logged.entry) & cast.names]
    lasts = not all(order.settled for order in cast.orders)
    for logged in found:
        if not isinstance(logged.entry, _AROUND):
            if logged.seq in own:
                yield logged
        elif own[0] < logged.seq and (lasts or logged.seq < own[-1]) and _concerns(logged.entry, cast):
            yield logged


def _concerns(entry: Entry, cast: _Cast) -> bool:
    venue = getattr(entry, "venue", None)
    return venue is None or venue in {order.venue for order in cast.orders}


def _told(cast: _Cast, entries: Iterator[Logged]) -> Iterator[Event]:
    state = MemoryState()
    for seq, at, entry in entries:
        subject = subject_of(entry)
        before = _order(state, subject)
        apply(state, seq, at, entry)
        after = _order(state, subject)
        known = "" if after is None or after == before else known_of(after)
        yield Event(at, type(entry).__name__, subject, sentence(entry, at, before), known)


def _order(state: MemoryState, cl_ord_id: ClOrdId | None) -> Order | None:
    row = None if cl_ord_id is None else state.get("orders", cl_ord_id)
    return None if row is None else order_of(row)
