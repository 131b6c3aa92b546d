"""The desk that mvx runs on where none is configured: five paper venues that trade one instrument.

Data in the shape of the TOML. `mvx init --paper` writes it out as a first config.
"""

from __future__ import annotations

from typing import Any

BUILT_IN: dict[str, Any] = {
    "desk": {"currency": "USD"},
    "instruments": {"BTC-USD": {"base": "BTC", "quote": "USD"}},
    "quotes": {"USDT": {"as": "USD", "rates": ["kraken:USDT/USD", "coinbase:USDT/USD"], "max_age_s": 30}},
    "venues": {
        "kraken": {"adapter": "paper", "symbols": {"BTC-USD": "BTC/USD"}},
        "coinbase": {"adapter": "paper", "symbols": {"BTC-USD": "BTC/USD"}},
        "binance": {"adapter": "paper", "symbols": {"BTC-USD": "BTC/USDT"}},
        "okx": {"adapter": "paper", "symbols": {"BTC-USD": "BTC/USDT"}},
        "bybit": {"adapter": "paper", "symbols": {"BTC-USD": "BTC/USDT"}},
    },
    "route": {"max_slippage_bps": "25", "max_rounds": 3, "max_s": 30, "deadline_s": 5, "max_book_age_s": 5},
    "reconcile": {"interval_s": 5, "max_age_s": 30},
}
