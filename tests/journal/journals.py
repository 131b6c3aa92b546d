"""Builders of journals: one in memory, and a sequence of entries such as a desk writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from mvx.domain import entries as log
from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import Asset, ClOrdId, ExecId, JobId, OrderId, ParentId
from mvx.domain.order_status import ExecType, OrdStatus
from mvx.domain.trading import TradingState
from mvx.journal.fold import apply
from mvx.journal.store import Journal
from mvx.journal.verify import MemoryState
from tests.domain.orders import BNB, BTC, BTC_USD, BUY, KRAKEN, SELL, USD, at, fill, order, report

D = Decimal
ORDERS = ("m1", "m2", "m3")

PRELUDE: tuple[log.Entry, ...] = (
    log.Opening(KRAKEN, "main", at(0), {BTC: D(10), USD: D(1000)}, {BTC: D(2)}, (ExecId("old"),)),
    log.ParentOpened(ParentId("p1"), "key-1", "{}", "BTC-USD", BUY, D(3)),
    log.JobQueued(JobId("j1"), "route", "{}", "ops"),
    log.Intended(order(BUY, "1", cl_ord_id="m1", parent_id=ParentId("p1"))),
    log.Intended(order(SELL, "2", cl_ord_id="m2", parent_id=ParentId("p1"), fee_assets=(USD, BNB))),
    log.ForeignOrderFound(order(BUY, "1", cl_ord_id="m3", order_id=OrderId("V3"))),
)


def folded(entries: Iterable[log.Entry]) -> MemoryState:
    """The tables that these entries make, one a second."""
    state = MemoryState()
    for seq, entry in enumerate(entries, 1):
        apply(state, seq, at(seq), entry)
    return state


def postings(state: MemoryState) -> list[dict[str, Any]]:
    """Every posting of the tables, one by one: what the view of that name shows."""
    rows = [
        {"seq": row["seq"], "venue": row["venue"], "asset": asset, "amount": amount, "contra": contra}
        for table in ("fills", "busts", "transfers")
        for row in state.tables[table].values()
        for asset, amount, contra in json.loads(row["postings"])
    ]
    return rows + [{**row, "contra": row["kind"]} for row in state.tables["anchors"].values()]


def write(journal: Journal, entries: Iterable[log.Entry], *, seconds: float = 1) -> None:
    """Each entry in a transaction of its own."""
    for entry in entries:
        with journal.write(at=at(seconds)) as tx:
            tx.append(entry)


_NAMED = st.sampled_from(ORDERS).map(ClOrdId)
_LIVE = st.sampled_from([OrdStatus.NEW, OrdStatus.CANCELED, OrdStatus.FILLED, OrdStatus.EXPIRED])
_ASSETS = st.sampled_from([BTC, USD, BNB])
_SMALL = st.integers(-500, 500).map(lambda cents: D(cents) / 100)


@st.composite
def _fills(draw: st.DrawFn) -> log.FillBooked:
    name = draw(st.none() | st.sampled_from(ORDERS))
    traded = fill(
        draw(st.sampled_from(["0.1", "0.5", "1"])),
        draw(st.sampled_from(["99.99", "100"])),
        exec_id=draw(st.sampled_from("abcdef")),
        side=draw(st.sampled_from([BUY, SELL])),
        order_id=f"V{name[1]}" if name else "X",
        fee=draw(st.sampled_from(["0", "0.01"])),
        fee_asset=draw(_ASSETS),
    )
    traded = replace(traded, gross_trade_amt=draw(st.sampled_from([None, D("9.99")])))
    kinds: Any = st.dictionaries(_ASSETS, st.sampled_from(["opening", "adjustment"]), max_size=3)
    return log.FillBooked(traded, BTC, USD, ClOrdId(name) if name else None, draw(kinds))


def _report(name: ClOrdId, status: OrdStatus, cum: str) -> log.Reported:
    return log.Reported(name, report(status, cum, of=order(cl_ord_id=name), order_id=f"V{name[1]}"))


def _reopened(name: ClOrdId, cum: str) -> log.Reopened:
    told = report(OrdStatus.PARTIALLY_FILLED, cum, of=order(cl_ord_id=name), order_id=f"V{name[1]}")
    return log.Reopened(name, told)


def heard(name: str, traded: Fill | None = None) -> log.Heard:
    """The venue pushed that an order lives, or that it traded."""
    exec_type = ExecType.NEW if traded is None else ExecType.PARTIAL_FILL
    side = BUY if traded is None else traded.side
    pushed = ExecutionReport(
        KRAKEN, ClOrdId(name), OrderId(f"V{name[1]}"), BTC_USD, side, exec_type, traded, at(3)
    )
    return log.Heard(pushed)


@st.composite
def _rarer(draw: st.DrawFn) -> log.Entry:
    """What is heard, taken back, moved in or out, set by hand."""
    booked = draw(_fills())
    name = booked.cl_ord_id or ClOrdId("m1")
    traded = replace(booked.fill, order_id=OrderId(f"V{name[1]}"))
    moved = Transfer(KRAKEN, "main", "", draw(st.sampled_from("xyz")), draw(_ASSETS), draw(_SMALL), at(4))
    return draw(
        st.sampled_from(
            [
                heard(name),
                heard(name, traded),
                log.PhantomDropped(name, traded),
                log.FillBusted(
                    replace(booked.fill, busted_at=at(6)), BTC, USD, booked.cl_ord_id, booked.absorbed
                ),
                log.TransferBooked(moved),
                log.TransferBooked(moved, {moved.asset: draw(st.sampled_from(["opening", "adjustment"]))}),
                log.BaselineSet(KRAKEN, draw(st.sampled_from([BTC, USD])), draw(_SMALL), "ops"),
                log.TradingSet(
                    draw(st.sampled_from([None, KRAKEN])), draw(st.sampled_from(TradingState)), "", "ops"
                ),
                log.JournalRestored("e2", "an old backup"),
                log.Sending(name),
                log.Revoked(name, "halted"),
                log.ParentResumed(ParentId("p1"), "w2"),
                log.JobClaimed(JobId("j1"), "w1"),
                log.JobEnded(JobId("j1"), "{}"),
                log.JobWithdrawn(JobId("j1"), "w2"),
            ]
        )
    )


def _break(ref: int, asset: Asset) -> log.BreakFound:
    return log.BreakFound(f"r{ref}", KRAKEN, "balance", asset, None, None, "1", "2", True, "")


_SOME: st.SearchStrategy[log.Entry] = st.one_of(
    st.builds(lambda name: log.Acked(name, OrderId(f"V{name[1]}")), _NAMED),
    st.builds(log.Rejected, _NAMED, st.just("no funds")),
    st.builds(log.NeverLeft, _NAMED, st.just("connection refused")),
    st.builds(log.OutcomeLost, _NAMED, st.just("timeout")),
    st.builds(log.CancelRequested, _NAMED),
    st.builds(log.CancelRejected, _NAMED, st.just("not asked")),
    st.builds(_report, _NAMED, _LIVE, st.sampled_from(["0", "0.5", "1"])),
    _fills(),
    _rarer(),
    _rarer(),
    st.builds(log.CountedBefore, st.just(ClOrdId("m3")), st.sampled_from([D("0.1"), D("0.5")])),
    st.builds(_reopened, _NAMED, st.sampled_from(["0.1", "0.5"])),
    st.builds(log.FoundAbsent, _NAMED, st.just(at(7))),
    st.builds(log.NeverAccepted, _NAMED, st.just("venue"), st.just(at(8)), st.just(at(7))),
    st.builds(log.Settled, _NAMED, st.just(at(5)), st.just(2.5), st.just(at(9))),
    st.builds(log.BalanceDoubted, st.just(KRAKEN), _ASSETS, _SMALL, _SMALL, st.just(at(9))),
    st.builds(log.BalanceAgreed, st.just(KRAKEN), _ASSETS),
    st.builds(log.Adjusted, st.just(KRAKEN), st.just("main"), _ASSETS, _SMALL, st.just(at(9)),
              st.just((ExecId("a"),))),
    st.builds(log.ParentClosed, st.just(ParentId("p1")), st.just("done"), st.just("{}")),
)  # fmt: skip


@st.composite
def sequences(draw: st.DrawFn) -> list[log.Entry]:
    """A day of entries about three orders, in any order, some of them twice, breaks among them."""
    later = draw(st.lists(_SOME, max_size=25))
    repeats = draw(st.lists(st.sampled_from(later), max_size=5)) if later else []
    found = [_break(n, draw(_ASSETS)) for n in range(draw(st.integers(0, 3)))]
    acked = [log.BreakAcked(each.ref, "ops") for each in found if draw(st.booleans())]
    return [*PRELUDE, *_named_first([*later, *repeats]), *found, *acked]


def _named_first(entries: list[log.Entry]) -> Iterator[log.Entry]:
    """A trade is joined to an order by the venue's name for it, so the name comes first."""
    for entry in entries:
        if isinstance(entry, log.FillBooked | log.FillBusted) and entry.cl_ord_id is not None:
            yield log.Acked(entry.cl_ord_id, entry.fill.order_id)
        yield entry
