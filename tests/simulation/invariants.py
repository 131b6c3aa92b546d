"""The promises of DESIGN.md 9, each a function with the sentence that it proves.

Rule: each compares the venues' own record with what the journal has committed, and yields what breaks its
sentence. Where a promise leaves out what did not pass through mvx (trades by hand, busts, fills beyond a
venue's lateness), so much is allowed for here as has truly happened, and no more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

from mvx.config.settings import Settings
from mvx.domain.exposure import holding
from mvx.domain.ids import Asset, OrderId, Venue
from mvx.domain.instant import Instant
from mvx.domain.money import ZERO, plain
from mvx.domain.order import Side
from mvx.domain.trading import TradingState
from mvx.journal import history
from mvx.journal.verify import differences
from tests.simulation.ours import Ours
from tests.simulation.truth import Truth, effect_of

BTC = Asset("BTC")
EVERYTHING = 1_000_000


class Case(NamedTuple):
    """What is compared. `venue`: where something has just happened, if it was at a venue."""

    truth: Truth
    ours: Ours
    settings: Settings
    venue: Venue | None

    def lateness_s(self, venue: Venue) -> float:
        return self.settings.venues[venue].lateness_s


Invariant = Callable[[Case], Iterator[str]]


def i1_one_order_for_one_intent(case: Case) -> Iterator[str]:
    """Each intent has at most one accepted venue order, ever."""
    for venue, it in case.truth.venues.items():
        accepted = Counter(order.cl_ord_id for order in it.orders.values() if order.cl_ord_id is not None)
        for cl_ord_id, times in accepted.items():
            if times > 1:
                yield f"{venue} accepted {cl_ord_id} {times} times"


def i2_no_limit_is_passed(case: Case) -> Iterator[str]:
    """At every venue event, position plus open buys <= limit and position minus open sells >= -limit."""
    limit = case.settings.risk.max_position["BTC-USD"]
    position = buys = sells = allowed = ZERO
    for venue, it in case.truth.venues.items():
        row = case.ours.holdings.get((venue, BTC))
        if row is None:
            continue
        position += it.totals[BTC] - row.baseline
        allowed += _not_ours(case, venue)
        for order in it.orders.values():
            if order.open and order.side.sign > 0:
                buys += order.leaves_qty
            elif order.open:
                sells += order.leaves_qty
    for worst in (position + buys, -(position - sells)):
        if worst > limit + allowed:
            yield f"{plain(worst)} against {plain(limit)} and {plain(allowed)} that is not ours"


def i2_nothing_is_committed_beyond_a_limit(case: Case) -> Iterator[str]:
    """What is confirmed and all that could still fill on a side stay within the limit, at every commit of an
    intent; what was only heard of counts for nothing."""
    limit = case.settings.risk.max_position["BTC-USD"]
    sides = {
        body["order"]["side"]
        for kind, body in case.ours.new
        if kind == "Intended" and body["order"]["parent_id"] not in case.ours.flattens
    }
    confirmed = sum(
        (row.confirmed - row.baseline for row in case.ours.holdings.values() if row.asset == BTC), ZERO
    )
    for side in sorted(map(Side, sides)):
        orders = (order for found in case.ours.unsettled.values() for order in found if order.side is side)
        worst = side.sign * confirmed + sum((order.worst_qty for order in orders), ZERO)
        if worst > limit:
            yield f"{side}: {plain(worst)} against {plain(limit)}"


def _not_ours(case: Case, venue: Venue) -> Decimal:
    """How much of the base was moved, or may be, by what did not pass through mvx, or by who leaves a venue
    and may take the desk's position along."""
    it = case.truth.venues[venue]
    late_s = case.lateness_s(venue)
    moved = ZERO
    for order in it.orders.values():
        intent = case.ours.intents.get(order.cl_ord_id) if order.cl_ord_id else None
        if intent is None or intent.parent_id in case.ours.flattens:
            moved += order.order_qty
    for fill in it.fills:
        if fill.busted_at is not None or it.is_exogenous(fill, late_s):
            moved += fill.qty
    return moved + sum((abs(each.amount) for each in it.transfers if each.asset == BTC), ZERO)


