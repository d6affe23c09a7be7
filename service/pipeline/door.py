"""Refuses what a full queue would refuse, before any work is spent on its texts.

Under an overload most requests are refused, and what that costs is taken from those that are not: the event loop and
the decoder share Python's lock. To cut a text into segments and tokens costs more than all of HTTP.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence

from service.catalogue import Leg
from service.pipeline.leg import Patience
from service.text.segmentation import has_letter

# As many as results are kept by default.
_REMEMBERED = 10_000


class Door:
    """Lets a request in or refuses it. Texts that were let in lately are let in again, since their results may be known
    or under way, and cost nothing then; the engine has the last word on them."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._let_in: OrderedDict[int, None] = OrderedDict()

    def refuse_if_full(self, leg: Leg, texts: Sequence[str], patience: Patience) -> None:
        """Raises EngineOverloadedError or EngineUnavailableError for texts that the engine of `leg` would refuse;
        nothing where `patience` is to wait for room."""
        keys = [hash(text) for text in texts if has_letter(text)]
        if time.monotonic() >= patience.refused_after and not all(key in self._let_in for key in keys):
            turn = patience.turn
            leg.model.engine.refuse_if_full(
                len(keys), priority=turn.priority, deadline_s=patience.left_s(), client=turn.client
            )
        for key in keys:
            self._let_in[key] = None
            self._let_in.move_to_end(key)
        while len(self._let_in) > self._remembered:
            self._let_in.popitem(last=False)
