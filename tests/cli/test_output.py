"""The envelope, the lines on stderr, and text that came from outside."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.cli.output import answer_line, break_line, encode
from mvx.cli.render import age, quotient, safe_text
from mvx.cli.session import Session
from mvx.cli.signals import Signals
from mvx.domain.instant import Instant
from mvx.engine.outcome import BreakRow, Outcome
from mvx.engine.results import FeeRow, FillRow, FillsResult
from mvx.errors import Exit
from tests.cli.harness import ENVELOPE, surroundings
from tests.support import START

WHAT_TO_DO = "known: it lists the trade; next: mvx fills --venue kraken"
NOON = "2026-11-22T12:00:00.000000Z"


def a_break(**changes: Any) -> BreakRow:
    fields: dict[str, Any] = {
        **{"id": 7, "venue": "kraken", "kind": "missing_fill", "asset": "BTC", "cl_ord_id": None},
        **{"exec_id": "T1", "ours": "0.4", "theirs": "0.5", "corrected": True, "at": START, "note": "booked"},
        **{"known": "it lists the trade", "next": "mvx fills --venue kraken"},
    }
    return BreakRow(**{**fields, **changes})


@pytest.mark.parametrize(
    ("value", "key", "expected"),
    [
        (Decimal("1E+3"), "qty", "1000"),
        (Decimal("0.10"), "qty", "0.1"),
        (Decimal("-0"), "qty", "0"),
        (START, "at", NOON),
        (START, "since", NOON),
        (START, "created_at", NOON),
        (12, "took_ms", 12),
        (1.23456, "agreed_age_s", 1.235),
        (True, "corrected", True),
        (None, "lo", None),
        ((1, "a"), "legs", [1, "a"]),
        ({"BTC": Decimal("0.5")}, "fees", {"BTC": "0.5"}),
        (Path("/x"), "journal", "/x"),
        (FeeRow("USD", Decimal(2)), "fee", {"asset": "USD", "amount": "2"}),
    ],
)
def test_values_become_json(value: object, key: str, expected: object) -> None:
    """Decimals are plain strings, instants RFC 3339, ages numbers, dataclasses objects."""
    assert encode(value, key) == expected


def test_the_envelope_is_one_compact_line() -> None:
    """Keys stand in the order of the contract, rows in the order of their fields."""
    fill = FillRow(
        *("okx", "BTC/USDT", "buy", "T1", "O1", None),
        *(Decimal("0.5"), Decimal(80521), FeeRow("USDT", Decimal("36.2")), START, True, False),
    )
    outcome = Outcome(
        FillsResult((fill,)), Exit.UNCERTAIN, uncertain=True, breaks=(a_break(),), warnings=("w",)
    )
    line = answer_line("fills", "paper", outcome)
    found = json.loads(line)

    assert "\n" not in line
    assert ": " not in line
    assert list(found) == ENVELOPE
    assert (found["schema"], found["exit_code"], found["uncertain"], found["error"]) == (1, 5, True, None)
    assert found["data"]["fills"][0]["fee"] == {"asset": "USDT", "amount": "36.2"}
    assert list(found["breaks"][0]) == [
        *("id", "venue", "kind", "asset", "cl_ord_id", "exec_id"),
        *("ours", "theirs", "corrected", "at", "note", "known", "next"),
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, f"break missing_fill kraken BTC T1 ours 0.4 theirs 0.5 corrected: booked; {WHAT_TO_DO}"),
        (
            {"corrected": False, "exec_id": None, "note": ""},
            f"break missing_fill kraken BTC ours 0.4 theirs 0.5 not corrected; {WHAT_TO_DO}",
        ),
    ],
)
def test_a_break_is_one_loud_line(changes: dict[str, Any], line: str) -> None:
    """Kind, where, both numbers and the verdict, what is known at the venue and what to run."""
    assert break_line(a_break(**changes)) == line


def test_breaks_and_warnings_go_to_stderr_with_json_too(tmp_path: Path) -> None:
    """stdout has the answer alone."""
    environment = surroundings(tmp_path)
    session = Session(environment, Signals())
    session.command, session.json = "reconcile", True
    session.answer(Outcome({}, Exit.BREAKS, breaks=(a_break(),), warnings=("okx is slow\x1b[2J",)))

    assert isinstance(environment.stderr, io.StringIO)
    assert isinstance(environment.stdout, io.StringIO)
    assert environment.stderr.getvalue().splitlines() == [
        f"break missing_fill kraken BTC T1 ours 0.4 theirs 0.5 corrected: booked; {WHAT_TO_DO}",
        "warning: okx is slow\\x1b[2J",
    ]
    assert len(environment.stdout.getvalue().splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain text, Zürich, 東京", "plain text, Zürich, 東京"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb\nc\td\x00\x7f", "a\\rb\\nc\\td\\x00\\x7f"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("abc\u202edcb", "abc\\u202edcb"),
        ("\u2066x\u2069\u200f\u061c", "\\u2066x\\u2069\\u200f\\u061c"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028end", "line\\u2028end"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_text_from_outside_can_not_drive_the_terminal(text: str, safe: str) -> None:
    """Control, escape, format and bidi characters are spelled out."""
    assert safe_text(text) == safe


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "never"), (0.2, "0s"), (119, "119s"), (600, "10m"), (9000, "2h"), (3e5, "3d")],
)
def test_ages_are_short(seconds: float | None, text: str) -> None:
    """One number and one unit."""
    assert age(seconds) == text


def test_a_quotient_is_cut_to_ten_digits_for_people() -> None:
    """An average has no meaning behind its tenth digit."""
    assert quotient(Decimal("80473.105356703")) == "80473.10536"
    assert quotient(None) == "?"


def test_an_instant_before_the_epoch_is_still_a_time() -> None:
    """Nothing about a time is special to its size."""
    assert encode(Instant(-1), "at") == "1969-12-31T23:59:59.999999Z"
