"""What is checked of orders.pml: the shapes in which it must hold, and the mistakes that it must find.

A shape is how many there are of everything. A mistake is a change of the model's text, such as a programmer
might make of the code, with the one invariant that it must break; no other is asked then.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

MODEL = Path(__file__).with_name("orders.pml")


@dataclass(frozen=True, slots=True)
class Shape:
    """`limit` 9 is none. `rests`: an order can rest at its venue. `halts`: an operator may halt."""

    orders: int
    workers: int
    readers: int
    parent_qty: int
    limit: int = 9
    rests: int = 0
    halts: int = 0

    @property
    def definitions(self) -> tuple[str, ...]:
        """For the model's preprocessor."""
        return tuple(f"-D{name.upper()}={value}" for name, value in asdict(self).items())


@dataclass(frozen=True, slots=True)
class Mistake:
    """`changes`: pairs of what the model says and what it says then, each of which it says once."""

    breaks: str
    shape: str
    changes: tuple[tuple[str, str], ...]

    @property
    def definitions(self) -> tuple[str, ...]:
        """Its shape's, and the invariant."""
        return (*SHAPES[self.shape].definitions, f"-DONLY={self.breaks}")

    def planted(self, model: str) -> str:
        """The model with this mistake. Raises ValueError where it does not say what would be changed."""
        for old, new in self.changes:
            if model.count(old) != 1:
                raise ValueError(f"the model says this {model.count(old)} times: {old}")
            model = model.replace(old, new)
        return model


SHAPES: dict[str, Shape] = {
    "orders": Shape(orders=2, workers=2, readers=1, parent_qty=1),
    "resting orders": Shape(orders=2, workers=2, readers=1, parent_qty=1, rests=1),
    "orders that fill in parts": Shape(orders=2, workers=1, readers=1, parent_qty=2),
    "resting orders that fill in parts": Shape(orders=2, workers=1, readers=1, parent_qty=2, rests=1),
    "three orders": Shape(orders=3, workers=1, readers=1, parent_qty=1),
    "limit": Shape(orders=2, workers=2, readers=1, parent_qty=2, limit=1, halts=1),
    "limit and resting orders": Shape(orders=2, workers=2, readers=1, parent_qty=2, limit=1, rests=1),
    "two reconcilers": Shape(orders=1, workers=1, readers=2, parent_qty=1, rests=1, halts=1),
    "two reconcilers and parts": Shape(orders=1, workers=1, readers=2, parent_qty=2),
}

_TIMED_OUT = "wire[c].answer == PENDING -> outcome_lost(c)"
_RIPE = "ripe = (journal[c].age >= NEVER_ACCEPTED_BOUND"
_RESERVED = "(journal[c].freed -> 0"
_RISK = """
    :: atomic { /* risk, residual"""
_ENOUGH = """leaves = (room < leaves -> room : leaves);
"""
_LOCAL = "proctype worker() {\n    byte c"
_LATER = (
    (_LOCAL, f"{_LOCAL}, planned"),
    (_ENOUGH, f"{_ENOUGH} planned = leaves }}; atomic {{ used < ORDERS; leaves = planned;\n"),
)

MISTAKES: dict[str, Mistake] = {
    "a request leaves before its intent is committed": Mistake(
        "I6",
        "orders",
        (("journal[c].word = INTENT;", "wire[c].requests++; look(); journal[c].word = INTENT;"),),
    ),
    "nothing marks an intent before it is sent": Mistake(
        "I8",
        "orders",
        (("journal[c].word = SENDING;", "skip;"),),
    ),
    "a resolver revokes what is being sent": Mistake(
        "I8",
        "orders",
        (
            (
                "word == INTENT -> rejected(c, REVOKED)",
                "word == INTENT || UNRESOLVED(c) -> rejected(c, REVOKED)",
            ),
        ),
    ),
    "a halt revokes nothing": Mistake(
        "I12",
        "limit",
        (("revoked(k)", "skip"),),
    ),
    "risk is asked outside the transaction": Mistake("I2", "limit", _LATER),
    "the residual is computed outside the transaction": Mistake("I14", "orders", _LATER),
    "blind retry, ids being unique among open orders only": Mistake(
        "I1",
        "orders",
        ((_TIMED_OUT, "wire[c].answer == PENDING -> wire[c].requests++; outcome_lost(c)"),),
    ),
    "what was being sent is sent again after a crash": Mistake(
        "I1",
        "two reconcilers and parts",
        (
            (
                _RISK,
                f"""
    :: atomic {{ journal[0].word == SENDING && journal[0].age < DEADLINE; wire[0].requests++; look() }}
       goto restart{_RISK}""",
            ),
        ),
    ),
    "the deadline is signed afresh": Mistake(
        "I8",
        "orders",
        ((":: journal[c].age < DEADLINE -> wire", ":: true -> wire[c].signed_at = journal[c].age; wire"),),
    ),
    "a timeout is a reject": Mistake(
        "I8",
        "orders",
        ((_TIMED_OUT, "wire[c].answer == PENDING -> rejected(c, REJECTED)"),),
    ),
    "a duplicate-id code is a reject": Mistake(
        "I8",
        "orders",
        (("DUPLICATE -> outcome_lost(c)", "DUPLICATE -> rejected(c, REJECTED)"),),
    ),
    "an unknown order is not reserved": Mistake(
        "I14",
        "orders",
        ((_RESERVED, "(journal[c].freed || journal[c].word == UNKNOWN -> 0"),),
    ),
    "not found is never accepted": Mistake(
        "I8",
        "orders",
        ((f"{_RIPE})", "ripe = true"),),
    ),
    "never accepted, without the accept lateness": Mistake(
        "I8",
        "orders",
        ((_RIPE, f"{_RIPE} - ACCEPT_LATENESS"),),
    ),
    "never accepted, without the listing lag": Mistake(
        "I8",
        "orders",
        ((_RIPE, f"{_RIPE} - LISTING_LAG"),),
    ),
    "a resting order is proven absent by one reading": Mistake(
        "I8",
        "resting orders",
        (("RESTS && !again", "false"),),
    ),
    "by two readings without a listing lag between": Mistake(
        "I8",
        "resting orders",
        (("journal[c].missed > LISTING_LAG)", "journal[c].missed > 0)"),),
    ),
    "what is missing is computed before the transaction": Mistake(
        "I4",
        "two reconcilers and parts",
        (
            ("trades = venue[c].listed }", "trades = venue[c].listed - journal[c].booked }"),
            ("trades > journal[c].booked", "trades > 0"),
            ("journal[c].booked = trades", "journal[c].booked = journal[c].booked + trades"),
        ),
    ),
    "a closed order counts zero before its trades are listed": Mistake(
        "I14",
        "orders",
        (("(COMPLETE(c) -> 0", "(journal[c].word == CLOSED -> 0"),),
    ),
    "a complete order is not reserved for late fills": Mistake(
        "I13",
        "orders",
        ((_RESERVED, "(journal[c].freed || COMPLETE(c) -> 0"),),
    ),
    "an order is settled before its lateness is over": Mistake(
        "I9",
        "orders",
        ((" && journal[c].ended_for >= LATENESS)", ")"),),
    ),
}
