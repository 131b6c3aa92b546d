"""The paper exchange: many venues in one file that any number of processes share.

Rule: every operation is one write transaction on one venue, opened by `visit`; nothing is remembered
between two of them but what the file says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from mvx.clock import Clock
from mvx.config.settings import VenueSettings, missing_books
from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, ExecId, OrderId, Symbol, Venue
from mvx.domain.order import OrderReport, Side
from mvx.errors import ConfigError, MvxError, UsageError
from mvx.paper import faults, ledger, store
from mvx.paper.account import open_account
from mvx.paper.admission import Refused
from mvx.paper.faults import FAULT_KINDS
from mvx.paper.market import give_books
from mvx.paper.session import Session
from mvx.paper.stream import Stream
from mvx.sqlite import Connection

__all__ = ["FAULT_KINDS", "PaperExchange"]

T = TypeVar("T")


class PaperExchange:
    """What an operator can do to the venues; PaperVenue is how the desk talks to one of them."""

    def __init__(self, path: Path, venues: Mapping[Venue, VenueSettings], clock: Clock) -> None:
        for problem in missing_books(venues.values()):
            raise ConfigError(problem, next_step="mvx config check")
        self._venues = dict(venues)
        self._clock = clock
        self._db = store.open_file(path)
        self._streams: dict[Venue, list[Stream]] = {venue: [] for venue in venues}

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def visit(self, venue: Venue) -> Iterator[Session]:
        """One venue, brought up to now, in one transaction; what happened in it is pushed once it is
        committed."""
        settings = self._settings(venue)
        streams = [stream for stream in self._streams[venue] if not stream.closed]
        with self._db.write() as con:
            # The clock is read once the lock is held: two processes then agree on what came first.
            session = Session(con, settings, self._clock.now())
            yield session
            heard = session.heard() if streams else ()
            cut_off = bool(streams) and session.is_cut_off()
        for stream in streams:
            stream.push(heard)
            if cut_off:
                stream.cut(f"{venue}: its stream was cut")

    def listen(self, venue: Venue) -> Stream:
        """What this process does at the venue from now on, as it is pushed, until that is closed or cut."""
        self._settings(venue)
        stream = Stream()
        self._streams[venue] = [*(each for each in self._streams[venue] if not each.closed), stream]
        return stream

    def inject(
        self,
        venue: Venue,
        kind: str,
        count: int | None = None,
        for_s: float | None = None,
        delay_s: float | None = None,
    ) -> None:
        """A fault, for so many hits (once, unless a count or a time is given) or so many seconds."""
        self._settings(venue)
        faults.check(kind, count, for_s, delay_s)
        with self.visit(venue) as session:
            session.inject(kind, count=count, for_s=for_s, delay_s=delay_s)

    def heal(self, venue: Venue | None = None) -> None:
        """Ends the faults of a venue, or of all; what is under way still comes."""
        for each in self._venues if venue is None else (venue,):
            with self.visit(each) as session:
                session.heal()

    def ledger(self, venue: Venue) -> dict[str, object]:
        """The venue's own truth, as `mvx paper ledger --json` prints it."""
        with self.visit(venue) as session:
            balances = session.balances()
            held, orders, fills = session.truth()
        return ledger.rendered(balances.total, held, orders, fills)

    def trade(
        self, venue: Venue, side: Side, qty: Decimal, symbol: Symbol, limit_px: Decimal | None = None
    ) -> OrderReport:
        """A trade of the account's owner that mvx did not make, or with a limit an order that may rest."""
        with self.visit(venue) as session:
            result = session.owner.trade(side, qty, symbol, limit_px)
        return _done(venue, result)

    def cancel(self, venue: Venue, order_id: OrderId) -> OrderReport:
        """The account's owner cancels an open order, ours or not."""
        with self.visit(venue) as session:
            result = session.owner.cancel(order_id)
        return _done(venue, result)

    def transfer(self, venue: Venue, asset: Asset, amount: Decimal, listed_after_s: float = 0.0) -> None:
        """A deposit, or where the amount is negative a withdrawal; it may be listed after it moved."""
        with self.visit(venue) as session:
            result = session.owner.transfer(asset, amount, listed_after_s=listed_after_s)
        _done(venue, result)

    def withdraw(
        self, venue: Venue, asset: Asset, amount: Decimal, for_s: float, *, fails: bool = False
    ) -> None:
        """A withdrawal that leaves at once and is under way for so long; then it is done, or comes back."""
        with self.visit(venue) as session:
            result = session.owner.withdraw(asset, amount, for_s=for_s, fails=fails)
        _done(venue, result)

    def bust(self, venue: Venue, exec_id: ExecId) -> None:
        """The venue takes a trade back."""
        with self.visit(venue) as session:
            result = session.owner.bust(exec_id, session.now)
        _done(venue, result)

    def correct(self, venue: Venue, exec_id: ExecId, qty: Decimal, price: Decimal) -> Fill:
        """The venue takes a trade back and books it anew, with an exec_id of its own."""
        with self.visit(venue) as session:
            result = session.owner.correct(exec_id, qty, price)
        return _done(venue, result)

    def reset(self, books: Path | None = None) -> None:
        """Every account afresh, in a new epoch, without faults and without what was in flight. With
        books, every market in that file plays it from now on."""
        with self._db.write() as con:
            last_epoch = store.last_epoch(con)
            store.wipe(con)
            if books is not None:
                _give_books(con, books.resolve())
            for settings in self._venues.values():
                open_account(con, settings, self._clock.now(), after_epoch=last_epoch)

    def _settings(self, venue: Venue) -> VenueSettings:
        try:
            return self._venues[venue]
        except KeyError:
            known = ", ".join(self._venues)
            raise UsageError(f"no paper venue {venue!r}", next_step=f"one of: {known}") from None


def _give_books(con: Connection, path: Path) -> None:
    try:
        found = give_books(con, path)
    except MvxError as error:
        raise UsageError(error.message, known="nothing was reset") from error
    if not found:
        raise UsageError(f"{path} holds no recorded book", known="nothing was reset")


def _done(venue: Venue, result: T | Refused) -> T:
    """The result. Raises UsageError for a refusal."""
    if isinstance(result, Refused):
        raise UsageError(f"{venue}: {result.message}", known="nothing was changed")
    return result
