"""The use cases: the only place that brings the five parts together."""
