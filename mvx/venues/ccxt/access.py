"""What it takes to open one account at one venue: the configuration, with secrets still to be read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from mvx.domain.ids import Symbol, Venue
from mvx.venues.capabilities import Budget, Row


@dataclass(frozen=True, slots=True)
class Keys:
    """An account's secrets, which no representation shows."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    api_password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """A name for files about this key, which does not tell it."""
        return hashlib.sha256(f"mvx {self.api_key}".encode()).hexdigest()[:16]

    def hidden_in(self, text: str) -> str:
        """The text without any of them."""
        for secret in (self.api_key, self.api_secret, self.api_password):
            if len(secret) > 3:
                text = text.replace(secret, "***")
        return text


@dataclass(frozen=True, slots=True)
class Access:
    """`exchange` is ccxt's id. `keys` reads the secrets when they are first needed; None: there are none,
    and only market data can be read. Where they take long (a command, a keyring) nobody else waits for it.
    `folder`: for what processes share. `read_attempts`: how often a read is tried. `budgets`: where the
    account's tier is not the least one."""

    name: Venue
    exchange: str
    symbols: tuple[Symbol, ...]
    folder: Path
    keys: Callable[[], Keys] | None = None
    keys_take_long: bool = False
    timeout_s: float = 10.0
    lateness_s: float = 60.0
    accept_lateness_s: float = 30.0
    listing_lag_s: float = 10.0
    taker_bps: Decimal | None = None
    api_url: str | None = None
    ws_url: str | None = None
    sandbox: bool = False
    read_attempts: int = 3
    budgets: Mapping[str, Budget] = field(default_factory=dict)

    def lists_transfers(self, row: Row) -> bool:
        """A sandbox has trading alone."""
        return row.lists_transfers and not self.sandbox

    def asks_fees(self, row: Row) -> bool:
        """Whether the account's own tier is asked for."""
        return self.taker_bps is None and row.tells_fees and self.keys is not None and not self.sandbox
