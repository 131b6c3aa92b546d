"""Seeds that found something: what was wrong, in one sentence. Each is run with every change.

A seed tells its old story only as long as the simulation draws as it did; the mistakes themselves stay in
planted.py, where they are hunted with every seed.
"""

from __future__ import annotations

from collections.abc import Mapping

NAMED: Mapping[int, str] = {
    215: "a duplicate-id code was taken for a refusal, and the order that had the id was our own",
    55: "two flattens of one venue took the lease from one another, and the loser's job was never answered",
    90: "an order that was accepted after the last cancel rested on, and reconcile alone does not cancel it",
    182: "an id was answered while somebody took its run up again, and the answer was a defect",
    1073: "a venue's clock was put ahead in a late acceptance, and the order was taken for another's",
    1080: "a flatten took the desk's position beyond its limit, which it may: it reduces at its own venue",
    169: "a flatten of a venue that had not told its fee was a defect: its key was revoked by then",
    335: "a gateway sent an order to Kraken twice, and the used nonce was taken for a refusal of it",
    2338: "what a venue took back after the last reading of it was held against the journal",
    1828: "what happened after a balance had differed was taken for a part of that, once a stale one agreed",
    1849: "a reading that a later one had overtaken proved nothing and exited 0",
    3603: "first contact counted a trade in balances that were as of when they were asked for, and booked it",
    4227: "of two equal deposits the one that first contact had counted was taken for the one that moved",
    1274: "a balance that was stale by seconds told that first contact had counted a deposit, and it had not",
    4447: "a stale balance lacked as much as a trade that was not listed yet and a gift, and was adjusted",
    11168: "a withdrawal that first contact had counted was taken for an equal one that was not listed yet",
    12682: "a flatten that reads slowly sent its last order late in good weather, and had too little time",
    18050: "a withdrawal and a gift moved a balance, and the withdrawal was taken for counted",
    25037: "an overfill was listed before what its order had filled in time, and taken for a part of that",
    26757: "a request that broke on its way was let in where the key was refused, and its repetition was not",
    280: "a trade that Kraken took back moved the baseline along, and the position kept it",
    1947: "a withdrawal that came back waited beside an order, whose end was seen too late to tell of it",
    90820: "a stale balance agreed with one that had counted an unlisted withdrawal, which was booked again",
    101278: "a withdrawal in the second of first contact, told in whole seconds, was taken for counted by it",
    917: "a withdrawal waited for its balance, behind an order, until readings reached back to it no more",
    86320: "a trade in the millisecond of first contact, which counted it, was held to be later than that",
    92607: "Kraken corrected a trade of an open order: its trades filled it here, and it settled while open",
    148930851: "a trade tore the reading that a balance differed in, and a stale answer said the same again",
}
