"""What a venue promises and how it speaks: one typed row per venue, data instead of branches.

Every promise of mvx about an order rests on these numbers, so they are journaled with the decisions
that used them. Each value of a row says where it was read. ccxt is 4.5.90; "docs" are the venue's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from mvx.domain.ids import Asset
from mvx.domain.instant import Instant, parse_rfc3339


@dataclass(frozen=True, slots=True)
class Capabilities:
    """timeout_s: how long one request may take. lateness_s: how long after a terminal state a fill may
    still appear. accept_lateness_s: how long after its deadline a request may still be accepted.
    listing_lag_s: how long the venue's lists may lag. clock_skew_s: how far its clock may be from ours.
    closed_orders_complete: its closed-order list covers every terminal state; where it does not, absence
    proves nothing, and nor does it where the order is older than closed_kept_s (None: its list forgets
    none). lists_transfers: deposits and withdrawals have a record of their own. transfer_step_s: what the
    time of one may be rounded down to. balances_span_s: how much later than their time the balances may
    have been told. streams: it pushes execution reports. taker_bps None: unknown, and then not routable.
    fee_in_base: a fee may be taken in the base asset, of a sell on top of what is sold (Kraken's oflags
    `fcib`). fee_tokens: further assets in which a fee may be taken, such as BNB."""

    timeout_s: float
    lateness_s: float
    accept_lateness_s: float
    listing_lag_s: float
    clock_skew_s: float
    closed_orders_complete: bool
    taker_bps: Decimal | None
    closed_kept_s: float | None = None
    fee_in_base: bool = False
    fee_tokens: tuple[Asset, ...] = ()
    lists_transfers: bool = False
    transfer_step_s: float = 0.0
    balances_span_s: float = 0.0
    streams: bool = False

    def fee_assets(self, base: Asset, quote: Asset) -> tuple[Asset, ...]:
        """Every asset in which a fee of this market may be taken."""
        own = (quote, base) if self.fee_in_base else (quote,)
        return tuple(dict.fromkeys((*own, *self.fee_tokens)))


class UniqueAmong(StrEnum):
    """Where a client order id may not stand twice."""

    OPEN_ORDERS = "open orders"
    ALL_ORDERS = "all orders"


@dataclass(frozen=True, slots=True)
class ClientIds:
    """sent_as, told_as: the field on the wire, and in the venue's record of an order. allowed: what an id
    may be, as a pattern."""

    sent_as: str
    told_as: str
    allowed: str
    unique_among: UniqueAmong

    def fits(self, text: str) -> bool:
        return re.fullmatch(self.allowed, text, re.ASCII) is not None


class Counted(StrEnum):
    """What a deadline is on the wire: an instant, or a span after the signed timestamp."""

    ABSOLUTE = "absolute"
    AFTER_TIMESTAMP = "after the signed timestamp"


@dataclass(frozen=True, slots=True)
class OrderDeadline:
    """The parameter that holds it, and how far off it may be. step_s: what it is rounded down to."""

    parameter: str
    counted: Counted
    least_s: float
    most_s: float
    step_s: float


class Paging(StrEnum):
    OFFSET = "offset"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class History:
    """How a list that grows is read to its end. window_s: the longest span of one request. per_symbol: it
    is asked market by market. step_s: what its start is rounded to; the start itself is not included
    where start_included is false."""

    paging: Paging
    page_rows: int
    per_symbol: bool
    step_s: float
    start_included: bool
    window_s: float | None = None


class ListedBy(StrEnum):
    """What time the window of a closed-order list is about."""

    CLOSING = "closing"
    CREATION = "creation"


@dataclass(frozen=True, slots=True)
class Budget:
    """A bucket of `burst` units that refills at per_s, in the units of ccxt's own table of costs. reserve:
    the part of it that reads leave to orders and cancels."""

    burst: float
    per_s: float
    reserve: float = 0.0


_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Rights:
    """The venue's own names for what a key may do. needed: to read and trade as mvx does. withdrawing: each
    of them lets something be taken out of the account, which mvx never does."""

    needed: tuple[str, ...]
    withdrawing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One venue. closed_kept_s: how long after its creation an order is listed; None, for ever. nonce:
    its private calls carry a counter that must grow, so one process at a time talks to it on one key.
    clock_step_s: what its time endpoint rounds down to. ledger: where its trades only guess the asset of
    a fee, the list that tells it, and what else moved a balance; transfers: where they are lists of their
    own, how these are read. transfer_step_s: what the time of one may be rounded down to. opened_at:
    nothing happened there before. names_busts: it says so where it takes a trade back. dead_man: it can
    cancel everything by itself when it hears nothing from us. tells_fees: the account's own tier can be
    asked for. rights: a key can be asked what it may do; None, it can not. budgets: by the section of its
    API, of the least account; and of new orders, where it counts them apart. tiers: the private budget by the
    account's tier, the least first, where it goes by one."""

    client_ids: ClientIds
    deadline: OrderDeadline
    trades: History
    closed_orders: History
    closed_by: ListedBy
    closed_orders_complete: bool
    closed_kept_s: float | None
    ledger: History | None
    transfers: History | None
    opened_at: Instant
    fee_in_base: bool
    fee_tokens: tuple[Asset, ...]
    tells_fees: bool
    rights: Rights | None
    lists_transfers: bool
    transfer_step_s: float
    names_busts: bool
    dead_man: bool
    streams: bool
    sandbox: bool
    nonce: bool
    clock_step_s: float
    clock_skew_s: float
    book_levels: int
    budgets: Mapping[str, Budget]
    tiers: Mapping[str, Budget] = field(default_factory=dict)


