"""What Kraken's dialect alone has: its signature, and nonces."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.paper.serve.wire import Wire

errors = import_module("ccxt.base.errors")


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    return Wire(tmp_path, "kraken")


def test_a_wrong_signature_and_a_wrong_key_are_refused(wire: Wire) -> None:
    async def work(ex: Any) -> None:
        await ex.fetch_balance()

    with pytest.raises(errors.BaseError, match="EAPI:Invalid signature"):
        wire.ccxt(work, secret="b3RoZXI=")
    with pytest.raises(errors.AuthenticationError, match="EAPI:Invalid key"):
        wire.ccxt(work, apiKey="other")


def test_a_nonce_is_taken_once(wire: Wire) -> None:
    async def work(ex: Any) -> None:
        await ex.fetch_balance()
        ex.incrementing_nonce = lambda: 1
        await ex.fetch_balance()

    with pytest.raises(errors.InvalidNonce, match="EAPI:Invalid nonce"):
        wire.ccxt(work)
