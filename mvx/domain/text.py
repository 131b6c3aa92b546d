"""Text from outside, as the journal keeps it. Showing it safely is the command line's business."""

from __future__ import annotations

MAX_CHARS = 500


def is_utf8(text: str) -> bool:
    """Whether it is whole characters: what came as bytes of another encoding has halves of them in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def storable(text: str, most: int = MAX_CHARS) -> str:
    """A venue's, a proxy's or an operator's own words: bounded, and without halves of characters, which
    no database takes."""
    return text[:most].encode("utf-8", "backslashreplace").decode()
