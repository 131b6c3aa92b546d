"""Exact decimal money: how a number is read, held, rounded and printed.

Rule: no binary float touches a quantity, a price or a fee. Every arithmetic context of the process
is widened to 120 digits, so that sums and products of numbers of at most 40 digits are exact.
"""

from __future__ import annotations

import decimal
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from mvx.errors import BadNumber

MAX_DIGITS = 40
ZERO = Decimal(0)
ONE = Decimal(1)
BPS = Decimal(10_000)

_TEN_DIGITS = decimal.Context(prec=10)
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?|-?\.[0-9]+", re.ASCII)

for _context in (decimal.DefaultContext, decimal.getcontext()):
    _context.prec = 120


def parse_decimal(text: str) -> Decimal:
    """A number in plain notation of at most 40 digits. Raises BadNumber for anything else."""
    if len(text) > MAX_DIGITS + 2 or not _PLAIN.fullmatch(text):
        raise BadNumber(f"not a plain number of at most {MAX_DIGITS} digits: {text[:60]!r}")
    if sum(map(str.isdigit, text)) > MAX_DIGITS:
        raise BadNumber(f"more than {MAX_DIGITS} digits: {text[:60]!r}")
    return Decimal(text)


def bounded(number: Decimal, digits: int = MAX_DIGITS) -> bool:
    """Whether it is finite and has at most so many digits, its zeros before and after the point included."""
    if not number.is_finite():
        return False
    text = str(number)
    if len(text) <= digits and "E" not in text:
        return True  # nearly always: in plain notation each of them is a character of its own
    _, written, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    return -digits <= exponent and len(written) + max(0, exponent) <= digits


def plain(number: Decimal) -> str:
    """Plain notation, no exponent, no trailing zeros: the one text of a value."""
    if not number:
        return "0"
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def ten_digits(number: Decimal) -> str:
    """A computed number (an average, a valuation) as people read it."""
    return plain(_TEN_DIGITS.plus(number))


def floor_to(number: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of step that is not above number."""
    return (number / step).to_integral_value(ROUND_FLOOR) * step


def ceil_to(number: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of step that is not below number."""
    return (number / step).to_integral_value(ROUND_CEILING) * step


def is_multiple(number: Decimal, step: Decimal) -> bool:
    """Whether number is a whole count of steps."""
    return number % step == 0


def round_px(number: Decimal, places: int = 10) -> Decimal:
    """A quotient (an average price, a ratio) cut to so many places, for reports only."""
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