#: Docs, Spot REST Rate Limits: at most 15, 20, 20 points, of which 0.33, 0.5, 1 come back each second; ccxt
#: kraken.describe counts 3 units a point; orders and cancels cost none. A point is left for what comes up to
#: 3 s closer together than it was sent.
_KRAKEN_TIERS = {
    "starter": Budget(burst=42.0, per_s=0.99),
    "intermediate": Budget(burst=57.0, per_s=1.5),
    "pro": Budget(burst=57.0, per_s=3.0),
}

KRAKEN = Row(
    client_ids=ClientIds(
        sent_as="cl_ord_id",  # ccxt kraken.order_request
        told_as="cl_ord_id",  # ccxt kraken.parse_order; its clientOrderId may be the userref
        # docs, Add Order: a UUID, or free text of at most 18 characters
        allowed=r"[A-Za-z0-9]{1,18}|[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}",
        unique_among=UniqueAmong.OPEN_ORDERS,  # docs, Add Order: "uniquely identifies an open order"
    ),
    # docs, Add Order: "RFC3339 timestamp ... min now() + 2 seconds, max now() + 60 seconds"; whole seconds,
    # as in the example there
    deadline=OrderDeadline("deadline", Counted.ABSOLUTE, least_s=2.0, most_s=60.0, step_s=1.0),
    # docs, Get Trades History: 50 a page through ofs, start exclusive; ccxt kraken.fetch_my_trades sends
    # whole seconds and no pair
    trades=History(Paging.OFFSET, page_rows=50, per_symbol=False, step_s=1.0, start_included=False),
    closed_orders=History(Paging.OFFSET, page_rows=50, per_symbol=False, step_s=1.0, start_included=False),
    closed_by=ListedBy.CLOSING,  # docs, Get Closed Orders: closetime=close
    closed_orders_complete=True,  # docs: "filled or cancelled"; ccxt parse_order_status: expired too
    closed_kept_s=None,
    # ccxt kraken.parse_trade guesses the quote; docs, Get Ledgers Info: a fee per asset, 50 a page
    ledger=History(Paging.OFFSET, page_rows=50, per_symbol=False, step_s=1.0, start_included=False),
    transfers=None,
    opened_at=parse_rfc3339("2011-07-01T00:00:00Z"),  # founded in that month; it opened later
    fee_in_base=True,  # docs, Add Order: oflags fcib and fciq are preferences
    fee_tokens=(Asset("KFEE"),),  # ccxt kraken.fetch_currencies: fee credits, which the ledger shows as taken
    tells_fees=True,  # ccxt kraken.fetch_trading_fee: TradeVolume
    # docs, Get API Key Info, permissions; what each call of ours needs stands on its own page: Get Extended
    # Balance, Get Trade Volume; Get Open Orders; Get Closed Orders, Get Trades History; Get Ledgers Info; Add
    # Order, which may cancel too. Bounds of what it may ask for hide the rest from every list. Whoever may
    # change an address may send withdrawals there
    rights=Rights(
        needed=(
            *("query-funds", "query-open-trades", "query-closed-trades", "query-ledger", "modify-trades"),
            *("queryFrom=0", "queryTo=0"),
        ),
        withdrawing=("withdraw-funds", "add-withdraw-address", "update-withdraw-address"),
    ),
    lists_transfers=True,  # docs, Get Ledgers
    transfer_step_s=0.0001,  # docs, Get Ledgers: time, as in 1688464484.1787
    names_busts=False,
    dead_man=True,  # ccxt kraken.cancel_all_orders_after
    streams=False,
    sandbox=False,  # ccxt kraken.describe has no urls.test
    nonce=True,  # ccxt kraken.sign: a nonce must be greater than the one before it
    clock_step_s=1.0,  # ccxt kraken.fetch_time: unixtime in seconds
    clock_skew_s=3.0,  # 2 s as elsewhere, and the one that its whole seconds may hide
    book_levels=100,  # docs, Get Order Book: count, 100 by default
    # public calls: 1 a second, and some at once
    budgets={"private": _KRAKEN_TIERS["starter"], "public": Budget(burst=10.0, per_s=1.0)},
    tiers=_KRAKEN_TIERS,
)

