"""Seeds that found something: what was wrong, in one sentence. Each is run with every change."""

from __future__ import annotations

from collections.abc import Mapping

NAMED: Mapping[int, str] = {}
