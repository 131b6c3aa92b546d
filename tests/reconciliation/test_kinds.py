"""The table of break kinds: complete, printable, and with a command for each."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest

from mvx.domain.entries import BreakFound
from mvx.domain.ids import Asset, ClOrdId
from mvx.reconciliation.kinds import MEANINGS, BreakKind, known_of, next_of
from tests.domain.orders import KRAKEN

KINDS = pytest.mark.parametrize("kind", BreakKind)


def found(kind: BreakKind) -> BreakFound:
    return BreakFound("ref", KRAKEN, kind.value, Asset("BTC"), ClOrdId("m1"), None, "1", "2", True, "")


def test_the_kinds_are_those_of_the_design() -> None:
    """Their names are a contract with scripts."""
    names = (
        "missing_fill phantom_fill order_state unknown_resolved foreign_order foreign_fill fill_conflict "
        "overfill late_fill bust balance position"
    )
    assert names.split() == [kind.value for kind in BreakKind]


@KINDS
def test_every_kind_says_what_it_means_what_is_known_and_what_to_run(kind: BreakKind) -> None:
    """A sentence, a fact, and a command."""
    meaning = MEANINGS[kind]
    assert meaning.means[0].isupper()
    assert meaning.means.endswith(".")
    assert "venue" in meaning.known
    assert meaning.next.startswith("mvx ")


@KINDS
def test_a_command_needs_no_more_than_every_break_has(kind: BreakKind) -> None:
    """Only a balance or a position always has an asset."""
    fields = {name for _, name, _, _ in string.Formatter().parse(MEANINGS[kind].next) if name}
    has_asset = kind in (BreakKind.BALANCE, BreakKind.POSITION)
    assert fields <= {"venue", "asset"} if has_asset else fields == {"venue"}


def test_the_advice_names_the_venue_and_the_asset() -> None:
    assert "mvx positions BTC --venue kraken" == next_of(found(BreakKind.BALANCE), 7)
    assert "mvx baseline set kraken BTC QTY" in next_of(found(BreakKind.POSITION), 7)
    assert "taken back" in known_of(found(BreakKind.BUST))


def test_what_was_left_as_it_is_waits_for_a_human_s_word() -> None:
    """Otherwise it stays open for ever."""
    left = replace(found(BreakKind.FILL_CONFLICT), corrected=False)
    assert next_of(left, 7).endswith("; mvx breaks ack 7")


def test_what_was_only_looked_at_is_corrected_by_an_ordinary_pass() -> None:
    assert "mvx reconcile --venue kraken" == next_of(found(BreakKind.MISSING_FILL), None)
