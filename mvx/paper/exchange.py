"""The paper exchange: many venues in one file that any number of processes share.

Rule: every operation is one write transaction on one venue, opened by `visit`; nothing is remembered
between two of them but what the file says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from mvx.clock import Clock
from mvx.config.settings import VenueSettings
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instant import after
from mvx.domain.order import OrderReport, Side
from mvx.errors import ConfigError, MvxError, UsageError
from mvx.paper import faults, ledger, store
from mvx.paper.account import open_account
from mvx.paper.admission import Refused
from mvx.paper.faults import FAULT_KINDS
from mvx.paper.market import give_books
from mvx.paper.session import Session
from mvx.sqlite import Connection

__all__ = ["FAULT_KINDS", "PaperExchange"]


class PaperExchange:
    """What an operator can do to the venues; PaperVenue is how the desk talks to one of them."""

    def __init__(self, path: Path, venues: Mapping[Venue, VenueSettings], clock: Clock) -> None:
        for settings in venues.values():
            if settings.paper.books is not None and not settings.paper.books.is_file():
                raise ConfigError(f"venues.{settings.name}.books: no such file: {settings.paper.books}")
        self._venues = dict(venues)
        self._clock = clock
        self._db = store.open_file(path)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def visit(self, venue: Venue) -> Iterator[Session]:
        """One venue, brought up to now, in one transaction."""
        settings = self._settings(venue)
        with self._db.write() as con:
            # The clock is read once the lock is held: two processes then agree on what came first.
            yield Session(con, settings, self._clock.now())

    def inject(
        self,
        venue: Venue,
        kind: str,
        count: int | None = None,
        for_s: float | None = None,
        delay_s: float | None = None,
    ) -> None:
        """A fault, for so many hits (once, unless a count or a time is given) or so many seconds."""
        timeout_s = self._settings(venue).timeout_s
        faults.check(kind, count, for_s, delay_s)
        until = None if for_s is None else after(self._clock.now(), for_s)
        delay_s = faults.default_delay_s(kind, timeout_s) if delay_s is None else delay_s
        with self._db.write() as con:
            faults.inject(con, venue, kind, count=count, until=until, delay_s=delay_s)

    def heal(self, venue: Venue | None = None) -> None:
        """Ends the faults of a venue, or of all; requests in flight still arrive."""
        if venue is not None:
            self._settings(venue)
        with self._db.write() as con:
            faults.heal(con, venue)

    def ledger(self, venue: Venue) -> dict[str, object]:
        """The venue's own truth, as `mvx paper ledger --json` prints it."""
        with self.visit(venue) as session:
            balances = session.balances()
            held, orders, fills = session.truth()
        return ledger.rendered(balances.total, held, orders, fills)

    def trade(self, venue: Venue, side: Side, qty: Decimal, symbol: Symbol) -> OrderReport:
        """A trade of the account's owner that mvx did not make."""
        with self.visit(venue) as session:
            result = session.trade(side, qty, symbol)
        if isinstance(result, Refused):
            raise _usage(venue, result)
        return result

    def transfer(self, venue: Venue, asset: Asset, amount: Decimal) -> None:
        """A deposit, or where the amount is negative a withdrawal."""
        with self.visit(venue) as session:
            refused = session.transfer(asset, amount)
        if refused:
            raise _usage(venue, refused)

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


def _usage(venue: Venue, refused: Refused) -> UsageError:
    return UsageError(f"{venue}: {refused.message}", known="nothing was changed")
