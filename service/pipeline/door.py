"""Refuses what a full queue would refuse, before any work is spent on its texts.

Under an overload most requests are refused, and what that costs is taken from those that are not: the event loop and
the decoder share Python's lock. To cut a text into segments and tokens costs more than all of HTTP.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Sequence

from model_store.tokenizer import Tokenizer
from service.catalogue import Leg
from service.engine.waiting import GroupSize
from service.pipeline.leg import Patience
from service.text.alphabet import alphabet_of

# As many as results are kept by default.
_REMEMBERED = 10_000
# Where a sentence may end. Of `re`, which keeps Python's lock: `regex` gives it away at every call, and it takes
# milliseconds until a busy decoder gives it back.
_END = re.compile(r"[.!?…:;)\]]+(?:\s+|$)|[\n\r\t。！？；：।؟۔]+")
# What has one of these may be copied, for many words, or be no text at all.
_COPIED = re.compile("[<`{\\\\\ue000-\uf8ff\ufffc]")


class Door:
    """Lets a request in or refuses it. Sentences that were let in lately are let in again, since their results may be
    known or under way, and cost nothing then; the engine has the last word on them."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._let_in: OrderedDict[int, None] = OrderedDict()

    def refuse_if_full(self, leg: Leg, texts: Sequence[str], patience: Patience) -> None:
        """Raises EngineOverloadedError or EngineUnavailableError for texts that the engine of `leg` would refuse;
        nothing where `patience` is to wait for room."""
        parts = {hash(part): part for text in texts for part in _parts(text)}
        new = [part for key, part in parts.items() if key not in self._let_in]
        if new and time.monotonic() >= patience.refused_after:
            turn, tokens = patience.turn, [_fewest_tokens(part, leg.model.tokenizer) for part in new]
            longest = max(*tokens, 1)
            leg.model.engine.refuse_if_full(
                len(texts),
                # A sentence that is longer than the model reads at once is cut, who knows where.
                GroupSize(1, max(sum(tokens), 1), longest if 2 * longest < leg.model.max_source_tokens else 1),
                priority=turn.priority,
                deadline_s=patience.left_s(),
                client=turn.client,
            )
        for key in parts:
            self._let_in[key] = None
            self._let_in.move_to_end(key)
        while len(self._let_in) > self._remembered:
            self._let_in.popitem(last=False)


def _parts(text: str) -> list[str]:
    """Those with letters: sentences, or parts of them. A letter alone may be that of a list's item."""
    parts = [text] if _COPIED.search(text) else [part.strip() for part in _END.split(text)]
    return [part for part in parts if any(map(str.isalpha, part)) and (len(part) > 1 or len(parts) == 1)]


def _fewest_tokens(part: str, tokenizer: Tokenizer) -> int:
    """What a part of a text is cut into at least. No token goes over white space. Words of small letters that it knows
    reach the model as they are, and so do numbers beside them, but for one at the end, which may be that of a list's
    item. A word with a capital is a token at least; anything else may be a placeholder, and nothing."""
    words = part.replace(",", " ").split()
    letters = [] if _COPIED.search(part) else [word for word in words if word.isalpha()]
    numbers = [word for word in words[:-1] if word.isdecimal()] if letters else []
    alphabet = alphabet_of(tokenizer.characters)
    small = [word for word in letters if word.islower() and not alphabet.respelled(word)]
    return len(tokenizer.encode(" ".join(small + numbers))) + len(letters) - len(small)
