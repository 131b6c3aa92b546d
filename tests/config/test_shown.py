"""Where every value came from, what is never shown, and the line that a problem stands on."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvx.config import model, source
from mvx.config.problems import ConfigProblems
from mvx.config.shown import Overrides, Shown, lines_of, shown, with_lines
from tests.config.test_model import BASE, LIMITS, LIVE, TIERED, load, settings

CANARY = "xK9canaryQ2"


def rows(
    text: str, folder: Path, *, option: str | None = None, variables: Mapping[str, str] | None = None
) -> dict[str, Shown]:
    found = shown(load(text, folder), settings(text, folder), Overrides(None, option, variables or {}))
    return {row.key: row for row in found}


def located(text: str, folder: Path) -> tuple[str, ...]:
    found = load(text, folder)
    with pytest.raises(ConfigProblems) as caught:
        model.validate(found)
    return with_lines(caught.value, found).problems


def test_a_value_of_the_file_names_its_line(tmp_path: Path) -> None:
    found = rows(BASE + '[route]\n\n# more\nmax_s = 4\nmax_slippage_bps = "7"\n', tmp_path)
    assert Shown("instruments.BTC-USD.base", "BTC", "file", "mvx.toml:3") == found["instruments.BTC-USD.base"]
    assert (4, "file", "mvx.toml:14") == found["route.max_s"][1:]
    assert "mvx.toml:15" == found["route.max_slippage_bps"].where


def test_what_the_file_does_not_say_is_a_default(tmp_path: Path) -> None:
    found = rows(BASE, tmp_path)
    assert (30, "default", None) == found["route.max_s"][1:]


def test_a_default_that_depends_on_the_adapter_is_shown_as_it_is_in_force(tmp_path: Path) -> None:
    found = rows(BASE + LIVE + LIMITS, tmp_path)
    assert (1.0, "default", None) == found["venues.kraken.timeout_s"][1:]
    assert (10.0, "default", None) == found["venues.okx.timeout_s"][1:]
    assert (60.0, "default", None) == found["venues.okx.lateness_s"][1:]


def test_the_tier_of_an_account_is_shown_as_it_is_in_force(tmp_path: Path) -> None:
    """The least that the exchange has, where nothing is written; nothing where it has none."""
    found = rows(BASE + TIERED + LIMITS, tmp_path)
    assert ("starter", "default", None) == found["venues.okx.rate_tier"][1:]
    assert (
        "pro" == rows(BASE + TIERED + 'rate_tier = "pro"\n' + LIMITS, tmp_path)["venues.okx.rate_tier"].value
    )
    assert "venues.okx.rate_tier" not in rows(BASE + LIVE + LIMITS, tmp_path)


def test_a_limit_that_is_not_set_is_shown_as_none(tmp_path: Path) -> None:
    """An operator who reads the list must not have to miss what is absent."""
    found = rows(BASE, tmp_path)
    for key in ("max_position", "max_order_qty", "max_order_notional", "max_open_orders"):
        assert Shown(f"risk.{key}", None, "default", None) == found[f"risk.{key}"]


def test_the_built_in_desk_says_so(tmp_path: Path) -> None:
    found = rows("[route]\nmax_rounds = 2\n", tmp_path)
    assert ("paper", "built-in", None) == found["venues.okx.adapter"][1:]
    assert (2, "file", "mvx.toml:2") == found["route.max_rounds"][1:]


@pytest.mark.parametrize(
    ("option", "variables", "origin", "where"),
    [
        ("typed.db", {"MVX_JOURNAL": "env.db"}, "option", "--journal"),
        (None, {"MVX_JOURNAL": "env.db"}, "environment", "MVX_JOURNAL"),
        (None, {"MVX_JOURNAL": ""}, "file", "mvx.toml:12"),
    ],
)
def test_the_journal_says_who_chose_it(
    option: str | None, variables: dict[str, str], origin: str, where: str, tmp_path: Path
) -> None:
    """An option before the environment, and that before the file."""
    text = BASE + '[journal]\npath = "a.db"\n'
    found = rows(text, tmp_path, option=option, variables=variables)["journal.path"]
    assert (origin, where) == (found.origin, found.where)


def test_of_a_secret_only_the_kind_of_its_reference_is_shown(tmp_path: Path) -> None:
    text = (
        BASE + LIMITS + LIVE + f'api_key = "env:{CANARY}"\napi_secret = "command:pass {CANARY}"\n'
        f'api_password = "file:{CANARY}"\n'
        f'api_url = "https://ops:{CANARY}@proxy.test:8443/v1?token={CANARY}"\n'
        f'ws_url = "wss://{CANARY}@[broken/"\n'
    )
    found = rows(text, tmp_path)
    assert CANARY not in repr(found)
    values = [found[f"venues.okx.{key}"].value for key in ("api_key", "api_secret", "api_password")]
    assert ["env:(not shown)", "command:(not shown)", "file:(not shown)"] == values
    assert "https://proxy.test:8443/v1" == found["venues.okx.api_url"].value
    assert "(not shown)" == found["venues.okx.ws_url"].value


def test_every_problem_names_its_line_and_they_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    """A missing key is found at its table; what has no place in the file comes first, without one."""
    text = (
        BASE.replace("rates = [", 'rates = [\n  "krakn:USDT/USD",\n  ')
        + "[rote]\nx = 1\n[route]\nmax_s = 0\n"
    )
    assert (
        "mvx.toml:7: quotes.USDT.rates: there is no venue krakn; did you mean kraken?; configured: kraken",
        "mvx.toml:13: rote: unknown key; did you mean route?",
        "mvx.toml:16: route.max_s: found 0, a number above 0 is allowed",
    ) == located(text, tmp_path)
    assert (
        "risk.max_position.BTC-USD: missing, and required for live venues",
        "risk.max_order_notional: missing, and required for live venues",
        'mvx.toml:12: venues.okx.exchange: missing, and required with adapter = "ccxt"',
    ) == located(BASE + LIVE.replace('exchange = "binance"\n', ""), tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            BASE.replace('symbols = { "BTC-USD"', 'symbols = { "BTC-USDD"'),
            "venues.kraken.symbols.BTC-USDD: there is no instrument BTC-USDD; did you mean BTC-USD?",
        ),
        (
            BASE + '[risk]\nmax_venue_notional = { kracken = "1" }\n',
            "risk.max_venue_notional.kracken: there is no venue kracken; did you mean kraken?",
        ),
    ],
)
def test_a_mistyped_name_is_answered_with_the_one_that_was_meant(
    text: str, problem: str, tmp_path: Path
) -> None:
    assert any(problem in line for line in located(text, tmp_path))


def test_lines_are_found_whatever_toml_allows() -> None:
    """Several lines to a value, quoted and dotted keys, tables within a line, texts that look like tables."""
    text = (
        '# first\n"a.b".c = 1\nx = """\n[t]\nno = 1\n"""\n[t]\ny = [\n  1,\n\n  2]\n'
        'z = { q = 1, "r s" = { u = 2 } }\n[t.v]\r\nw = 3\n[[list]]\nn = 1'
    )
    assert {
        ("a.b",): 2, ("a.b", "c"): 2, ("x",): 3, ("t",): 7, ("t", "y"): 8, ("t", "z"): 12,
        ("t", "z", "q"): 12, ("t", "z", "r s"): 12, ("t", "z", "r s", "u"): 12, ("t", "v"): 13,
        ("t", "v", "w"): 14, ("list",): 15,
    } == lines_of(text)  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", '"c d"', "e.f"]),
            st.sampled_from(["1", '"x"', "[\n1,\n2\n]", '"""\n[no]\n"""', "{ g = 1 }", "true # [t]"]),
            st.integers(0, 2),
        ),
        max_size=4,
        unique_by=lambda each: each[0],
    ),
    st.booleans(),
)
def test_every_key_of_a_document_is_found_on_the_line_it_was_written(
    statements: list[tuple[str, str, int]], in_table: bool
) -> None:
    lines, expected = (["[top]"], {("top",): 1}) if in_table else ([], {})
    prefix = ("top",) if in_table else ()
    for key, value, blank in statements:
        lines += [""] * blank
        path = (*prefix, *("c d" if key.startswith('"') else key).split("."))
        for depth in range(1, len(path) + 1):
            expected.setdefault(path[:depth], len(lines) + 1)
        if "g =" in value:
            expected[(*path, "g")] = len(lines) + 1
        lines += f"{key} = {value}".split("\n")
    text = "\n".join(lines)
    tomllib.loads(text)
    assert expected == lines_of(text)


def test_where_there_is_no_file_problems_have_no_line(tmp_path: Path) -> None:
    found = source.load(None, tmp_path)
    assert ("a: b",) == with_lines(ConfigProblems("built-in", ["a: b"]), found).problems
