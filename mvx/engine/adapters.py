"""From the configuration to venues: which adapter each one has. Whatever is only needed by live venues is
imported when there is one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mvx.clock import Clock
from mvx.config.secrets import read_secret
from mvx.config.settings import LiveSettings, Settings, VenueSettings
from mvx.venues.capabilities import ROWS
from mvx.venues.port import VenuePort

if TYPE_CHECKING:
    from mvx.venues.ccxt.access import Access, Keys


def shared_folder(journal: Path) -> Path:
    """What processes share about live venues, beside the journal."""
    return journal.with_name(journal.name + ".venues")


def live_venue(settings: Settings, venue: VenueSettings, clock: Clock) -> VenuePort:
    """A live venue, which is opened when it is first asked, and whose secrets are read then."""
    from mvx.venues.ccxt.venue import CcxtVenue

    return CcxtVenue(access_to(venue, shared_folder(settings.desk.journal), os.environ), clock)


def access_to(venue: VenueSettings, folder: Path, environ: Mapping[str, str]) -> Access:
    """How it is reached."""
    from mvx.venues.ccxt.access import Access

    live = venue.live
    assert live is not None
    return Access(
        name=venue.name,
        exchange=live.exchange,
        symbols=tuple(dict.fromkeys(venue.symbols.values())),
        folder=folder,
        keys=None if live.api_key is None else partial(_keys, live, environ),
        keys_take_long=any(name and name.startswith(("command:", "keyring:")) for name in _references(live)),
        timeout_s=venue.timeout_s,
        lateness_s=venue.lateness_s,
        accept_lateness_s=venue.accept_lateness_s,
        listing_lag_s=venue.listing_lag_s,
        taker_bps=venue.taker_bps,
        api_url=live.api_url,
        ws_url=live.ws_url,
        sandbox=live.sandbox,
        budgets={} if live.rate_tier is None else {"private": ROWS[live.exchange].tiers[live.rate_tier]},
    )


def _references(live: LiveSettings) -> tuple[str | None, ...]:
    return live.api_key, live.api_secret, live.api_password


def _keys(live: LiveSettings, environ: Mapping[str, str]) -> Keys:
    from mvx.venues.ccxt.access import Keys

    assert live.api_key is not None  # keys_come_with_their_secrets
    assert live.api_secret is not None
    return Keys(
        api_key=read_secret(live.api_key, environ),
        api_secret=read_secret(live.api_secret, environ),
        api_password=read_secret(live.api_password, environ) if live.api_password else "",
    )
