"""A venue that is served behind a door: what goes through is counted, and it can close at any request."""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mvx.clock import SystemClock
from mvx.config.settings import VenueSettings
from mvx.paper.exchange import PaperExchange
from mvx.paper.serve.server import Served, dialect_of

T = TypeVar("T")

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Passed(NamedTuple):
    """A request that reached the venue, and what the venue answered. line: `GET /0/public/Time HTTP/1.1`."""

    line: str
    body: str
    answer: str


class Door:
    """A port of its own. What it carries tells its length in its head."""

    def __init__(self, upstream: int, do: Any) -> None:
        self._upstream = upstream
        self._do = do
        self._server: asyncio.Server | None = None
        self._inside: set[asyncio.StreamWriter] = set()
        self._closes: Callable[[str], bool] = _never
        self._tells_the_last = True
        self.port = 0
        self.passed: list[Passed] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def closed(self) -> bool:
        return self._server is None

    def asked_for(self, path: str) -> list[Passed]:
        return [each for each in self.passed if path in each.line]

    def open(self) -> None:
        """On the port that it had."""
        self._closes = _never
        if self.closed:
            self._do(self._open())

    def close(self) -> None:
        """In the middle of everything."""
        self._do(self._close())

    def close_at(self, closes: Callable[[str], bool], *, tells_the_last: bool) -> None:
        """At the first request whose first line `closes` says so of. It reaches the venue; the client hears
        the answer, or does not."""
        self._closes, self._tells_the_last = closes, tells_the_last

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._inside:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._inside.add(writer)
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while not self.closed:
                    await self._pass(reader, writer, theirs, ours)
        finally:
            ours.close()
            writer.transport.abort()
            self._inside.discard(writer)

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        theirs: asyncio.StreamReader,
        ours: asyncio.StreamWriter,
    ) -> None:
        """One request, and its answer."""
        head, body = await _message(reader)
        line = head.partition(b"\r\n")[0].decode()
        if self.closed:
            return
        last = self._closes(line)
        ours.write(head + body)
        told, answer = await _message(theirs)
        self.passed.append(Passed(line, body.decode(), answer.decode()))
        if not last or self._tells_the_last:
            writer.write(told + answer)
            await writer.drain()
        if last:
            await self._close()


def _never(line: str) -> bool:
    return False


def at_number(number: int) -> Callable[[str], bool]:
    """The request of that number from now on, counted from 1."""
    numbers = itertools.count(1)
    return lambda line: next(numbers) == number


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head, await reader.readexactly(int(length[1]) if length else 0)


@contextmanager
def served(file: Path, settings: VenueSettings) -> Iterator[Door]:
    """The venue, and a door before it that is open, in a thread of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)

    def do(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    thread.start()
    try:
        with _venue(file, settings, do) as port:
            door = Door(port, do)
            door.open()
            try:
                yield door
            finally:
                door.close()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def _venue(file: Path, settings: VenueSettings, do: Any) -> Iterator[int]:
    """Its port."""

    async def begin() -> tuple[PaperExchange, Served, int]:
        exchange = PaperExchange(file, {settings.name: settings}, SystemClock())
        dialect = dialect_of(settings)
        assert dialect is not None
        venue = Served(exchange, settings, dialect, SystemClock())
        address = await venue.start("127.0.0.1", 0)
        return exchange, venue, int(address.rpartition(":")[2])

    async def end() -> None:
        await venue.close()
        exchange.close()

    exchange, venue, port = do(begin())
    try:
        yield port
    finally:
        do(end())