def i3_every_fill_is_booked_as_it_was(case: Case) -> Iterator[str]:
    """After heal, the journal's fills equal the venue's, one for one."""
    booked = history.recent_fills(case.ours.tx, since=None, venue=None, limit=EVERYTHING)
    ours = {
        (b.fill.venue, b.fill.exec_id): b.fill for b in booked if b.fill.at > case.ours.opened[b.fill.venue]
    }
    theirs = {
        (venue, fill.exec_id): fill
        for venue, it in case.truth.venues.items()
        for fill in it.fills
        if fill.at > case.ours.opened[venue]
    }
    for key in sorted(ours.keys() | theirs.keys()):
        mine, real = ours.get(key), theirs.get(key)
        if mine is None or real is None:
            yield f"{key}: ours {mine}, the venue's {real}"
        elif _numbers(mine) != _numbers(real):
            yield f"{key}: ours {_numbers(mine)}, the venue's {_numbers(real)}"
    busted = {key for key, fill in theirs.items() if fill.busted_at is not None}
    if busted != (mine := {key for key in case.ours.busts if key in theirs}):
        yield f"taken back: ours {sorted(mine)}, the venue's {sorted(busted)}"


def _numbers(fill: object) -> tuple[object, ...]:
    names = ("symbol", "side", "order_id", "qty", "price", "fee_asset", "fee_amount", "at")
    return tuple(getattr(fill, name) for name in names)


def i4_one_row_for_one_fill(case: Case) -> Iterator[str]:
    """One row per fill."""
    rows = case.ours.tx.connection.execute(
        "SELECT venue, epoch, symbol, side, exec_id, count(*) FROM fills"
        " GROUP BY 1, 2, 3, 4, 5 HAVING count(*) > 1"
    )
    yield from (str(row) for row in rows)


def i5_every_holding_is_exact(case: Case) -> Iterator[str]:
    """Position per venue and asset exact to the last digit, fees and busts included."""
    for (venue, asset), row in case.ours.holdings.items():
        actual = case.truth.venues[venue].totals.get(asset, ZERO)
        if row.confirmed != actual:
            yield f"{venue} holds {plain(actual)} {asset}, we say {plain(row.confirmed)}"


def i5_every_position_is_what_was_traded(case: Case) -> Iterator[str]:
    """A position is what trades made of it since first contact; no transfer is one."""
    for venue in case.truth.venues:
        made = case.truth.made_since(venue, Instant(case.ours.opened[venue]))
        mixed = case.truth.mixed(venue)  # one may be taken for the other there
        for (where, asset), row in case.ours.holdings.items():
            position = row.confirmed - row.baseline
            if where == venue and asset not in mixed and position != made.get(asset, ZERO):
                yield f"{plain(position)} {asset} at {venue}, and {plain(made.get(asset, ZERO))} was traded"


def i6_nothing_is_sent_without_an_intent(case: Case) -> Iterator[str]:
    """Every venue order with our prefix has an intent committed before it was sent."""
    assert case.venue is not None
    for order in case.truth.venues[case.venue].new_orders:
        intent = case.ours.intents.get(order.cl_ord_id) if order.cl_ord_id else None
        if order.cl_ord_id and (intent is None or not intent.sending):
            yield f"{case.venue} accepted {order.cl_ord_id}, and the journal has {intent}"


def i8_what_is_refused_was_never_accepted(case: Case) -> Iterator[str]:
    """Rejected or never-accepted implies never accepted."""
    for it in case.truth.venues.values():
        for order in it.orders.values():
            intent = case.ours.intents.get(order.cl_ord_id) if order.cl_ord_id else None
            if intent is not None and intent.refused:
                yield f"{order.cl_ord_id} is {intent.refused} here, and {order.order_id} there"


def i9_a_reservation_is_held_until_settled(case: Case) -> Iterator[str]:
    """A reservation is held until settled: what is settled fills no more, within the venue's lateness."""
    assert case.venue is not None
    it = case.truth.venues[case.venue]
    for fill in it.new_fills:
        cl_ord_id = it.orders[fill.order_id].cl_ord_id
        intent = case.ours.intents.get(cl_ord_id) if cl_ord_id else None
        if intent is not None and intent.settled and not it.is_exogenous(fill, case.lateness_s(case.venue)):
            yield f"{cl_ord_id} was settled, and then came {fill.exec_id} of {plain(fill.qty)}"


def i10_the_log_makes_the_tables(case: Case) -> Iterator[str]:
    """Refolding the log gives the materialised tables."""
    yield from (str(each) for each in differences(case.ours.tx))


def i12_what_is_halted_gets_nothing(case: Case) -> Iterator[str]:
    """A halted venue gets no new risk."""
    for intent, states in case.ours.sent:
        if TradingState.HALTED in states and intent.parent_id not in case.ours.flattens:
            yield f"{intent.cl_ord_id} was sent to {intent.venue}: {case.ours.trading}"


