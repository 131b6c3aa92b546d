"""Instants as texts."""

from __future__ import annotations

from mvx.domain.instant import parse_rfc3339, rfc3339


def test_a_year_below_a_thousand_has_four_digits() -> None:
    assert rfc3339(parse_rfc3339("0007-01-02T03:04:05Z")) == "0007-01-02T03:04:05.000000Z"
