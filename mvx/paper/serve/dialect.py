"""What a dialect makes of a request, before anybody knows whether it arrives. Pure.

Rule: a dialect reads and answers; what becomes of a request on its way is the server's business.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol, TypeVar

from mvx.domain.instant import Instant
from mvx.paper.admission import Refused
from mvx.paper.due import Coming
from mvx.paper.faults import Call
from mvx.paper.lists import PAGE_ROWS
from mvx.paper.session import Session

T = TypeVar("T")


class Asked(NamedTuple):
    """One HTTP request. Header names are in lower case."""

    method: str
    path: str
    query: str
    body: str
    headers: Mapping[str, str]


class Reply(NamedTuple):
    """One answer, its body in JSON. headers: further ones."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})


class Wanted(NamedTuple):
    """What a request asks for. admit: why it is turned away at the door, if it is; late: what it amounts to
    where it comes later."""

    call: Call
    admit: Callable[[Instant], Reply | None]
    answer: Callable[[Session], Reply]
    late: Callable[[Session], Coming] | None = None


class Dialect(Protocol):
    """One venue's words. What can not be read is answered too: `read` gives a Reply for it, and None for an
    endpoint that is not served."""

    def read(self, asked: Asked) -> Wanted | Reply | None: ...

    def unknown(self, asked: Asked) -> Reply:
        """The answer to what is not served."""
        ...

    def refused(self, refused: Refused) -> Reply:
        """The venue's own words for a refusal."""
        ...

    def without_id(self, reply: Reply) -> Reply:
        """The answer to an order less the order's id."""
        ...


def signed_alike(theirs: str, ours: str) -> bool:
    """Whether a signature is the right one, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(theirs.encode("utf-8", "replace"), ours.encode())


def whole(page: Callable[[Instant, int], tuple[T, ...]], since: Instant) -> list[T]:
    """Every row of a list, newest first."""
    rows: list[T] = []
    while True:
        found = page(since, len(rows))
        rows += found
        if len(found) < PAGE_ROWS:
            return rows
