"""Reconciling while somebody else is at work: what a live worker does is no break to a bystander."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mvx.engine.desk import Desk, open_desk
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import reconcile
from mvx.machine import THIS_MACHINE
from tests.engine.desk import OKX, Interlude, Operator, order, routed, settings


@pytest.mark.parametrize("holder", ["", "999999999-dead"])
def test_only_a_dead_worker_s_orders_are_a_break(tmp_path: Path, holder: str) -> None:
    """The same pass, in the middle of a submit of which nothing is pushed: silent while the worker lives,
    loud once it died."""
    at = Operator(settings(tmp_path, "okx", "binance"))
    at.exchange.inject(OKX, "drop-event", for_s=60)
    heard: list[Outcome] = []

    async def somebody_reconciles() -> None:
        async with open_desk(at.settings, clock=at.clock) as other:
            heard.append(await reconcile(other, ()))

    async def route_and_be_watched(desk: Desk) -> Outcome:
        port = Interlude(desk.venues[OKX], somebody_reconciles)
        worker = replace(desk, venues={**desk.venues, OKX: port})
        return await routed(replace(worker, holder=holder) if holder else worker, order("1", venues=(OKX,)))

    at.does(route_and_be_watched)
    kinds = [found.kind for outcome in heard for found in outcome.breaks]
    assert kinds == (["unknown_resolved"] if holder else [])


def test_a_process_that_runs_is_alive_and_one_that_never_ran_is_not() -> None:
    assert THIS_MACHINE.runs(os.getpid())
    assert not THIS_MACHINE.runs(999999999)
