"""docs/limits.md tells of every limit that there is, and of no other."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from mvx.domain.limits import Limits

PAGE = Path(__file__).resolve().parents[2] / "docs" / "limits.md"


def test_every_limit_has_a_row() -> None:
    rows = re.findall(r"^\| `(?:\[route\] )?(\w+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(field.name for field in fields(Limits)) == sorted(rows)
