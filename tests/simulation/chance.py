"""Chance by key: what is drawn depends on the seed, the kind and the ordinal alone.

Rule: a new kind of fault moves no other one, and taking one fault away leaves the others where they were.
"""

from __future__ import annotations

import random
from hashlib import blake2b


def draw(*key: object) -> int:
    """A number of 64 bits, the same in every process and on every machine."""
    text = "/".join(map(str, key))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def chance(*key: object) -> random.Random:
    """A generator of its own for that key."""
    return random.Random(draw(*key))
