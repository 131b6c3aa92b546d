"""Planted bugs: each is a mistake that somebody could make, as texts of the source and what replaces them.

Rule: a text occurs once in its file, so that a mutant that no longer fits is noticed and not passed over.
"""

from __future__ import annotations

from typing import NamedTuple


class Patch(NamedTuple):
    """In that file of the package, this text becomes that one."""

    file: str
    old: str
    new: str


class Mutant(NamedTuple):
    """A bug and where it is planted."""

    name: str
    patches: tuple[Patch, ...]

    @property
    def in_adapter(self) -> bool:
        """Only seeds behind the adapter can catch it."""
        return self.name.startswith("adapter: ")


def _mutant(name: str, *patches: tuple[str, str, str]) -> Mutant:
    return Mutant(name, tuple(Patch(*each) for each in patches))


_SUBMIT, _ROUTE, _RECONCILE = "engine/submit.py", "engine/route.py", "engine/reconcile.py"
_ORDERS, _FILLS, _WORKING = "reconciliation/orders.py", "reconciliation/fills.py", "reconciliation/working.py"
_ADAPTER = "venues/ccxt"
_BALANCES, _FOLD, _HISTORY = "reconciliation/balances.py", "journal/fold_orders.py", "journal/history.py"

MUTANTS: tuple[Mutant, ...] = (
    _mutant(
        "journal after send",
        (
            _SUBMIT,
            "    begun = _begin_sending(desk, children)\n    outcomes = await"
            " asyncio.gather(*(_send(desk, child)"
            " for child in begun), return_exceptions=True)\n",
            "    begun = children\n    outcomes = await asyncio.gather(*(_send(desk, child)"
            " for child in begun), return_exceptions=True)\n    _begin_sending(desk, children)\n",
        ),
    ),
    _mutant(
        "no deadline",
        (
            _SUBMIT,
            "        deadline=child.deadline,",
            "        deadline=Instant(child.deadline + 3_600_000_000),",
        ),
    ),
    _mutant(
        "deadline signed afresh after a stall",
        (
            _SUBMIT,
            "        deadline=child.deadline,",
            "        deadline=Instant(desk.clock.now() + 5_000_000),",
        ),
    ),
    _mutant(
        "blind same-id retry",
        (
            _SUBMIT,
            "        ack = await desk.venues[child.venue].submit(request)\n",
            "        try:\n            ack = await desk.venues[child.venue].submit(request)\n"
            "        except OutcomeUnknown:\n            ack = await"
            " desk.venues[child.venue].submit(request)\n",
        ),
    ),
    _mutant(
        "unknown not reserved",
        (
            "domain/order.py",
            "        return ZERO if self.settled else most",
            "        return ZERO if self.settled or self.unknown else most",
        ),
    ),
    _mutant(
        "risk outside the transaction",
        (
            _ROUTE,
            "    with run.desk.journal.write(run.lease) as tx:\n        if run.parent is None and"
            " run.order.id is not"
            " None:\n",
            "    with run.desk.journal.read() as seen:\n"
            "        reader = WriteTx(seen.connection, run.desk.clock.now())\n"
            "        asked = run.parent or run.new_parent(reader)\n"
            "        probe = make_children(run.desk, reader, asked, plan, market, reader.at)\n"
            "        before = _assess(run, seen, asked, probe, run.residual(seen), market)\n"
            "    with run.desk.journal.write(run.lease) as tx:\n        if run.parent is None and"
            " run.order.id is not"
            " None:\n",
        ),
        (
            _ROUTE,
            "        verdict = _assess(run, tx, parent, children, leaves_qty, market)\n",
            "        verdict = before\n",
        ),
    ),
    _mutant(
        "timeout = reject",
        (
            _SUBMIT,
            "        outcome = OutcomeLost(child.cl_ord_id, said(child.venue, error))\n",
            "        outcome = Rejected(child.cl_ord_id, error.message)\n",
        ),
    ),
    _mutant(
        "duplicate-id code = reject",
        ("paper/client.py", "            if answer.reason_code == DUPLICATE:\n", "            if False:\n"),
    ),
    _mutant(
        "duplicate fill moves position",
        (
            _FILLS,
            "        if fill.key in known:\n",
            "        if fill.key in known and not work.snapshot.busts:\n",
        ),
        (
            _FOLD,
            '    if not state.add("fills", _posted_row(seq, entry, movements)):\n        return\n',
            '    state.add("fills", _posted_row(seq, entry, movements))\n',
        ),
    ),
    _mutant(
        "fill on closed order dropped",
        (
            _FILLS,
            "    _book(work, fill, order)\n    return True\n",
            "    if order is None or order.terminal_at is None:\n        _book(work, fill, order)\n  "
            "  return True\n",
        ),
    ),
    _mutant(
        "fee ignored",
        (
            "domain/ledger.py",
            '    return (*traded, Movement(fill.fee_asset, -fill.fee_amount, "fee"))\n',
            "    return traded\n",
        ),
    ),
    _mutant(
        "fill and posting in two transactions",
        (
            _FOLD,
            "            _unhear(state, fill)\n    move(state, seq, fill.venue, movements)\n",
            '            _unhear(state, fill)\n    if hasattr(state, "_execute"):\n'
            '        state._execute("COMMIT")\n        state._execute("BEGIN IMMEDIATE")\n'
            "    move(state, seq, fill.venue, movements)\n",
        ),
    ),
    _mutant(
        "bust ignored",
        (
            _FILLS,
            "        if bust is not None and bust.busted_at is not None and fill not in work.unjoined:\n",
            "        if False:\n",
        ),
    ),
    _mutant(
        "cursor without overlap",
        (
            "engine/reading.py",
            "    since = after(contact.cursor_at or began_at, -overlap_s)\n",
            "    since = contact.cursor_at or after(began_at, -overlap_s)\n",
        ),
    ),
    _mutant(
        "not-found = never accepted",
        (_ORDERS, "    if began_at < bound_at:\n        work.pending", "    if False:\n        work.pending"),
    ),
    _mutant(
        "never-accepted without the listing lag",
        (
            _ORDERS,
            "    return after(order.deadline, terms.clock_skew_s + terms.accept_lateness_s +"
            " terms.listing_lag_s)\n",
            "    return after(order.deadline, terms.clock_skew_s + terms.accept_lateness_s)\n",
        ),
    ),
    _mutant(
        "early release",
        (
            _ORDERS,
            "        if began_at >= after(order.terminal_at, lateness_s):\n",
            "        if began_at >= order.terminal_at:\n",
        ),
    ),
    _mutant(
        "unconfirmed fill reduces risk",
        (
            "risk/worst_case.py",
            "    return WorstCase(side.sign * position(world, asset), sum(shares.values(), ZERO), own)\n",
            "    heard = sum((o.side.sign * o.heard_qty for o in world.orders if o.base == asset), ZERO)\n"
            "    return WorstCase(side.sign * (position(world, asset) + heard), sum(shares.values(),"
            " ZERO), own)\n",
        ),
    ),
    _mutant(
        "stale balance believed",
        (
            _BALANCES,
            "    if (since := told_since(work, asset)) is not None:\n",
            "    _adjust(work, asset, posted, theirs, work.snapshot.began_at)\n    return True\n"
            "    if (since := told_since(work, asset)) is not None:\n",
        ),
    ),
    _mutant(
        "two reconcilers correcting twice",
        (
            _RECONCILE,
            "    venue = snapshot.venue\n    with desk.journal.write() as tx:\n        now = tx.at\n",
            "    venue = snapshot.venue\n    with desk.journal.read() as seen:\n"
            "        held = views.unsettled_orders(seen, venue)\n"
            "        worked = _expected(desk, seen, held, desk.clock.now(), expected)\n"
            "        early = our_side(seen, snapshot, seq, held, worked)\n"
            "    with desk.journal.write() as tx:\n        now = tx.at\n",
        ),
        (
            _RECONCILE,
            "        comparison = compare(ours, snapshot, desk.terms(venue), first_contact=first_contact)\n",
            "        comparison = compare(\n"
            "            ours if first_contact else early, snapshot, desk.terms(venue),"
            " first_contact=first_contact\n"
            "        )\n",
        ),
    ),
    _mutant(
        "opening balance that already holds a re-listed trade",
        (
            _WORKING,
            "        return self.opening is not None and listing in self.opening.listed and"
            " self.before_first_contact(at)\n",
            "        return False\n",
        ),
        (_WORKING, "            if self.before_first_contact(at):\n", "            if False:\n"),
    ),
    _mutant(
        "foreign fill dropped",
        (
            _FILLS,
            "    _book(work, fill, order)\n    return True\n",
            "    if order is not None:\n        _book(work, fill, order)\n    return True\n",
        ),
    ),
    _mutant(
        "same exec_id on two venues merged",
        (
            _HISTORY,
            "        row = last.get(key) or _numbers_of_key(tx, key)\n",
            "        row = next((row for other, row in last.items() if other[1:] == key[1:]), None)\n"
            "        row = row or _numbers_of_key(tx, key)\n",
        ),
    ),
    _mutant(
        "halted venue traded",
        (
            "engine/trading.py",
            "        if rule is None or rule.state is TradingState.ACTIVE:\n            continue\n",
            "        if True:\n            continue\n",
        ),
        (
            "risk/trading.py",
            "        if rule is None or rule.state is TradingState.ACTIVE:\n            continue\n",
            "        if True:\n            continue\n",
        ),
    ),
    _mutant(
        "residual counted without an unknown child",
        (
            "router/plan.py",
            "    possible = sum((child.residual_worst_qty for child in children), ZERO)\n",
            "    possible = sum((child.residual_worst_qty for child in children if not"
            " child.unknown), ZERO)\n",
        ),
    ),
    _mutant(
        "a lease is lent to a process, and whoever loses it gives no answer",
        (
            "journal/store.py",
            "        if row is not None and row[1] > self.at and not by_force:\n",
            "        if row is not None and row[1] > self.at and not by_force and self.connection.execute(\n"
            '            "SELECT holder FROM leases WHERE name = ?", (name,)\n'
            "        ).fetchone()[0] != holder:\n",
        ),
        (
            "engine/run.py",
            "    if runner.stopping:\n        return  # the next leader",
            "    if runner.stopping or isinstance(answer, LeaseLost):\n        return  # the next leader",
        ),
    ),
    _mutant(
        "adapter: an id or a nonce that is taken = reject",
        (
            f"{_ADAPTER}/errors.py",
            '    Rule("EAPI:Invalid nonce", "nonce", only=_ON_ORDERS),\n',
            '    Rule("EAPI:Invalid nonce", "nonce"),\n',
        ),
        (
            f"{_ADAPTER}/errors.py",
            '    ("Market is closed.", "closed", _SHUT),\n    ("This action',
            '    ("Market is closed.", "closed", _SHUT),\n'
            '    ("Duplicate order sent.", "duplicate", Refusal.REQUEST),\n    ("This action',
        ),
    ),
    _mutant(
        "adapter: a row is skipped where a page of trades ends",
        (
            f"{_ADAPTER}/pages.py",
            "        page, total = await fetch(len(rows))\n",
            "        page, total = await fetch(len(rows) + bool(rows))\n",
        ),
        (
            f"{_ADAPTER}/pages.py",
            "        if len(rows) >= total:\n",
            "        if len(rows) >= total or not page:\n",
        ),
    ),
    _mutant(
        "adapter: the fee is the one that the trade guesses",
        (f"{_ADAPTER}/lists.py", "        if row.ledger is not None and fills:\n", "        if False:\n"),
    ),
    _mutant(
        "adapter: what Kraken puts right is a transfer",
        (
            f"{_ADAPTER}/ledger.py",
            "        if line.kind not in (_TRADE, _ADJUSTMENT):\n",
            "        if line.kind != _TRADE:\n",
        ),
    ),
    _mutant(
        "adapter: a withdrawal has left when it is done",
        (
            f"{_ADAPTER}/transfers.py",
            "    elif status == _UNDER_WAY:\n        yield Moved(left, None)\n",
            "    elif status == _UNDER_WAY:\n        return\n",
        ),
    ),
    _mutant(
        "adapter: the deadline is not sent",
        (
            f"{_ADAPTER}/wire.py",
            "            asked |= self.quirks.deadline_params(call.deadline, self.gate.venue_now())\n",
            "",
        ),
    ),
    _mutant(
        "adapter: an answer that can not be read = ack",
        (
            f"{_ADAPTER}/venue.py",
            '            raise OutcomeUnknown(f"{self.name}: an answer without the id of an order")\n',
            "            order_id = OrderId(request.cl_ord_id)\n",
        ),
        (
            f"{_ADAPTER}/wire.py",
            "            raise Unreadable(f\"an answer that says nothing about {urlsplit(url).path.rpartition('/')[2]}\")\n",
            "            return answer if isinstance(answer, dict) else {}\n",
        ),
    ),
    _mutant(
        "adapter: no answer = not reached",
        (f"{_ADAPTER}/calls.py", "        if call.left:\n", "        if False:\n"),
    ),
)
