/*
 * The life of an order in mvx, as DESIGN 2, 5 and 8 tell it: intent, sending, revoke, deadline, stall,
 * crash, resolve, settle. Processes share one journal with atomic transactions; the venue loses, delays
 * and repeats requests, loses answers, and its lists lag. docs/model.md says what is left out, and why.
 *
 * Time is whole ticks, counted per order from the instants that matter and cut off where nothing more
 * depends on them, so it has no end. A process may stand still for any number of ticks between any two
 * of its steps: a stall is no fault here, it is what processes do.
 *
 * runs.py holds every way in which this file is compiled: the shapes, and one planted mistake at a time.
 */

/* The shape: how many intents there can be, parents, processes that route, processes that reconcile. */
#ifndef CHILDREN
#define CHILDREN 2
#endif
#ifndef PARENTS
#define PARENTS 1
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef READERS
#define READERS 1
#endif
#ifndef PARENT_QTY
#define PARENT_QTY 2
#endif
#ifndef LIMIT
#define LIMIT 9 /* of the position, either way: none */
#endif

/* What a venue declares and how long an intent lives. A tick each is enough: the venue uses every bound up
 * to its last instant, so a rule that forgets one of them is wrong by a tick. */
#define DEADLINE 1
#ifndef CLOCK_SKEW
#define CLOCK_SKEW 0
#endif
#define ACCEPT_LATENESS 1
#define LISTING_LAG 1
#define LATENESS 1
#define LAST_ACCEPT (DEADLINE + CLOCK_SKEW + ACCEPT_LATENESS)
#define LONGEST (LAST_ACCEPT + LISTING_LAG)

#if defined(NO_LISTING_LAG)
#define BOUND (LONGEST - LISTING_LAG)
#elif defined(NO_CLOCK_SKEW)
#define BOUND (LONGEST - CLOCK_SKEW)
#elif defined(NO_ACCEPT_LATENESS)
#define BOUND (LONGEST - ACCEPT_LATENESS)
#elif defined(NOT_FOUND_IS_NEVER)
#define BOUND 0
#else
#define BOUND LONGEST
#endif

/* The properties. One that does not hold names itself: "assertion violated I2". With PROVE_ONLY the others
 * are not asked, so that a planted mistake is known to break that one and not only its neighbour. */
bool I1 = true, I2 = true, I6 = true, I8 = true, I9 = true, I12 = true, I13 = true, I14 = true;
bool NEVER_SENT = true, COUNTS_ONCE = true, ONE_WORKER = true;

#define ID_I1 1
#define ID_I2 2
#define ID_I6 6
#define ID_I8 8
#define ID_I9 9
#define ID_I12 12
#define ID_I13 13
#define ID_I14 14
#define ID_NEVER_SENT 21
#define ID_COUNTS_ONCE 22
#define ID_ONE_WORKER 23
#ifdef PROVE_ONLY
#define GLUE(a, b) a##b
#define ID(property) GLUE(ID_, property)
#define ASKED(property) (ID_##property == ID(PROVE_ONLY))
#else
#define ASKED(property) true
#endif
#define PROVE(property, holds)                                                                                 \
    if                                                                                                         \
    :: ASKED(property) && !(holds) -> property = false; assert(property)                                       \
    :: else -> skip                                                                                            \
    fi

/* The journal's word on an order. INTENT: committed and unsent. REVOKED, REJECTED, NEVER and CLOSED are
 * terminal. NEVER: never accepted, by proof. UNKNOWN: it left, and no reliable answer came. */
mtype:word = { NONE, INTENT, REVOKED, SENDING, UNKNOWN, REJECTED, NEVER, ACKED, CLOSED };

