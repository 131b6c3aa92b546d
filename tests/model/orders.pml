/*
 * The life of an order in mvx, as DESIGN 2, 5 and 8 tell it: intent, sending, revoke, deadline, stall, crash,
 * resolve, settle. Workers send, reconcilers read the venue and correct the journal, an operator halts; they
 * share one journal of atomic transactions. The venue loses, delays and answers as it likes, and its lists lag.
 *
 * The inlines bear the names of the functions that they stand for: in mvx/domain/order_life.py (what happens
 * to one order) and in mvx/reconciliation/ (what a reading of the venue proves). All orders are buys.
 *
 * Time is counted in whole ticks, for each order from the instants that matter, and no further than anything
 * depends on it. Between two of its steps a process may stand still for any number of ticks: a stall needs no
 * step of its own. docs/model.md says what is left out; runs.py holds the shapes and the planted mistakes.
 */

/* The shape. */
#ifndef ORDERS
#define ORDERS 2     /* intents that there can be */
#define WORKERS 2    /* processes that send, all for one parent order */
#define READERS 1    /* processes that reconcile */
#define PARENT_QTY 1 /* what the parent order asks for */
#define LIMIT 9      /* of the position */
#define RESTS 0      /* whether an order can rest at the venue, or is done once it is accepted */
#define HALTS 0      /* whether an operator may halt */
#endif

/* What a venue declares. It uses each bound up to its last instant, so a rule that forgets one is wrong. */
#define DEADLINE 1        /* of every intent, after it was committed */
#define ACCEPT_LATENESS 1 /* clock skew included */
#define LISTING_LAG 1
#define LATENESS 1
#define LAST_ACCEPT (DEADLINE + ACCEPT_LATENESS)
#define NEVER_ACCEPTED_BOUND (LAST_ACCEPT + LISTING_LAG)

/* The invariants of DESIGN 9 that are proved here; all of them, unless ONLY names one. */
mtype:invariant = { ALL, I1, I2, I4, I6, I8, I9, I12, I13, I14 };
#ifndef ONLY
#define ONLY ALL
#endif
mtype:invariant broken = ALL; /* this one, if not ALL */
#define PROVE(invariant, holds)                                                                                 \
    if                                                                                                          \
    :: (ONLY == ALL || ONLY == invariant) && !(holds) -> broken = invariant; assert(broken == ALL)              \
    :: else                                                                                                     \
    fi

/* The journal: whoever crashes, it stays. REVOKED, REJECTED and NEVER (accepted) are one status in the code,
 * with these reasons; SENDING and UNKNOWN are both unresolved, and differ only in whether anyone said so. */
mtype:word = { NONE, INTENT, REVOKED, SENDING, UNKNOWN, REJECTED, NEVER, ACKED, CLOSED };
typedef Row {
    mtype:word word = NONE;
    byte qty;
    byte claimed;   /* filled by the venue's record of the order */
    byte booked;    /* filled by its listed trades */
    bool freed;     /* nothing is reserved for it any more */
    byte age;       /* ticks since it was committed */
    byte ended_for; /* ticks since we heard that it is terminal */
    byte missed;    /* 0, or 1 + the ticks since a reading missed it that came late enough to prove something */
};
Row journal[ORDERS];
byte used;          /* intents committed so far */
bool halted;

/* Between a worker and the venue. An answer that nobody waits for is lost. */
mtype:answer = { UNASKED, PENDING, ACCEPTED, REFUSED, DUPLICATE };
typedef Wire {
    byte requests;  /* under way */
    mtype:answer answer = UNASKED;
    byte signed_at; /* by the order's age: the deadline stands in the intent, so it is always 0 */
};
Wire wire[ORDERS];

/* The venue's truth. */
mtype:there = { NOT_THERE, OPEN, DONE };
typedef Truth {
    mtype:there there = NOT_THERE;
    byte traded;
    byte late;      /* of these, after it was done */
    byte listed;    /* of these, in the list of trades */
    byte so_for;    /* ticks since it is what it is: its lists show it after LISTING_LAG, or earlier */
    byte done_for;  /* ticks since it was done: nothing fills and all is listed after LATENESS */
};
Truth venue[ORDERS];

