"""Where the configuration is, and the light view of it that read-only commands need.

Rule: this module reads only the keys it returns, so that `mvx positions` starts without pydantic; it
raises ConfigError for a malformed key that it needs. `model` judges the whole file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mvx.config.desk import DeskSettings
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instrument import Instrument
from mvx.errors import ConfigError

FILE_NAME = "mvx.toml"
JOURNAL_NAME = "mvx.db"
PAPER = "paper"
DEFAULT_MAX_AGE_S = 30.0
LONGEST_S = 86_400.0
#: So much of a wrong value is shown.
MAX_FOUND_CHARS = 200
#: A desk of a hundred venues needs a tenth of this.
MAX_BYTES = 1_000_000
#: How long after a terminal state a fill may still appear, where the config does not say.
PAPER_LATENESS_S = 2.0
LIVE_LATENESS_S = 60.0

_NOTICE = "no venues configured: running on the five built-in paper venues"


class Source(NamedTuple):
    """The configuration as it was found. `written` is what the file itself says; in `raw` the built-in
    venues stand in where it has none. Relative paths of the file resolve against `folder`."""

    path: Path | None
    folder: Path
    written: Mapping[str, Any]
    raw: Mapping[str, Any]
    notice: str | None

    @property
    def name(self) -> str:
        return str(self.path) if self.path else "built-in"

    @property
    def mode(self) -> str:
        """`live` unless every venue is plainly a simulated one."""
        venues = self.raw["venues"]
        tables = venues.values() if isinstance(venues, dict) else [venues]
        paper = all(isinstance(table, dict) and table.get("adapter") == PAPER for table in tables)
        return "paper" if paper else "live"


def find_file(flag: str | None, variables: Mapping[str, str], cwd: Path) -> Path | None:
    """The config file in force, or None. Raises ConfigError where a named one does not exist."""
    named = flag or variables.get("MVX_CONFIG")
    if named:
        path = as_path(cwd, named)
        if not _is_there(path):
            from shlex import quote

            origin = "--config" if flag else "MVX_CONFIG"
            raise ConfigError(
                f"there is no config file {path} ({origin})",
                known="nothing was sent",
                next_step=f"mvx --config {quote(named)} init",
            )
        return path
    local = cwd / FILE_NAME
    if _is_there(local):
        return local
    folder = _user_folder("config")
    return folder / FILE_NAME if folder is not None and _is_there(folder / FILE_NAME) else None


def find(flag: str | None, variables: Mapping[str, str], cwd: Path) -> Source:
    """The configuration in force, as it is on disk now. Raises ConfigError."""
    return load(find_file(flag, variables, cwd), cwd)


def load(path: Path | None, cwd: Path) -> Source:
    """Reads the file, or stands in for it. Raises ConfigError where it can not be read as TOML."""
    written = _read_toml(path) if path else {}
    folder = path.parent if path else cwd
    if written.get("venues", {}) != {}:
        return Source(path, folder, written, written, None)
    return Source(path, folder, written, _with_built_in_venues(written), _NOTICE)


def refuse_another(begun: Source, found: Source) -> None:
    """For whoever reads its configuration again: a file that is away for a moment, or written anew, would
    have another one stand in, whose limits are others or none. Raises ConfigError."""
    why = ""
    if found.path != begun.path:
        why = f"{begun.path or 'no file'} was begun with, and {found.path or 'no file'} is found now"
    elif found.notice and not begun.notice:
        why = f"{found.name} names no venue any more"
    elif found.mode != begun.mode:
        why = f"{found.name} is of a {found.mode} desk now, and this one is a {begun.mode} desk"
    if why:
        raise ConfigError(why, known="nothing was changed", next_step="mvx config check")


def journal_path(source: Source, flag: str | None, variables: Mapping[str, str], cwd: Path) -> Path:
    """--journal, else MVX_JOURNAL, else [journal].path, else beside the file, else the user's data. Its own
    name, where a link was named: what processes share about it lies beside it."""
    return Path(os.path.realpath(_journal_named(source, flag, variables, cwd)))


def _journal_named(source: Source, flag: str | None, variables: Mapping[str, str], cwd: Path) -> Path:
    named = flag or variables.get("MVX_JOURNAL")
    if named:
        return as_path(cwd, named)
    journal = _table(source.raw, "journal", "")
    if "path" in journal:
        return as_path(source.folder, _text(journal, "path", "journal"))
    folder = source.folder if source.path else _user_folder("data")
    if folder is None:
        raise ConfigError(
            "there is no home folder for the journal",
            known="nothing was sent",
            next_step="name it: --journal PATH",
        )
    return folder / JOURNAL_NAME


def as_path(folder: Path, typed: str) -> Path:
    """A path as it was typed, from that folder. Raises ConfigError for what can be none."""
    try:
        path = folder / Path(typed).expanduser()
    except RuntimeError as error:
        raise _unreadable(Path(typed), "there is no such home folder", "give the whole path") from error
    if "\0" in typed:
        raise _unreadable(path, "no path holds the character NUL", "give another path")
    return path


def _is_there(path: Path) -> bool:
    """Raises ConfigError where one may not even look."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error), "name the config with --config") from error
    return True


