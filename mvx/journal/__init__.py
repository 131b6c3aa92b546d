"""The state store: an append-only log in one total order, and tables that are folds of it."""
