"""Making the journal on purpose: what `mvx init` does, and the only way for a live one to begin."""

from __future__ import annotations

from mvx.config.settings import DeskSettings
from mvx.journal.store import Journal


def create_journal(desk: DeskSettings) -> bool:
    """Make the journal where there is none; False where it is there already."""
    fresh = not desk.journal.exists()
    Journal(desk.journal, mode=desk.mode).close()
    return fresh
