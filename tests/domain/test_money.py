"""Exact decimal money."""

from __future__ import annotations

import decimal
import threading
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvx.domain.money import bounded, ceil_to, floor_to, is_multiple, parse_decimal, plain, round_px
from mvx.errors import BadNumber


@st.composite
def numbers(draw: st.DrawFn, digits: int = 40) -> Decimal:
    """Any number of at most so many digits, the point anywhere."""
    count = draw(st.integers(1, digits))
    value = draw(st.integers(0, 10**count - 1))
    return Decimal(draw(st.sampled_from([1, -1])) * value).scaleb(-draw(st.integers(0, count - 1)))


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "1 ", " 1", "1\n", "+1", "--1", "1-", "-", ".", "-.", "1.", "1..2", "1.2.3", "1,5", "1_000",
        "1e3", "1E3", "1e-3", "0x10", "NaN", "nan", "-NaN", "sNaN", "Infinity", "inf", "-inf",
        "\u0661\u0662", "\uff11\uff12", "1\u066b5", "\u00b2", "1\u00b2", "\u22121", "1\x00", "\u200b1",
        "1" * 41, "0." + "1" * 40, "0" * 41, "-" + "9" * 41, "1" * 40 + ".0",
    ],
)  # fmt: skip
def test_what_is_not_a_plain_number_is_refused(text: str) -> None:
    """No exponent, no NaN, no sign but a leading minus, no foreign digit, no 41st digit."""
    with pytest.raises(BadNumber):
        parse_decimal(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"), ("-0", "0"), ("-0.00", "0"), ("007", "7"), (".5", "0.5"), ("-.5", "-0.5"),
        ("1.500", "1.5"), ("100", "100"), ("0.00000001", "0.00000001"), ("0.00000049", "0.00000049"),
        ("1" * 40, "1" * 40), ("-" + "1" * 39 + ".1", "-" + "1" * 39 + ".1"),
        ("0." + "1" * 39, "0." + "1" * 39),
    ],
)  # fmt: skip
def test_a_plain_number_has_one_text(text: str, expected: str) -> None:
    """What is read is printed without exponent, trailing zeros or a negative zero."""
    assert plain(parse_decimal(text)) == expected


@given(numbers())
@settings(max_examples=100, deadline=None)
def test_plain_round_trips_exactly(number: Decimal) -> None:
    """The text of a value is read back as that value, and is its only text."""
    assert parse_decimal(plain(number)) == number
    assert plain(parse_decimal(plain(number))) == plain(number)


@given(st.integers(-(10**20), 10**20), st.integers(-20, 20))
@settings(max_examples=100, deadline=None)
def test_plain_never_prints_an_exponent(mantissa: int, exponent: int) -> None:
    """Neither a large nor a small number is printed with an exponent."""
    text = plain(Decimal(mantissa).scaleb(exponent))
    assert set(text) <= set("-.0123456789")
    assert Decimal(text) == Decimal(mantissa).scaleb(exponent)


def _integer(number: Decimal) -> int:
    return int(number.scaleb(40))


@given(st.lists(numbers(), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_sums_are_exact(terms: list[Decimal]) -> None:
    """A sum of numbers of 40 digits is the sum of their integers."""
    assert _integer(sum(terms, Decimal(0))) == sum(map(_integer, terms))


@given(numbers(), numbers())
@settings(max_examples=100, deadline=None)
def test_products_are_exact(a: Decimal, b: Decimal) -> None:
    """A product of two numbers of 40 digits loses no digit."""
    assert int((a * b).scaleb(80)) == _integer(a) * _integer(b)


def test_a_thread_computes_as_exactly_as_the_main_one() -> None:
    """Every arithmetic context of the process is wide, a new thread's too."""
    found: list[Decimal] = []
    big = Decimal("1" * 40)
    thread = threading.Thread(target=lambda: found.append(big * big))
    thread.start()
    thread.join()
    assert found == [Decimal(int("1" * 40) ** 2)]
    assert decimal.getcontext().prec == 120


@given(numbers(30), st.sampled_from(["1", "0.01", "0.5", "0.00000001", "3", "0.03", "1000"]))
@settings(max_examples=100, deadline=None)
def test_rounding_to_a_step_brackets_the_number(number: Decimal, text: str) -> None:
    """The floor is the last multiple at or below, the ceiling the first at or above."""
    step = Decimal(text)
    below, above = floor_to(number, step), ceil_to(number, step)
    assert below <= number < below + step
    assert above - step < number <= above
    assert is_multiple(below, step)
    assert is_multiple(above, step)
    assert (below == above) is is_multiple(number, step)


@pytest.mark.parametrize(("text", "expected"), [("2.00000000005", "2"), ("2.00000000015", "2.0000000002")])
def test_a_quotient_is_cut_for_reports(text: str, expected: str) -> None:
    """A tie goes to the even neighbour."""
    assert plain(round_px(Decimal(text))) == expected


@settings(deadline=None)
@given(st.decimals() | numbers(60) | st.builds(Decimal.scaleb, numbers(3), st.integers(-60, 60)))
def test_a_number_is_bounded_where_its_digits_and_zeros_are_so_few(number: Decimal) -> None:
    """Counted one by one, those before and those after the point."""
    found = bounded(number)
    _, written, exponent = number.as_tuple()
    if isinstance(exponent, str):
        assert not found
        return
    before, after = len(written) + max(0, exponent), max(0, -exponent)
    assert found is (max(before, after) <= 40)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("1" * 40, True),
        ("1" * 41, False),
        ("-0." + "1" * 39, True),
        ("0." + "1" * 40, True),
        ("0." + "1" * 41, False),
        ("1e39", True),
        ("1e40", False),
        ("1e-40", True),
        ("0e-41", False),
        ("NaN", False),
        ("-Infinity", False),
    ],
)
def test_forty_digits_are_the_most(text: str, fits: bool) -> None:
    assert bounded(Decimal(text)) is fits
