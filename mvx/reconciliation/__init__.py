"""Reconciliation: the journal moves toward the venue, at once and loudly. Pure."""
