"""The topics of `mvx help`: a text of at most 79 columns, and the words that belong to it.

Rule: no meaning is written here that has its place elsewhere: words, codes and states come from the engine's
dictionary, and what the man page says of variables and files comes from here.
"""

from __future__ import annotations

from textwrap import indent
from typing import NamedTuple

from mvx.engine.words import (
    BREAK,
    ERROR,
    EXIT,
    HEALTH,
    ORDER,
    PARENT,
    POSITION,
    TERM,
    TRADING,
    Meaning,
    meanings,
)
from mvx.errors import PRECEDENCE

ENVIRONMENT = {
    "MVX_CONFIG": "The config file, where `--config` is not given.",
    "MVX_JOURNAL": "The journal, where `--journal` is not given.",
    "NO_COLOR": "If set and not empty: no colour, and no table that is drawn again in its place.",
    "FORCE_COLOR": "If set and not empty: colour in a pipe too. NO_COLOR goes before it.",
    "TERM": "If it is `dumb`: as with NO_COLOR.",
    "COLUMNS": "How wide tables may be, whatever the terminal says.",
    "NOTIFY_SOCKET": "Where `mvx run` tells a service manager that it is ready, alive or stopping.",
    "XDG_CONFIG_HOME": "The folder of the user's own config, else `~/.config`.",
    "XDG_DATA_HOME": "The folder of a journal that nothing else names, else `~/.local/share`.",
    "XDG_STATE_HOME": "The folder of the log, else `~/.local/state`.",
}

FILES = {
    "./mvx.toml": "The config, where neither `--config` nor MVX_CONFIG names one.",
    "~/.config/mvx/mvx.toml": "The config, where that is missing too.",
    "mvx.db": "The journal, beside the config, else `~/.local/share/mvx/mvx.db`. Its owner's alone.",
    "mvx.db.paper": "What the simulated venues know, beside the journal.",
    "~/.local/state/mvx/log/mvx.log": "Tracebacks of defects.",
}


class HelpResult(NamedTuple):
    """`words` are those that the topic lists."""

    topic: str
    text: str
    words: tuple[Meaning, ...]


class Topic(NamedTuple):
    """`about`: the kinds of words of the dictionary that belong to it; `facts` belong to no other."""

    summary: str
    text: str
    about: tuple[str, ...] = ()
    facts: tuple[tuple[str, dict[str, str]], ...] = ()


#: A config that is right as it stands: a test reads it as mvx would.
CONFIG_EXAMPLE = """\
[instruments."BTC-USD"]
base = "BTC"
quote = "USD"

[venues.kraken]
adapter = "paper"
symbols = { "BTC-USD" = "BTC/USD" }
balances = { BTC = "10", USD = "500000" }
taker_bps = "26"

[risk]
max_position = { "BTC-USD" = "10" }
max_order_notional = "500000"
"""

_EXIT_CODES = f"""\
Every command ends in one of these codes. Where several apply, the first of
{", ".join(str(int(code)) for code in PRECEDENCE)} wins; 2 and 4 only where nothing was sent.

    mvx route BTC-USD 0.5 --yes || echo "exit $?"
    mvx explain 5"""

_ERROR_CODES = """\
With --json a command that fails says so in `error`, with a code of this list
that does not change. The message beside it is for people, and may.

    mvx positions --json | jq -r .error.code
    mvx explain lease_lost"""

_BREAK_KINDS = """\
A break is a difference between the journal and a venue's own record. It is
said once, on stderr and in `breaks` of --json, and kept until it is seen.

    mvx breaks --open
    mvx breaks ack 42
    mvx explain late_fill"""

_STATES = """\
What orders, venues, positions and parents are said to be. A settled order
holds nothing any more; an unknown one holds its worst case until its venue's
own record tells.

    mvx explain PENDING_CANCEL
    mvx orders --open"""

_WORDS = """\
The words that mvx speaks in. Orders and fills have the names of FIX.

    mvx explain worst-case"""

_ENVIRONMENT_TEXT = """\
What mvx reads from its surroundings. An option beats a variable, and a
variable beats a file.

    MVX_CONFIG=desk.toml mvx positions
    NO_COLOR=1 mvx venue-status"""

_CONFIG = f"""\
A config is one TOML file. mvx takes the first of: --config FILE, MVX_CONFIG,
./mvx.toml, the user's own. Without one, or without [venues] in it, it trades
on its five built-in paper venues. Paths in it are relative to it. All errors
of a config are reported at once; an unknown key is an error. Secrets are
references (env:NAME, file:PATH, keyring:SERVICE/NAME) and never values.

    mvx init
    mvx config check
    mvx config show

For example:

{indent(CONFIG_EXAMPLE, "    ").rstrip()}"""

_TIME = """\
Every time is UTC. With --json it is RFC 3339 with a Z; tables drop the year,
and say `(UTC)`. Ages are since the moment of asking: 4s, 12m, 3h, 2d, or
`never`; with --json they are numbers of seconds that end in _s.

A time is typed as such, with its zone, or as so long ago. A duration has a
unit: s, m, h or d.

    mvx fills --since 2026-09-18T14:00:00Z
    mvx orders --since 90m
    mvx route BTC-USD 2 --twap 30m

An order's deadline is one instant that is never extended: what was not sent
by then is not sent at all."""

_NUMBERS = """\
Quantities and prices are exact decimals, in plain notation, of at most 40
digits: no exponent, no NaN, no sign where none belongs. With --json they are
strings, and null where unknown or not bounded. Nothing is rounded that is
held or sent.

    mvx route BTC-USD 0.5 --limit 64000.5
    mvx route BTC-USD 5e-1          exit 2"""

_JSON = """\
With --json stdout is one object on one line, also where the command fails:
schema, command, mode, exit_code, sent, uncertain, data, breaks, warnings,
error. `sent` says whether anything left; `uncertain` whether an outcome is
not known. Everything else goes to stderr.

    mvx positions --json | jq .data.totals
    mvx venue-status --watch --json       one such line a tick"""

TOPICS: dict[str, Topic] = {
    "exit-codes": Topic("What a command ends in, for scripts and cron.", _EXIT_CODES, (EXIT,)),
    "error-codes": Topic("The codes of error.code in --json.", _ERROR_CODES, (ERROR,)),
    "break-kinds": Topic("Differences with the venues' own records.", _BREAK_KINDS, (BREAK,)),
    "states": Topic(
        "Of orders, venues, positions and parents.", _STATES, (ORDER, HEALTH, TRADING, POSITION, PARENT)
    ),
    "words": Topic("Settled, unknown, worst case, and the others.", _WORDS, (TERM,)),
    "environment": Topic("Variables.", _ENVIRONMENT_TEXT, facts=(("variable", ENVIRONMENT),)),
    "config": Topic("Where the config is, and what is in it.", _CONFIG, facts=(("file", FILES),)),
    "time": Topic("Times, ages, durations and deadlines.", _TIME),
    "numbers": Topic("Quantities and prices.", _NUMBERS),
    "json": Topic("The object that --json prints.", _JSON),
}


def topic_of(name: str | None) -> HelpResult:
    """A topic, or the list of them."""
    if name is None:
        listed = tuple(Meaning("topic", each, topic.summary) for each, topic in TOPICS.items())
        return HelpResult("", "Topics, as in `mvx help words`:", listed)
    topic = TOPICS[name]
    facts = (Meaning(kind, word, text) for kind, table in topic.facts for word, text in table.items())
    found = (each for each in meanings() if each.about in topic.about)
    return HelpResult(name, topic.text, (*found, *facts))
