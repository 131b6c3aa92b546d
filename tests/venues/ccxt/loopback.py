"""A venue's end of the wire: an HTTP server on loopback that says what it was told to say.

It knows no venue: the answers, whose shapes cite ccxt's source or the venue's documents, are in kraken.py
and binance.py. Whatever it was asked is kept, in the order in which it came.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Ends(Enum):
    """How an answer ends: WHOLE; TRUNCATED, its second half is missing; RESET, the connection is cut where it
    should begin; SILENT, nothing comes."""

    WHOLE = auto()
    TRUNCATED = auto()
    RESET = auto()
    SILENT = auto()


class Answer(NamedTuple):
    body: str
    status: int = 200
    kind: str = "application/json"
    ends: Ends = Ends.WHOLE
    headers: tuple[tuple[str, str], ...] = ()


class Asked(NamedTuple):
    """One request. params: of its query and its body."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]


Said = Answer | Callable[[Asked], Answer]


def said(answer: Any, **how: Any) -> Answer:
    """An answer in JSON."""
    return Answer(json.dumps(answer), **how)


class Loopback:
    """The server. answers: by the end of the path, the longest first."""

    def __init__(self) -> None:
        self.answers: dict[str, Said] = {}
        self.asked: list[Asked] = []
        self.url = ""
        self.silent = threading.Event()  # somebody waits in vain

    def asked_for(self, ending: str) -> list[Asked]:
        return [each for each in self.asked if each.path.endswith(f"/{ending}")]

    @contextmanager
    def serving(self) -> Iterator[Loopback]:
        """In a thread of its own, so that whoever asks may block, or be another process."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), loop
        ).result()
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._end(server), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        others = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while (asked := await _request(reader)) is not None:
                self.asked.append(asked)
                answer = self.answer(asked)
                if answer.ends is Ends.SILENT:
                    self.silent.set()
                    await asyncio.sleep(3_600)
                if answer.ends is Ends.RESET:
                    writer.transport.abort()
                    return
                body = answer.body.encode()
                lines = [f"HTTP/1.1 {answer.status} Said", f"Content-Type: {answer.kind}"]
                lines += [f"{name}: {value}" for name, value in answer.headers]
                writer.write("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode())
                writer.write(body[: len(body) // 2] if answer.ends is Ends.TRUNCATED else body)
                await writer.drain()
                if answer.ends is Ends.TRUNCATED:
                    break
        writer.close()

    def answer(self, asked: Asked) -> Answer:
        known = [ending for ending in self.answers if asked.path.endswith(f"/{ending}")]
        if not known:
            return Answer(f"nobody said what {asked.path} answers", 404, "text/plain")
        found = self.answers[max(known, key=len)]
        return found if isinstance(found, Answer) else found(asked)


async def _request(reader: asyncio.StreamReader) -> Asked | None:
    """The next request on this connection; None at its end."""
    line = await reader.readline()
    if not line:
        return None
    method, target, _ = line.decode().split()
    headers: dict[str, str] = {}
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    split = urlsplit(target)
    params = dict(
        parse_qsl(split.query, keep_blank_values=True) + parse_qsl(body.decode(), keep_blank_values=True)
    )
    return Asked(method, split.path, params, headers)
