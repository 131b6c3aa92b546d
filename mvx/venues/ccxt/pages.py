"""Reading a list that grows to its end: by offset, newest first, or by windows of time and by ids.

Rules:
- Nothing is left out: rows that come in between two pages push others on, so that one may be met twice, and
  never be skipped. Each row counts once, by its key.
- A list that does not end, or that holds fewer rows than it said, is no answer: BadVenueData. So is one
  whose rows of one instant change places from page to page: one comes twice, and another never.
- Rows come back in the order of the venue's time, those of one instant in the venue's own order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Any, NamedTuple, TypeVar

from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.errors import BadVenueData

T = TypeVar("T")

MAX_PAGES = 4_000
#: A window that would take more requests than this is read by ids, from the first one ever.
MAX_WINDOWS = 30


async def by_offset(
    fetch: Callable[[int], Awaitable[tuple[list[dict[str, Any]], int | None]]],
) -> list[dict[str, Any]]:
    """Every row, from offset 0 on, until there are as many as the venue says that there are now. What comes
    in meanwhile may be missing: it is later than the question."""
    rows: list[dict[str, Any]] = []
    at_first: int | None = None
    for _ in range(MAX_PAGES):
        page, total = await fetch(len(rows))
        if total is None:
            raise BadVenueData("a list does not say how many rows it has")
        at_first = total if at_first is None else at_first
        rows += page
        if len(rows) >= total:
            different = len({str(row.get("id")) for row in rows})
            if different < at_first:
                raise BadVenueData(f"a list of {at_first} rows held only {different} different ones")
            return rows
        if not page:
            raise BadVenueData(f"a list of {total} rows ended after {len(rows)}")
    raise BadVenueData(f"a list did not end after {MAX_PAGES} pages")


class Windows(NamedTuple):
    """A list by time. in_window: rows between two instants, oldest first. from_id: rows from an id on.
    first_id: the least that there is."""

    in_window: Callable[[int, int], Awaitable[list[dict[str, Any]]]]
    from_id: Callable[[int], Awaitable[list[dict[str, Any]]]]
    first_id: int
    page_rows: int
    window_s: float


async def by_window(windows: Windows, since: Instant, until: Instant) -> list[dict[str, Any]]:
    """Every row since then. A window that is full is read on from its last id; so is everything where there
    would be too many windows. That id is asked for again (Binance docs, Account trade list: "id >= that
    fromId"): it is the market's trade, and one with oneself has two rows. A row may be met twice."""
    step_us = round(windows.window_s * MICROS_PER_S)
    if until - since > MAX_WINDOWS * step_us:
        return await _onward(windows, windows.first_id)
    rows: list[dict[str, Any]] = []
    start = since
    while start <= until:
        end = min(until, start + step_us - 1_000)
        page = await windows.in_window(start // 1_000, end // 1_000)
        rows += page
        if len(page) >= windows.page_rows:
            return rows + await _onward(windows, _id_of(page[-1]))
        start = Instant(end // 1_000 * 1_000 + 1_000)
    return rows


async def _onward(windows: Windows, first_id: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for _ in range(MAX_PAGES):
        page = await windows.from_id(first_id)
        rows += page
        if len(page) < windows.page_rows:
            return rows
        last_id = _id_of(page[-1])
        if last_id <= first_id:
            raise BadVenueData("a list by ids did not go on")
        first_id = last_id
    raise BadVenueData(f"a list did not end after {MAX_PAGES} pages")


def _id_of(row: dict[str, Any]) -> int:
    text = row.get("id")
    if not isinstance(text, str) or not text.isdecimal() or len(text) > 30:
        raise BadVenueData("a row of a list by ids has no number")
    return int(text)


def once(rows: Iterable[T], key: Callable[[T], Hashable]) -> list[T]:
    """The first of each key."""
    return list({key(row): row for row in reversed(list(rows))}.values())[::-1]
