"""What the account's key may do, as its venue tells it, and what the doctor makes of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.instant import MICROS_PER_S
from mvx.errors import BadVenueData, NoKey, OutcomeUnknown
from mvx.venues.port import KeyRights
from tests.venues.ccxt import binance, kraken
from tests.venues.ccxt.loopback import Answer, Asked, Loopback, said
from tests.venues.ccxt.test_desk import configure, mvx
from tests.venues.ccxt.venue import API_KEY, API_SECRET, Rig

KRAKENS = kraken.KEY_INFO["permissions"]


def told(rig: Rig, **changes: Any) -> KeyRights | None:
    """The rights where the venue's answer differs from the usual one by these."""
    if rig.dialect.exchange == "kraken":
        rig.wire.answers["GetApiKeyInfo"] = kraken.result(kraken.KEY_INFO | changes)
    else:
        rig.wire.answers["account/apiRestrictions"] = said(binance.KEY_INFO | changes)
    return rig.run(lambda venue: venue.rights())


def test_a_key_that_may_trade_and_not_withdraw_is_as_it_should_be(rig: Rig) -> None:
    assert KeyRights((), (), anywhere=False) == told(rig)


@pytest.mark.parametrize("right", ["withdraw-funds", "add-withdraw-address", "update-withdraw-address"])
def test_what_takes_something_out_of_an_account_at_kraken_is_named(on_kraken: Rig, right: str) -> None:
    rights = told(on_kraken, permissions=[*KRAKENS, right], ipAllowlist=[])
    assert KeyRights((), (right,), anywhere=True) == rights


@pytest.mark.parametrize("right", ["enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer"])
def test_what_takes_something_out_of_an_account_at_binance_is_named(on_binance: Rig, right: str) -> None:
    """Docs, Get API Key Permission: "transfer funds between your master account and your sub account
    instantly"; "a dedicated universal transfer API", which moves out of the spot wallet."""
    rights = told(on_binance, **{right: True, "ipRestrict": False})
    assert KeyRights((), (right,), anywhere=True) == rights


@pytest.mark.parametrize(
    "right", ["query-funds", "query-open-trades", "query-closed-trades", "query-ledger", "modify-trades"]
)
def test_a_right_that_is_missing_at_kraken_is_named(on_kraken: Rig, right: str) -> None:
    rights = told(on_kraken, permissions=[each for each in KRAKENS if each != right])
    assert rights is not None
    assert (right,) == rights.missing


@pytest.mark.parametrize("bound", ["queryFrom", "queryTo"])
@pytest.mark.parametrize("at", ["1772542900", 1772542900])
def test_a_key_that_shows_a_part_of_the_history_is_not_enough(on_kraken: Rig, bound: str, at: object) -> None:
    """What lies outside is in no list, and would be taken for what never was. Docs, Fast API, Create Key, of
    query_from and query_to: "allowable starting [ending] time for queries, or 0 if no restriction"."""
    rights = told(on_kraken, **{bound: at})
    assert rights is not None
    assert (f"{bound}=0",) == rights.missing
    assert KeyRights((), (), anywhere=False) == told(on_kraken, **{bound: 0})


@pytest.mark.parametrize("right", ["enableReading", "enableSpotAndMarginTrading"])
def test_a_right_that_is_missing_at_binance_is_named(on_binance: Rig, right: str) -> None:
    rights = told(on_binance, **{right: False})
    assert rights is not None
    assert (right,) == rights.missing


@pytest.mark.parametrize("permissions", ["query-funds", [7], {"query-funds": True}])
def test_what_kraken_says_of_rights_is_read_or_refused(on_kraken: Rig, permissions: object) -> None:
    with pytest.raises(BadVenueData, match="the key's rights"):
        told(on_kraken, permissions=permissions)


@pytest.mark.parametrize("changes", [{"enableWithdrawals": "false"}, {"ipRestrict": None}])
def test_what_binance_says_of_rights_is_read_or_refused(on_binance: Rig, changes: dict[str, Any]) -> None:
    with pytest.raises(BadVenueData, match="the key's rights"):
        told(on_binance, **changes)


def test_an_answer_without_rights_is_none(rig: Rig) -> None:
    """And not a key without any."""
    rig.wire.answers |= {"GetApiKeyInfo": kraken.result({}), "account/apiRestrictions": said({})}
    with pytest.raises(OutcomeUnknown):
        rig.run(lambda venue: venue.rights())


def test_a_sandbox_does_not_tell(on_binance: Rig) -> None:
    """It has trading alone (ccxt binance.describe: urls.test, without sapi)."""
    assert on_binance.run(lambda venue: venue.rights(), sandbox=True) is None
    assert [] == on_binance.wire.asked_for("apiRestrictions")


def test_without_a_key_there_are_no_rights_to_tell(rig: Rig) -> None:
    with pytest.raises(NoKey, match="no api_key is configured"):
        rig.run(lambda venue: venue.rights(), keys=None)


