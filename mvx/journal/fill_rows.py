"""Fills as table rows and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mvx.domain.execution import Fill
from mvx.domain.money import plain
from mvx.domain.order import Side
from mvx.journal.rows import Row, number_or_none, text_or_none


def fill_row(fill: Fill) -> dict[str, Any]:
    """The part of a fills row that the venue said."""
    return {
        "venue": fill.venue,
        "account": fill.account,
        "epoch": fill.epoch,
        "symbol": fill.symbol,
        "side": fill.side.value,
        "exec_id": fill.exec_id,
        "order_id": fill.order_id,
        "qty": plain(fill.qty),
        "price": plain(fill.price),
        "fee_asset": fill.fee_asset,
        "fee_amount": plain(fill.fee_amount),
        "at": fill.at,
        "gross_trade_amt": text_or_none(fill.gross_trade_amt),
    }


def fill_of(row: Row) -> Fill:
    """The fill of a row of the fills, the busts or the heard table."""
    return Fill(
        venue=row["venue"],
        account=row["account"],
        epoch=row["epoch"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        exec_id=row["exec_id"],
        order_id=row["order_id"],
        qty=Decimal(row["qty"]),
        price=Decimal(row["price"]),
        fee_asset=row["fee_asset"],
        fee_amount=Decimal(row["fee_amount"]),
        at=row["at"],
        busted_at=row.get("busted_at"),
        gross_trade_amt=number_or_none(row["gross_trade_amt"]),
    )
