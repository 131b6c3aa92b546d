"""Text from outside, as the journal keeps it. Showing it safely is the command line's business."""

from __future__ import annotations

from shlex import quote

MAX_CHARS = 500


def is_utf8(text: str) -> bool:
    """Whether it is whole characters: what came as bytes of another encoding has halves of them in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def typed(text: str) -> str:
    """It as one word of a command that an operator is told to run: what a venue calls an asset or an order
    may be a command of its own."""
    return quote(text)


def storable(text: str, most: int = MAX_CHARS) -> str:
    """A venue's, a proxy's or an operator's own words: bounded, and without halves of characters, which
    no database takes."""
    return text[:most].encode("utf-8", "backslashreplace").decode()
