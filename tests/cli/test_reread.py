"""SIGHUP: the configuration is read again, and what is not the one that was begun with changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvx.cli.session import Session
from mvx.cli.signals import Signals
from mvx.errors import ConfigError
from tests.cli.harness import LIVE, surroundings

PAPER = """
[instruments."BTC-USD"]
base = "BTC"
quote = "USD"
[venues.kraken]
adapter = "paper"
symbols = { "BTC-USD" = "BTC/USD" }
[risk]
max_position = { "BTC-USD" = "0.2" }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The folder's own, which is found by nothing but being there."""
    return tmp_path / "mvx.toml"


def begun_with(file: Path, text: str) -> Session:
    file.write_text(text)
    session = Session(surroundings(file.parent), Signals())
    session.settings()
    return session


def test_a_configuration_that_is_read_again_changes_neither_mode_nor_journal(file: Path) -> None:
    """Those need a new start, so they are still what an answer tells."""
    session = begun_with(file, '[journal]\npath = "a.db"\n')
    file.write_text('[journal]\npath = "b.db"\n')
    session.reread()
    file.write_text('[journal]\npath = "b.db"\n' + LIVE)
    with pytest.raises(ConfigError, match="is of a live desk now, and this one is a paper desk"):
        session.reread()
    assert ("paper", "a.db") == (session.mode, session.journal_path().name)


def test_what_it_says_of_limits_is_read_again(file: Path) -> None:
    session = begun_with(file, PAPER)
    file.write_text(PAPER.replace("0.2", "0.1"))
    assert "0.1" == str(session.reread().risk.max_position["BTC-USD"])


@pytest.mark.parametrize("other", [None, PAPER.replace("0.2", "9")])
def test_nothing_stands_in_for_a_configuration_that_is_gone(file: Path, other: str | None) -> None:
    """An editor that saves by renaming would lift every limit until the next SIGHUP."""
    session = begun_with(file, PAPER)
    user_file = file.parent / "user-config" / "mvx" / "mvx.toml"
    if other is not None:
        user_file.parent.mkdir(parents=True)
        user_file.write_text(other)
    saved = file.rename(file.with_name("mvx.toml~"))
    with pytest.raises(ConfigError) as caught:
        session.reread()
    found = "no file" if other is None else str(user_file)
    assert f"{file} was begun with, and {found} is found now" == caught.value.message
    saved.rename(file)
    assert session.settings().risk == session.reread().risk


def test_nothing_stands_in_for_venues_that_are_not_there_yet(file: Path) -> None:
    """The file while it is written anew: begun, and empty."""
    session = begun_with(file, PAPER)
    file.write_text("")
    with pytest.raises(ConfigError, match="names no venue any more"):
        session.reread()


def test_the_built_in_desk_is_read_again_until_there_is_a_file(file: Path) -> None:
    """What is written meanwhile is another desk, with a journal elsewhere."""
    session = Session(surroundings(file.parent), Signals())
    assert session.settings().risk == session.reread().risk
    file.write_text(PAPER)
    with pytest.raises(ConfigError, match="no file was begun with"):
        session.reread()
