"""The key pair of a served account."""

from __future__ import annotations

from typing import NamedTuple


class KeyPair(NamedTuple):
    """What requests are signed with. The secret is base64, as Kraken's are."""

    api_key: str
    api_secret: str


#: Of every paper account: it guards nothing. The secret is "paper" in base64.
PAPER_KEYS = KeyPair("paper", "cGFwZXI=")
