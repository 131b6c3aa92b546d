"""`mvx paper`: look at the simulated venues, and disturb them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mvx.cli.options import any_number, count, known_name, named_path, positive, seconds, whole
from mvx.cli.session import Answer, Session
from mvx.domain.ids import Asset, OrderId, Symbol, Venue
from mvx.domain.order import Side
from mvx.errors import Exit, Refused, UsageError

if TYPE_CHECKING:
    from mvx.engine.outcome import Outcome


def _fault_kinds() -> list[str]:
    from mvx.engine.paper import FAULT_KINDS

    return list(FAULT_KINDS)


VenueName = Annotated[str, typer.Argument(metavar="VENUE")]
MaybeVenue = Annotated[str | None, typer.Argument(metavar="[VENUE]", help="All where none is given.")]
Kind = Annotated[
    str,
    typer.Argument(
        metavar="KIND", autocompletion=_fault_kinds, help="An unknown one is answered with the list."
    ),
]
Count = Annotated[int | None, typer.Option("--count", parser=count, metavar="N", help="So many times.")]
For = Annotated[float | None, typer.Option("--for", parser=seconds, metavar="S", help="So long.")]
Delay = Annotated[float | None, typer.Option("--delay", parser=seconds, metavar="S", help="How late.")]
SideName = Annotated[Side, typer.Argument(metavar="SIDE", help="buy or sell.")]
Quantity = Annotated[Decimal, typer.Argument(parser=positive, metavar="QTY")]
SymbolName = Annotated[str, typer.Argument(metavar="SYMBOL", help="The venue's own name: BTC/USD.")]
AssetName = Annotated[str, typer.Argument(metavar="ASSET")]
Amount = Annotated[Decimal, typer.Argument(parser=any_number, metavar="AMOUNT", help="Negative: out.")]
Limit = Annotated[
    Decimal | None,
    typer.Option("--limit", parser=positive, metavar="PX", help="Rest there instead of taking any price."),
]
ListedAfter = Annotated[
    float | None,
    typer.Option("--delay", parser=seconds, metavar="S", help="Listed so long after the balance moved."),
]
OrderName = Annotated[str, typer.Argument(metavar="ORDER_ID", help="The venue's: mvx paper ledger.")]
Books = Annotated[Path | None, typer.Option("--books", metavar="FILE", help="Play these recorded books.")]
Host = Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where; nothing guards it.")]
PortBase = Annotated[
    int, typer.Option("--port-base", parser=whole(65_000), metavar="N", help="The first venue's port.")
]


def ledger(ctx: typer.Context, venue: VenueName) -> Answer:
    with _exchange(ctx, venue) as exchange:
        return _done(exchange.ledger(Venue(venue)))


def fault(
    ctx: typer.Context,
    venue: VenueName,
    kind: Kind,
    count: Count = None,
    for_s: For = None,
    delay_s: Delay = None,
) -> Answer:
    known_name(kind, _fault_kinds(), "fault")
    with _exchange(ctx, venue) as exchange:
        exchange.inject(Venue(venue), kind, count=count, for_s=for_s, delay_s=delay_s)
    return _done({"venue": venue, "kind": kind, "count": count, "for_s": for_s, "delay_s": delay_s})


def heal(ctx: typer.Context, venue: MaybeVenue = None) -> Answer:
    with _exchange(ctx, venue) as exchange:
        exchange.heal(Venue(venue) if venue else None)
    return _done({"healed": venue or "all"})


def trade(
    ctx: typer.Context,
    venue: VenueName,
    side: SideName,
    qty: Quantity,
    symbol: SymbolName,
    limit_px: Limit = None,
) -> Answer:
    with _exchange(ctx, venue) as exchange:
        return _done(exchange.trade(Venue(venue), side, qty, Symbol(symbol), limit_px))


def cancel(ctx: typer.Context, venue: VenueName, order_id: OrderName) -> Answer:
    with _exchange(ctx, venue) as exchange:
        return _done(exchange.cancel(Venue(venue), OrderId(order_id)))


def transfer(
    ctx: typer.Context, venue: VenueName, asset: AssetName, amount: Amount, delay_s: ListedAfter = None
) -> Answer:
    if not amount:
        raise UsageError("a transfer of 0 moves nothing")
    with _exchange(ctx, venue) as exchange:
        exchange.transfer(Venue(venue), Asset(asset), amount, delay_s or 0.0)
    return _done({"venue": venue, "asset": asset, "amount": amount, "delay_s": delay_s})


def reset(ctx: typer.Context, books: Books = None) -> Answer:
    session: Session = ctx.obj
    path = named_path(session.environment.cwd, books) if books else None
    if path is not None and not path.is_file():
        raise UsageError(f"there is no file {path}")
    with _exchange(ctx) as exchange:
        exchange.reset(path)
    return _done({"reset": "all", "books": path})


def serve(ctx: typer.Context, host: Host = "127.0.0.1", port_base: PortBase = 8470) -> Answer:
    from asyncio import CancelledError

    from mvx.engine.serve import serve as serve_until_cancelled

    session: Session = ctx.obj
    session.signals.speaks = False

    with _exchange(ctx) as exchange:

        async def work() -> Outcome:
            try:
                await serve_until_cancelled(
                    exchange, session.settings(), host, port_base, session.environment.say
                )
            except CancelledError:
                return _done({"served": "stopped"})

        return session.run(work)


@contextmanager
def _exchange(ctx: typer.Context, venue: str | None = None) -> Iterator[Any]:
    """The simulated venues. Raises Refused where none is configured, UsageError where the one that was named
    is none of them."""
    from mvx.engine.paper import exchange

    session: Session = ctx.obj
    settings = session.settings()
    simulated = [each.name for each in settings.venues.values() if each.adapter == "paper"]
    if not simulated:
        raise Refused("no venue of this desk is simulated", next_step="mvx config show")
    if venue is not None:
        known_name(venue, simulated, "paper venue")
    with closing(exchange(settings)) as opened:
        yield opened


def _done(data: object) -> Outcome:
    from mvx.engine.outcome import Outcome

    return Outcome(data, Exit.OK)