typedef Order { /* one row of the journal; whoever crashes, it stays */
    mtype:word word = NONE;
    byte parent;
    byte qty;
    byte claimed;   /* filled by the venue's record of the order */
    byte booked;    /* filled by its listed trades */
    bool heard;     /* a fill was pushed, true or not */
    bool settled;   /* nothing is reserved for it any more */
    byte age;       /* ticks since it was committed */
    byte ended_for; /* ticks since we heard that it is terminal */
    bool whole;     /* for I14: it was complete once, */
    byte whole_qty; /* with so much filled; what is later than that is exogenous */
#ifdef TWO_READINGS
    bool missed;     /* a reading that could prove its absence did not find it */
    byte missed_for; /* ticks since then */
#endif
};
Order journal[CHILDREN];
byte used;                /* intents committed so far */
bool halted;
bool closed[PARENTS];     /* its result was given */
byte holder[PARENTS];     /* of its lease; a lease that ran out can be taken at any instant */
#define NOBODY 255

/* Between us and the venue. An answer that nobody waits for is lost. */
mtype:answer = { UNASKED, PENDING, ACCEPTED, REFUSED, DUPLICATE };
typedef Wire {
    byte requests;  /* copies under way */
    mtype:answer answer = UNASKED;
#ifdef SIGNED_AFRESH
    byte signed_at;
#endif
};
Wire wire[CHILDREN];

/* The venue's truth. */
mtype:there = { NOT_THERE, OPEN, DONE };
typedef Truth {
    mtype:there there = NOT_THERE;
    byte filled;
    byte listed;      /* of these, the trades that it lists */
    byte known_for;   /* ticks since it was accepted, or since its lists show it */
    byte done_for;    /* ticks since it was done */
};
Truth venue[CHILDREN];

bool sells[PARENTS];
short opening;            /* the position before anything was sent */
#ifdef LIVENESS
bool healed;
#else
#define healed false
#endif

#define UNRESOLVED(c) (journal[c].word == SENDING || journal[c].word == UNKNOWN)
#define TERMINAL(c) (journal[c].word == REVOKED || journal[c].word == REJECTED || journal[c].word == NEVER \
                     || journal[c].word == CLOSED)
#define COMPLETE(c) (journal[c].word == CLOSED && journal[c].claimed == journal[c].booked)
#define SHOWN(c) (venue[c].known_for >= LISTING_LAG)

#ifdef SIGNED_AFRESH
#define IN_TIME(c) (journal[c].age <= LAST_ACCEPT + wire[c].signed_at)
#else
#define IN_TIME(c) (journal[c].age <= LAST_ACCEPT)
#endif

/* What may still fill: held in full until settled (DESIGN 2.8), and for the parent's residual until the
 * order is terminal with complete trades (2.7). */
#ifdef UNKNOWN_UNRESERVED
#define WORST(c) (journal[c].settled || journal[c].word == UNKNOWN -> 0 : journal[c].qty - journal[c].booked)
#else
#define WORST(c) (journal[c].settled -> 0 : journal[c].qty - journal[c].booked)
#endif
#define RESIDUAL_WORST(c) (COMPLETE(c) -> 0 : WORST(c))

/* Scratch of one atomic step, at rest again when that is over. */
byte k, may;
short truth, most, least, lo, hi, filled;
short leaves, room;

