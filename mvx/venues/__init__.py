"""Connectors: five APIs with five opinions, behind one Protocol."""
