"""Where the configuration is found, and the light view of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvx.config import source
from mvx.errors import ConfigError


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user-config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user-data"))


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


ONE_VENUE = """
[instruments."BTC-USD"]
base = "BTC"
quote = "USD"
[venues.kraken]
adapter = "paper"
symbols = { "BTC-USD" = "BTC/USD" }
"""


def test_a_flag_wins_over_the_variable_the_folder_and_the_user(tmp_path: Path) -> None:
    """--config, MVX_CONFIG, ./mvx.toml and the user's folder are looked at in this order."""
    flag, variable = write(tmp_path / "flag.toml"), write(tmp_path / "variable.toml")
    local = write(tmp_path / "mvx.toml")
    user = write(tmp_path / "user-config" / "mvx" / "mvx.toml")
    variables = {"MVX_CONFIG": "variable.toml"}

    assert source.find_file("flag.toml", variables, tmp_path) == flag
    assert source.find_file(None, variables, tmp_path) == variable
    assert source.find_file(None, {}, tmp_path) == local
    local.unlink()
    assert source.find_file(None, {}, tmp_path) == user
    user.unlink()
    assert source.find_file(None, {}, tmp_path) is None


@pytest.mark.parametrize(("flag", "variables"), [("no.toml", {}), (None, {"MVX_CONFIG": "no.toml"})])
def test_a_named_file_that_is_missing_is_an_error(
    flag: str | None, variables: dict[str, str], tmp_path: Path
) -> None:
    """A config that was asked for by name is never replaced by another one."""
    write(tmp_path / "mvx.toml")
    with pytest.raises(ConfigError, match=r"no\.toml"):
        source.find_file(flag, variables, tmp_path)


def test_a_syntax_error_names_the_file_and_the_line(tmp_path: Path) -> None:
    """Broken TOML is a ConfigError that says where."""
    path = write(tmp_path / "mvx.toml", "[desk]\ncurrency = \n[journal]\n")
    with pytest.raises(ConfigError, match=r"mvx\.toml: .*line 2"):
        source.load(path, tmp_path)


def test_without_venues_the_built_in_ones_stand_in(tmp_path: Path) -> None:
    """A file without [venues] keeps its other sections and runs on five paper venues."""
    path = write(tmp_path / "mvx.toml", '[journal]\npath = "own.db"\n[risk]\nmax_open_orders = 3\n')
    found = source.load(path, tmp_path)

    assert found.notice == "no venues configured: running on the five built-in paper venues"
    assert list(found.raw["venues"]) == ["kraken", "coinbase", "binance", "okx", "bybit"]
    assert found.raw["risk"] == {"max_open_orders": 3}
    assert source.journal_path(found, None, {}, tmp_path) == tmp_path / "own.db"


def test_the_journal_lies_where_the_nearest_word_says(tmp_path: Path) -> None:
    """--journal, MVX_JOURNAL, [journal].path, the config's folder, the user's data folder."""
    folder = tmp_path / "desk"
    written = source.load(write(folder / "a.toml", ONE_VENUE + '[journal]\npath = "sub/j.db"\n'), tmp_path)
    silent = source.load(write(folder / "b.toml", ONE_VENUE), tmp_path)
    none = source.load(None, tmp_path)
    variables = {"MVX_JOURNAL": "variable.db"}

    assert source.journal_path(written, "flag.db", variables, tmp_path) == tmp_path / "flag.db"
    assert source.journal_path(written, None, variables, tmp_path) == tmp_path / "variable.db"
    assert source.journal_path(written, None, {}, tmp_path) == folder / "sub" / "j.db"
    assert source.journal_path(silent, None, {}, tmp_path) == folder / "mvx.db"
    assert source.journal_path(none, None, {}, tmp_path) == tmp_path / "user-data" / "mvx" / "mvx.db"


def test_a_journal_that_is_named_by_a_link_is_the_one_that_it_leads_to(tmp_path: Path) -> None:
    """Or two processes would each have locks, nonces and paper venues of their own beside one journal."""
    (tmp_path / "link.db").symlink_to(tmp_path / "desk" / "mvx.db")
    (tmp_path / "loop.db").symlink_to(tmp_path / "loop.db")
    none = source.load(None, tmp_path)
    assert source.journal_path(none, "link.db", {}, tmp_path) == tmp_path / "desk" / "mvx.db"
    assert source.journal_path(none, "loop.db", {}, tmp_path) == tmp_path / "loop.db"


def test_the_light_view_of_the_built_in_desk(tmp_path: Path) -> None:
    """Assets are those of each venue's symbols, base first."""
    desk = source.desk_settings(source.load(None, tmp_path), tmp_path / "mvx.db")

    assert (desk.source, desk.mode, desk.currency) == ("built-in", "paper", "USD")
    assert desk.assets["kraken"] == ("BTC", "USD")
    assert desk.assets["bybit"] == ("BTC", "USDT")
    assert desk.symbols["okx"] == {"BTC-USD": "BTC/USDT"}
    assert desk.quote_as == {"USDT": "USD"}
    assert (desk.max_age_s, set(desk.lateness_s.values())) == (30, {2})


def test_one_live_venue_makes_the_desk_live(tmp_path: Path) -> None:
    """The mode is paper only where every venue is simulated."""
    text = ONE_VENUE + '[venues.okx]\nadapter = "ccxt"\nsymbols = { "BTC-USD" = "BTC/USD" }\n'
    desk = source.desk_settings(source.load(write(tmp_path / "m.toml", text), tmp_path), tmp_path / "j")

    assert desk.mode == "live"
    assert desk.lateness_s == {"kraken": 2, "okx": 60}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[venues.kraken]\nsymbols = 3\nadapter = 'paper'", "venues.kraken.symbols"),
        ("[venues.kraken]\nsymbols = {}", "venues.kraken.adapter"),
        ("venues = 3", "venues"),
        ("[desk]\ncurrency = 3", "desk.currency"),
        ("[reconcile]\nmax_age_s = 'x'", "reconcile.max_age_s"),
        ("[reconcile]\nmax_age_s = inf", "reconcile.max_age_s"),
        ("[quotes]\nUSDT = 1", "quotes.USDT"),
    ],
)
def test_a_malformed_key_that_is_needed_is_named(text: str, key: str, tmp_path: Path) -> None:
    """The light path reports what it can not use."""
    found = source.load(write(tmp_path / "mvx.toml", text), tmp_path)
    with pytest.raises(ConfigError, match=f"^{key}: "):
        source.desk_settings(found, tmp_path / "mvx.db")
