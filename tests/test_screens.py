"""The script that makes README's pictures still runs, and its pictures show what they are there for."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from tests import screens
from tests.test_tidy import ROOT

pytestmark = pytest.mark.long

SHOWS = {
    "route": ["$ mvx route BTC-USD 2.5", "plan: buy 2.5 BTC-USD", "filled 2.5 of 2.5 BTC-USD"],
    "positions": ["$ mvx positions BTC", "okx has not answered for", "unknown 1", "2.5..2.6", "okx DARK"],
    "reconcile-watch": ["$ mvx reconcile --watch", "foreign_fill bybit BTC", "kraken DEGRADED -> DARK"],
}


def shown(picture: Path) -> str:
    """Its words, a blank between them."""
    words = re.findall(r"<text [^>]*>([^<]*)</text>", picture.read_text())
    return " ".join(unescape(" ".join(words)).split())


def test_the_pictures_are_made_from_real_runs_and_are_those_in_readme(tmp_path: Path) -> None:
    screens.main(tmp_path)
    for folder in (tmp_path, screens.SCREENS):
        assert SHOWS.keys() == {picture.stem for picture in folder.iterdir()}
        for name, wanted in SHOWS.items():
            text = shown(folder / f"{name}.svg")
            assert [] == [words for words in wanted if words not in text]
    assert sorted(SHOWS) == sorted(
        re.findall(r"\(docs/screens/(.*?)\.svg\)", (ROOT / "README.md").read_text())
    )
