"""Who says yes to real orders."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvx.cli.consent import consent, require_live
from mvx.cli.environment import Environment
from mvx.cli.session import Session
from mvx.cli.signals import Signals
from mvx.errors import Refused
from tests.cli.harness import Terminal, mvx, surroundings


def session(environment: Environment, mode: str = "live") -> Session:
    made = Session(environment, Signals())
    made.mode = mode
    return made


def test_paper_never_asks(tmp_path: Path) -> None:
    """A simulated order needs no consent, whatever the terminal."""
    environment = surroundings(tmp_path, stdin=Terminal("n\n"), stderr=Terminal())
    assert consent(session(environment, "paper"), yes=False, assume_yes=False, question="?") is None


def test_live_without_a_terminal_is_refused_at_once(tmp_path: Path) -> None:
    """Nobody can answer, so the refusal comes before the plan and names the flag."""
    with pytest.raises(Refused) as caught:
        consent(session(surroundings(tmp_path)), yes=False, assume_yes=False, question="?")
    assert "--yes, or set [route] assume_yes" in caught.value.next_step


@pytest.mark.parametrize(("yes", "assume_yes"), [(True, False), (False, True)])
def test_live_without_a_terminal_takes_a_standing_answer(yes: bool, assume_yes: bool, tmp_path: Path) -> None:
    """--yes, or assume_yes for cron."""
    assert consent(session(surroundings(tmp_path)), yes=yes, assume_yes=assume_yes, question="?") is None


@pytest.mark.parametrize(("typed", "agreed"), [("y\n", True), ("YES\n", True), ("n\n", False), ("", False)])
def test_live_at_a_terminal_asks_even_with_assume_yes(typed: str, agreed: bool, tmp_path: Path) -> None:
    """assume_yes is for where there is no terminal; the end of input is a no."""
    environment = surroundings(tmp_path, stdin=Terminal(typed), stderr=Terminal())
    ask = consent(session(environment), yes=False, assume_yes=True, question="buy?")
    assert ask is not None
    assert ask() is agreed


@pytest.mark.parametrize(
    ("typed", "agreed"), [("flatten\n", True), ("y\n", False), ("yes\n", False), ("", False)]
)
def test_a_severe_action_wants_its_word_typed(typed: str, agreed: bool, tmp_path: Path) -> None:
    """A habit of answering y does not leave every venue."""
    environment = surroundings(tmp_path, stdin=Terminal(typed), stderr=Terminal())
    ask = consent(session(environment), yes=False, assume_yes=False, question="all?", word="flatten")
    assert ask is not None
    assert ask() is agreed
    assert isinstance(environment.stderr, Terminal)
    assert "Type flatten" in environment.stderr.getvalue()


def test_live_refuses_paper(tmp_path: Path) -> None:
    """`--live` on a paper desk is exit 4, with nothing sent."""
    with pytest.raises(Refused):
        require_live("paper")
    found = mvx(surroundings(tmp_path), "route", "BTC-USD", "1", "--live", "--json").envelope
    assert (found["exit_code"], found["error"]["code"], found["sent"]) == (4, "refused", False)