def desk_settings(source: Source, journal: Path) -> DeskSettings:
    """The light view. Raises ConfigError for a malformed key that it needs."""
    raw = source.raw
    venues = _tables(raw, "venues")
    symbols = {Venue(name): _symbols(name, venue) for name, venue in venues.items()}
    return DeskSettings(
        source=source.name,
        journal=journal,
        mode=source.mode,
        currency=Asset(_text(_table(raw, "desk", ""), "currency", "desk", "USD")),
        instruments={
            name: Instrument(
                name,
                Asset(_text(table, "base", f"instruments.{name}")),
                Asset(_text(table, "quote", f"instruments.{name}")),
            )
            for name, table in _tables(raw, "instruments").items()
        },
        symbols=symbols,
        assets={venue: _assets_of(names.values()) for venue, names in symbols.items()},
        quote_as={
            Asset(name): Asset(_text(table, "as", f"quotes.{name}"))
            for name, table in _tables(raw, "quotes").items()
        },
        max_age_s=_seconds(_table(raw, "reconcile", ""), "max_age_s", "reconcile", DEFAULT_MAX_AGE_S),
        lateness_s={Venue(name): _lateness_s(name, venue) for name, venue in venues.items()},
    )


def _read_toml(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise ValueError(f"it is longer than {MAX_BYTES} bytes")
        return tomllib.loads(body.decode())
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except RecursionError as error:
        raise _unreadable(path, "it is nested too deeply") from error
    except ValueError as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(
    path: Path, why: str, next_step: str = "correct the file, then: mvx config check"
) -> ConfigError:
    return ConfigError(f"{path}: {why}", known="nothing was sent", next_step=next_step)


def _with_built_in_venues(written: Mapping[str, Any]) -> dict[str, Any]:
    from mvx.config.builtin import BUILT_IN

    raw = {**BUILT_IN, **written, "venues": BUILT_IN["venues"]}
    for section in ("instruments", "quotes"):
        own = written.get(section, {})
        raw[section] = {**BUILT_IN[section], **own} if isinstance(own, dict) else own
    return raw


def _user_folder(kind: str) -> Path | None:
    """None for a user without a home, such as a container's."""
    import platformdirs

    dirs = platformdirs.PlatformDirs("mvx", appauthor=False)
    folder = Path(dirs.user_config_dir if kind == "config" else dirs.user_data_dir)
    return folder if folder.is_absolute() else None


def _symbols(name: str, venue: Mapping[str, Any]) -> dict[str, Symbol]:
    table = _table(venue, "symbols", f"venues.{name}")
    return {key: Symbol(_text(table, key, f"venues.{name}.symbols")) for key in table}


def _assets_of(symbols: Iterable[Symbol]) -> tuple[Asset, ...]:
    pairs = (symbol.partition(":")[0].split("/") for symbol in symbols)
    return tuple(dict.fromkeys(Asset(asset) for pair in pairs for asset in pair))


def _lateness_s(name: str, venue: Mapping[str, Any]) -> float:
    adapter = _text(venue, "adapter", f"venues.{name}")
    default = PAPER_LATENESS_S if adapter == PAPER else LIVE_LATENESS_S
    return _seconds(venue, "lateness_s", f"venues.{name}", default)


def _tables(raw: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    table = _table(raw, key, "")
    return {name: _table(table, name, key) for name in table}


def _table(parent: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    found = parent.get(key, {})
    if not isinstance(found, dict):
        raise _malformed(where, key, found, "a table")
    return found


def _text(parent: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    found = parent.get(key, default)
    if not isinstance(found, str) or not found:
        raise _malformed(where, key, found, "a text in quotes")
    return found


def _seconds(parent: Mapping[str, Any], key: str, where: str, default: float) -> float:
    found = parent.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found <= LONGEST_S:
        raise _malformed(where, key, found, f"a number of seconds above 0, at most {LONGEST_S:.0f},")
    return float(found)


def _malformed(where: str, key: str, found: object, allowed: str) -> ConfigError:
    name = f"{where}.{key}" if where else key
    what = (
        f"{name}: missing; {allowed} is required"
        if found is None
        else f"{name}: found {found!r}"[:MAX_FOUND_CHARS] + f", {allowed} is allowed"
    )
    return ConfigError(what, known="nothing was sent", next_step="mvx config check")
