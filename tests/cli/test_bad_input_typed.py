"""What is typed and can not be meant: exit 2, what to type instead, and nothing sent."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.harness import mvx, surroundings

NOT_ASCII = b"caf\xe9".decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["route", "", "1"], "there is no instrument ''"),
        (["route", "BTC-USDD", "1"], "there is no instrument BTC-USDD; did you mean BTC-USD?"),
        (["route", "btc-usd", "1"], "did you mean BTC-USD?"),
        (["route", "BTC-USD", "1", "--venue", ""], "there is no venue ''"),
        (["route", "BTC-USD", "1", "--venue", "kraken,"], "there is no venue ''"),
        (["route", "BTC-USD", "1", "--exclude", "Kraken"], "did you mean kraken?"),
        (["flatten", "--venue", ""], "there is no venue ''"),
        (["flatten", "--venue", "kraken", "--instrument", "BTC"], "there is no instrument BTC"),
        (["halt", "--venue", ""], "there is no venue ''"),
        (["cancel", "--all", "--venue", "krakenn"], "did you mean kraken?"),
        (["reconcile", "--venue", "krakenn"], "did you mean kraken?"),
        (["baseline", "set", "krakenn", "BTC", "1"], "did you mean kraken?"),
        (["positions", "BTCC"], "did you mean BTC?"),
        (["orders", "--venue", "krakenn"], "did you mean kraken?"),
        (["paper", "fault", "krakenn", "outage"], "one of: kraken, coinbase"),
        (["paper", "fault", "kraken", "outtage"], "one of: lost-request"),
        (["paper", "ledger", "krakenn"], "one of: kraken, coinbase"),
        (["route", "BTC-USD", "1", "--limit", "5", "--limit", "6"], "'--limit'"),
        (["--journal", "a.db", "positions", "--journal", "b.db"], "'--journal'"),
        (["positions", "--journal", ""], "'--journal'"),
        (["positions", "--config", ""], "'--config'"),
        (["route", "BTC-USD", "1", "--id", ""], "'--id'"),
        (["route", "BTC-USD", "1", "--id", "--resume"], "'--id'"),
        (["route", "BTC-USD", "1", "--id", " k"], "'--id'"),
        (["route", "BTC-USD", "1", "--id", "k\x1b[2J"], "'--id'"),
        (["route", "BTC-USD", "1", "--id", "k" * 201], "'--id'"),
        (["route", "BTC-USD", "1", "--id", "k", "--resume", "--dry-run"], "leave one of them out"),
        (["orders", "--since", "1" * 39 + "d"], "is not a time"),
        (["route", "BTC-USD", "1", "--venue", "k" * 5_000], "at most 4096 characters"),
        (["route", "BTC-USD", "1", "--venue", NOT_ASCII], "in UTF-8"),
        (["journal", "backup", NOT_ASCII], "in UTF-8"),
    ],
)
def test_what_is_named_must_exist(argv: list[str], message: str, tmp_path: Path) -> None:
    """An empty name, which a script makes of a variable that is not set, is never "all of them"."""
    ran = mvx(surroundings(tmp_path), *argv)
    assert (ran.exit_code, ran.stdout) == (2, ""), ran.stderr
    assert message in ran.stderr
    assert "\nknown: nothing was sent\nnext:  " in ran.stderr
    assert len(ran.stderr) < 2_000
    assert mvx(surroundings(tmp_path), *argv, "--json").envelope["sent"] is False


@pytest.mark.parametrize(
    "argv",
    [
        ["orders", "--limit"],
        ["breaks", "ack"],
        ["paper", "fault", "kraken", "outage", "--count"],
        ["route", "BTC-USD", "1", "--max-rounds"],
    ],
)
@pytest.mark.parametrize("text", ["0", "1.5", "1e3", "-1", "+1", "٣", "1_0", "9" * 39, "9" * 400, ""])
def test_counts_are_whole_and_bounded(argv: list[str], text: str, tmp_path: Path) -> None:
    found = mvx(surroundings(tmp_path), *argv, text, "--json").envelope
    assert (found["exit_code"], found["sent"]) == (2, False)
    assert len(found["error"]["message"]) < 300


@pytest.mark.parametrize("text", ["-1", "-0.5", "0", "0.0", "Infinity", "1e999999", "9" * 400, "NaN"])
def test_a_quantity_is_plain_positive_and_finite(text: str, tmp_path: Path) -> None:
    """A sell is asked for by name, never by a sign."""
    found = mvx(surroundings(tmp_path), "route", "BTC-USD", text, "--json").envelope
    assert (found["exit_code"], found["sent"]) == (2, False)
    assert len(found["error"]["message"]) < 300


def test_what_is_smaller_than_every_lot_is_never_sent(tmp_path: Path) -> None:
    """Nothing is rounded up to something that nobody typed."""
    found = mvx(surroundings(tmp_path), "route", "BTC-USD", "0.000000001", "--json").envelope
    assert (found["exit_code"], found["sent"], found["data"]["cum_qty"]) == (3, False, "0")
    assert {row["why"][:19] for row in found["data"]["plan"]["skipped"]} == {"no legal order fits"}
    assert mvx(surroundings(tmp_path), "orders", "--json").envelope["data"]["orders"] == []


@pytest.mark.parametrize("qty", ["0.123456789", "9" * 40])
def test_what_no_venue_takes_is_left_and_said(qty: str, tmp_path: Path) -> None:
    """The part below a lot, and what is more than there is to buy."""
    found = mvx(surroundings(tmp_path), "route", "BTC-USD", qty, "--json").envelope
    filled, left = (Decimal(found["data"][name]) for name in ("cum_qty", "leaves_qty"))
    assert (found["exit_code"], found["uncertain"]) == (3, False)
    assert filled + left == Decimal(qty)
    assert left > 0


def test_a_reason_is_no_reason_not_to_halt(tmp_path: Path) -> None:
    """However long, and in whatever encoding: the halt stands."""
    ran = mvx(surroundings(tmp_path), "halt", "--reason", NOT_ASCII + "x" * 5_000, "--json")
    assert ran.exit_code == 0
    assert mvx(surroundings(tmp_path), "route", "BTC-USD", "1").exit_code == 4
