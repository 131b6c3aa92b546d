"""Recorded books that hold what no venue can mean: the venue is not used, and it is said why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.harness import mvx, surroundings

CONFIG = """
[instruments."BTC-USD"]
base = "BTC"
quote = "USD"
[venues.kraken]
adapter = "paper"
books = "books.jsonl"
books_venue = "Kraken"
clock = "step"
symbols = { "BTC-USD" = "BTC/USD" }
"""


def line(bid: str = '["100", "1"]', ask: str = '["100.1", "1"]', at: str = "1", more: str = "null") -> str:
    return (
        f'{{"exchange": "Kraken", "symbol": "BTC/USD", "timestamp": {at}, "bids": [{bid}], "asks": [{ask}],'
        f' "more": {more}}}\n'
    )


def route(folder: Path, books: str) -> tuple[int, bool, str]:
    (folder / "mvx.toml").write_text(CONFIG)
    (folder / "books.jsonl").write_text(books * 3)
    ran = mvx(surroundings(folder), "route", "BTC-USD", "0.1", "--json")
    assert "defect" not in ran.stderr
    assert all(char.isprintable() or char == "\n" for char in ran.stderr)
    return ran.exit_code, ran.envelope["sent"], ran.stderr


@pytest.mark.parametrize(
    "books",
    [
        line('["NaN", "1"]'),
        line("[Infinity, 1]"),
        line('["99", "1e999999"]'),
        line('["99", "1e-999999"]'),
        line(f'["99", "{"9" * 400}"]'),
        line(f"[99, {'9' * 5_000}]"),
        line('["1e999999", "1"]', '["1e9999999", "1"]'),
        line('["-99", "1"]'),
        line('["99", "0"]'),
        line('["102", "1"]'),
        line('["99"]'),
        line("[null, null]"),
        line(more="[" * 100_000 + "]" * 100_000),
        "\x1b[2Jhello\n",
        "\0\0\0",
        "",
    ],
)
def test_books_that_can_not_be_true_are_no_books(books: str, tmp_path: Path) -> None:
    exit_code, sent, told = route(tmp_path, books)
    assert (7, False) == (exit_code, sent)
    assert "kraken" in told
    assert len(told) < 2_000


@pytest.mark.parametrize("at", ["1e999999", "1e-999999", "9" * 5_000, "-5", "1e30"])
def test_a_time_that_can_not_be_is_no_time(at: str, tmp_path: Path) -> None:
    """The book stands, and follows the last one by a second."""
    assert (0, True) == route(tmp_path, line(at=at))[:2]
