"""The live connector: one adapter over ccxt, and data for what differs between venues."""