#define UNRESOLVED(c) (journal[c].word == SENDING || journal[c].word == UNKNOWN)
#define COMPLETE(c) (journal[c].word == CLOSED && journal[c].claimed == journal[c].booked)
#define IN_TIME(c) (journal[c].age <= LAST_ACCEPT + wire[c].signed_at)
#define LISTED(c, state) (venue[c].there == state && venue[c].so_for >= LISTING_LAG)

/* What may still fill: all of it until it is settled (DESIGN 2.8); for the parent's residual, until it is
 * complete (2.7). */
#define WORST(c) (journal[c].freed -> 0 : journal[c].qty - journal[c].booked)
#define RESIDUAL_WORST(c) (COMPLETE(c) -> 0 : WORST(c))

/* Scratch inside one atomic step. */
hidden byte k;
hidden short position, open_buys, lo, hi, parents_fills, leaves, room;

/* What must hold in every state: run at the end of every step that changes one. */
inline look() {
    d_step {
        position = 0; open_buys = 0; lo = 0; hi = 0; parents_fills = 0;
        for (k : 0 .. ORDERS - 1) {
            position = position + venue[k].traded;
            open_buys = open_buys + (venue[k].there == OPEN -> journal[k].qty - venue[k].traded : 0);
            lo = lo + journal[k].booked;
            hi = hi + journal[k].booked + WORST(k);
            parents_fills = parents_fills + venue[k].traded - venue[k].late;
            PROVE(I4, journal[k].booked <= venue[k].traded);
            PROVE(I6, (venue[k].there == NOT_THERE && wire[k].requests == 0)
                      || (journal[k].word != NONE && journal[k].word != INTENT && journal[k].word != REVOKED));
            PROVE(I8, venue[k].there == NOT_THERE
                      || (journal[k].word != REVOKED && journal[k].word != REJECTED && journal[k].word != NEVER));
            PROVE(I9, !journal[k].freed
                      || (venue[k].there == NOT_THERE && !(wire[k].requests > 0 && IN_TIME(k)))
                      || (venue[k].there == DONE && venue[k].done_for >= LATENESS
                          && journal[k].booked == venue[k].traded));
            if /* nothing depends on these any more */
            :: journal[k].word != INTENT && !UNRESOLVED(k) ->
                journal[k].missed = 0;
                journal[k].age = (wire[k].requests == 0 -> NEVER_ACCEPTED_BOUND : journal[k].age)
            :: else
            fi
        }
        PROVE(I2, position + open_buys <= LIMIT);
        PROVE(I13, lo <= position && position <= hi);
        PROVE(I14, parents_fills <= PARENT_QTY)
    }
}

/* mvx/domain/order_life.py */
inline acked(c) {
    if
    :: UNRESOLVED(c) -> journal[c].word = ACKED
    :: else
    fi
}

inline rejected(c, reason) {
    if
    :: journal[c].word == INTENT || UNRESOLVED(c) -> journal[c].word = reason; journal[c].freed = true
    :: else
    fi
}

inline outcome_lost(c) {
    if
    :: journal[c].word == SENDING -> journal[c].word = UNKNOWN
    :: else
    fi
}

inline revoked(c) {
    if
    :: journal[c].word == INTENT -> rejected(c, REVOKED)
    :: else
    fi
}

inline ended(c) {
    if
    :: journal[c].word == ACKED -> journal[c].word = CLOSED; journal[c].ended_for = 0
    :: else
    fi
}

inline filled(c, trades) {
    journal[c].booked = trades;
    journal[c].claimed = (journal[c].claimed < trades -> trades : journal[c].claimed);
    if
    :: journal[c].booked == journal[c].qty -> ended(c)
    :: else
    fi
}

inline reported(c, done, claims) {
    if
    :: claims > journal[c].claimed -> journal[c].claimed = claims
    :: else
    fi;
    if
    :: done -> ended(c)
    :: else
    fi
}

inline settled(c) {
    journal[c].freed = true; journal[c].ended_for = 0
}

/* A process that plans, commits and sends (engine/route.py, engine/submit.py), again and again. A crash takes
 * what is local to it and no more. It has no lease: what is safe without one is safe with it. */
