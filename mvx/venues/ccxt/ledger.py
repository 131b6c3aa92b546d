"""What a venue's ledger says of trades and transfers, where its trades only guess. Pure.

Rule: the ledger is what moved the balances. Kraken rounds what a trade moves to the asset's own digits (a
trade of XTZEUR that cost 774.189467 moves 774.1894), so a fee that is read from it holds what was moved
beyond quantity times price, and balances agree to the last digit.
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
    """The fill with the fee that was really taken; None where the ledger does not list the trade. A third
    asset that it moved is the fee's (Kraken's fee credits). Several lines of one asset add up. least: the
    last digits of base and quote, once no line can be late; a trade of less has none of that asset
    (github.com/rotki/rotki/pull/13038: Kraken writes none that rounds to zero). Until then a fee that the
    trade names, and no line has, is late: a line in fee credits is written besides the other two."""
    base, quote = split_symbol(fill.symbol)
    moved: dict[Asset, Decimal] = {}
    fees: dict[Asset, Decimal] = {}
    for line in postings:
        moved[line.traded] = moved.get(line.traded, ZERO) + line.net
        fees[line.traded] = fees.get(line.traded, ZERO) + line.fee
    for asset, traded in ((base, fill.qty), (quote, fill.notional)):
        if traded < least.get(asset, ZERO):
            moved.setdefault(asset, ZERO)
            fees.setdefault(asset, ZERO)
    if not {base, quote} <= moved.keys():
        return None
    if others := [asset for asset, net in moved.items() if asset not in (base, quote) and net]:
        return replace(fill, fee_asset=others[0], fee_amount=-moved[others[0]])
    if not least and fill.fee_amount and not any(fees.values()):
        return None
    in_base = fees[base] != ZERO
    asset = base if in_base else quote
    without_fee = fill.side.sign * (fill.qty if in_base else -fill.notional)
    return replace(fill, fee_asset=asset, fee_amount=without_fee - moved[asset])


def by_trade(postings: Iterable[Posting]) -> dict[str, list[Posting]]:
    """The lines of each trade."""
    found: dict[str, list[Posting]] = {}
    for line in postings:
        if line.kind == _TRADE:
            found.setdefault(line.ref, []).append(line)
    return found


def transfers_of(postings: Iterable[Posting], whose: Account) -> list[Transfer]:
    """Whatever moved a balance and is no trade: deposits, withdrawals, rewards, conversions. And what a trade
    moved of the earnings, which is told as moved to spot: the trade is told as one of spot."""
    moved = []
    for line in postings:
        if line.kind != _TRADE:
            moved.append((line, line.posting_id, line.asset, line.net))
        elif line.traded != line.asset:
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
