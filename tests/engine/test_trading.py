"""Halting, limiting and resuming: what holds then, what is revoked, what works on."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Venue
from mvx.domain.trading import TradingState
from mvx.engine.outcome import Outcome
from mvx.engine.results import TradingResult
from mvx.engine.trading import MAX_REASON_CHARS, set_trading
from mvx.errors import Exit
from mvx.journal import views
from mvx.journal.store import Journal
from tests.engine.desk import BINANCE, KRAKEN, OKX, Operator, order, settings
from tests.engine.halting import (
    ACTIVE,
    HALTED,
    OPS,
    REDUCING,
    answer,
    changes,
    commits,
    halts,
    resting,
)
from tests.engine.truth import assert_verified, last_seq, reading


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """An operator at a desk of three venues, each of which was read once."""
    operator = Operator(settings(tmp_path, KRAKEN, BINANCE, OKX))
    operator.reconciles()
    return operator


def result(outcome: Outcome) -> TradingResult:
    assert isinstance(outcome.data, TradingResult)
    return outcome.data


def states(outcome: Outcome) -> dict[str, tuple[str, str]]:
    return {row.venue: (row.trading, row.in_force) for row in result(outcome).venues}


class TestChanging:
    def test_a_halt_of_the_system_holds_everywhere(self, at: Operator) -> None:
        outcome = halts(at)
        system = result(outcome).system
        assert (Exit.OK, False) == (outcome.exit_code, outcome.sent)
        assert ("HALTED", "maintenance", OPS) == (system.trading, system.reason, system.by)
        assert dict.fromkeys((KRAKEN, BINANCE, OKX), ("ACTIVE", "HALTED")) == states(outcome)

    def test_a_halt_of_venues_holds_there_alone(self, at: Operator) -> None:
        outcome = halts(at, KRAKEN, OKX)
        assert "ACTIVE" == result(outcome).system.trading
        assert {
            KRAKEN: ("HALTED", "HALTED"),
            BINANCE: ("ACTIVE", "ACTIVE"),
            OKX: ("HALTED", "HALTED"),
        } == states(outcome)

    @pytest.mark.parametrize("state", [HALTED, REDUCING, ACTIVE])
    @pytest.mark.parametrize("venues", [(), (KRAKEN,)])
    def test_the_same_state_again_writes_nothing(
        self, at: Operator, state: TradingState, venues: tuple[Venue, ...]
    ) -> None:
        """Not even for another reason, which is said: who halted first is who is to be asked."""
        if state is ACTIVE:
            halts(at, *venues)
        first = changes(at, state, *venues, reason="the first one")
        assert () == first.warnings
        seq = last_seq(at.settings)
        again = changes(at, state, *venues, reason="another one")
        assert (seq, first.data) == (last_seq(at.settings), again.data)
        assert any("the new reason was not kept" in each for each in again.warnings)

    def test_resuming_what_was_never_halted_writes_nothing(self, at: Operator) -> None:
        seq = last_seq(at.settings)
        changes(at, ACTIVE)
        changes(at, ACTIVE, KRAKEN)
        assert seq == last_seq(at.settings)

    def test_a_venue_that_is_resumed_under_a_halted_system_stays_halted(self, at: Operator) -> None:
        halts(at)
        halts(at, KRAKEN)
        outcome = changes(at, ACTIVE, KRAKEN)
        assert ("ACTIVE", "HALTED") == states(outcome)[KRAKEN]
        assert ("the system was halted by ops@desk: maintenance and that still rules: mvx resume",) == (
            outcome.warnings
        )

    def test_a_resumed_system_says_which_venues_are_not(self, at: Operator) -> None:
        halts(at)
        halts(at, KRAKEN)
        (warning,) = changes(at, ACTIVE).warnings
        assert warning.startswith("kraken was halted by ops@desk")
        assert warning.endswith("mvx resume --venue kraken")

    @pytest.mark.parametrize(
        ("reason", "kept"),
        [
            ("x" * 10_000, "x" * MAX_REASON_CHARS),
            ("two\nlines\r\n\tand\u2028more ", "two lines and more"),
            ("\x1b[2J\u202e\x00", "\x1b[2J\u202e\x00"),
            ("half a character \udc80", "half a character \\udc80"),
            ("", ""),
            ('"; DROP TABLE trading; --', '"; DROP TABLE trading; --'),
        ],
    )
    def test_any_reason_is_kept_bounded_on_one_line_and_can_be_read_again(
        self, at: Operator, reason: str, kept: str
    ) -> None:
        assert kept == result(changes(at, HALTED, KRAKEN, reason=reason)).venues[0].reason
        assert kept == result(changes(at, HALTED, KRAKEN)).venues[0].reason
        assert_verified(at.settings)


class TestRevoking:
    def test_a_halt_revokes_every_unsent_intent_in_its_scope(self, at: Operator) -> None:
        ours, other = commits(at, KRAKEN, OKX)
        outcome = halts(at, KRAKEN)
        assert ((ours.cl_ord_id,), ()) == (result(outcome).revoked, result(outcome).working)
        with reading(at.settings) as tx:
            found, left = views.order(tx, ours.cl_ord_id), views.order(tx, other.cl_ord_id)
        assert found is not None
        assert ("REJECTED", "revoked: halted by ops@desk: maintenance", True) == (
            found.ord_status,
            found.reason,
            found.settled,
        )
        assert other == left
        assert (other.cl_ord_id,) == result(halts(at)).revoked
        assert_verified(at.settings)

    def test_reducing_only_revokes_nothing(self, at: Operator) -> None:
        commits(at, KRAKEN)
        assert () == result(changes(at, REDUCING)).revoked

    def test_reducing_only_that_becomes_a_halt_revokes(self, at: Operator) -> None:
        (ours,) = commits(at, KRAKEN)
        changes(at, REDUCING, KRAKEN)
        assert (ours.cl_ord_id,) == result(halts(at, KRAKEN)).revoked

    def test_what_works_at_a_venue_works_on_and_is_named(self, at: Operator) -> None:
        rests = answer(at.routes(resting(KRAKEN)))
        outcome = halts(at, KRAKEN)
        assert ((), (rests.children[0].cl_ord_id,)) == (result(outcome).revoked, result(outcome).working)
        assert ("1 order works on, for a halt cancels nothing: mvx cancel --all --venue kraken",) == (
            outcome.warnings
        )
        (row,) = at.ledger(KRAKEN)["orders"]
        assert "NEW" == row["status"]
        assert () == result(halts(at, OKX)).working

    def test_an_order_that_is_being_sent_is_not_revoked(self, at: Operator) -> None:
        """It may have arrived: a halt in the middle of its submit leaves it to its outcome."""
        found: list[Outcome] = []

        def look(venue: Venue, now: str) -> None:
            if now == "before submit":
                found.append(halts(at, venue))

        at.look = look
        outcome = at.routes(order("0.1", venues=(KRAKEN,)))
        (halted,) = found
        assert ((), 1) == (result(halted).revoked, len(result(halted).working))
        assert (Exit.OK, Decimal("0.1")) == (outcome.exit_code, answer(outcome).cum_qty)

    def test_it_is_for_any_transaction_to_use(self, at: Operator) -> None:
        """A flatten halts its venue inside one of its own."""
        (ours,) = commits(at, KRAKEN)
        with closing(Journal(at.settings.desk.journal, mode="paper")) as journal, journal.write() as tx:
            revoked = set_trading(tx, KRAKEN, HALTED, "flatten", OPS)
            again = set_trading(tx, KRAKEN, HALTED, "flatten", OPS)
        assert ((ours,), ()) == (revoked, again)