proctype worker() {
    byte c;

restart:
    c = 0;
    if
    :: atomic { /* risk, residual and the intent in one transaction */
        !halted && used < ORDERS;
        leaves = PARENT_QTY; room = LIMIT;
        for (k : 0 .. ORDERS - 1) {
            leaves = leaves - journal[k].booked - RESIDUAL_WORST(k);
            room = room - journal[k].booked - WORST(k)
        }
        leaves = (room < leaves -> room : leaves);
        if
        :: leaves > 0 ->
            c = used; used++;
            journal[c].qty = leaves; journal[c].age = 0;
            journal[c].word = INTENT;
            look()
        :: else -> goto restart
        fi }
    :: used == ORDERS -> goto gone
    fi;

    if /* whoever gives up on it and whoever sends it meet in the journal, and the first one wins */
    :: atomic {
        if
        :: journal[c].word == INTENT ->
            PROVE(I12, !halted);
            journal[c].word = SENDING;
            look()
        :: else -> goto restart
        fi }
    :: goto restart /* a crash */
    fi;

    if
    :: atomic {
        if
        :: journal[c].age < DEADLINE -> wire[c].requests++; wire[c].answer = PENDING
        :: else -> rejected(c, REJECTED) /* it never leaves */
        fi;
        look() }
    :: goto restart /* a crash */
    fi;

    if
    :: atomic { wire[c].answer == ACCEPTED -> acked(c); wire[c].answer = UNASKED; look() }
    :: atomic { wire[c].answer == REFUSED -> rejected(c, REJECTED); wire[c].answer = UNASKED; look() }
    :: atomic { wire[c].answer == DUPLICATE -> outcome_lost(c); wire[c].answer = UNASKED; look() }
    :: atomic { wire[c].answer == PENDING -> outcome_lost(c); wire[c].answer = UNASKED; look() } /* timed out */
    :: atomic { wire[c].answer = UNASKED } /* a crash, or it never left */
    fi;
    goto restart;
gone:
    skip
}

/* The fate at its venue of one order's requests, and of the order that they may become. */
proctype fate(byte c) {
    do
    :: atomic { /* accepted: a client order id is unique among open orders only */
        wire[c].requests > 0 && IN_TIME(c) && venue[c].there != OPEN;
        PROVE(I1, venue[c].there == NOT_THERE);
        wire[c].requests--;
        venue[c].there = OPEN; venue[c].so_for = 0;
        if
        :: wire[c].answer == PENDING -> wire[c].answer = ACCEPTED
        :: wire[c].answer == PENDING -> wire[c].answer = DUPLICATE /* its gateway repeated it */
        :: true /* the answer is lost */
        fi;
        if
        :: RESTS
        :: !RESTS ->
            do
            :: venue[c].traded < journal[c].qty -> venue[c].traded++
            :: break
            od;
            venue[c].there = DONE
        fi;
        look() }
    :: atomic { /* refused, or lost */
        wire[c].requests > 0;
        wire[c].requests--;
        if
        :: wire[c].answer == PENDING && venue[c].there == NOT_THERE && wire[c].requests == 0 ->
            wire[c].answer = REFUSED
        :: wire[c].answer == PENDING && venue[c].there == OPEN -> wire[c].answer = DUPLICATE
        :: true
        fi;
        look() }
    :: atomic { /* a fill */
        venue[c].there == OPEN;
        venue[c].traded++;
        if
        :: venue[c].traded == journal[c].qty -> venue[c].there = DONE; venue[c].so_for = 0
        :: else
        fi;
        look() }
    :: atomic { /* killed, expired, or cancelled by whomever */
        venue[c].there == OPEN;
        venue[c].there = DONE; venue[c].so_for = 0;
        look() }
    :: atomic { /* a late fill */
        venue[c].there == DONE && venue[c].done_for < LATENESS && venue[c].traded < journal[c].qty;
        venue[c].traded++; venue[c].late++;
        look() }
    :: atomic { venue[c].there != NOT_THERE && venue[c].so_for < LISTING_LAG; venue[c].so_for = LISTING_LAG }
    :: atomic { venue[c].listed < venue[c].traded; venue[c].listed++ }
    od
}

