"""The key pair of a served account."""

from __future__ import annotations

from typing import NamedTuple


class KeyPair(NamedTuple):
    """What requests are signed with, which no representation shows."""

    api_key: str
    api_secret: str

    def __repr__(self) -> str:
        return "KeyPair(***)"


#: Of every paper account that has no keys of its own: it guards nothing. The secret is "paper" in base64, as
#: Kraken's are.
PAPER_KEYS = KeyPair("paper", "cGFwZXI=")
