"""What goes wrong with a corpus as a whole; single bad lines are yielded as BadLine, not raised."""

from __future__ import annotations


class CorpusError(Exception):
    """A source that cannot be read or fetched; the message names the file or command and says why."""