/* Everything that must hold in every state; run at the end of every step that changes one. */
inline look() {
    d_step {
        truth = opening; most = opening; least = opening; lo = opening; hi = opening; filled = 0;
        for (k : 0 .. CHILDREN - 1) {
            may = (venue[k].there == OPEN -> journal[k].qty - venue[k].filled : 0);
            if
            :: sells[journal[k].parent] ->
                truth = truth - venue[k].filled;
                most = most - venue[k].filled;
                least = least - venue[k].filled - may;
                hi = hi - journal[k].booked;
                lo = lo - journal[k].booked - WORST(k)
            :: else ->
                truth = truth + venue[k].filled;
                most = most + venue[k].filled + may;
                least = least + venue[k].filled;
                lo = lo + journal[k].booked;
                hi = hi + journal[k].booked + WORST(k)
            fi;
            if
            :: journal[k].parent == 0 ->
                filled = filled + (journal[k].whole -> journal[k].whole_qty : venue[k].filled)
            :: else -> skip
            fi;
            if /* nothing asks for its age any more */
            :: journal[k].word != NONE && journal[k].word != INTENT && !UNRESOLVED(k) && wire[k].requests == 0 ->
                journal[k].age = LONGEST
            :: else -> skip
            fi;
            PROVE(I6, venue[k].there == NOT_THERE || journal[k].word != NONE);
            PROVE(I8, venue[k].there == NOT_THERE || (journal[k].word != REJECTED && journal[k].word != NEVER));
            PROVE(NEVER_SENT, journal[k].word != REVOKED
                              || (venue[k].there == NOT_THERE && wire[k].requests == 0));
            PROVE(COUNTS_ONCE, journal[k].booked <= venue[k].filled);
            PROVE(I9, !journal[k].settled
                      || (venue[k].there == NOT_THERE && !(wire[k].requests > 0 && IN_TIME(k)))
                      || (venue[k].there == DONE && venue[k].done_for >= LATENESS
                          && journal[k].booked == venue[k].filled))
        }
        PROVE(I2, most <= LIMIT && least >= -LIMIT);
        PROVE(I13, lo <= truth && truth <= hi);
        PROVE(I14, filled <= PARENT_QTY);
        k = 0; may = 0; truth = 0; most = 0; least = 0; lo = 0; hi = 0; filled = 0
    }
}

/* The steps of domain/order_life.py that a sender's own ears bring about. */
inline acked(c) {
    if
    :: UNRESOLVED(c) || journal[c].word == REJECTED || journal[c].word == NEVER ->
        journal[c].word = ACKED; journal[c].settled = false
    :: else -> skip
    fi
}

inline rejected(c) {
    if
    :: UNRESOLVED(c) -> journal[c].word = REJECTED; journal[c].settled = true
    :: else -> skip
    fi
}

inline outcome_lost(c) {
    if
    :: journal[c].word == SENDING -> journal[c].word = UNKNOWN
    :: else -> skip
    fi
}

inline revoke(c) {
    journal[c].word = REVOKED; journal[c].settled = true
}

/* What the parent may still plan, and what the limit still admits on its side. */
inline assess(parent) {
    leaves = PARENT_QTY; room = (sells[parent] -> LIMIT + opening : LIMIT - opening);
    for (k : 0 .. CHILDREN - 1) {
        if
        :: journal[k].word == NONE -> skip
        :: else ->
            if
            :: journal[k].parent == parent -> leaves = leaves - journal[k].booked - RESIDUAL_WORST(k)
            :: else -> skip
            fi;
            if
            :: sells[journal[k].parent] == sells[parent] -> room = room - journal[k].booked - WORST(k)
            :: else ->
                room = room + journal[k].booked;
#ifdef UNCONFIRMED_REDUCES
                room = room + (journal[k].heard && journal[k].booked == 0 -> 1 : 0)
#endif
            fi
        fi
    }
    k = 0
}

