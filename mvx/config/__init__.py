"""Configuration: found by `source`, judged by `model`, and seen by the rest of mvx as `settings`."""
