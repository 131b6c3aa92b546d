"""Where the real recordings are: beside the repository, or in MVX_MARKETDATA. Never copied into it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "marketdata"


def recording(relative: str) -> Path:
    """The path of a recorded file; skips the test where it is absent, and fails it on CI."""
    path = Path(os.environ.get("MVX_MARKETDATA") or _DEFAULT) / relative
    if not path.exists():
        reason = f"no market data at {path} (set MVX_MARKETDATA)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
