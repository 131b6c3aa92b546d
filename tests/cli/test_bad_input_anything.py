"""Whatever is typed and whatever the config says: an exit code of the contract, and words for people.

The text is made by hypothesis: real verbs and options, near misses, and what nobody foresaw.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from mvx.cli.environment import Environment
from mvx.cli.verbs import VERBS, Verb
from tests.cli.harness import ENVELOPE, Ran, mvx, surroundings

#: 1, a defect, is no answer to any input; a signal is none of these tests' business.
ALLOWED = {0, 2, 3, 4, 5, 6, 7, 8}
#: These go on until they are told to stop.
ENDLESS = ("run", "paper serve")
#: These make an answer wait, or go on: --resume follows, --twap and --watch take their time.
SLOW = ("--watch", "--twap", "--interval", "--delay", "--for", "--fresh")
OPTIONS = [
    *(
        "--json",
        "--venue",
        "--exclude",
        "--id",
        "--limit",
        "--side",
        "--sell",
        "--tif",
        "--post-only",
        "--yes",
    ),
    *(
        "--since",
        "--max-age",
        "--order",
        "--accept",
        "--report-only",
        "--all",
        "--to-zero",
        "--foreign",
        "--open",
    ),
    *(
        "--dry-run",
        "--queue",
        "--resume",
        "--reason",
        "--reducing",
        "--count",
        "--books",
        "--paper",
        "--cached",
    ),
    *(
        "--max-rounds",
        "--max-slippage-bps",
        "--deadline",
        "--instrument",
        "--config",
        "--journal",
        "-y",
        "--",
    ),
]
WORDS = [
    *(
        "BTC-USD",
        "btc-usd",
        "BTC/USDT",
        "kraken",
        "kraken,okx",
        "binance",
        "BTC",
        "USD",
        "buy",
        "sell",
        "ioc",
    ),
    *(
        "0.01",
        "1",
        "-1",
        "0",
        "1e9",
        "NaN",
        "-Infinity",
        "9" * 41,
        "0." + "1" * 400,
        "15m",
        "1s",
        "never",
        "adopt",
    ),
    *(
        "lost-ack",
        "outage",
        "partial",
        "key",
        "1",
        "7d",
        "2026-09-18T14:00:00Z",
        "sub/dir/file",
        "/dev/null",
        "",
    ),
]

#: No slash: what is named as a file stays in the test's own folder.
unforeseen = st.text(st.characters(exclude_characters="\0/~"), max_size=30)
paths = [
    path
    for name, verb in VERBS.items()
    for path in ([name] if isinstance(verb, Verb) else [f"{name} {inner}".strip() for inner in verb.verbs])
    if path not in ENDLESS
]
#: What each verb takes, so that many get past the parser.
WHOLE = {
    "route": [
        "BTC-USD 0.01",
        "BTC-USD 0.01 --sell",
        "BTC-USD 0.01 --id k",
        "BTC-USD 1 --limit 1",
        "BTC-USD 1 --queue",
    ],
    "cancel": ["--all", "m1", "--all --venue okx"],
    "flatten": ["--all", "--venue kraken", "--venue okx,bybit --to-zero"],
    "reconcile": ["--report-only", "--order m1 --accept never", "--venue okx"],
    "positions": ["BTC", "--venue okx", "BTC-USD --max-age 1"],
    "breaks ack": ["1"],
    "baseline set": ["kraken BTC 1"],
    "journal backup": ["copy.db"],
    "paper fault": ["kraken lost-ack", "okx outage", "okx partial --count 3"],
    "paper trade": ["okx buy 0.1 BTC/USDT", "okx sell 0.1 BTC/USDT --limit 999999"],
    "paper cancel": ["okx 1"],
    "paper transfer": ["okx BTC 1", "okx USDT -5"],
}
arguments = st.lists(
    st.one_of(st.sampled_from(WORDS), st.sampled_from(OPTIONS), unforeseen.filter(lambda t: t not in SLOW)),
    max_size=4,
)
commands = st.sampled_from([*paths, *WHOLE]).flatmap(
    lambda path: st.tuples(
        st.just(path.split()),
        st.sampled_from(["", *WHOLE.get(path, [""])]).map(str.split),
        st.one_of(st.just([]), arguments),
    )
)
#: Of one desk, in the order in which they are typed.
sessions = st.lists(commands, min_size=1, max_size=4)


def at(folder: str) -> Environment:
    """A desk of its own in that folder."""
    return surroundings(Path(folder), {"MVX_JOURNAL": "mvx.db"})


def assert_within_the_contract(ran: Ran) -> None:
    """What holds of every answer there can be."""
    told = ran.stdout + ran.stderr
    assert ran.exit_code in ALLOWED, told
    assert "Traceback" not in told
    assert all(char.isprintable() or char == "\n" for char in told), ascii(told)


def assert_an_envelope(ran: Ran) -> None:
    """One line for scripts, that says what stderr says."""
    (line,) = ran.stdout.splitlines()
    found = json.loads(line)
    assert list(found) == ENVELOPE
    assert found["exit_code"] == ran.exit_code
    if ran.exit_code in (2, 4):
        assert found["sent"] is False
    if found["error"] is not None:
        assert all(found["error"].values()), found["error"]


@pytest.mark.long
@given(typed=sessions)
@settings(max_examples=150, deadline=None)
def test_whatever_is_typed_is_answered_within_the_contract(
    typed: list[tuple[list[str], list[str], list[str]]],
) -> None:
    """On one desk, which every answer leaves as it should be for the next one."""
    with tempfile.TemporaryDirectory() as folder:
        for path, whole, more in typed:
            argv = [*path, *whole, *more]
            assert_within_the_contract(mvx(at(folder), *argv))
            asked = mvx(at(folder), "--json", *argv)
            assert_within_the_contract(asked)
            if not {"-h", "--help", "--version"} & set(argv):
                assert_an_envelope(asked)
            event(f"{' '.join(path)} exits {asked.exit_code}")


@given(argv=st.lists(unforeseen, max_size=4))
@settings(max_examples=100, deadline=None)
@example(argv=["\udce9"])
@example(argv=["--json", "\x1b[2J"])
@example(argv=["paper", "\u202e"])
def test_words_that_are_no_verb_are_exit_2(argv: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ran = mvx(at(folder), *argv)
    assert_within_the_contract(ran)
    assert ran.exit_code in (0, 2)


KEYS = [
    *(
        "desk",
        "currency",
        "journal",
        "path",
        "instruments",
        "BTC-USD",
        "base",
        "quote",
        "quotes",
        "USDT",
        "as",
    ),
    *(
        "rates",
        "max_age_s",
        "venues",
        "kraken",
        "adapter",
        "exchange",
        "symbols",
        "api_key",
        "taker_bps",
        "route",
    ),
    *(
        "baseline",
        "lateness_s",
        "timeout_s",
        "books",
        "clock",
        "seed",
        "balances",
        "BTC",
        "lot",
        "tick",
        "min_qty",
    ),
    *("max_slippage_bps", "max_rounds", "max_s", "assume_yes", "risk", "max_position", "max_order_notional"),
    *("max_venue_notional", "reconcile", "interval_s", "max_open_orders", "min_notional", "listing_lag_s"),
]
scalars = st.one_of(
    st.sampled_from(
        ['"BTC"', '"USD"', '"paper"', '"ccxt"', '"BTC/USD"', '"kraken:USDT/USD"', '"1e9"', '"NaN"']
    ),
    st.sampled_from(
        ["nan", "inf", "-inf", "1e308", "-1", "0", "0x7f", "9" * 400, "true", "1979-05-27", "''", "[]"]
    ),
    st.sampled_from(
        ['"\\u001b[2J"', '"\\u202e"', '"\\u0000"', "'~nobody/x'", '"env:KEY"', '"' + "9" * 41 + '"']
    ),
    st.text(max_size=12).map(json.dumps),
)
keys = st.one_of(st.sampled_from(KEYS).map(json.dumps), st.text(max_size=6).map(json.dumps))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda found: f"[{', '.join(found)}]"),
        st.dictionaries(keys, inner, max_size=4).map(
            lambda found: "{" + ", ".join(f"{key} = {value}" for key, value in found.items()) + "}"
        ),
    ),
    max_leaves=12,
)
lines = st.one_of(
    st.tuples(keys, values).map(lambda pair: " = ".join(pair)),
    st.lists(keys, min_size=1, max_size=3).map(lambda path: f"[{'.'.join(path)}]"),
    st.text(max_size=20),
)
SOUND = """
[instruments."BTC-USD"]
base = "BTC"
quote = "USD"
[venues.kraken]
adapter = "paper"
symbols = { "BTC-USD" = "BTC/USD" }
"""
configs = st.one_of(
    st.lists(lines, max_size=8).map("\n".join),
    st.lists(lines, max_size=4).map(lambda found: SOUND + "\n".join(found)),
)


@given(
    text=configs, verb=st.sampled_from(["config check", "config show", "config path", "positions", "halt"])
)
@settings(max_examples=400, deadline=None)
def test_whatever_the_config_says_is_answered_within_the_contract(text: str, verb: str) -> None:
    """Valid, or all its errors with their keys."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "mvx.toml").write_text(text, encoding="utf-8", errors="replace")
        ran = mvx(at(folder), *verb.split(), "--json")
        assert_within_the_contract(ran)
        assert_an_envelope(ran)
        assert_within_the_contract(mvx(at(folder), *verb.split()))


@given(body=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_a_config_of_any_bytes_is_answered_within_the_contract(body: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "mvx.toml").write_bytes(body)
        assert_within_the_contract(mvx(at(folder), "config", "check"))


@given(text=configs)
@settings(max_examples=100, deadline=None)
def test_what_config_check_passes_the_desk_runs_on(text: str) -> None:
    """A config that is judged sound is never found wrong by the verb that uses it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "mvx.toml").write_text(text, encoding="utf-8", errors="replace")
        checked = mvx(at(folder), "config", "check")
        if checked.exit_code == 0:
            ran = mvx(at(folder), "positions", "--fresh")
            assert_within_the_contract(ran)
            assert ran.exit_code != 2, ran.stderr