BINANCE = Row(
    client_ids=ClientIds(
        sent_as="newClientOrderId",  # ccxt binance.create_order_request
        told_as="clientOrderId",  # ccxt binance.parse_order
        allowed=r"[.A-Z:/a-z0-9_-]{1,36}",  # docs, New order
        unique_among=UniqueAmong.OPEN_ORDERS,  # docs, New order: "A unique id among open orders"
    ),
    # docs, Timing security: timestamp < serverTime + 1000 and serverTime - timestamp <= recvWindow, at most
    # 60000; it is checked before the engine
    deadline=OrderDeadline("recvWindow", Counted.AFTER_TIMESTAMP, least_s=0.001, most_s=60.0, step_s=0.001),
    # docs, Account trade list and All orders: symbol required, 1,000 rows, at most 24 hours, or from an id on
    trades=History(
        Paging.WINDOW, page_rows=1000, per_symbol=True, step_s=0.001, start_included=True, window_s=_DAY_S
    ),
    closed_orders=History(
        Paging.WINDOW, page_rows=1000, per_symbol=True, step_s=0.001, start_included=True, window_s=_DAY_S
    ),
    closed_by=ListedBy.CREATION,  # docs, All orders do not say which time is meant; this is the safe reading
    closed_orders_complete=True,  # docs, All orders: "active, canceled, or filled"
    closed_kept_s=90 * _DAY_S,  # docs, errors, -2026: unfilled ones are archived after 90 days
    ledger=None,  # ccxt binance.parse_trade: commissionAsset
    # docs, Deposit history and Withdraw history: 1,000 rows, within 90 days; ccxt binance.fetch_deposits and
    # fetch_withdrawals ask for the 90 days from the start on, whatever the end is
    transfers=History(
        Paging.WINDOW,
        page_rows=1000,
        per_symbol=False,
        step_s=0.001,
        start_included=True,
        window_s=90 * _DAY_S,
    ),
    opened_at=parse_rfc3339("2017-07-01T00:00:00Z"),  # it opened in that month
    fee_in_base=True,  # docs, Account trade list: the commission is taken of what is received
    fee_tokens=(Asset("BNB"),),
    tells_fees=True,  # ccxt binance.fetch_trading_fee: sapi asset/tradeFee
    # docs, Get API Key Permission (wallet): two further ones move funds to a sub-account and to other wallets
    rights=Rights(
        needed=("enableReading", "enableSpotAndMarginTrading"),
        withdrawing=("enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer"),
    ),
    lists_transfers=True,  # ccxt binance.fetch_deposits, fetch_withdrawals: sapi capital
    transfer_step_s=1.0,  # docs, Withdraw history: applyTime, as in 2019-10-12 11:12:02
    names_busts=False,
    dead_man=False,
    streams=False,
    sandbox=True,  # ccxt binance.describe: urls.test, without sapi
    nonce=False,
    clock_step_s=0.001,  # ccxt binance.fetch_time: serverTime in ms
    clock_skew_s=2.0,
    book_levels=100,  # docs, Order book: weight 5 up to 100
    # docs, IP Limits: 6,000 in each minute of the clock; ccxt binance.describe counts one unit for 5 of them.
    # What both can spend in a minute that begins with full buckets, and in 9 s more, is no more than that
    # Docs, Unfilled Order Count: new orders are counted by the account, 100 in each 10 s (exchangeInfo)
    budgets={
        "private": Budget(240.0, per_s=9.0, reserve=0.25),
        "public": Budget(60.0, per_s=4.0),
        "orders": Budget(50.0, per_s=5.0),
    },
)

#: By ccxt's id of the exchange.
ROWS: dict[str, Row] = {"kraken": KRAKEN, "binance": BINANCE}
