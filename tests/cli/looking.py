"""Desks for `mvx doctor` to look at, and its answer by the names of its checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.harness import Ran, mvx, surroundings

FIVE = ("kraken", "coinbase", "binance", "okx", "bybit")
ALL = [
    *("mvx", "sqlite", "config", "secrets", "permissions", "disk", "journal", "clock"),
    *("lock", "breaks", "orders", "trading", "leader", *(f"venue {venue}" for venue in FIVE)),
]


def typed(folder: Path, *argv: str) -> Ran:
    return mvx(surroundings(folder), *argv)


def desk(folder: Path) -> Path:
    """A fresh desk; its journal."""
    assert 0 == typed(folder, "init", "--paper").exit_code
    return folder / "mvx.db"


def looked(folder: Path, *argv: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and each check by its name."""
    found = typed(folder, *argv, "doctor", "--json").envelope
    assert found["error"] is None
    return found["exit_code"], {each["name"]: each for each in found["data"]["checks"]}


def only(checks: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    """The check of that name, which is the only one that is not well."""
    assert [name] == [each["name"] for each in checks.values() if each["state"] != "ok"], checks
    return checks[name]


def said(check: dict[str, Any]) -> tuple[str, str]:
    return check["state"], check["next"]
