"""The simulated exchange: its own matching, accounts and ledger, never the journal's."""
