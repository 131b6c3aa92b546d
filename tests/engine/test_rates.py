"""What a route comes to in the instrument's quote, where a venue trades in another one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.config.settings import QuoteSettings
from mvx.domain.ids import Asset, Symbol
from mvx.domain.instrument import Instrument
from mvx.engine.desk import open_desk
from mvx.engine.route_result import Context
from mvx.errors import Exit
from mvx.journal import history
from mvx.journal.codec import decode_as
from tests.engine.desk import KRAKEN, Operator, order, routed, settings
from tests.engine.test_limits import recorded
from tests.engine.truth import reading
from tests.paper.builders import venue_settings, write_books
from tests.virtual import VirtualClock

D = Decimal
USDT = Asset("USDT")
#: Of a TWAP over two minutes the first two slices of four buy at 101 USDT of 1 USD, the others of 0.99.
AVERAGE = (D(101) + D(101) * D("0.99")) / 2


def falling(folder: Path, *, taker_bps: str = "0") -> Operator:
    """okx trades BTC-USD for USDT, which falls by 1 % between the second slice and the third."""
    par, less = ([("0.9999", "9999")], [("1.0001", "9999")]), ([("0.9899", "9999")], [("0.9901", "9999")])
    rates = (0, *par), (45, *less), (600, *less)
    path = write_books(folder / "rates.jsonl", *rates, exchange="kraken")
    kraken = venue_settings("kraken", ("USDT/USD",), taker_bps="0", books=path, books_venue="kraken")
    okx = replace(recorded(folder, "okx", "BTC/USDT", balances={USDT: D(99999)}), taker_bps=D(taker_bps))
    okx = replace(okx, symbols={"BTC-USD": Symbol("BTC/USDT")})
    rate = QuoteSettings(USDT, Asset("USD"), ((KRAKEN, Symbol("USDT/USD")),), 30)
    made = settings(folder, okx, kraken, max_slippage_bps=D(5000))
    btc_usd = Instrument("BTC-USD", Asset("BTC"), Asset("USD"))
    desk = made.desk._replace(instruments={**made.desk.instruments, "BTC-USD": btc_usd})
    return Operator(replace(made, desk=desk, quotes={USDT: rate}), VirtualClock())


def test_each_fill_counts_at_the_rate_that_its_order_was_planned_at(tmp_path: Path) -> None:
    """All of them counted at that of the last slice."""
    at = falling(tmp_path)
    outcome = at.routes(order("4", twap_s=120.0, id="a"))
    assert (Exit.OK, D(4)) == (outcome.exit_code, outcome.data.cum_qty)
    assert (AVERAGE, AVERAGE) == (outcome.data.avg_px, outcome.data.all_in_px)
    assert D(100) == outcome.data.arrival_px
    assert D("49.5") == outcome.data.slippage_bps
    again = at.routes(order("4", twap_s=120.0, id="a"))
    assert (AVERAGE, AVERAGE) == (again.data.avg_px, again.data.all_in_px)


def test_what_is_gone_on_with_keeps_the_rates_of_what_was_sent(tmp_path: Path) -> None:
    at = falling(tmp_path)
    asked = order("4", twap_s=120.0, id="a")

    async def stopped() -> None:
        async with open_desk(at.settings, clock=at.clock) as desk:
            run = asyncio.ensure_future(routed(desk, asked))
            await asyncio.sleep(40)
            run.cancel()
            assert Exit.INCOMPLETE is (await run).exit_code

    at.clock.run(stopped())
    outcome = at.routes(replace(asked, resume=True))
    assert (Exit.OK, AVERAGE) == (outcome.exit_code, outcome.data.avg_px)


def test_the_answer_of_an_older_journal_has_the_last_rates_for_all(tmp_path: Path) -> None:
    at = falling(tmp_path)
    at.routes(order("4", twap_s=120.0, id="a"))
    with reading(at.settings) as tx:
        row = history.parent_by_key(tx, "a")
    assert row is not None
    assert row.result is not None
    context = decode_as(Context, row.result)
    older = decode_as(Context, row.result.replace("child_rates", "what_nobody_wrote"))
    assert [D(1), D(1), D("0.99")] == list(context.child_rates.values())
    assert replace(context, child_rates={}) == older


@pytest.mark.parametrize("taker_bps", ["0", "10"])
def test_fees_count_at_the_same_rates(tmp_path: Path, taker_bps: str) -> None:
    at = falling(tmp_path, taker_bps=taker_bps)
    outcome = at.routes(order("4", twap_s=120.0))
    assert AVERAGE * (1 + D(taker_bps) / 10000) == outcome.data.all_in_px
