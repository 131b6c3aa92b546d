"""Every verb as data: where its function is, one line of help, and its examples.

`mvx --help` is drawn from this table alone; a verb's module is imported when the verb is invoked.
"""

from __future__ import annotations

from typing import NamedTuple


class Verb(NamedTuple):
    """`target` is `module:function` below mvx.cli. `signed`: -1 is a number there, not an option."""

    target: str
    summary: str
    examples: tuple[str, ...]
    signed: bool = False


#: The name, in a family, of what its own name alone does.
ITSELF = ""


class Family(NamedTuple):
    """A verb with verbs of its own, and perhaps one for itself: `mvx breaks` and `mvx breaks ack`."""

    summary: str
    verbs: dict[str, Verb]


VERBS: dict[str, Verb | Family] = {
    "route": Verb(
        "route:route",
        "Buy or sell over the best venues, fees included.",
        (
            "mvx route BTC-USD 0.5 --dry-run",
            "mvx route BTC-USD 0.5 --sell --limit 64000",
            "mvx route BTC-USD 2 --max-slippage-bps 10 --exclude okx --id rebalance-7",
        ),
    ),
    "positions": Verb(
        "positions:positions",
        "What is held, as an interval where it is not confirmed.",
        ("mvx positions", "mvx positions BTC --venue kraken", "mvx positions --fresh --json"),
    ),
    "reconcile": Verb(
        "reconcile:reconcile",
        "Compare the journal with the venues' own records and correct it.",
        (
            "mvx reconcile",
            "mvx reconcile --venue kraken --report-only",
            "mvx reconcile --watch --interval 5 --json",
            "mvx reconcile --order m0123456789abcdefg --accept never",
        ),
    ),
    "venue-status": Verb(
        "venue_status:venue_status",
        "How every venue is: asked now, at once and not for long.",
        ("mvx venue-status", "mvx venue-status --watch --interval 5 --json", "mvx venue-status --cached"),
    ),
    "cancel": Verb(
        "cancel:cancel",
        "Cancel an order, the orders of a parent, or all of ours.",
        ("mvx cancel m0123456789abcdefg", "mvx cancel --all --venue kraken"),
    ),
    "halt": Verb(
        "trading:halt",
        "Take no new risk, at these venues or anywhere; cancels nothing.",
        (
            "mvx halt --reason incident-7",
            "mvx halt --venue kraken --reason maintenance",
            "mvx halt --venue kraken --reducing",
        ),
    ),
    "resume": Verb(
        "trading:resume",
        "Lift a halt of these venues, or of the whole system.",
        ("mvx resume", "mvx resume --venue kraken"),
    ),
    "flatten": Verb(
        "flatten:flatten",
        "Leave a venue: cordon, cancel, close its positions, verify.",
        (
            "mvx flatten --venue kraken --dry-run",
            "mvx flatten --venue kraken",
            "mvx flatten --all --to-zero --yes",
        ),
    ),
    "run": Verb(
        "run:run",
        "Lead: work what is queued, reconcile each venue, keep its health.",
        ("mvx run", "mvx --config desk.toml run --json"),
    ),
    "orders": Verb(
        "orders:orders",
        "Child orders as the journal knows them.",
        ("mvx orders --open", "mvx orders --since 1h --venue okx --json"),
    ),
    "fills": Verb(
        "fills:fills",
        "Fills as the journal knows them.",
        ("mvx fills --since 1d", "mvx fills --venue kraken --limit 20 --json"),
    ),
    "breaks": Family(
        "Differences that reconciliation found; ack marks one as seen.",
        {
            ITSELF: Verb(
                "breaks:breaks",
                "Differences that reconciliation found, the newest first; `ack ID` marks one as seen.",
                ("mvx breaks --open", "mvx breaks --since 1d --venue kraken --json", "mvx breaks ack 42"),
            ),
            "ack": Verb(
                "breaks:ack", "Mark a break as seen: it is not open any more.", ("mvx breaks ack 42",)
            ),
        },
    ),
    "baseline": Family(
        "Show and set what of a holding is inventory and no position.",
        {
            "show": Verb(
                "baseline:show",
                "Baseline, holding and position of each venue and asset.",
                ("mvx baseline show", "mvx baseline show --venue kraken --json"),
            ),
            "set": Verb(
                "baseline:put",
                "Say how much of a holding is inventory: the position is the rest.",
                ("mvx baseline set kraken BTC 5", "mvx baseline set kraken BTC 0"),
                signed=True,
            ),
        },
    ),
    "explain": Verb(
        "explain:explain",
        "What a code, a state or a break means; what became of an order.",
        ("mvx explain 5", "mvx explain late_fill", "mvx explain m0123456789abcdefg"),
    ),
    "help": Verb(
        "help:help_",
        "Help on a verb, or on a topic: exit-codes, words, config, time...",
        ("mvx help exit-codes", "mvx help words", "mvx help route", "mvx help journal verify"),
    ),
    "init": Verb(
        "init:init",
        "Write a config where there is none and create the journal.",
        ("mvx init --paper", "mvx --config desk.toml init --paper"),
    ),
    "doctor": Verb(
        "doctor:doctor",
        "Look at clock, disk, files, journal and venues, and say what to mend.",
        ("mvx doctor", "mvx --config desk.toml doctor --json"),
    ),
    "config": Family(
        "Check and show the configuration.",
        {
            "check": Verb("config:check", "Report every error of the config at once.", ("mvx config check",)),
            "show": Verb("config:show", "Every value in force and its origin.", ("mvx config show --json",)),
            "path": Verb("config:path", "Which config and journal are in force.", ("mvx config path",)),
        },
    ),
    "journal": Family(
        "Inspect the journal, and back it up.",
        {
            "info": Verb("journal:info", "What the journal holds and how it is.", ("mvx journal info",)),
            "verify": Verb(
                "journal:verify",
                "Fold the log again and compare it with the stored state.",
                ("mvx journal verify --json",),
            ),
            "backup": Verb(
                "journal:backup",
                "Copy the journal while it is in use; put back, such a copy is noticed.",
                ("mvx journal backup backup.db", "mvx journal backup /mnt/backups/mvx.db --json"),
            ),
        },
    ),
    "paper": Family(
        "Look at and disturb the simulated venues.",
        {
            "ledger": Verb("paper:ledger", "A paper venue's own truth.", ("mvx paper ledger kraken --json",)),
            "fault": Verb(
                "paper:fault",
                "Make a paper venue misbehave.",
                (
                    "mvx paper fault kraken lost-ack",
                    "mvx paper fault okx outage --for 30",
                    "mvx paper fault bybit late-trade --count 3 --delay 0.5",
                ),
            ),
            "heal": Verb("paper:heal", "Take faults back.", ("mvx paper heal", "mvx paper heal kraken")),
            "trade": Verb(
                "paper:trade",
                "A manual trade, or with --limit an order, that mvx did not make.",
                (
                    "mvx paper trade kraken buy 0.1 BTC/USD",
                    "mvx paper trade kraken sell 0.1 BTC/USD --limit 99000",
                ),
            ),
            "cancel": Verb(
                "paper:cancel",
                "Cancel any open order of the account by hand, ours or not.",
                ("mvx paper cancel kraken 1795348800000000-7",),
            ),
            "transfer": Verb(
                "paper:transfer",
                "Move an asset in, or out where the amount is negative.",
                (
                    "mvx paper transfer kraken BTC 1.5",
                    "mvx paper transfer kraken BTC -1.5",
                    "mvx paper transfer kraken USD 5000 --delay 30",
                ),
                signed=True,
            ),
            "serve": Verb(
                "paper:serve",
                "Speak Kraken's and Binance's REST dialects, for whatever takes an api_url.",
                ("mvx paper serve", "mvx paper serve --port-base 9000"),
            ),
            "reset": Verb(
                "paper:reset",
                "Forget the simulated venues' state.",
                ("mvx paper reset", "mvx paper reset --books books.jsonl"),
            ),
        },
    ),
}
