"""The venue's own truth as plain data, in the shape that `mvx paper ledger --json` promises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from mvx.domain.execution import Fill
from mvx.domain.ids import Asset
from mvx.domain.instant import rfc3339
from mvx.domain.money import ZERO, plain
from mvx.paper.records import PaperOrder


def rendered(
    totals: Mapping[Asset, Decimal],
    held: Mapping[Asset, Decimal],
    orders: Iterable[PaperOrder],
    fills: Iterable[Fill],
) -> dict[str, object]:
    """Balances by asset; one order a row, by acceptance; fills, oldest first."""
    orders = tuple(orders)
    client_ids = {order.order_id: order.cl_ord_id for order in orders}
    return {
        "balances": {
            asset: {
                "total": plain(total),
                "free": plain(total - held.get(asset, ZERO)),
                "held": plain(held.get(asset, ZERO)),
            }
            for asset, total in totals.items()
        },
        "orders": [
            {
                "cl_ord_id": order.cl_ord_id,
                "order_id": order.order_id,
                "symbol": order.symbol,
                "side": order.side.value,
                "order_qty": plain(order.order_qty),
                "cum_qty": plain(order.cum_qty),
                "status": order.ord_status.value,
                "accepted_at": rfc3339(order.accepted_at),
            }
            for order in orders
        ],
        "fills": [
            {
                "exec_id": fill.exec_id,
                "order_id": fill.order_id,
                "cl_ord_id": client_ids[fill.order_id],
                "symbol": fill.symbol,
                "side": fill.side.value,
                "qty": plain(fill.qty),
                "price": plain(fill.price),
                "fee": {"asset": fill.fee_asset, "amount": plain(fill.fee_amount)},
                "at": rfc3339(fill.at),
                "busted_at": None if fill.busted_at is None else rfc3339(fill.busted_at),
            }
            for fill in fills
        ],
    }
