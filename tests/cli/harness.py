"""Runs the command line in this process, with streams and folders of its own."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from mvx.cli.app import run
from mvx.cli.environment import Environment

#: A desk at a live venue, within the limits that one must have.
LIVE = """
[instruments."BTC-USD"]
base = "BTC"
quote = "USD"
[venues.kraken]
adapter = "ccxt"
exchange = "kraken"
symbols = { "BTC-USD" = "BTC/USD" }
[risk]
max_position = { "BTC-USD" = "1" }
max_order_notional = "1000"
"""
ENVELOPE = [
    *("schema", "command", "mode", "exit_code", "sent", "uncertain"),
    *("data", "breaks", "warnings", "error"),
]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Ran:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def envelope(self) -> dict[str, Any]:
        """The one line on stdout, checked for its shape."""
        (line,) = self.stdout.splitlines()
        found: dict[str, Any] = json.loads(line)
        assert list(found) == ENVELOPE
        assert found["exit_code"] == self.exit_code
        return found


def surroundings(
    cwd: Path,
    variables: Mapping[str, str] | None = None,
    *,
    stdin: TextIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> Environment:
    """An environment of a test's own."""
    return Environment(
        stdin=stdin or io.StringIO(),
        stdout=stdout or io.StringIO(),
        stderr=stderr or io.StringIO(),
        variables=variables or {},
        cwd=cwd,
    )


def mvx(environment: Environment, *argv: str) -> Ran:
    """Runs one command and collects what it said."""
    exit_code = run(argv, environment)
    assert isinstance(environment.stdout, io.StringIO)
    assert isinstance(environment.stderr, io.StringIO)
    return Ran(exit_code, environment.stdout.getvalue(), environment.stderr.getvalue())
