"""What a ccxt venue costs to start, and what commands that need none do not load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def child(code: str, *first_on_path: Path) -> str:
    """What a process of its own prints."""
    path = os.pathsep.join(map(str, [*first_on_path, ROOT]))
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return run.stdout.strip()


LOADED = "print(sorted(m for m in sys.modules if m.startswith('ccxt.async_support.') and m.count('.') == 2))"


def test_only_the_configured_class_is_imported() -> None:
    """And none of ccxt's hundred others, nor its websockets."""
    code = f"""
import sys
from mvx.venues.ccxt.load import load_exchange
for name in ("kraken", "binance"):
    assert name == load_exchange(name)().id
{LOADED}
"""
    expected = "['ccxt.async_support.base', 'ccxt.async_support.binance', 'ccxt.async_support.kraken']"
    assert expected == child(code)


def test_it_reads_less_than_a_twentieth_of_all_of_ccxt() -> None:
    """In bytes of its source: what an import takes goes by that, and they are the same on every machine."""
    count = """
import os, sys
{}
ccxt = [module for name, module in sys.modules.items() if name.split(".")[0] == "ccxt"]
print(sum(os.path.getsize(module.__file__) for module in ccxt if getattr(module, "__file__", None)))
"""
    one = count.format("from mvx.venues.ccxt.load import load_exchange; load_exchange('kraken')")
    whole = count.format("import ccxt.pro")
    read = [int(child(code)) for code in (one, whole)]
    assert 0 < read[0] < read[1] / 20, read


def test_whoever_has_imported_all_of_ccxt_keeps_it() -> None:
    """A plugin of the operator's, say."""
    code = """
import ccxt.async_support
from mvx.venues.ccxt.load import is_whole, load_exchange
print(is_whole(), load_exchange("kraken") is ccxt.async_support.kraken)
"""
    assert "True True" == child(code)


def test_where_its_layout_has_changed_the_plain_import_takes_over(tmp_path: Path) -> None:
    """Here the classes are in the package itself, and the base class is somewhere else."""
    package = tmp_path / "ccxt" / "async_support"
    package.mkdir(parents=True)
    (tmp_path / "ccxt" / "__init__.py").write_text("moved = True\n")
    (package / "__init__.py").write_text("import ccxt\nassert ccxt.moved\nclass kraken:\n    id = 'kraken'\n")
    code = "from mvx.venues.ccxt.load import load_exchange; print(load_exchange('kraken').id)"
    assert "kraken" == child(code, tmp_path)


def test_a_command_that_needs_no_venue_imports_nothing_of_it(tmp_path: Path) -> None:
    """`positions` and `config show` of a desk whose venue is live."""
    (tmp_path / "mvx.toml").write_text(
        """
[journal]
path = "mvx.db"
[instruments."BTC-USD"]
base = "BTC"
quote = "USD"
[venues.kraken]
adapter = "ccxt"
exchange = "kraken"
symbols = { "BTC-USD" = "BTC/USD" }
api_key = "env:NOT_THERE"
api_secret = "env:NOT_THERE"
[risk]
max_position = { "BTC-USD" = "10" }
max_order_notional = "500000"
"""
    )
    code = f"""
import io, sys
import mvx.cli.app as app
from pathlib import Path
from mvx.cli.environment import Environment
verbs = ("init", "positions --json", "orders", "venue-status --cached", "config show")
for words in map(str.split, verbs):
    around = Environment(sys.stdin, io.StringIO(), io.StringIO(), {{}}, Path({str(tmp_path)!r}))
    code = app.run(tuple(words), around)
    assert code in (0, 5), (words, code, around.stderr.getvalue())
print(sorted({{"ccxt", "aiohttp", "stamina", "requests", "mvx.venues.ccxt"}} & set(sys.modules)))
"""
    assert "[]" == child(code)
