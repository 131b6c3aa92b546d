"""Whatever comes in from outside, a parser answers or raises an error of ours, never anything else."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mvx.config import model, source
from mvx.domain.ids import Symbol
from mvx.domain.instant import parse_rfc3339, rfc3339
from mvx.domain.money import parse_decimal, plain
from mvx.domain.text import MAX_CHARS, storable
from mvx.errors import BadNumber, BadVenueData, ConfigError, Exit, MvxError
from mvx.journal.generation import Found, read_mark
from mvx.journal.store import Journal
from mvx.journal.verify import differences
from mvx.paper.recorded import Track, markets_in
from tests.cli.harness import ENVELOPE, mvx, surroundings

#: Any text, and text that looks like what is asked for.
NUMBERS = st.one_of(
    st.text(max_size=60),
    st.from_regex(r"[+-]?[0-9]*\.?[0-9]*([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(
        ["NaN", "inf", "-Infinity", "1_0", "٣", "½", "0x10", " 1", "1 ", "1,0", "--1", ".", "", "1e9999"]
    ),
)
TIMES = st.one_of(
    st.text(max_size=40),
    st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?",
        fullmatch=True,
    ),
)


@given(NUMBERS)
@settings(max_examples=300, deadline=None)
def test_a_text_is_a_finite_plain_number_or_a_bad_number(text: str) -> None:
    try:
        found = parse_decimal(text)
    except BadNumber:
        return
    assert found.is_finite()
    assert parse_decimal(plain(found)) == found == Decimal(text)


@given(TIMES)
@settings(max_examples=300, deadline=None)
def test_a_text_is_an_instant_or_a_value_error(text: str) -> None:
    """Which whoever reads it turns into an error that says where it stood."""
    try:
        found = parse_rfc3339(text)
    except ValueError:
        return
    assert parse_rfc3339(rfc3339(found)) == found


@given(st.text())
@settings(deadline=None)
def test_any_text_can_be_kept(text: str) -> None:
    """Bounded, and whole characters, as a database takes it."""
    kept = storable(text)
    assert len(kept) <= 12 * MAX_CHARS
    assert kept == kept.encode().decode()


def scratch(content: bytes, read: Callable[[Path], Any]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        return read(path)


@given(
    st.binary(max_size=200)
    | st.from_regex(
        r"epoch=[a-z0-9]{0,12} device=[0-9]* inode=[0-9]* seq=-?[0-9]* at=[0-9]*", fullmatch=True
    ).map(str.encode)
)
@settings(deadline=None)
def test_bytes_are_a_mark_or_a_reason(content: bytes) -> None:
    assert isinstance(scratch(content, read_mark), Found | str)


@given(st.binary(min_size=1, max_size=5000))
@settings(max_examples=40, deadline=None)
def test_bytes_are_a_journal_or_an_error_of_ours(content: bytes) -> None:
    """To SQLite a file shorter than its header is an empty one, and a journal is begun there."""

    def verified(path: Path) -> None:
        with closing(Journal(path, mode="paper")) as journal, journal.read() as tx:
            assert [] == list(differences(tx))

    with suppress(MvxError):
        scratch(content, verified)


KEYS = (
    "desk",
    "journal",
    "instruments",
    "quotes",
    "venues",
    "route",
    "risk",
    "reconcile",
    "kraken",
    "BTC-USD",
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=20)
    | st.sampled_from(["paper", "ccxt", "BTC", "USD", "BTC/USD", "1", "-1", "1e5", "env:X"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def configured(path: Path) -> object:
    found = source.load(path, path.parent)
    desk = source.desk_settings(found, source.journal_path(found, None, {}, path.parent))
    return model.settings(model.validate(found), desk, path.parent)


@given(st.text(max_size=200).map(str.encode) | st.binary(max_size=200))
@settings(deadline=None)
def test_a_text_is_a_configuration_or_a_config_error(content: bytes) -> None:
    with suppress(ConfigError):
        scratch(content, configured)


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
@settings(max_examples=200, deadline=None)
def test_any_tables_are_a_configuration_or_a_config_error(tables: dict[str, Any]) -> None:
    """Well-formed TOML of anything at all."""
    import tomli_w

    try:
        content = tomli_w.dumps(_without_none(tables)).encode()
    except (UnicodeEncodeError, ValueError):
        return  # half a character is no TOML
    with suppress(ConfigError):
        scratch(content, configured)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items() if each is not None}
    return [_without_none(each) for each in value if each is not None] if isinstance(value, list) else value


LEVELS = st.lists(
    st.lists(NUMBERS | st.floats() | st.integers() | st.none(), max_size=3) | VALUES, max_size=3
)
LINES = st.fixed_dictionaries(
    {},
    optional={
        "timestamp": st.integers(0, 10) | st.text(max_size=5),
        "exchange": st.sampled_from(["kraken", "", "x"]) | VALUES,
        "symbol": st.sampled_from(["BTC/USD", None]) | VALUES,
        "bids": st.just([["99", "1"]]) | LEVELS,
        "asks": st.just([["100", "1"]]) | LEVELS,
    },
)


def played(path: Path) -> None:
    """Every book of a recording, as a venue plays it."""
    markets_in(path)
    found = Track(path, "kraken", Symbol("BTC/USD"))
    for number in range(found.clamp(10) + 1):
        found.sides(number)


@given(st.lists(LINES.map(json.dumps) | st.text(max_size=30), max_size=4))
@settings(max_examples=200, deadline=None)
def test_lines_are_recorded_books_or_an_error_of_ours(lines: list[str]) -> None:
    with suppress(ConfigError, BadVenueData):
        scratch("\n".join(lines).encode("utf-8", "replace"), played)


WORDS = st.one_of(
    NUMBERS,
    st.sampled_from(
        [
            "route",
            "positions",
            "reconcile",
            "flatten",
            "orders",
            "fills",
            "cancel",
            "halt",
            "baseline",
            "set",
            "BTC-USD",
            "BTC",
            "okx",
            "--all",
            "--side",
            "--limit",
            "--tif",
            "--venue",
            "--since",
            "--dry-run",
            "--id",
            "--twap",
            "--deadline",
            "--max-rounds",
            "-h",
            "--",
            "-",
        ]
    ),
).filter(lambda word: "\0" not in word)


@given(st.lists(WORDS, max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_words_are_a_command_or_an_error_of_ours(words: list[str]) -> None:
    """Exit 1 is a defect, and with --json there is one line of the promised shape."""
    with tempfile.TemporaryDirectory() as folder:
        home = {"HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_STATE_HOME": folder}
        ran = mvx(surroundings(Path(folder), home), *words, "--json")
    assert ran.exit_code != Exit.DEFECT, (words, ran)
    assert "Traceback" not in ran.stderr
    if ran.stdout.startswith('{"schema"'):
        assert ENVELOPE == list(json.loads(ran.stdout))