inline adopt() {
    if
    :: in_open || in_closed -> acked(c)
    :: else
    fi
}

inline give_up_unsent() { /* its worker may be gone or alive: who is asks the reconciler, not this model */
    if
    :: revoked(c)
    :: journal[c].age < DEADLINE
    fi
}

inline book_missing() { /* one row per trade; one without an order waits */
    if
    :: (journal[c].word == ACKED || journal[c].word == CLOSED) && trades > journal[c].booked -> filled(c, trades)
    :: else
    fi
}

inline follow() {
    if
    :: in_open || in_closed -> reported(c, in_closed, claims)
    :: else
    fi
}

inline prove_absent() {
    if
    :: UNRESOLVED(c) && ripe && !in_open && !in_closed ->
        if
        :: RESTS && !again -> journal[c].missed = (journal[c].missed == 0 -> 1 : journal[c].missed)
        :: else -> rejected(c, NEVER)
        fi
    :: else
    fi
}

inline settle() {
    if
    :: COMPLETE(c) && !journal[c].freed && over -> settled(c)
    :: else
    fi
}

/* A reading of one order's venue, and the transaction that corrects the journal by it. What a reading tells
 * is fixed when it is read; how the journal stands is asked in the transaction. */
proctype reconciler() {
    byte c;
    bool ripe;     /* it began when absence can prove something, */
    bool again;    /* long enough after another one that had missed the order */
    bool over;     /* it began when nothing can be late any more */
    bool in_open, in_closed;
    byte claims, trades;

    do
    :: atomic {
        used > 0;
        select(c : 0 .. used - 1);
        ripe = (journal[c].age >= NEVER_ACCEPTED_BOUND);
        again = (journal[c].missed > LISTING_LAG);
        over = (journal[c].word == CLOSED && journal[c].ended_for >= LATENESS);
        in_open = LISTED(c, OPEN);
        claims = (in_open -> venue[c].traded : 0) };
       atomic {
        in_closed = LISTED(c, DONE);
        claims = (in_closed -> venue[c].traded : claims) };
       atomic {
        trades = venue[c].listed };
       if
       :: atomic { /* in the order of reconciliation/compare.py */
            adopt();
            give_up_unsent();
            book_missing();
            follow();
            prove_absent();
            settle();
            look() }
       :: skip /* a call failed, or a crash: nothing follows from it */
       fi;
       atomic {
        c = 0; ripe = false; again = false; over = false; in_open = false; in_closed = false;
        claims = 0; trades = 0 }
    od
}

/* A halt revokes what is unsent in its own transaction (engine/trading.py). */
proctype operator() {
    atomic {
        halted = true;
        for (k : 0 .. ORDERS - 1) {
            revoked(k)
        }
        k = 0;
        look() }
}

proctype clock() {
    do
    :: atomic {
        for (k : 0 .. ORDERS - 1) {
            if
            :: journal[k].age < NEVER_ACCEPTED_BOUND -> journal[k].age++
            :: else
            fi;
            if
            :: journal[k].missed > 0 && journal[k].missed <= LISTING_LAG -> journal[k].missed++
            :: else
            fi;
            if
            :: journal[k].word == CLOSED && !journal[k].freed && journal[k].ended_for < LATENESS ->
                journal[k].ended_for++
            :: else
            fi;
            if
            :: venue[k].there != NOT_THERE && venue[k].so_for < LISTING_LAG -> venue[k].so_for++
            :: else
            fi;
            if
            :: venue[k].there == DONE && venue[k].done_for < LATENESS -> venue[k].done_for++
            :: else
            fi;
            if
            :: venue[k].there == DONE && venue[k].done_for >= LATENESS -> venue[k].listed = venue[k].traded
            :: else
            fi
        }
        look() }
    od
}

init {
    atomic {
        for (k : 1 .. WORKERS) {
            run worker()
        }
        for (k : 0 .. ORDERS - 1) {
            run fate(k)
        }
        for (k : 1 .. READERS) {
            run reconciler()
        }
        if
        :: HALTS -> run operator()
        :: else
        fi;
        run clock() }
}
