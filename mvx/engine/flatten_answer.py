"""What is answered of a venue that was left, and of several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from mvx.domain.ids import ClOrdId
from mvx.domain.money import plain
from mvx.domain.trading import TradingState
from mvx.engine.flatten_run import Positions, Run
from mvx.engine.outcome import Outcome
from mvx.engine.positions import unnamed_holdings
from mvx.engine.reconcile import pending_warnings
from mvx.engine.results import FlattenResult, FlattenRow, LegRow
from mvx.engine.route_result import child_row
from mvx.engine.settle import answered
from mvx.errors import Exit, JournalError, worst_exit
from mvx.journal import views
from mvx.journal.store import ReadTx


def beyond_reach(run: Run, tx: ReadTx) -> list[str]:
    """Positions there that nothing closes, for the configuration names no market for them any more. Whoever
    asked for single instruments asked for none of these."""
    found = {} if run.order.instruments else unnamed_holdings(tx, run.desk.settings.desk)
    return [
        f"it has no symbol of {asset} any more, and {plain(left)} {asset} of its position can not be closed:"
        " give it one"
        for (venue, asset), left in sorted(found.items())
        if venue == run.venue
    ]


def flatten_row(
    run: Run,
    now: Positions,
    *,
    legs: tuple[LegRow, ...] = (),
    to_cancel: tuple[ClOrdId, ...] = (),
) -> FlattenRow:
    """What is answered of one venue; `now`: where its positions ended."""
    return FlattenRow(
        venue=run.venue,
        before=run.before,
        after=now,
        dust={base: closing.dust for base, closing in run.last_closings.items() if closing.dust},
        cancelled=tuple(run.cancelled),
        children=tuple(child_row(child) for closing in run.closings for child in closing.children),
        verified=run.verified,
        reason="; ".join(run.reasons),
        to_cancel=to_cancel,
        plan=legs,
    )


def answer_of(runs: list[Run]) -> Outcome:
    """Of all venues that were left, with the worst exit code of theirs."""
    rows, codes = [], [Exit.OK]
    for run in runs:
        with run.desk.journal.read() as tx:
            rows.append(flatten_row(run, run.positions(tx)))
        codes.append(Exit.OK if run.verified else Exit.UNCERTAIN)
        codes.append(Exit.INCOMPLETE if run.reasons else Exit.OK)
    passes = [each for run in runs for each in run.passes]
    breaks = tuple(found for each in passes for found in each.breaks)
    codes.append(Exit.BREAKS if breaks else Exit.OK)
    return Outcome(
        data=FlattenResult(tuple(rows)),
        exit_code=worst_exit(*codes),
        sent=any(map(has_sent, runs)),
        uncertain=not all(run.verified for run in runs),
        breaks=breaks,
        warnings=(
            *(f"{run.venue}: {reason}" for run in runs for reason in run.reasons),
            *pending_warnings(passes),
            *(change for run in runs[:1] for change in run.desk.watch.changes()),
            *(line for run in runs for line in _may_still_fill(run)),
            *(still_halted(run) for run in runs),
        ),
    )


def told(run: Run) -> str:
    """What came of it, in a line."""
    return (
        f"{run.venue}: {'; '.join(run.reasons) or ('left and verified' if run.verified else 'not verified')}"
    )


def has_sent(run: Run) -> bool:
    """Whether an order, or a cancel, went out."""
    return run.asked or any(child.sending for closing in run.closings for child in closing.children)


def _may_still_fill(run: Run) -> Iterator[str]:
    """What is done may fill until the venue's lateness is over, and what fills then is closed by nobody."""
    with run.desk.journal.read() as tx:
        settling = [order for order in run.orders(tx) if answered(order) and order.worst_qty]
    lateness_s = run.desk.venues[run.venue].capabilities.lateness_s
    for order in settling:
        yield (
            f"{run.venue}: {plain(order.worst_qty)} {order.base} of {order.cl_ord_id} may turn out to be"
            f" filled within {lateness_s:g} s, and are not closed then: mvx flatten --venue {run.venue}"
        )


def still_halted(run: Run) -> str:
    """Whether the cordon is there yet: whoever lifted it meanwhile did so for new orders."""
    with suppress(JournalError), run.desk.journal.read() as tx:
        rule = views.trading(tx).get(run.venue)
        if rule is not None and rule.state is not TradingState.HALTED:
            return f"{run.venue} was {rule}, and is halted no more: mvx halt --venue {run.venue}"
    return f"{run.venue} stays halted: mvx resume --venue {run.venue}"
