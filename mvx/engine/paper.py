"""The paper exchange, for the operator who rehearses an outage on it."""

from __future__ import annotations

from mvx.clock import SystemClock
from mvx.config.settings import Settings
from mvx.engine.desk import open_exchange
from mvx.paper.exchange import PaperExchange
from mvx.paper.faults import FAULT_KINDS

__all__ = ["FAULT_KINDS", "exchange"]


def exchange(settings: Settings) -> PaperExchange:
    """The desk's paper exchange. Raises ConfigError where no paper venue is configured."""
    return open_exchange(settings, SystemClock())
