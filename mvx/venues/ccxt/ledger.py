"""What a venue's ledger says of trades and transfers, where its trades only guess. Pure.

Rule: the ledger is what moved the balances. Kraken rounds what a trade moves to the asset's own digits (a
trade of XTZEUR that cost 774.189467 moves 774.1894), so a fill says what it moved in quote, and balances
agree to the last digit. What was rounded in base is in the fee, where that was taken in base.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from mvx.domain.execution import Fill, Transfer
from mvx.domain.ids import Asset
from mvx.domain.instant import Instant
from mvx.domain.instrument import split_symbol
from mvx.domain.money import ZERO
from mvx.errors import BadVenueData
from mvx.venues.ccxt.parse import Account, Row, exact, instant_of, text_of

_TRADE = "trade"
#: Docs, Get Ledgers, type. What Kraken puts right by itself, such as a trade that it takes back. Nobody put
#: it there, and a baseline that moved along would leave a position of nothing. The balance tells.
_ADJUSTMENT = "adjustment"
#: Docs, Get Account Balance: what is named so earns by itself (Kraken Rewards), and is traded as its asset.
_EARNING = ".F"


class Posting(NamedTuple):
    """One line: `amount` is signed, and the fee goes off besides. ref: the trade's id, or the transfer's."""

    posting_id: str
    ref: str
    kind: str
    asset: Asset
    amount: Decimal
    fee: Decimal
    at: Instant

    @property
    def net(self) -> Decimal:
        return self.amount - self.fee

    @property
    def traded(self) -> Asset:
        """The asset that a trade names."""
        return Asset(self.asset.removesuffix(_EARNING))


class _Moved(NamedTuple):
    """What lines of one asset moved in all: `amount` is signed, and the fee goes off besides. last_digits:
    how far it may be from what was traded, by the last digit of each."""

    amount: Decimal
    fee: Decimal
    last_digits: Decimal

    def and_line(self, line: Posting) -> _Moved:
        digit = Decimal(1).scaleb(int(line.amount.as_tuple().exponent))
        return _Moved(self.amount + line.amount, self.fee + line.fee, self.last_digits + digit)

    @property
    def net(self) -> Decimal:
        return self.amount - self.fee

    def amounts_to(self, traded: Decimal) -> bool:
        return abs(abs(self.amount) - traded) <= self.last_digits


_NOTHING = _Moved(ZERO, ZERO, ZERO)


def posting_of(entry: Row, whose: Account) -> Posting:
    """A line from ccxt's ledger entry, whose `info` is the venue's own. Raises BadVenueData."""
    info = entry.get("info")
    if not isinstance(info, dict):
        raise BadVenueData("a ledger line has no record")
    what = f"ledger line {text_of(entry, 'id', 'a ledger line')}"
    return Posting(
        posting_id=text_of(entry, "id", what),
        ref=text_of(info, "refid", what),
        kind=text_of(info, "type", what),
        asset=Asset(text_of(entry, "currency", what)),
        amount=exact(info.get("amount"), f"{what}: its amount"),
        fee=exact(info.get("fee"), f"{what}: its fee"),
        at=instant_of(info.get("time"), whose.times.unit_s, f"{what}: its time"),
    )


def told_by_ledger(
    fill: Fill, postings: Iterable[Posting], least: Mapping[Asset, Decimal] = MappingProxyType({})
) -> Fill | None:
    """The fill with what it really moved and cost; None where the ledger does not list all of the trade yet.
    least: the last digits of base and quote, once no line can be late; a trade of less has none of that asset
    (github.com/rotki/rotki/pull/13038: Kraken writes none that rounds to zero). Raises BadVenueData."""
    quote = split_symbol(fill.symbol)[1]
    moved = _moved_by(fill, postings, least)
    if not _lists_all(fill, moved, may_be_late=not least):
        return None
    fee_asset, fee_amount = _fee_of(fill, moved)
    gross = -fill.side.sign * (moved[quote].amount if fee_asset == quote else moved[quote].net)
    if gross < ZERO:
        raise BadVenueData(f"{fill.venue}: its ledger moves trade {fill.exec_id} the other way")
    amt = None if gross == fill.notional else abs(gross)  # no zero that is negative
    return replace(fill, fee_asset=fee_asset, fee_amount=fee_amount, gross_trade_amt=amt)


def _moved_by(
    fill: Fill, postings: Iterable[Posting], least: Mapping[Asset, Decimal]
) -> Mapping[Asset, _Moved]:
    """By asset, those of which the trade needs no line among them."""
    moved: dict[Asset, _Moved] = {}
    for line in postings:
        moved[line.traded] = moved.get(line.traded, _NOTHING).and_line(line)
    for asset, traded in _traded_by(fill):
        if traded < least.get(asset, ZERO):
            moved.setdefault(asset, _NOTHING)
    return moved


def _lists_all(fill: Fill, moved: Mapping[Asset, _Moved], *, may_be_late: bool) -> bool:
    """Whether base and quote have lines; and, as long as one may be late, whether these add up to what was
    traded (each wallet has its own) and a fee that the trade names is in one (fee credits have their own)."""
    traded = _traded_by(fill)
    if any(asset not in moved for asset, _ in traded):
        return False
    if not may_be_late:
        return True
    has_fee = any(each.fee or (each.net and asset not in dict(traded)) for asset, each in moved.items())
    return all(moved[asset].amounts_to(qty) for asset, qty in traded) and (has_fee or not fill.fee_amount)


def _traded_by(fill: Fill) -> tuple[tuple[Asset, Decimal], ...]:
    """Base and quote, and how much of each the trade names."""
    base, quote = split_symbol(fill.symbol)
    return (base, fill.qty), (quote, fill.notional)


def _fee_of(fill: Fill, moved: Mapping[Asset, _Moved]) -> tuple[Asset, Decimal]:
    """A third asset that a trade moved is its fee's (Kraken's fee credits)."""
    base, quote = split_symbol(fill.symbol)
    for asset, each in moved.items():
        if asset not in (base, quote) and each.net:
            return asset, -each.net
    if moved[base].fee:
        return base, fill.side.sign * fill.qty - moved[base].net
    return quote, moved[quote].fee


def by_trade(postings: Iterable[Posting]) -> dict[str, list[Posting]]:
    """The lines of each trade."""
    found: dict[str, list[Posting]] = {}
    for line in postings:
        if line.kind == _TRADE:
            found.setdefault(line.ref, []).append(line)
    return found


def transfers_of(postings: Iterable[Posting], whose: Account) -> list[Transfer]:
    """Whatever its owner moved without a trade: deposits, withdrawals, rewards, conversions. And what a trade
    moved of the earnings, which is told as moved to spot: the trade is told as one of spot."""
    moved = []
    for line in postings:
        if line.kind not in (_TRADE, _ADJUSTMENT):
            moved.append((line, line.posting_id, line.asset, line.net))
        elif line.kind == _TRADE and line.traded != line.asset:
            moved.append((line, line.posting_id, line.asset, line.net))
            moved.append((line, f"{line.posting_id} to spot", line.traded, -line.net))
    return [
        Transfer(
            venue=whose.venue,
            account=whose.account,
            epoch=whose.epoch,
            transfer_id=transfer_id,
            asset=asset,
            amount=amount,
            at=line.at,
        )
        for line, transfer_id, asset, amount in moved
        if amount != ZERO
    ]
