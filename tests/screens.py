"""The pictures in README, each made from a real run on a real terminal: `python -m tests.screens [FOLDER]`.

Writes `route.svg`, `positions.svg` and `reconcile-watch.svg` into docs/screens, or into FOLDER. What is drawn
is what stood on the terminal, colours included, below the prompt and what was typed.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.cli.terminals import OnTerminal, on_terminal
from tests.test_tidy import ROOT

SCREENS = ROOT / "docs" / "screens"
COLUMNS, ROWS = 108, 60

# No font is fetched from anywhere: a viewer's own will do, and each line keeps its length.
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono"
)


def route(desk: Path) -> str:
    """The first command of README."""
    return _typed(desk, "route BTC-USD 2.5")


def positions(desk: Path) -> str:
    """One of five goes dark while an order is on its way: the interval holds whatever may be true."""
    _lose_an_order(desk)
    return "\n".join(_typed(desk, line) for line in ("positions BTC", "venue-status"))


def reconcile_watch(desk: Path) -> str:
    """The same order is found out, a colleague sells at a venue's own screen, another goes dark."""
    _lose_an_order(desk)
    with _on_terminal(desk, "reconcile --watch --interval 0.5") as terminal:
        terminal.wait_for(lambda screen: "bybit" in screen.text())
        _typed(desk, "paper heal okx")
        terminal.wait_for(lambda screen: "okx DARK -> RECOVERING" in screen.text())
        _typed(desk, "paper trade bybit sell 0.1 BTC/USDT")
        terminal.wait_for(lambda screen: "bybit BTC" in screen.text())
        _typed(desk, "paper fault kraken outage --for 60")
        terminal.wait_for(lambda screen: "kraken LIVE -> DEGRADED" in screen.text())
        time.sleep(1.5)
        terminal.read(0)
        return f"$ mvx reconcile --watch\n{terminal.screen.painted()}"


def _lose_an_order(desk: Path) -> None:
    """After a route a request for 0.1 BTC arrives late, and okx goes dark before it answers."""
    _typed(desk, "init --paper")
    _typed(desk, "route BTC-USD 2.5")
    time.sleep(2.5)  # a paper venue's lateness, and then all of it is settled
    _typed(desk, "reconcile")
    _typed(desk, "paper fault okx late-request --delay 3")
    with _on_terminal(desk, "route BTC-USD 0.1 --venue okx") as routing:
        time.sleep(2)
        _typed(desk, "paper fault okx outage --for 60")
        routing.end()


def _typed(desk: Path, line: str) -> str:
    with _on_terminal(desk, line) as terminal:
        terminal.end()
        return f"$ mvx {line}\n{terminal.screen.painted()}"


@contextmanager
def _on_terminal(desk: Path, line: str) -> Iterator[OnTerminal]:
    homes = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"), str(desk))
    with on_terminal(*line.split(), cwd=desk, size=(COLUMNS, ROWS), **homes) as terminal:
        yield terminal


def _svg(name: str, painted: str) -> str:
    console = Console(record=True, file=io.StringIO(), width=COLUMNS, force_terminal=True)
    for line in Text.from_ansi(painted.rstrip()).split():
        # An indent is a piece of its own, or some viewers drop it with the blanks of the text behind it.
        line.stylize("not dim", 0, len(line.plain) - len(line.plain.lstrip()))
        console.print(line)
    return console.export_svg(title="", theme=MONOKAI, code_format=_FORMAT, unique_id=name)


def main(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for screen in (route, positions, reconcile_watch):
        name = screen.__name__.replace("_", "-")
        with tempfile.TemporaryDirectory() as desk:
            (folder / f"{name}.svg").write_text(_svg(name, screen(Path(desk))))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else SCREENS)
