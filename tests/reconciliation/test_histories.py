"""Whatever happens at a venue, and whenever it is read: the truth is found, and was never outside of what
was said, but for what nobody could have foreseen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from mvx.domain import entries as log
from mvx.domain.ids import Asset, ClOrdId
from mvx.domain.order import Order
from mvx.domain.order_status import OrdStatus
from mvx.reconciliation.compare import compare
from tests.domain.orders import BTC, BTC_USD, KRAKEN, USD, at
from tests.reconciliation.desk import TERMS, Desk
from tests.reconciliation.venue import (
    ASSETS,
    FIRST_READS,
    LAG_S,
    OPENED_S,
    QUIET,
    READS,
    WORLDS,
    FakeVenue,
    Plan,
    Read,
    World,
    known_at_the_venue,
    planned_busts,
    plans,
    read_venue,
)

D = Decimal
END_S = 110
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FIRST = Read(OPENED_S, 0, 0, 0)


def start(world: World, first: Read = FIRST) -> tuple[Desk, FakeVenue]:
    """A desk after first contact with 100 BTC and 100,000 USD less what moved before, and the orders that
    it will send."""
    desk = Desk(replace(TERMS, fee_bps=D(20), fee_assets={BTC_USD: (USD, BTC)}))
    venue = FakeVenue(world)
    desk.open(read_venue(venue, first))
    for plan in sorted(world.plans, key=lambda p: p.sent_s):
        venue.sent.append((plan, plan_order(desk, plan)))
    return desk, venue


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


def happen(desk: Desk, venue: FakeVenue, second: int) -> None:
    """What the desk does and hears in one second: sends, acks, lost answers."""
    for plan, order in venue.sent:
        if plan.sent_s == second:
            desk.append(log.Intended(order), at(second))
        known = (order.cl_ord_id,) in desk.state.tables["orders"]
        if known and plan.heard and plan.arrives_s == second:
            desk.append(log.Acked(order.cl_ord_id, venue.order_id(order)), at(second))
        if known and second == plan.sent_s + 5 and not (plan.heard and plan.arrives_s is not None):
            desk.append(log.OutcomeLost(order.cl_ord_id, "timeout"), at(second))


def truth_is_in_the_interval(desk: Desk, venue: FakeVenue, second: float) -> None:
    """Per asset, while nothing is under way that did not pass through the desk and that it has not been
    told of: a bust, a transfer, what somebody else traded."""
    held = venue.balance(second)
    unforeseen = set(unforeseen_assets(desk, venue, second))
    for asset in set(ASSETS) - unforeseen:
        assert desk.interval(asset).contains(held[asset]), (asset, second, desk.interval(asset), held)


def unforeseen_assets(desk: Desk, venue: FakeVenue, second: float) -> Iterator[Asset]:
    tables = desk.state.tables
    counted_at = desk.anchors()[0].at
    booked = {each.transfer.listing for each in desk.transfers()}
    for moved in venue.transfers(second, listed=False):
        if moved.listing not in booked and moved.at > counted_at:
            yield moved.asset
    for each in venue.trades(second, listed=False):
        if each.busted_at is not None and each.busted_at > counted_at and each.key not in tables["busts"]:
            yield from ASSETS
    for plan, order in venue.foreign:
        known = (f"{KRAKEN}:{venue.order_id(order)}",) in tables["orders"]
        for each in venue.trades_of(plan, order, second, listed=False):
            if not known and each.at > counted_at and each.key not in tables["fills"]:
                yield from ASSETS


def replay(world: World, reads: Iterable[Read], first: Read = FIRST) -> tuple[Desk, FakeVenue]:
    """One second after the other; each reading is applied when it has ended."""
    desk, venue = start(world, first)
    for second in range(first.ends_s, END_S):
        happen(desk, venue, second)
        truth_is_in_the_interval(desk, venue, second)
        for how in reads:
            if how.ends_s == second:
                desk.apply(read_venue(venue, how))
                truth_is_in_the_interval(desk, venue, second)
    for second in (150, 170, 190, 210):
        found = desk.apply(read_venue(venue, Read(second, 0, 0, 0)))
        truth_is_in_the_interval(desk, venue, second)
    assert (True, ()) == (found.agreed, found.pending)
    return desk, venue


def said(desk: Desk) -> Counter[str]:
    """How many breaks of each kind."""
    found = Counter(each.kind for each in desk.log if isinstance(each, log.BreakFound))
    for kind in found:
        event(kind)
    return found


def the_journal_is_the_venue(desk: Desk, venue: FakeVenue) -> None:
    """Fills, busts and transfers one for one, balances to the last digit, and each order as it ended."""
    opened_at = desk.anchors()[0].at
    known = set(desk.anchors()[0].listed)
    listed = [each for each in venue.trades(999, listed=True) if each.listing not in known]
    assert {b.fill.key: b.fill for b in desk.fills()} == {
        each.key: replace(each, busted_at=None) for each in listed
    }
    taken_back = {each.key: each for each in venue.trades(999, listed=True) if each.busted_at is not None}
    assert {b.fill.key: b.fill for b in desk.busts()} == {
        key: each for key, each in taken_back.items() if each.bust_listing not in known
    }
    assert {asset: D(amount) for asset, amount in desk.held().items()} == venue.balance(999)
    for asset in ASSETS:
        moved = sum(
            t.amount for t in venue.transfers(999, listed=True) if t.asset == asset and t.at > opened_at
        )
        at_first = next(e for e in desk.log if isinstance(e, log.Opening)).balances[asset]
        assert desk.baseline(asset) == at_first + moved
    accepted = known_at_the_venue(venue)
    for order in desk.orders():
        assert not order.unknown
        if order.parent_id is not None:
            assert (order.ord_status is OrdStatus.REJECTED) is (order.cl_ord_id not in accepted)
        assert order.settled is order.terminal


@given(QUIET, st.lists(READS, max_size=8))
@settings(SLOW, max_examples=100)
def test_after_a_heal_the_journal_is_the_venue(world: World, reads: list[Read]) -> None:
    """I3, I4, I5, I8, I13: fills one for one, balances to the last digit, nothing unknown left, no
    refusal of what was accepted, and at every second the truth lay in the interval."""
    desk, venue = replay(world, reads)
    the_journal_is_the_venue(desk, venue)
    assert {"unknown_resolved", "missing_fill", "late_fill", "order_state"} >= set(said(desk))


@given(WORLDS, st.lists(READS, max_size=8), FIRST_READS)
@settings(SLOW, max_examples=200)
def test_after_bad_weather_the_journal_is_the_venue(world: World, reads: list[Read], first: Read) -> None:
    """The same with busts, transfers and orders that somebody else placed, from before first contact and
    after it, listed in time or long after a balance was adjusted for them. Each is said, and counts once."""
    desk, venue = replay(world, reads, first)
    the_journal_is_the_venue(desk, venue)
    told = said(desk)
    adjusted = sum(isinstance(entry, log.Adjusted) for entry in desk.log)
    assert told["bust"] == len(desk.busts())
    assert told["balance"] + told["position"] == len(desk.transfers()) + adjusted
    lags = [*(move.lag_s for move in world.moves), *(t.bust_lag_s for t in planned_busts(world))]
    if adjusted:
        event("adjusted")
        assert max(lags) > LAG_S
    assert not {"overfill", "fill_conflict", "phantom_fill"} & set(told)


@given(WORLDS, st.lists(READS, max_size=5))
@settings(SLOW, max_examples=50)
def test_a_second_pass_on_an_unchanged_venue_writes_nothing(world: World, reads: list[Read]) -> None:
    """After the heal."""
    desk, venue = replay(world, reads)
    assert desk.compare(read_venue(venue, Read(260, 0, 0, 0))).findings == ()


@given(WORLDS, READS)
@settings(SLOW, max_examples=100)
def test_the_same_reading_a_second_time_finds_nothing(world: World, how: Read) -> None:
    """Corrections, applied through the real fold, leave nothing of what they corrected."""
    desk, venue = start(world)
    for second in range(how.ends_s + 1):
        happen(desk, venue, second)
    snapshot = read_venue(venue, how)
    desk.apply(snapshot)
    assert desk.compare(snapshot).findings == ()


@given(WORLDS, st.lists(READS, max_size=6))
@settings(SLOW, max_examples=50)
def test_the_adjustments_since_the_oldest_listed_event_are_all_that_count(
    world: World, reads: list[Read]
) -> None:
    """A comparison that is given every anchor there ever was concludes the same."""
    desk, venue = start(world)
    for second in range(END_S):
        happen(desk, venue, second)
        for how in (read for read in reads if read.ends_s == second):
            snapshot = replace(read_venue(venue, how), since=at(how.at_s - 15))
            ours = desk.ours(snapshot)
            everything = replace(ours, anchors=tuple(desk.anchors()))
            assert compare(everything, snapshot, desk.terms) == compare(ours, snapshot, desk.terms)
            desk.apply(snapshot)


@given(plans(busts=True), st.lists(READS, min_size=2, max_size=2))
@settings(SLOW, max_examples=50)
def test_two_reconcilers_do_not_both_correct(plan: Plan, hows: list[Read]) -> None:
    """Two readings that were applied in either order leave the same fills and busts, each once."""
    ends = []
    for order in (hows, hows[::-1]):
        desk, venue = start(World((plan,)))
        for second in range(80):
            happen(desk, venue, second)
        for how in order:
            desk.apply(read_venue(venue, how))
        desk.apply(read_venue(venue, Read(200, 0, 0, 0)))
        ends.append([{b.fill.key: b.cl_ord_id for b in booked} for booked in (desk.fills(), desk.busts())])
    assert ends[0] == ends[1]
    assert {owner for booked in ends[0] for owner in booked.values()} <= {ClOrdId("m1")}
