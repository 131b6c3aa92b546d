"""A venue's end of the wire, whatever carries requests to it: what happens there, and what is heard of it.

Rule: what a fault does to a request happens in the exchange, as for a client within this process
(mvx/paper/client.py); what it does to the answer is said here, once, and whoever carries it renders that by
its own means.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import NamedTuple

from mvx.config.settings import VenueSettings
from mvx.domain.ids import Venue
from mvx.paper.exchange import PaperExchange
from mvx.paper.faults import Answer, Arrives, Call, Fault
from mvx.paper.serve.dialect import Asked, Dialect, Reply, Wanted

log = logging.getLogger(__name__)

_MOST_SHOWN = 200
JSON, HTML = "application/json", "text/html"
_PAGE = "<html><head><title>Service</title></head><body>try again</body></html>"


class Ends(Enum):
    """How an answer ends. HALF: it breaks off in the middle of what its header promises; CUT: the connection
    is reset where it should begin; UNREACHABLE: nobody can connect, so there was nobody to ask."""

    WHOLE = auto()
    HALF = auto()
    CUT = auto()
    UNREACHABLE = auto()


class Told(NamedTuple):
    """An answer as it reaches the client, after so many seconds. kind: its content type; headers: further
    ones."""

    text: str
    status: int = 200
    kind: str = JSON
    after_s: float = 0.0
    ends: Ends = Ends.WHOLE
    headers: Mapping[str, str] = MappingProxyType({})


class Endpoint:
    """One venue, asked in its own words."""

    def __init__(self, exchange: PaperExchange, settings: VenueSettings, dialect: Dialect) -> None:
        self._exchange = exchange
        self._dialect = dialect
        self._timeout_s = settings.timeout_s
        self.venue: Venue = settings.name

    def read(self, asked: Asked) -> Wanted:
        """What a request asks for; what is not served is answered, too."""
        wanted = self._dialect.read(asked)
        if wanted is None:
            log.warning("%s: %s %s is not served", self.venue, asked.method, _shown(asked.path))
            wanted = self._dialect.unknown(asked)
        if isinstance(wanted, Reply):
            reply = wanted
            return Wanted(Call.PUBLIC, lambda now: None, lambda session: reply)
        return wanted

    def reach(self, wanted: Wanted, fault: Fault | None = None) -> Told:
        """The request arrives, as the fault that it meets lets it, and this is heard of it. `fault`: one
        that it met on its way here, which opens no door that is shut."""
        reply = Reply({})
        with self._exchange.visit(self.venue) as session:
            fault = session.meet(wanted.call, fault)
            arrives = fault.kind.arrives if fault else Arrives.NOW
            if arrives is not Arrives.NEVER:
                turned_away = wanted.admit(session.time())
                if turned_away is not None:
                    reply = turned_away
                elif arrives is Arrives.NOW:
                    reply = wanted.answer(session)
                elif fault and wanted.late:
                    session.delay(wanted.late(session), fault.delay_s)
        return _told(reply) if fault is None else self._disturbed(reply, fault)

    def _disturbed(self, reply: Reply, fault: Fault) -> Told:
        """The answer as the fault has it."""
        told = _told(reply)
        match fault.kind.answer:
            case Answer.REFUSED if fault.kind.refusal:
                return _told(self._dialect.refused(fault.kind.refusal))
            case Answer.BROKEN:
                return self._broken(reply, fault.name)
            case Answer.LATE:
                return told._replace(after_s=fault.delay_s)
            case Answer.NEVER:
                return told._replace(after_s=self._timeout_s, ends=Ends.CUT)
            case Answer.UNREACHABLE:
                return told._replace(ends=Ends.UNREACHABLE)
        return told

    def _broken(self, reply: Reply, name: str) -> Told:
        match name:
            case "http-503-before" | "http-503-after":
                return Told(_PAGE, 503, HTML)
            case "html-200":
                return Told(_PAGE, kind=HTML)
            case "empty-200":
                return Told("")
            case "no-id":
                return _told(self._dialect.without_id(reply))
            case "truncated":
                return _told(reply)._replace(ends=Ends.HALF)
        return _told(reply)._replace(ends=Ends.CUT)


def _shown(path: str) -> str:
    """On one line, whatever it holds, and not too long."""
    return path[:_MOST_SHOWN].encode("unicode_escape").decode()


def _told(reply: Reply) -> Told:
    return Told(json.dumps(reply.body, separators=(",", ":")), reply.status, headers=reply.headers)
