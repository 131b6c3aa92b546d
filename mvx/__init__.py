"""mvx trades one instrument across several venues and always tells the truth about the position."""

__version__ = "0.1.0"
