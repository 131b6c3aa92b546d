"""Check the model of an order's life with Spin, and that it finds every planted mistake:

    python -m tests.model [MISTAKE]

Needs spin and gcc. Exits 1 where a shape does not hold or is not searched to the end, where a mistake does
not break what it should, or where some statement of the model is reached in no shape. With the name of a
mistake it tells the shortest way to its end instead.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from tests.model.runs import MISTAKES, MODEL, SHAPES
from tests.model.spin import Search, search, story


def main(names: list[str]) -> int:
    model = MODEL.read_text(encoding="utf-8")
    if names:
        mistake = MISTAKES[names[0]]
        _say(story(mistake.planted(model), mistake.definitions))
        return 0
    began_s = time.monotonic()
    with ThreadPoolExecutor(2) as cores:
        shapes = [cores.submit(search, model, each.definitions) for each in SHAPES.values()]
        mistakes = [cores.submit(search, each.planted(model), each.definitions) for each in MISTAKES.values()]
        wrong = [
            *_judge_shapes(each.result() for each in shapes),
            *_judge_mistakes(each.result() for each in mistakes),
        ]
    took_s = time.monotonic() - began_s
    _say(f"\n{len(SHAPES)} shapes, {len(MISTAKES)} mistakes, {took_s:.0f} s, {len(wrong)} wrong", *wrong)
    return 1 if wrong else 0


def _judge_shapes(searches: Iterable[Search]) -> list[str]:
    _say(_row("shape", "states", "s", "MB", "every invariant"))
    wrong, missed = [], []
    for name, done in zip(SHAPES, searches, strict=True):
        holds = done.complete and not done.violated
        verdict = "holds" if holds else "is broken" if done.violated else "is not searched to the end"
        _say(_row(name, *_figures(done), verdict))
        wrong += [] if holds else [f"{name}: {verdict}"]
        missed.append(done.unreached)
    never = frozenset.intersection(*missed)
    return wrong + [f"reached in no shape: line {each}" for each in sorted(never) if _is_a_step(each)]


def _judge_mistakes(searches: Iterable[Search]) -> list[str]:
    _say("", _row("mistake", "states", "s", "MB", "breaks"))
    wrong = []
    for (name, mistake), done in zip(MISTAKES.items(), searches, strict=True):
        _say(_row(name, *_figures(done), mistake.breaks if done.violated else "nothing"))
        wrong += [] if done.violated else [f"{name}: is not found to break {mistake.breaks}"]
    return wrong


def _is_a_step(statement: str) -> bool:
    """Neither what breaks an invariant nor the end of a process that has none."""
    return "broken" not in statement and "-end-" not in statement


def _figures(done: Search) -> tuple[str, str, str]:
    return f"{done.states:,}", f"{done.took_s:.1f}", f"{done.memory_mb:.0f}"


def _row(name: str, states: str, took_s: str, memory_mb: str, verdict: str) -> str:
    return f"{name:<58}{states:>10}{took_s:>7}{memory_mb:>6}  {verdict}"


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
