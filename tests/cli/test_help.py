"""`mvx help`: topics and verbs, and what a typing error is answered with."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from mvx.cli.help_topics import CONFIG_EXAMPLE, TOPICS, topic_of
from mvx.cli.shape import shapes
from mvx.engine.words import look_up
from mvx.errors import Exit
from tests.cli.harness import mvx, surroundings
from tests.cli.test_app import ALL_VERBS


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_shows_examples_that_exist(topic: str, tmp_path: Path) -> None:
    """Each command that it shows has its verb and its options, and each word that it explains a meaning."""
    ran = mvx(surroundings(tmp_path), "help", topic)
    assert (Exit.OK, "") == (ran.exit_code, ran.stderr)
    text = TOPICS[topic].text
    known = {shape.name: {name for each in shape.options for name in each.names} for shape in shapes()}
    calls = re.findall(r"^    (?:\w+=\S+ )*(mvx .*)$", text, re.MULTILINE)
    assert calls
    for call in calls:
        verb = max((name for name in known if f"{call} ".startswith(f"mvx {name} ")), key=len)
        assert set() == set(re.findall(r" (--[a-z-]+)", call)) - known[verb], call
    for word in re.findall(r"mvx explain (\S+)", text):
        assert look_up(word), word


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_fits_a_terminal(topic: str) -> None:
    assert max(map(len, TOPICS[topic].text.splitlines())) <= 79


def test_every_word_of_a_topic_is_shown(tmp_path: Path) -> None:
    for name in TOPICS:
        shown = mvx(surroundings(tmp_path), "help", name).stdout
        for each in topic_of(name).words:
            assert re.search(rf"^{re.escape(each.word)} +\S", shown, re.MULTILINE), each.word


@pytest.mark.parametrize("path", ALL_VERBS, ids=" ".join)
def test_help_of_a_verb_is_the_verb_s_own(path: tuple[str, ...], tmp_path: Path) -> None:
    assert (
        mvx(surroundings(tmp_path), *path, "--help").stdout
        == mvx(surroundings(tmp_path), "help", *path).stdout
    )


def test_what_is_a_topic_and_a_verb_shows_both(tmp_path: Path) -> None:
    shown = mvx(surroundings(tmp_path), "help", "config").stdout
    assert shown.index("A config is one TOML file") < shown.index("Usage: mvx config")


def test_help_alone_lists_verbs_and_topics(tmp_path: Path) -> None:
    shown = mvx(surroundings(tmp_path), "help").stdout
    assert mvx(surroundings(tmp_path), "--help").stdout.strip() in shown
    assert all(re.search(rf"^{topic} +\S", shown, re.MULTILINE) for topic in TOPICS)


def test_the_example_of_a_config_is_a_config(tmp_path: Path) -> None:
    tomllib.loads(CONFIG_EXAMPLE)
    (tmp_path / "mvx.toml").write_text(CONFIG_EXAMPLE)
    ran = mvx(surroundings(tmp_path), "config", "check")
    assert (Exit.OK, "") == (ran.exit_code, ran.stderr)


def test_a_topic_is_data_for_scripts(tmp_path: Path) -> None:
    data = mvx(surroundings(tmp_path), "help", "exit-codes", "--json").envelope["data"]
    assert ["topic", "text", "words"] == list(data)
    assert [str(int(code)) for code in Exit] == [each["word"] for each in data["words"]]


@pytest.mark.parametrize(
    ("argv", "meant"),
    [
        (["help", "exit-code"], "exit-codes"),
        (["help", "positons"], "positions"),
        (["help", "journal", "verfy"], "verify"),
        (["positons"], "positions"),
        (["breaks", "akc", "4"], "ack"),
        (["journal", "infos"], "info"),
        (["positions", "--vneue", "kraken"], "--venue"),
        (["route", "BTC-USD", "1", "--dryrun"], "--dry-run"),
    ],
    ids=" ".join,
)
def test_a_typing_error_is_answered_with_what_was_perhaps_meant(
    argv: list[str], meant: str, tmp_path: Path
) -> None:
    ran = mvx(surroundings(tmp_path), *argv)
    error = next(line for line in ran.stderr.splitlines() if line.startswith("error: "))
    assert Exit.USAGE == ran.exit_code
    assert re.search(rf"[ '(]{meant}\b", error), ran.stderr
    assert "nothing was sent" in ran.stderr
