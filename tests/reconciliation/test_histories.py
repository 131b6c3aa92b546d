"""Whatever a venue does within its bounds, and whenever it is read: the truth is found, and was never
outside of what was said."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from mvx.domain import entries as log
from mvx.domain.ids import ClOrdId
from mvx.domain.order import Order
from mvx.domain.order_status import OrdStatus
from tests.domain.orders import BTC, USD, at
from tests.reconciliation.desk import TERMS, Desk, kinds, reading
from tests.reconciliation.venue import (
    ASSETS,
    READS,
    FakeVenue,
    Plan,
    Read,
    known_at_the_venue,
    plans,
    read_venue,
)

D = Decimal
END_S = 110


def start(plan_list: list[Plan]) -> tuple[Desk, list[tuple[Plan, Order]]]:
    """A desk after first contact with 100 BTC and 100,000 USD, and the orders it will send."""
    desk = Desk(replace(TERMS, fee_bps=D(20)))
    desk.open(reading(-30, totals={"BTC": "100", "USD": "100000"}, since_s=-60))
    sent = []
    for plan in sorted(plan_list, key=lambda p: p.sent_s):
        sent.append((plan, plan_order(desk, plan)))
    return desk, sent


def plan_order(desk: Desk, plan: Plan) -> Order:
    """The intent, not yet written: the desk's own builder, without its log entry."""
    order = desk.intend(
        plan.side,
        D(plan.lots) / 10,
        D(plan.px),
        sent_s=plan.sent_s,
        fee_bps=D(20),
        fee_assets=(USD, BTC),
        max_px=D(plan.px + 5),
    )
    del desk.state.tables["orders"][(order.cl_ord_id,)]
    desk.log.pop()
    return order


def happen(desk: Desk, venue: FakeVenue, sent: list[tuple[Plan, Order]], second: int) -> None:
    """What the desk does and hears in one second: sends, acks, lost answers."""
    for plan, order in sent:
        if plan.sent_s == second:
            desk.append(log.Intended(order), at(second))
        known = (order.cl_ord_id,) in desk.state.tables["orders"]
        if known and plan.heard and plan.arrives_s == second:
            desk.append(log.Acked(order.cl_ord_id, venue.order_id(order)), at(second))
        if known and second == plan.sent_s + 5 and not (plan.heard and plan.arrives_s is not None):
            desk.append(log.OutcomeLost(order.cl_ord_id, "timeout"), at(second))


def truth_is_in_the_interval(desk: Desk, venue: FakeVenue, second: float) -> None:
    held = venue.balance(second)
    for asset in ASSETS:
        assert desk.interval(asset).contains(held[asset]), (asset, second, desk.interval(asset), held)


def replay(plan_list: list[Plan], reads: list[Read]) -> tuple[Desk, FakeVenue, list[str]]:
    """One second after the other; each reading is applied when it has ended. Returns the breaks."""
    desk, sent = start(plan_list)
    venue = FakeVenue(sent)
    said: list[str] = []
    for second in range(END_S):
        happen(desk, venue, sent, second)
        truth_is_in_the_interval(desk, venue, second)
        for how in reads:
            if how.ends_s == second:
                said += kinds(desk.apply(read_venue(venue, how)))
                truth_is_in_the_interval(desk, venue, second)
    for second in (150, 170, 190, 210):
        said += kinds(desk.apply(read_venue(venue, Read(second, 0, 0, 0))))
        truth_is_in_the_interval(desk, venue, second)
    return desk, venue, said


@given(st.lists(plans(), min_size=1, max_size=4), st.lists(READS, max_size=8))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_after_a_heal_the_journal_is_the_venue(plan_list: list[Plan], reads: list[Read]) -> None:
    """I3, I4, I5, I8, I13: fills one for one, balances to the last digit, nothing unknown left, no
    refusal of what was accepted, and at every second the truth lay in the interval."""
    desk, venue, said = replay(plan_list, reads)
    assert {b.fill.key: b.fill for b in desk.fills()} == {f.key: f for f in venue.trades(999, listed=True)}
    assert {asset: D(amount) for asset, amount in desk.held().items()} == venue.balance(999)
    accepted = known_at_the_venue(venue)
    for order in desk.orders():
        assert not order.unknown
        assert (order.ord_status is OrdStatus.REJECTED) is (order.cl_ord_id not in accepted)
        assert order.settled is order.terminal
    for each in set(said):
        event(each)
    assert not {"balance", "foreign_fill", "foreign_order", "overfill", "fill_conflict"} & set(said), said
    assert all(asset in desk.held() for asset in (BTC, USD))


@given(st.lists(plans(), min_size=1, max_size=3), st.lists(READS, max_size=5))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_second_pass_on_an_unchanged_venue_writes_nothing(plan_list: list[Plan], reads: list[Read]) -> None:
    """After the heal, and right after any reading in which nothing moved between its lists."""
    desk, venue, _ = replay(plan_list, reads)
    assert desk.compare(read_venue(venue, Read(260, 0, 0, 0))).findings == ()


@given(plans(), READS)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_same_reading_a_second_time_finds_nothing(plan: Plan, how: Read) -> None:
    """Corrections, applied through the real fold, leave nothing of what they corrected."""
    desk, sent = start([plan])
    venue = FakeVenue(sent)
    for second in range(how.ends_s + 1):
        happen(desk, venue, sent, second)
    snapshot = read_venue(venue, how)
    desk.apply(snapshot)
    assert desk.compare(snapshot).findings == ()


@given(plans(), st.lists(READS, min_size=2, max_size=2))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_two_reconcilers_do_not_both_correct(plan: Plan, hows: list[Read]) -> None:
    """Two readings that were applied in either order leave the same fills, each once."""
    ends = []
    for order in (hows, hows[::-1]):
        desk, sent = start([plan])
        venue = FakeVenue(sent)
        for second in range(80):
            happen(desk, venue, sent, second)
        for how in order:
            desk.apply(read_venue(venue, how))
        desk.apply(read_venue(venue, Read(200, 0, 0, 0)))
        ends.append({b.fill.key: b.cl_ord_id for b in desk.fills()})
    assert ends[0] == ends[1]
    assert set(ends[0].values()) <= {ClOrdId("m1")}
