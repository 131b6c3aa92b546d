"""`mvx paper` and the readers, on simulated venues."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvx.paper.exchange import FAULT_KINDS
from tests.cli.harness import mvx, surroundings


def test_a_transfer_shows_in_the_ledger(tmp_path: Path) -> None:
    """In, and out where the amount is negative."""
    for amount in ("1.5", "-0.5"):
        assert mvx(surroundings(tmp_path), "paper", "transfer", "kraken", "BTC", amount).exit_code == 0
    found = mvx(surroundings(tmp_path), "paper", "ledger", "kraken", "--json").envelope
    assert (found["command"], found["data"]["balances"]["BTC"]["total"]) == ("paper ledger", "11")
    assert list(found["data"]) == ["balances", "orders", "fills"]


def test_a_transfer_may_be_listed_later_than_it_moved(tmp_path: Path) -> None:
    """The balance moves at once."""
    argv = ("paper", "transfer", "kraken", "USD", "-5000", "--delay", "30", "--json")
    said = mvx(surroundings(tmp_path), *argv).envelope["data"]
    assert said == {"venue": "kraken", "asset": "USD", "amount": "-5000", "delay_s": 30.0}
    found = mvx(surroundings(tmp_path), "paper", "ledger", "kraken", "--json").envelope["data"]
    assert found["balances"]["USD"]["total"] == "495000"


def test_a_manual_order_rests_until_it_is_cancelled_by_hand(tmp_path: Path) -> None:
    """By the id that the venue gave it; a second time there is nothing to cancel."""
    argv = ("paper", "trade", "kraken", "sell", "0.1", "BTC/USD", "--limit", "990000", "--json")
    order = mvx(surroundings(tmp_path), *argv).envelope["data"]
    assert (order["ord_status"], order["limit_px"]) == ("NEW", "990000")
    cancel = ("paper", "cancel", "kraken", order["order_id"], "--json")
    cancelled = mvx(surroundings(tmp_path), *cancel).envelope["data"]
    assert (cancelled["ord_status"], cancelled["order_id"]) == ("CANCELED", order["order_id"])
    again = mvx(surroundings(tmp_path), *cancel).envelope
    assert (again["exit_code"], again["error"]["known"]) == (2, "nothing was changed")


def test_a_manual_trade_is_answered_as_the_venue_saw_it(tmp_path: Path) -> None:
    """The order of the account's owner, and its fills in the ledger."""
    argv = ("paper", "trade", "okx", "buy", "0.1", "BTC/USDT", "--json")
    order = mvx(surroundings(tmp_path), *argv).envelope["data"]
    assert (order["cum_qty"], order["ord_status"], order["cl_ord_id"]) == ("0.1", "FILLED", None)
    fills = mvx(surroundings(tmp_path), "paper", "ledger", "okx", "--json").envelope["data"]["fills"]
    assert fills
    assert all(fill["at"].endswith("Z") for fill in fills)


def test_a_fault_is_injected_and_healed(tmp_path: Path) -> None:
    """Both verbs say what they did."""
    fault = mvx(surroundings(tmp_path), "paper", "fault", "okx", "lost-ack", "--count", "2", "--json")
    expected = {"venue": "okx", "kind": "lost-ack", "count": 2, "for_s": None, "delay_s": None}
    assert fault.envelope["data"] == expected
    assert mvx(surroundings(tmp_path), "paper", "heal", "--json").envelope["data"] == {"healed": "all"}


@pytest.mark.parametrize(
    "argv",
    [
        ("ledger", "mars"),
        ("fault", "kraken", "lost-sock"),
        ("transfer", "kraken", "BTC", "0"),
        ("transfer", "kraken", "BTC", "-1e3"),
        ("trade", "kraken", "hold", "1", "BTC/USD"),
        ("trade", "kraken", "buy", "-1", "BTC/USD"),
        ("trade", "kraken", "buy", "1", "BTC/USD", "--limit", "0"),
        ("cancel", "kraken", "nobody"),
        ("fault", "kraken", "outage", "--count", "2"),
        ("fault", "kraken", "http-429", "--delay", "1"),
        ("fault", "kraken", "late-ack", "--delay", "-1"),
        ("reset", "--books", "no.jsonl"),
    ],
    ids=" ".join,
)
def test_what_can_not_be_is_exit_2(argv: tuple[str, ...], tmp_path: Path) -> None:
    """Unknown venues and faults, and numbers that are none."""
    assert mvx(surroundings(tmp_path), "paper", *argv, "--json").envelope["exit_code"] == 2


def test_an_unknown_fault_is_answered_with_every_kind(tmp_path: Path) -> None:
    """And a delay that means nothing with those to which it does."""
    unknown = mvx(surroundings(tmp_path), "paper", "fault", "kraken", "lost-sock", "--json").envelope
    assert set(FAULT_KINDS) <= set(unknown["error"]["next"].removeprefix("use one of: ").split(", "))
    argv = ("paper", "fault", "kraken", "lost-ack", "--delay", "1", "--json")
    assert "late-ack, late-trade" in mvx(surroundings(tmp_path), *argv).envelope["error"]["next"]


@pytest.mark.parametrize("verb", ["orders", "fills"])
def test_readers_take_a_time_or_a_duration(verb: str, tmp_path: Path) -> None:
    """--since is an RFC 3339 time or so long ago."""
    for since in ("2026-01-01T00:00:00Z", "90s", "1.5h", "7d"):
        found = mvx(surroundings(tmp_path), verb, "--since", since, "--json").envelope
        assert (found["exit_code"], found["data"]) == (0, {verb: []})
