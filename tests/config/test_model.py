"""The whole file judged: every error at once, each with its key."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mvx.config import model, source
from mvx.config.problems import ConfigProblems
from mvx.config.settings import Settings
from mvx.domain.ids import Venue
from mvx.domain.limits import Limits

#: The example of the contract, with the venue that its rates refer to.
DOCUMENTED = """
[desk]
currency = "USD"
[journal]
path = "mvx.db"
[instruments."BTC-USD"]
base = "BTC"
quote = "USD"
[quotes.USDT]
as = "USD"
rates = ["kraken:USDT/USD", "coinbase:USDT/USD"]
max_age_s = 30
[venues.kraken]
adapter = "ccxt"
exchange = "kraken"
symbols = { "BTC-USD" = "BTC/USD" }
api_key = "env:KRAKEN_KEY"
api_secret = "env:KRAKEN_SECRET"
api_url = "http://127.0.0.1:9101"
sandbox = false
taker_bps = "26"
baseline = { BTC = "5" }
lateness_s = 60
accept_lateness_s = 30
listing_lag_s = 10
timeout_s = 10
[venues.binance]
adapter = "paper"
symbols = { "BTC-USD" = "BTC/USDT" }
books = "books.jsonl"
books_venue = "Binance"
clock = "wall"
seed = 7
balances = { BTC = "10", USDT = "500000" }
lot = "0.00001"
tick = "0.01"
min_qty = "0.00001"
min_notional = "5"
taker_bps = "10"
[route]
max_slippage_bps = "25"
max_rounds = 3
max_s = 30
deadline_s = 5
max_book_age_s = 5
[risk]
max_position = { "BTC-USD" = "10" }
max_order_notional = "500000"
max_venue_notional = { kraken = "250000" }
max_position_notional = { "BTC-USD" = "600000" }
max_gross_notional = "900000"
max_order_qty = { "BTC-USD" = "5" }
max_daily_turnover = "2000000"
max_orders_per_minute = 60
max_open_orders = 20
max_unknown_orders = 2
price_collar_bps = "100"
min_venues_alive = 2
[reconcile]
interval_s = 5
max_age_s = 30
[venues.coinbase]
adapter = "paper"
symbols = { "BTC-USD" = "BTC/USD" }
"""

BASE = """
[instruments."BTC-USD"]
base = "BTC"
quote = "USD"
[quotes.USDT]
as = "USD"
rates = ["kraken:USDT/USD"]
[venues.kraken]
adapter = "paper"
symbols = { "BTC-USD" = "BTC/USD" }
"""
LIVE = """
[venues.okx]
adapter = "ccxt"
exchange = "binance"
symbols = { "BTC-USD" = "BTC/USDT" }
"""
TIERED = LIVE.replace('exchange = "binance"', 'exchange = "kraken"')
LIMITS = '[risk]\nmax_position = { "BTC-USD" = "10" }\nmax_order_notional = "500000"\n'


def load(text: str, folder: Path) -> source.Source:
    path = folder / "mvx.toml"
    path.write_text(text)
    return source.load(path, folder)


def settings(text: str, folder: Path) -> Settings:
    found = load(text, folder)
    document = model.validate(found)
    return model.settings(document, source.desk_settings(found, folder / "mvx.db"), folder)


def problems(text: str, folder: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigProblems) as caught:
        model.validate(load(text, folder))
    return caught.value.problems


def test_paper_and_live_venues_have_their_own_bounds(tmp_path: Path) -> None:
    """Where the config is silent a simulated venue is quick and a live one is given time."""
    venues = settings(BASE + LIVE + LIMITS, tmp_path).venues
    bounds = {
        name: (v.timeout_s, v.lateness_s, v.accept_lateness_s, v.listing_lag_s) for name, v in venues.items()
    }
    assert bounds == {"kraken": (1, 2, 4, 1), "okx": (10, 60, 30, 10)}


def test_what_is_written_is_what_is_seen(tmp_path: Path) -> None:
    """Every documented key arrives in the settings, paths resolved against the file."""
    text = BASE.replace(
        '[venues.kraken]\nadapter = "paper"',
        '[venues.kraken]\nadapter = "paper"\nbooks = "books.jsonl"\nbooks_venue = "Kraken"\nclock = "step"\n'
        'seed = 11\nbalances = { BTC = "10", USD = 500000 }\nlot = "0.00001"\ntick = "0.01"\n'
        'min_qty = "0.00001"\nmin_notional = "5"\ntaker_bps = "10"\nbaseline = { BTC = "5" }\n'
        "lateness_s = 3\naccept_lateness_s = 5\nlisting_lag_s = 0.5\ntimeout_s = 0.25",
    )
    text += '[route]\nassume_yes = true\nmax_slippage_bps = "7.5"\n'
    text += '[risk]\nmax_order_qty = { "BTC-USD" = "2" }\nmax_venue_notional = { kraken = "9" }\n'
    found = settings(text, tmp_path)
    venue = found.venues["kraken"]

    assert (venue.timeout_s, venue.lateness_s, venue.listing_lag_s) == (0.25, 3, 0.5)
    assert (venue.taker_bps, venue.baseline) == (Decimal(10), {"BTC": Decimal(5)})
    assert venue.paper.books == tmp_path / "books.jsonl"
    assert (venue.paper.clock, venue.paper.seed) == ("step", 11)
    assert venue.paper.balances == {"BTC": Decimal(10), "USD": Decimal(500000)}
    assert (found.route.max_slippage_bps, found.route.assume_yes) == (Decimal("7.5"), True)
    assert found.risk.max_order_qty == {"BTC-USD": Decimal(2)}
    assert found.quotes["USDT"].rates == (("kraken", "USDT/USD"),)


def test_the_documented_example_is_accepted(tmp_path: Path) -> None:
    """The configuration of the contract is a valid one."""
    found = settings(DOCUMENTED, tmp_path)
    assert (found.desk.mode, list(found.venues)) == ("live", ["kraken", "binance", "coinbase"])
    assert found.risk == Limits(
        max_position={"BTC-USD": Decimal(10)},
        max_position_notional={"BTC-USD": Decimal(600_000)},
        max_gross_notional=Decimal(900_000),
        max_order_qty={"BTC-USD": Decimal(5)},
        max_order_notional=Decimal(500_000),
        max_venue_notional={Venue("kraken"): Decimal(250_000)},
        max_open_orders=20,
        max_unknown_orders=2,
        max_orders_per_minute=60,
        max_daily_turnover=Decimal(2_000_000),
        price_collar_bps=Decimal(100),
        max_book_age_s=5,
        min_venues_alive=2,
    )


IN_EUR = """
[instruments."BTC-EUR"]
base = "BTC"
quote = "EUR"
[venues.bitvavo]
adapter = "paper"
symbols = { "BTC-EUR" = "BTC/EUR" }
"""
EUR_IN_USD = '[quotes.EUR]\nas = "USD"\nrates = ["kraken:EUR/USD"]\n'


@pytest.mark.parametrize(
    ("limit", "binds"),
    [
        ('max_order_notional = "1"', True),
        ('max_gross_notional = "1"', True),
        ('max_daily_turnover = "1"', True),
        ('max_position_notional = { "BTC-EUR" = "1" }', True),
        ('max_venue_notional = { bitvavo = "1" }', True),
        ('max_position_notional = { "BTC-USD" = "1" }', True),
        ('max_venue_notional = { kraken = "1" }', False),
        ('max_position = { "BTC-EUR" = "1" }', False),
    ],
)
def test_a_limit_in_usd_on_an_instrument_in_eur_needs_a_rate(limit: str, binds: bool, tmp_path: Path) -> None:
    """There is no par: without [quotes] the limit could never be computed, and would refuse every order."""
    text = f"{BASE}{IN_EUR}[risk]\n{limit}\n"
    assert settings(text + EUR_IN_USD, tmp_path)
    if not binds:
        assert settings(text, tmp_path)
        return
    (line,) = problems(text, tmp_path)
    key = limit.partition(" ")[0]
    assert line == (
        f"risk.{key}: found in USD, and BTC-EUR is quoted in EUR;"
        ' [quotes.EUR] with as = "USD" and its rates is required'
    )


def test_a_rate_may_lead_there_by_steps_and_a_circle_leads_nowhere(tmp_path: Path) -> None:
    """EUR as USDT, USDT as USD."""
    text = f'{BASE}{IN_EUR}[risk]\nmax_order_notional = "1"\n'
    assert settings(text + '[quotes.EUR]\nas = "USDT"\nrates = ["kraken:EUR/USDT"]\n', tmp_path)
    circle = '[quotes.EUR]\nas = "GBP"\nrates = ["kraken:EUR/GBP"]\n'
    circle += '[quotes.GBP]\nas = "EUR"\nrates = ["kraken:GBP/EUR"]\n'
    (line,) = problems(text + circle, tmp_path)
    assert line.startswith("risk.max_order_notional: found in USD, and BTC-EUR is quoted in EUR")


def test_more_venues_than_there_are_can_not_be_required(tmp_path: Path) -> None:
    """It would refuse every order."""
    (line,) = problems(BASE + "[risk]\nmin_venues_alive = 2\n", tmp_path)
    assert line == "risk.min_venues_alive: found 2, at most 1 is allowed: so many list BTC-USD"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[venues.x]\nadapter = 'paper'\nsymbols = {}\nlott = 1",
            "venues.x.lott: unknown key; did you mean lot?",
        ),
        ("[rote]\nmax_s = 1", "rote: unknown key; did you mean route?"),
        ("[quotes.USDC]\nass = 'USD'\nrates = []", "quotes.USDC.ass: unknown key; did you mean as?"),
        (
            '[risk]\nmax_position = { "BTC-USD" = "ten" }',
            "risk.max_position.BTC-USD: found 'ten', a plain positive decimal string is allowed",
        ),
        ("[risk]\nmax_order_notional = '1e5'", "risk.max_order_notional: found '1e5', a plain positive"),
        ("[risk]\nmax_order_notional = '-1'", "risk.max_order_notional: found '-1', a plain positive"),
        ("[risk]\nmax_order_notional = true", "risk.max_order_notional: found True, a plain positive"),
        (
            "[route]\nmax_slippage_bps = 2.5",
            'route.max_slippage_bps: found 2.5, which is not exact: quote it, "2.5"',
        ),
        ("[route]\nmax_rounds = 0", "route.max_rounds: found 0, a number of at least 1 is allowed"),
        ("[route]\nmax_rounds = '3'", "route.max_rounds: found '3', a whole number is allowed"),
        ("[route]\nmax_s = -1", "route.max_s: found -1, a number above 0 is allowed"),
        ("[route]\nmax_s = nan", "route.max_s: found nan"),
        ("[route]\nassume_yes = 1", "route.assume_yes: found 1, true or false is allowed"),
        ("route = 3", "route: found 3, a table is allowed"),
        ("[instruments.X]\nbase = 'BTC'", "instruments.X.quote: missing, and required"),
        ("[quotes.USDC]\nas = 'USD'\nrates = ['x']", "quotes.USDC.rates.0: found 'x', \"venue:SYMBOL\""),
        (
            "[venues.x]\nadapter = 'fix'\nsymbols = {}",
            "venues.x.adapter: found 'fix', 'paper' or 'ccxt' is allowed",
        ),
    ],
)
def test_each_error_names_key_found_and_allowed(text: str, problem: str, tmp_path: Path) -> None:
    """The texts an operator corrects a file by."""
    base = "" if text.startswith("route =") else BASE
    found = problems(f"{text}\n{base}" if not base else f"{base}{text}\n", tmp_path)
    assert any(line.startswith(problem) for line in found), found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            BASE.replace('{ "BTC-USD"', '{ "ETH-USD"'),
            "venues.kraken.symbols.ETH-USD: there is no instrument ETH-USD",
        ),
        (
            BASE.replace('"BTC/USD"', '"ETH/USD"'),
            "venues.kraken.symbols.BTC-USD: found 'ETH/USD', a symbol in base BTC",
        ),
        (
            BASE.replace('"BTC/USD"', '"BTC/EUR"'),
            "venues.kraken.symbols.BTC-USD: found 'BTC/EUR', a quote of USD",
        ),
        (BASE.replace("kraken:USDT/USD", "mars:USDT/USD"), "quotes.USDT.rates: there is no venue mars"),
        (
            BASE.replace("kraken:USDT/USD", "kraken:USD/USDT"),
            "quotes.USDT.rates: found 'USD/USDT', USDT/USD is",
        ),
        (
            BASE + '[risk]\nmax_venue_notional = { mars = "1" }\n',
            "risk.max_venue_notional.mars: there is no venue",
        ),
        (
            BASE + '[risk]\nmax_position_notional = { "ETH-USD" = "1" }\n',
            "risk.max_position_notional.ETH-USD: there is no instrument",
        ),
        (BASE + LIVE, "risk.max_position.BTC-USD: missing, and required for live venues"),
        (BASE + LIVE, "risk.max_order_notional: missing, and required for live venues"),
        (BASE + LIMITS + LIVE + 'clock = "step"\n', "venues.okx.clock: found on a live venue"),
        (
            BASE + LIMITS + LIVE.replace('exchange = "binance"', ""),
            "venues.okx.exchange: missing, and required",
        ),
        (
            BASE + LIMITS + LIVE.replace("binance", "binanec"),
            "venues.okx.exchange: found 'binanec', allowed: binance, kraken; did you mean binance?",
        ),
        (BASE + LIMITS + TIERED + "sandbox = true\n", "venues.okx.sandbox: kraken has none"),
        (
            BASE + LIMITS + LIVE + 'api_key = "env:KEY"\n',
            "venues.okx.api_secret: missing, and required with api_key",
        ),
        (
            BASE + LIMITS + LIVE + 'api_secret = "env:SECRET"\n',
            "venues.okx.api_key: missing, and required with api_secret",
        ),
        (BASE + 'api_key = "env:KEY"\n', "venues.kraken.api_secret: missing, and required with api_key"),
        (BASE + 'api_secret = "env:KEY"\n', "venues.kraken.api_key: missing, and required with api_secret"),
        (
            BASE + LIMITS + TIERED + 'rate_tier = "gold"\n',
            "venues.okx.rate_tier: found 'gold', allowed: starter, intermediate, pro",
        ),
        (
            BASE + LIMITS + LIVE + 'rate_tier = "pro"\n',
            "venues.okx.rate_tier: found 'pro', and this venue has no tiers",
        ),
        (BASE + 'rate_tier = "pro"\n', "venues.kraken.rate_tier: found 'pro', and this venue has no tiers"),
    ],
)
def test_tables_must_agree_with_each_other(text: str, problem: str, tmp_path: Path) -> None:
    """A name that refers to nothing, and a live venue without limits, are errors."""
    assert any(line.startswith(problem) for line in problems(text, tmp_path))


def test_all_errors_come_at_once(tmp_path: Path) -> None:
    """One run reports errors of shape and errors between tables together."""
    text = BASE.replace('"BTC/USD"', '"BTC/EUR"') + "[route]\nmax_s = 0\nmax_rounds = 0\n[rote]\nx = 1\n"
    assert len(problems(text, tmp_path)) == 4


@pytest.mark.parametrize(
    ("text", "tier"),
    [(LIVE, None), (TIERED, "starter"), (TIERED + 'rate_tier = "pro"\n', "pro")],
)
def test_an_account_is_of_the_least_tier_unless_it_is_said(
    text: str, tier: str | None, tmp_path: Path
) -> None:
    """A budget that is too small costs time, and one that is too large the account."""
    live = settings(BASE + LIMITS + text, tmp_path).venues[Venue("okx")].live
    assert live is not None
    assert tier == live.rate_tier


@pytest.mark.parametrize(
    "reference", ["env:KEY", "file:/run/key", "keyring:mvx/okx", "command:pass show okx"]
)
def test_secrets_are_references(reference: str, tmp_path: Path) -> None:
    """A reference is accepted, and is not kept in the settings."""
    text = BASE + LIMITS + LIVE + f'api_key = "{reference}"\napi_secret = "{reference}"\n'
    assert reference not in repr(settings(text, tmp_path))


def test_a_secret_value_is_refused_and_never_shown(tmp_path: Path) -> None:
    """A key that was pasted into the file does not reach the error."""
    text = BASE + LIMITS + LIVE + 'api_key = "env:KEY"\napi_secret = "hunter2hunter2"\n'
    (line,) = problems(text, tmp_path)
    assert line.startswith("venues.okx.api_secret: found a value (not shown); only a reference is allowed")
    assert "hunter2" not in line