def test_the_first_status_is_as_of_the_middle_of_the_whole_call(rig: Rig) -> None:
    """Whoever compares clocks takes it to be: what reads the markets first is part of the call."""
    answers = dict(rig.wire.answers)

    def slow(asked: Asked) -> Answer:
        rig.clock.advance(4)
        found = answers[asked.path.rpartition("/")[2]]
        return found if isinstance(found, Answer) else found(asked)

    rig.wire.answers |= {"AssetPairs": slow, "exchangeInfo": slow}
    began_at = rig.clock.now()
    status = rig.run(lambda venue: venue.status())
    off_s = (status.at - (began_at + rig.clock.now()) / 2) / MICROS_PER_S
    assert abs(off_s) <= 1


# The doctor


@pytest.fixture
def desk(wire: Loopback, tmp_path: Path) -> Path:
    """A desk on one account at Kraken."""
    wire.answers |= kraken.answers(lambda: int(time.time()))
    configure(tmp_path, wire)
    assert 0 == mvx(tmp_path, "init")[0]
    return tmp_path


def doctor(desk: Path) -> tuple[int, dict[str, Any]]:
    """The exit code, and each check by its name."""
    code, answer, printed = mvx(desk, "doctor")
    assert API_KEY not in printed
    assert API_SECRET not in printed
    return code, {each["name"]: each for each in answer["data"]["checks"]}


def test_the_doctor_says_of_a_live_venue_that_it_answers_and_what_its_key_may_do(desk: Path) -> None:
    code, checks = doctor(desk)
    assert 0 == code
    assert ("ok", "ok") == (checks["venue kraken"]["state"], checks["key kraken"]["state"])
    assert checks["venue kraken"]["says"].startswith("answers in ")
    assert (
        "it may read and trade; it may not withdraw; it is taken from listed addresses alone"
        == checks["key kraken"]["says"]
    )
    assert "agrees with kraken's (" in checks["clock"]["says"]


def test_a_key_that_may_withdraw_is_a_warning(wire: Loopback, desk: Path) -> None:
    info = kraken.KEY_INFO | {"permissions": [*KRAKENS, "withdraw-funds"], "ipAllowlist": []}
    wire.answers["GetApiKeyInfo"] = kraken.result(info)
    code, checks = doctor(desk)
    assert (0, "warn") == (code, checks["key kraken"]["state"])
    assert (
        "it may read and trade; it may withdraw (withdraw-funds), which mvx never does; it is taken from any"
        " address" == checks["key kraken"]["says"]
    )


def test_a_key_that_may_not_trade_fails(wire: Loopback, desk: Path) -> None:
    info = kraken.KEY_INFO | {"permissions": ["query-open-trades", "query-closed-trades", "query-ledger"]}
    wire.answers["GetApiKeyInfo"] = kraken.result(info)
    wire.answers["BalanceEx"] = kraken.error("EGeneral:Permission denied")
    code, checks = doctor(desk)
    assert (2, "fail", "ok") == (code, checks["key kraken"]["state"], checks["venue kraken"]["state"])
    assert checks["key kraken"]["says"].startswith("it lacks query-funds, modify-trades; it may not withdraw")
    assert "mend the key or its rights, then: mvx doctor" == checks["key kraken"]["next"]


def test_a_key_that_the_venue_refuses_fails_and_the_venue_does_not(wire: Loopback, desk: Path) -> None:
    wire.answers["GetApiKeyInfo"] = kraken.error("EAPI:Invalid key")
    code, checks = doctor(desk)
    assert (2, "fail", "ok") == (code, checks["key kraken"]["state"], checks["venue kraken"]["state"])
    assert "refused: EAPI:Invalid key" == checks["key kraken"]["says"]


def test_a_key_that_can_not_be_read_fails(desk: Path) -> None:
    """Its file is open to others: the reference is a check of its own, and the venue can not be used."""
    (desk / "secret").chmod(0o644)
    code, checks = doctor(desk)
    assert (2, "fail", "fail") == (code, checks["secrets"]["state"], checks["key kraken"]["state"])
    assert f"file:{desk / 'secret'} is not its owner's alone" == checks["key kraken"]["says"]


def test_a_venue_without_a_key_can_not_be_traded(desk: Path) -> None:
    config = (desk / "mvx.toml").read_text().splitlines()
    keyless = [line for line in config if not line.startswith(("api_key", "api_secret"))]
    (desk / "mvx.toml").write_text("\n".join(keyless))
    code, checks = doctor(desk)
    assert (2, "fail", "ok") == (code, checks["key kraken"]["state"], checks["venue kraken"]["state"])
    assert "no api_key is configured" == checks["key kraken"]["says"]


def test_where_the_venue_takes_no_orders_its_key_is_not_tried(wire: Loopback, desk: Path) -> None:
    status = {"status": "maintenance", "timestamp": "2026-11-22T12:00:00Z"}
    wire.answers["SystemStatus"] = kraken.result(status)
    code, checks = doctor(desk)
    assert (7, "fail", "warn") == (code, checks["venue kraken"]["state"], checks["key kraken"]["state"])
    assert "is not judged while the venue can not be used" == checks["key kraken"]["says"]
    assert [] == wire.asked_for("GetApiKeyInfo")


def test_a_clock_that_is_off_by_more_than_the_venue_allows_fails(wire: Loopback, desk: Path) -> None:
    """Measured against the tolerance of the venue's row."""
    wire.answers |= kraken.answers(lambda: int(time.time()) + 60)
    code, checks = doctor(desk)
    assert (2, "fail") == (code, checks["clock"]["state"])
    assert "kraken's clock is +" in checks["clock"]["says"]
