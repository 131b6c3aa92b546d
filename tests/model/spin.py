"""Spin, run on one text of the model: translated, compiled and searched to the end in a folder of its own."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

#: A search that needs more is not complete, and that is an error.
MAX_DEPTH = 100_000
MAX_MB = 1000
MAX_S = 300
#: Where the invariants begin in the model, and what comes after them.
_LOOK = ("inline look()", "/* mvx/domain/order_life.py */")


@dataclass(frozen=True, slots=True)
class Search:
    """`complete`: every state that can be reached was. `violated`: an invariant does not hold. `unreached`:
    the statements of the model that no state came by, as `line: text`."""

    complete: bool
    violated: bool
    states: int
    took_s: float
    memory_mb: float
    unreached: frozenset[str]


class SpinFailed(Exception):
    """Spin or the compiler refused the model."""


def search(model: str, definitions: tuple[str, ...]) -> Search:
    """Every state of the model, or as many as it takes to break an invariant. Raises SpinFailed."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        _build(here, model, definitions)
        began_s = time.monotonic()
        out = _call(here, "./pan", f"-m{MAX_DEPTH}", timeout_s=MAX_S)
        return _read(out, time.monotonic() - began_s)


def story(model: str, definitions: tuple[str, ...]) -> str:
    """The shortest way to a broken invariant, every change on it. Raises SpinFailed."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        _build(here, model, definitions, "-DREACH")
        _call(here, "./pan", "-i", "-m400", timeout_s=MAX_S)
        said = _call(here, "spin", *definitions, "-t", "-p", "orders.pml", timeout_s=MAX_S)
    if "cannot find trail" in said:
        raise SpinFailed(said)
    steps = re.findall(r"proc +(\d+) \((\w+)\S*\) orders\.pml:(\d+) \(state \d+\)\t\[(.*)\]$", said, re.M)
    invariants = range(*(model[: model.index(each)].count("\n") + 1 for each in _LOOK))
    return "\n".join(
        f"{name} {process}, line {line}: {_named(text, model)}"
        for process, name, line, text in steps
        if int(line) not in invariants and re.search(r"^(?!k |leaves|room)\S+ = ", text)
    )


def _named(text: str, model: str) -> str:
    """Spin tells a word of the model by its number, counted from the last one."""
    words = {
        (kind, str(number)): word.strip()
        for kind, listed in re.findall(r"mtype:(\w+) = \{(.*?)\}", model, re.S)
        for number, word in enumerate(reversed(listed.split(",")), start=1)
    }
    told = re.compile(r"(\.(\w+) ?[!=]=? ?)(\d+)")
    return told.sub(lambda found: found[1] + words.get((found[2], found[3]), found[3]), text)


def _build(here: Path, model: str, definitions: tuple[str, ...], *options: str) -> None:
    (here / "orders.pml").write_text(model, encoding="utf-8")
    said = _call(here, "spin", "-a", *definitions, "orders.pml", timeout_s=MAX_S)
    if not (here / "pan.c").exists() or "rror:" in said:
        raise SpinFailed(said)
    flags = ("-O2", "-w", "-DSAFETY", "-DNOFAIR", f"-DMEMLIM={MAX_MB}", *(options or ("-DCOLLAPSE",)))
    said = _call(here, "gcc", *flags, "-o", "pan", "pan.c", timeout_s=MAX_S)
    if not (here / "pan").exists():
        raise SpinFailed(said)


def _call(here: Path, *command: str, timeout_s: float) -> str:
    done = subprocess.run(
        command,
        cwd=here,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def _read(out: str, took_s: float) -> Search:
    states = re.search(r"^ *(\d+) states, stored$", out, re.M)
    memory = re.search(r"^ *([\d.]+)\ttotal actual memory usage$", out, re.M)
    errors = re.search(r"errors: (\d+)$", out, re.M)
    if states is None or memory is None or errors is None:
        raise SpinFailed(out)
    cut_short = re.search(r"Search not completed|reached -DMEMLIM|max search depth", out)
    unreached = re.findall(r"^\t\S*orders\.pml:(\d+), state \d+, \"(.*)\"$", out, re.M)
    return Search(
        complete=cut_short is None,
        violated=errors[1] != "0" and "assertion violated" in out,
        states=int(states[1]),
        took_s=took_s,
        memory_mb=float(memory[1]),
        unreached=frozenset(f"{line}: {text}" for line, text in unreached),
    )