def i13_the_truth_is_in_the_interval(case: Case) -> Iterator[str]:
    """The venue's truth lies in [lo, hi] at every instant."""
    for (venue, asset), row in case.ours.holdings.items():
        it = case.truth.venues[venue]
        says = holding(row.confirmed, asset, case.ours.unsettled.get(venue, ()))
        actual = it.totals.get(asset, ZERO)
        if says.contains(actual):
            continue
        down, up = _untold(case, venue, asset)
        if (says.lo is not None and actual - down < says.lo) or (
            says.hi is not None and actual - up > says.hi
        ):
            beside = f"({plain(down)} and {plain(up)} came beside mvx)"
            yield f"{venue} holds {plain(actual)} {asset}, we say [{says.lo}, {says.hi}] {beside}"


def _untold(case: Case, venue: Venue, asset: Asset) -> tuple[Decimal, Decimal]:
    """What moved the asset beside mvx and is not booked yet: at most so far down, and so far up."""
    it, late_s = case.truth.venues[venue], case.lateness_s(venue)
    opened_at, moves = case.ours.opened[venue], []
    for fill in it.fills:
        key = (venue, fill.exec_id)
        if it.is_exogenous(fill, late_s) and key not in case.ours.fills and fill.at > opened_at:
            moves.append(effect_of(fill).get(asset, ZERO))
        if fill.busted_at is not None and key not in case.ours.busts and fill.busted_at > opened_at:
            moves.append(-effect_of(fill).get(asset, ZERO))
    for each in it.transfers:
        known = (venue, each.transfer_id) in case.ours.transfers  # never so for what no list shows
        if each.asset == asset and not known and each.at > opened_at:
            moves.append(each.amount)
    moves += _taken_for_another(case, venue, asset)
    return sum((m for m in moves if m < 0), ZERO), sum((m for m in moves if m > 0), ZERO)


def _taken_for_another(case: Case, venue: Venue, asset: Asset) -> Iterator[Decimal]:
    """What an overfill hides that is booked before all that its order filled in time: it is taken for a part
    of that, and so much less is expected of what is not booked yet."""
    it, late_s, qty = case.truth.venues[venue], case.lateness_s(venue), defaultdict[OrderId, Decimal](Decimal)
    booked = [fill for fill in it.fills if (venue, fill.exec_id) in case.ours.fills]
    for fill in booked:
        if it.is_exogenous(fill, late_s):
            qty[fill.order_id] += fill.qty
    for order_id, extra in qty.items():
        missing = {fill for fill in it.fills if fill.order_id == order_id}.difference(booked)
        timely = [fill for fill in missing if not it.is_exogenous(fill, late_s)]
        hidden = (effect_of(fill).get(asset, ZERO) / fill.qty for fill in timely)
        yield max(hidden, key=abs, default=ZERO) * min(extra, sum((fill.qty for fill in timely), ZERO))


def i14_a_parent_gets_no_more_than_it_asked_for(case: Case) -> Iterator[str]:
    """A parent's fills plus its children's remaining worst cases never exceed its quantity."""
    used: dict[str, Decimal] = {}
    for it in case.truth.venues.values():
        for order in it.orders.values():
            intent = case.ours.intents.get(order.cl_ord_id) if order.cl_ord_id else None
            if intent is not None:
                leaves = order.leaves_qty if order.open else ZERO
                used[intent.parent_id] = used.get(intent.parent_id, ZERO) + order.cum_qty + leaves
        for fill in it.fills:
            order = it.orders[fill.order_id]
            intent = case.ours.intents.get(order.cl_ord_id) if order.cl_ord_id else None
            after_close = order.closed_at is not None and fill.at > order.closed_at
            if intent is not None and (fill.exec_id in it.by_hand or after_close) and fill.busted_at is None:
                used[intent.parent_id] -= fill.qty
    for parent_id, qty in used.items():
        asked = case.ours.parents.get(parent_id, ZERO)
        if qty > asked:
            yield f"{parent_id} asked for {plain(asked)} and may get {plain(qty)}"


AT_A_VENUE: tuple[Invariant, ...] = (
    i1_one_order_for_one_intent,
    i2_no_limit_is_passed,
    i6_nothing_is_sent_without_an_intent,
    i8_what_is_refused_was_never_accepted,
    i9_a_reservation_is_held_until_settled,
    i14_a_parent_gets_no_more_than_it_asked_for,
)
AT_A_COMMIT: tuple[Invariant, ...] = (
    i2_nothing_is_committed_beyond_a_limit,
    i8_what_is_refused_was_never_accepted,
    i12_what_is_halted_gets_nothing,
    i13_the_truth_is_in_the_interval,
)
AT_A_STEP: tuple[Invariant, ...] = (i13_the_truth_is_in_the_interval,)
AT_THE_END: tuple[Invariant, ...] = (
    i3_every_fill_is_booked_as_it_was,
    i4_one_row_for_one_fill,
    i5_every_holding_is_exact,
    i5_every_position_is_what_was_traded,
    i10_the_log_makes_the_tables,
)
