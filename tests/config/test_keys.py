"""The keys of live venues in the config: where they are, and whose."""

from __future__ import annotations

from pathlib import Path

from mvx.domain.ids import Venue
from tests.config.test_model import BASE, LIMITS, LIVE, problems, settings

KEYED = LIVE + 'api_key = "env:KEY"\napi_secret = "env:SECRET"\n'


def test_a_secret_s_file_is_named_from_the_config_s_folder(tmp_path: Path) -> None:
    """It is read later, by whoever started in whichever folder."""
    text = (
        BASE
        + LIMITS
        + LIVE
        + 'api_key = "file:keys/a"\napi_secret = "file:/keys/b"\napi_password = "env:file"\n'
    )
    live = settings(text, tmp_path).venues[Venue("okx")].live
    assert live is not None
    assert (f"file:{tmp_path / 'keys/a'}", "file:/keys/b", "env:file") == (
        live.api_key,
        live.api_secret,
        live.api_password,
    )


def test_one_account_is_one_venue(tmp_path: Path) -> None:
    """Twice under two names, all that it holds and trades would count twice. Another key, another exchange or
    another host is another account."""
    second = KEYED.replace("venues.okx", "venues.again")
    twice = "venues.again.api_key: found at venues.okx too; an account is allowed under one name"
    assert (twice,) == problems(BASE + LIMITS + KEYED + second, tmp_path)
    for apart in (
        second.replace("env:KEY", "env:OTHER_KEY"),
        second.replace('"binance"', '"kraken"'),
        second + 'api_url = "http://127.0.0.1:9101"\n',
        second + "sandbox = true\n",
        LIVE.replace("venues.okx", "venues.again"),
    ):
        settings(BASE + LIMITS + KEYED + apart, tmp_path)
