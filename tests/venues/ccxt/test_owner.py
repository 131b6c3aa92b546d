"""A key of another account: nothing is asked or sent with it, for what its lists lack would be believed."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.errors import BadVenueData, OutcomeUnknown, Refusal, VenueRejected, VenueUnreachable
from mvx.venues.ccxt.access import Keys
from tests.venues.ccxt import binance, kraken
from tests.venues.ccxt.loopback import Ends, Loopback, said
from tests.venues.ccxt.test_desk import Account, configure, mvx
from tests.venues.ccxt.venue import API_SECRET, Rig, plenty

OTHER_KEY = "canary-key-77aa"


def is_of(wire: Loopback, owner: Any) -> None:
    """From now on the venue says that the key is of this account."""
    wire.answers |= {
        "GetApiKeyInfo": kraken.result(kraken.KEY_INFO | {"iban": owner}),
        "account": said(binance.ACCOUNT | {"uid": owner}),
    }


def asked_whose(rig: Rig) -> int:
    return len(rig.wire.asked_for("GetApiKeyInfo") + rig.wire.asked_for("account"))


def with_key(rig: Rig, name: str, work: Any) -> Any:
    return rig.run(work, keys=lambda: Keys(name, API_SECRET))


def test_with_a_key_of_another_account_nothing_is_asked_or_sent(rig: Rig) -> None:
    rig.run(lambda venue: venue.open_orders())
    is_of(rig.wire, "77")
    rig.wire.asked.clear()

    async def work(venue: Any) -> None:
        for ask in (venue.open_orders, venue.balances, venue.rights):
            with pytest.raises(
                VenueRejected, match=f"of the account 77, .* the record of {rig.dialect.owner}"
            ):
                await ask()
        for send in (
            lambda: venue.submit(rig.request()),
            lambda: venue.cancel(rig.dialect.symbol, rig.request().cl_ord_id, None),
        ):
            with pytest.raises(VenueUnreachable, match=r"of the account 77, .*; nothing was sent"):
                await send()
        await venue.book(rig.dialect.symbol)

    with_key(rig, OTHER_KEY, work)
    assert 1 == asked_whose(rig), "it is asked once"
    private = [each for each in rig.wire.asked if "signature" in each.params or "nonce" in each.params]
    assert 1 == len(private)
    with pytest.raises(VenueRejected) as refused:
        with_key(rig, OTHER_KEY, lambda venue: venue.balances())
    assert (Refusal.FORBIDDEN, "another_account") == (refused.value.about, refused.value.reason_code)


def test_another_key_of_the_same_account_is_as_good_and_asked_once_whose_it_is(rig: Rig) -> None:
    rig.run(lambda venue: venue.open_orders())
    assert 0 == asked_whose(rig)
    for _ in range(3):
        with_key(rig, OTHER_KEY, lambda venue: venue.open_orders())
    assert 1 == asked_whose(rig)


def test_a_key_that_is_replaced_by_the_accounts_own_is_used(rig: Rig) -> None:
    """Without a new start."""
    rig.run(lambda venue: venue.open_orders())
    is_of(rig.wire, "77")
    keys = [OTHER_KEY]

    async def work(venue: Any) -> None:
        with pytest.raises(VenueRejected):
            await venue.open_orders()
        is_of(rig.wire, rig.dialect.owner)
        keys[0] = "canary-key-of-ours"
        assert () == await venue.open_orders()

    rig.run(work, keys=lambda: Keys(keys[0], API_SECRET))


def test_where_the_venue_does_not_tell_any_key_will_do(rig: Rig) -> None:
    """And it is asked again: it may tell next time."""
    rig.run(lambda venue: venue.open_orders())
    for owner in (None, ""):
        is_of(rig.wire, owner)
        assert () == with_key(rig, OTHER_KEY, lambda venue: venue.open_orders())
    is_of(rig.wire, "77")
    with pytest.raises(VenueRejected, match="of the account 77"):
        with_key(rig, OTHER_KEY, lambda venue: venue.open_orders())


@pytest.mark.parametrize("owner", ["7" * 61, "7\n8", "√", {"a": "\n"}])
def test_a_name_that_is_none_is_refused(rig: Rig, owner: object) -> None:
    is_of(rig.wire, owner)
    with pytest.raises(BadVenueData, match="the account of its key has no name"):
        with_key(rig, OTHER_KEY, lambda venue: venue.open_orders())


def test_a_key_of_which_the_venue_does_not_answer_is_not_used(rig: Rig) -> None:
    broken = said({})._replace(ends=Ends.RESET)
    rig.wire.answers |= {"GetApiKeyInfo": broken, "account": broken}
    with pytest.raises(OutcomeUnknown):
        with_key(rig, OTHER_KEY, lambda venue: venue.open_orders())
    assert not rig.wire.asked_for("OpenOrders") + rig.wire.asked_for("openOrders")


def test_what_can_not_be_noted_is_no_defect(rig: Rig) -> None:
    (rig.access.folder / f"{rig.dialect.exchange}.account").mkdir()
    with pytest.raises(VenueUnreachable, match="whose its key is can not be noted: Is a directory"):
        rig.run(lambda venue: venue.open_orders())


def known(positions: dict[str, Any]) -> list[tuple[str, ...]]:
    """Without the ages."""
    return [tuple(row[key] for key in ("asset", "confirmed", "lo", "hi")) for row in positions["positions"]]


@pytest.mark.long
def test_a_desk_with_a_key_of_another_account_concludes_nothing(wire: Loopback, tmp_path: Path) -> None:
    """As where a cron job has another environment than a shell. An order whose outcome is not known stays so,
    holdings stay, and the doctor says which key it is."""
    configure(tmp_path, wire)
    account = Account(wire)
    assert 0 == mvx(tmp_path, "init")[0]
    with plenty(tmp_path):
        assert 0 == mvx(tmp_path, "route", "BTC-USD", "0.25", "--yes")[0]
        wire.answers["AddOrder"] = kraken.result({})._replace(ends=Ends.RESET)
        assert 5 == mvx(tmp_path, "route", "BTC-USD", "0.1", "--yes")[0]
        before = mvx(tmp_path, "positions")[1]["data"]
        is_of(wire, "AA77")
        account.held["XXBT"] = Decimal(0)
        code, answer, printed = mvx(tmp_path, "reconcile", KRAKEN_KEY=OTHER_KEY)
    assert (5, []) == (code, answer["breaks"]), printed
    assert "its key is of the account AA77, and this journal is the record of AA88 N84G WOAK NMOI" in printed
    assert OTHER_KEY not in printed
    assert known(before) == known(mvx(tmp_path, "positions")[1]["data"])
    orders = mvx(tmp_path, "orders")[1]["data"]["orders"]
    assert [True, False] == [each["unknown"] for each in orders]
    code, answer, printed = mvx(tmp_path, "doctor", KRAKEN_KEY=OTHER_KEY)
    (key,) = [each for each in answer["data"]["checks"] if each["name"] == "key kraken"]
    assert (2, "fail") == (code, key["state"])
    assert "its key is of the account AA77" in key["says"]
