"""Where an order goes: books in, a plan out, and a reason for every venue."""