/* A process that routes one parent. Its local variables are all that a crash takes. */
proctype worker(byte me; byte parent) {
    byte c; /* the intent at work */
    byte planned;
#if defined(RISK_OUTSIDE) || defined(RESIDUAL_OUTSIDE)
    short leaves_then, room_then;
#endif

start:
    if
    :: atomic { !closed[parent] -> holder[parent] = me }
    :: closed[parent] -> goto gone
    fi;
#ifdef RESEND_AFTER_RESTART
    atomic {
        c = 0;
        do
        :: c < used && !(journal[c].parent == parent && journal[c].word == SENDING) -> c++
        :: else -> break
        od;
        if
        :: c < used && wire[c].answer == UNASKED -> goto dispatch
        :: else -> c = 0
        fi
    }
#endif

plan:
#if defined(RISK_OUTSIDE) || defined(RESIDUAL_OUTSIDE)
    atomic { assess(parent); leaves_then = leaves; room_then = room; leaves = 0; room = 0 };
#endif
    if
    :: !healed -> goto start /* a crash */
    :: atomic { /* risk and the intent in one transaction, by the holder of the lease */
        true;
#ifndef NO_FENCE
        if
        :: holder[parent] != me -> goto gone
        :: else -> skip
        fi;
#endif
        assess(parent);
#ifdef RISK_OUTSIDE
        room = room_then;
#endif
#ifdef RESIDUAL_OUTSIDE
        leaves = leaves_then;
#endif
        if
        :: !halted && used < CHILDREN && leaves >= 1 && room >= 1 -> planned = 1
        :: !halted && used < CHILDREN && leaves >= 2 && room >= 2 -> planned = 2
        :: closed[parent] = true; holder[parent] = NOBODY; leaves = 0; room = 0; goto gone
        fi;
        leaves = 0; room = 0;
        PROVE(ONE_WORKER, !closed[parent]);
        c = used; used++;
        journal[c].parent = parent;
        journal[c].qty = planned;
#ifndef JOURNAL_AFTER_SEND
        journal[c].word = INTENT;
#endif
        planned = 0;
        look() }
    fi;

    if
    :: atomic { !healed -> c = 0; goto start } /* a crash */
#ifndef JOURNAL_AFTER_SEND
    :: atomic { /* whoever gives up on it and whoever sends it meet here */
        true;
        if
        :: journal[c].word == INTENT ->
            PROVE(I12, !halted);
#ifndef NO_SENDING_MARK
            journal[c].word = SENDING
#endif
        :: else -> c = 0; goto plan
        fi }
#else
    :: skip
#endif
    fi;

dispatch:
    if
    :: atomic { !healed -> c = 0; goto start } /* a crash */
    :: atomic {
        true;
        if
#ifdef SIGNED_AFRESH
        :: wire[c].signed_at = journal[c].age; wire[c].requests++; wire[c].answer = PENDING
#else
        :: journal[c].age < DEADLINE -> wire[c].requests++; wire[c].answer = PENDING
        :: else -> rejected(c); look(); c = 0; goto plan /* it never left */
#endif
        fi;
#if defined(NO_SENDING_MARK)
        look(); /* while the journal still says what it says */
        journal[c].word = SENDING;
#endif
        look() }
    fi;

    do
    :: atomic { !healed -> wire[c].answer = UNASKED; c = 0; goto start } /* a crash */
#ifdef BLIND_RETRY
    :: atomic { journal[c].age < DEADLINE && wire[c].requests == 0 && wire[c].answer == PENDING ->
        wire[c].requests++ }
#endif
    :: atomic { /* heard, or waited for long enough */
        wire[c].answer != UNASKED;
        if
        :: wire[c].answer == ACCEPTED -> acked(c)
        :: wire[c].answer == REFUSED -> rejected(c)
#ifdef DUPLICATE_IS_REJECT
        :: wire[c].answer == DUPLICATE -> rejected(c)
#else
        :: wire[c].answer == DUPLICATE -> outcome_lost(c)
#endif
#ifdef TIMEOUT_IS_REJECT
        :: wire[c].answer == PENDING -> rejected(c)
#else
        :: wire[c].answer == PENDING -> outcome_lost(c)
#endif
        fi;
#ifdef JOURNAL_AFTER_SEND
        journal[c].word = (journal[c].word == NONE -> SENDING : journal[c].word);
#endif
        wire[c].answer = UNASKED; c = 0;
        look();
        goto plan }
    od;
gone:
    skip
}

