"""How each kind of fault is brought about in a world."""

from __future__ import annotations

from decimal import Decimal

from mvx.domain.book import Level
from mvx.domain.ids import Asset, Symbol
from mvx.domain.order import Side
from mvx.domain.order_status import OrdStatus
from mvx.errors import UsageError
from tests.simulation.chance import chance
from tests.simulation.faults import KINDS, Group, Strike
from tests.simulation.process import Doom
from tests.simulation.world import World

_SYMBOL = Symbol("BTC/USD")
#: What is listed after so long is not listed at all.
UNLISTED_S = 1e9


def strike_at(world: World, strike: Strike) -> None:
    """It strikes now, or waits for what it can hit."""
    group = KINDS[strike.kind].group
    if group in (Group.REQUEST, Group.ANSWER):
        world.sky.arm(strike)
    elif group is Group.VENUE:
        _at_the_venue(world, strike)
    elif group is Group.OWNER:
        _by_hand(world, strike)
    else:
        _at_a_process(world, strike)


def _at_the_venue(world: World, strike: Strike) -> None:
    kind = KINDS[strike.kind]
    lasts_s = strike.lasts_s or None
    name = "late-fill" if strike.kind == "too-late-fill" else strike.kind
    world.exchange.inject(
        strike.venue, name, for_s=lasts_s, delay_s=strike.delay_s if any(kind.delay) else None
    )
    world.sky.hit(strike, f"for {lasts_s} s" if lasts_s else "")


def _by_hand(world: World, strike: Strike) -> None:
    luck = chance(strike.pick)
    with world.exchange.visit(strike.venue):
        pass  # what was due there is not by hand
    world.by_hand = True
    side, qty = luck.choice((Side.BUY, Side.SELL)), Decimal(luck.choice(("0.05", "0.11", "0.40")))
    try:
        match strike.kind:
            case "foreign-fill":
                world.exchange.trade(strike.venue, side, qty, _SYMBOL)
            case "foreign-order":
                px = Decimal(80_000) - side.sign * luck.choice((0, 20, 60, 200))
                world.exchange.trade(strike.venue, side, qty, _SYMBOL, px)
            case "transfer":
                asset, amount = luck.choice(
                    (("BTC", "0.7"), ("BTC", "-0.2"), ("USD", "5000"), ("USD", "-900"))
                )
                world.exchange.transfer(strike.venue, Asset(asset), Decimal(amount), strike.delay_s)
            case "withdrawal":
                asset, amount = luck.choice((("BTC", "0.2"), ("USD", "900")))
                fails = luck.random() < 0.5
                world.exchange.withdraw(
                    strike.venue, Asset(asset), Decimal(amount), strike.delay_s, fails=fails
                )
            case "gift":
                asset, amount = luck.choice(
                    (("BTC", "0.3"), ("BTC", "-0.1"), ("USD", "700"), ("USD", "-300"))
                )
                world.exchange.transfer(strike.venue, Asset(asset), Decimal(amount), UNLISTED_S)
            case "cancel-by-hand":
                _cancel_one(world, strike)
            case "correction":
                _correct_one(world, strike)
            case "overfill":
                _fill_on(world, strike)
    except UsageError:
        return  # the venue refuses its owner
    finally:
        world.by_hand = False
    world.sky.hit(strike)


def before_contact(world: World) -> None:
    """What the account's owner did before mvx knew the venues, some of it listed only later."""
    for venue in world.venues:
        luck = chance(world.seed, venue, "before")
        for _ in range(luck.randrange(4)):
            name = luck.choice(("foreign-fill", "foreign-order", "transfer", "correction"))
            _by_hand(
                world, Strike(0.0, name, 0, venue, luck.choice((0.0, 0.9, 2.5)), 0.0, luck.getrandbits(32))
            )
        luck = chance(world.seed, venue, "withdrawn before")
        if luck.random() < 0.3:
            under_way_s = luck.choice((0.1, 0.9, 2.5, 15.0))
            _by_hand(world, Strike(0.0, "withdrawal", 0, venue, under_way_s, 0.0, luck.getrandbits(32)))


def cancel_what_is_foreign(world: World) -> None:
    """An order of the owner's that rests may explain a difference for as long as it does."""
    world.by_hand = True
    for venue in world.venues:
        with world.exchange.visit(venue) as session:
            found = [order.order_id for order in session.truth()[1] if order.open and order.cl_ord_id is None]
        for order_id in found:
            world.exchange.cancel(venue, order_id)
    world.by_hand = False


def _cancel_one(world: World, strike: Strike) -> None:
    with world.exchange.visit(strike.venue) as session:
        found = [report for report in session.lists.open_orders() if report.cl_ord_id]
    if not found:
        raise UsageError("nothing is open")
    world.exchange.cancel(strike.venue, found[strike.pick % len(found)].order_id)


def _correct_one(world: World, strike: Strike) -> None:
    with world.exchange.visit(strike.venue) as session:
        fills = [fill for fill in session.truth()[2] if fill.busted_at is None][-3:]
    if not fills:
        raise UsageError("nothing was traded")
    fill = fills[strike.pick % len(fills)]
    world.exchange.correct(strike.venue, fill.exec_id, fill.qty, fill.price + 10)


def _fill_on(world: World, strike: Strike) -> None:
    """A filled order of ours goes on filling: the exchange itself never does that."""
    with world.exchange.visit(strike.venue) as session:
        filled = [o for o in session.truth()[1] if o.cl_ord_id and o.ord_status is OrdStatus.FILLED][-3:]
        if not filled:
            raise UsageError("nothing was filled")
        order = filled[strike.pick % len(filled)]
        assert order.limit_px is not None, "ours have a limit"
        more = (Level(order.limit_px, Decimal("0.01")),)
        order, _ = session._account.execute(order, more, session.now)
        session._account.finish(order, order.ord_status, session.now)


def _at_a_process(world: World, strike: Strike) -> None:
    found = [
        each for each in world.processes if each.alive and each.main is not None and not each.main.done()
    ]
    if not found:
        return
    process = found[strike.pick % len(found)]
    if strike.kind == "stall":
        world.loop.hold(process, strike.lasts_s)
        world.sky.hit(strike, f"{process.name} for {strike.lasts_s} s")
    elif strike.kind == "stall-after-commit":
        process.doom = Doom("after-commit", chance(strike.pick).randrange(6), strike.lasts_s)
        world.sky.hit(strike, f"{process.name} for {strike.lasts_s} s")
    else:
        process.doom = Doom(strike.kind.removeprefix("crash-"), chance(strike.pick).randrange(40))
        if process.doom.point != "await":
            process.doom.after //= 6
