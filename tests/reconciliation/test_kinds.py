"""The table of break kinds: complete, printable, and with a command for each."""

from __future__ import annotations

import shlex
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
    """Only a position always has an asset, and one that is configured."""
    fields = {name for _, name, _, _ in string.Formatter().parse(MEANINGS[kind].next) if name}
    assert fields <= {"venue", "asset"} if kind is BreakKind.POSITION else fields == {"venue"}


def test_the_advice_names_the_venue_and_the_asset() -> None:
    assert "mvx baseline show --venue kraken" == next_of(found(BreakKind.BALANCE), 7)
    assert "mvx baseline set kraken BTC QTY" in next_of(found(BreakKind.POSITION), 7)
    assert "taken back" in known_of(found(BreakKind.BUST))


@pytest.mark.parametrize("kind", [BreakKind.POSITION, BreakKind.BALANCE])
def test_what_a_venue_calls_an_asset_is_no_command(kind: BreakKind) -> None:
    """A shell takes it for one word, whatever it is."""
    hostile = replace(found(kind), asset=Asset("AIRDROP;id>/tmp/x; $(id)`id` 'id"))
    words = shlex.split(next_of(hostile, None) + "; " + next_of(hostile, 7))
    assert {hostile.asset} >= {word for word in words if "AIRDROP" in word or "id>" in word}


def test_what_was_left_as_it_is_waits_for_a_human_s_word() -> None:
    """Otherwise it stays open for ever."""
    left = replace(found(BreakKind.FILL_CONFLICT), corrected=False)
    assert next_of(left, 7).endswith("; mvx breaks ack 7")


def test_what_was_only_looked_at_is_corrected_by_an_ordinary_pass() -> None:
    assert "mvx reconcile --venue kraken" == next_of(found(BreakKind.MISSING_FILL), None)