/* The fate of one request and of the order that it may become. */
proctype fate(byte c) {
    do
    :: atomic { wire[c].requests > 0 && IN_TIME(c) && venue[c].there != OPEN ->
        /* accepted: a client order id is unique among open orders only */
        PROVE(I1, venue[c].there == NOT_THERE);
        wire[c].requests--;
        venue[c].there = OPEN; venue[c].known_for = 0;
        if
        :: wire[c].answer == PENDING -> wire[c].answer = ACCEPTED
        :: wire[c].answer == PENDING -> wire[c].answer = DUPLICATE /* its gateway had repeated it */
#ifdef REFUSAL_OF_A_COPY
        :: wire[c].answer == PENDING -> wire[c].answer = REFUSED /* the repeat found no money left */
#endif
        :: true /* the answer is lost */
        fi;
        look() }
    :: atomic { wire[c].requests > 0 -> /* refused, or lost on the way */
        wire[c].requests--;
        if
        :: wire[c].answer == PENDING && venue[c].there == NOT_THERE && wire[c].requests == 0 ->
            wire[c].answer = REFUSED
        :: wire[c].answer == PENDING && venue[c].there == OPEN -> wire[c].answer = DUPLICATE
        :: true
        fi;
        look() }
#ifdef REPEATED_WHEN_DONE
    :: atomic { venue[c].there == DONE && IN_TIME(c) -> /* the gateway's own repeat comes late */
        PROVE(I1, venue[c].there == NOT_THERE) }
#endif
    :: atomic { venue[c].there == OPEN && venue[c].filled < journal[c].qty -> /* a fill */
        venue[c].filled++;
        if
        :: venue[c].filled == journal[c].qty -> venue[c].there = DONE
        :: else -> skip
        fi;
        look() }
    :: atomic { venue[c].there == OPEN -> /* killed, expired, or cancelled by whomever */
        venue[c].there = DONE;
#ifdef CLOSED_LIST_LAGS
        venue[c].known_for = 0;
#endif
        look() }
    :: atomic { venue[c].there == DONE && venue[c].done_for < LATENESS && venue[c].filled < journal[c].qty ->
        venue[c].filled++; /* late */
        look() }
    :: atomic { venue[c].there != NOT_THERE && !SHOWN(c) -> venue[c].known_for = LISTING_LAG }
    :: atomic { venue[c].listed < venue[c].filled -> venue[c].listed++ }
#ifdef PUSHES
    :: atomic { venue[c].there != NOT_THERE && !journal[c].heard && !TERMINAL(c) && journal[c].word != NONE ->
        journal[c].heard = true; /* a push, true or not, names the order */
        acked(c);
        look() }
#endif
    od
}

/* A reading of the venue and the transaction that corrects the journal by it (reconciliation/). */
typedef Reading {
    bool ripe;   /* it began when absence proves something */
    bool over;   /* it began when nothing can be late any more */
    bool open;   /* the open list shows it */
    bool done;   /* the closed list shows it */
    byte claims; /* filled by the record of it */
    byte trades;
#ifdef FILL_BOOKED_BLINDLY
    byte known;
#endif
};

inline read_open(c) {
    reading[c].open = (venue[c].there == OPEN && SHOWN(c));
    reading[c].claims = (reading[c].open -> venue[c].filled : reading[c].claims)
}

inline read_closed(c) {
    reading[c].done = (venue[c].there == DONE && SHOWN(c));
    reading[c].claims = (reading[c].done -> venue[c].filled : reading[c].claims)
}

inline ended(c) {
    journal[c].word = CLOSED; journal[c].ended_for = 0
}

inline forget(c) {
    reading[c].ripe = false; reading[c].over = false; reading[c].open = false; reading[c].done = false;
    reading[c].claims = 0; reading[c].trades = 0
}

inline correct(c) {
    if /* adopt */
    :: (reading[c].open || reading[c].done) && journal[c].word != NONE -> acked(c)
    :: else -> skip
    fi;
    if /* give up what nobody will send */
    :: journal[c].word == INTENT -> revoke(c)
    :: journal[c].word == INTENT && journal[c].age < DEADLINE -> skip
    :: else -> skip
    fi;
#ifdef FILL_BOOKED_BLINDLY
    if
    :: (journal[c].word == ACKED || journal[c].word == CLOSED) && reading[c].trades > reading[c].known ->
        journal[c].booked = journal[c].booked + reading[c].trades - reading[c].known
#else
    if /* book the trades that the journal lacks: one row per exec_id */
    :: (journal[c].word == ACKED || journal[c].word == CLOSED) && reading[c].trades > journal[c].booked ->
        journal[c].booked = reading[c].trades;
#endif
        journal[c].claimed = (journal[c].claimed < journal[c].booked -> journal[c].booked : journal[c].claimed);
        if
        :: journal[c].word == ACKED && journal[c].booked == journal[c].qty -> ended(c)
        :: journal[c].settled -> journal[c].settled = false; journal[c].ended_for = 0
        :: else -> skip
        fi
    :: else -> skip
    fi;
    if /* follow the record */
    :: journal[c].word == ACKED && reading[c].done -> ended(c)
    :: else -> skip
    fi;
    if
    :: (reading[c].open || reading[c].done) && reading[c].claims > journal[c].claimed ->
        journal[c].claimed = reading[c].claims;
        if
        :: journal[c].settled -> journal[c].settled = false; journal[c].ended_for = 0
        :: else -> skip
        fi
    :: else -> skip
    fi;
    if
    :: COMPLETE(c) && !journal[c].whole -> journal[c].whole = true; journal[c].whole_qty = journal[c].booked
    :: else -> skip
    fi;
    if /* prove absent */
    :: UNRESOLVED(c) && reading[c].ripe && !reading[c].open && !reading[c].done ->
        journal[c].word = NEVER; journal[c].settled = true
    :: else -> skip
    fi;
    if /* settle */
    :: reading[c].over && COMPLETE(c) -> journal[c].settled = true; journal[c].ended_for = 0
    :: else -> skip
    fi
}

proctype reconciler() {
    Reading reading[CHILDREN];
    byte c;

    do
    :: atomic { /* it begins, and reads the open orders */
        for (c : 0 .. CHILDREN - 1) {
            reading[c].ripe = (journal[c].age >= BOUND);
            reading[c].over = (journal[c].word == CLOSED && journal[c].ended_for >= LATENESS);
            read_open(c)
        }
        c = 0 };
        if
        :: atomic { /* closed orders, and then the trades */
            for (c : 0 .. CHILDREN - 1) {
                read_closed(c);
                reading[c].trades = venue[c].listed
            }
            c = 0 };
            atomic { /* the transaction */
                for (c : 0 .. CHILDREN - 1) {
                    correct(c);
                    forget(c)
                }
                c = 0;
                look() }
        :: atomic { /* the call failed: nothing follows from it */
            for (c : 0 .. CHILDREN - 1) {
                forget(c)
            }
            c = 0 }
        fi
    od
}

/* The operator: a halt revokes what is unsent in its own transaction. */
proctype operator() {
    byte c;

    atomic {
        halted = true;
        for (c : 0 .. CHILDREN - 1) {
            if
            :: journal[c].word == INTENT -> revoke(c)
            :: else -> skip
            fi
        }
        c = 0;
        look() }
}

proctype clock() {
    byte c;

    do
    :: d_step {
        for (c : 0 .. CHILDREN - 1) {
            if
            :: c < used && journal[c].age < LONGEST -> journal[c].age++
            :: else -> skip
            fi;
            if
            :: journal[c].word == CLOSED && !journal[c].settled && journal[c].ended_for < LATENESS ->
                journal[c].ended_for++
            :: else -> skip
            fi;
            if
            :: venue[c].there != NOT_THERE && !SHOWN(c) -> venue[c].known_for++
            :: else -> skip
            fi;
            if
            :: venue[c].there == DONE && venue[c].done_for < LATENESS -> venue[c].done_for++
            :: else -> skip
            fi;
            if
            :: venue[c].there == DONE && venue[c].done_for >= LATENESS -> venue[c].listed = venue[c].filled
            :: else -> skip
            fi
        }
        c = 0;
        look() }
    od
}

init {
    byte c;

    atomic {
#if PARENTS > 1
        if :: sells[0] = true :: skip fi;
        if :: sells[1] = true :: skip fi;
        if :: opening = LIMIT :: skip fi;
#endif
        for (c : 0 .. WORKERS - 1) {
            run worker(c, (PARENTS > 1 -> c : 0))
        }
        for (c : 0 .. CHILDREN - 1) {
            run fate(c)
        }
        for (c : 0 .. READERS - 1) {
            run reconciler()
        }
#ifdef HALTS
        run operator();
#endif
        run clock();
        c = 0 }
}
