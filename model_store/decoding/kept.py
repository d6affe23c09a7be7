"""What is kept by key within a number of bytes; of what is too much the longest unused goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from torch import Tensor

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class Kept(Generic[KeyT, ValueT]):
    """most_bytes: of all values together; what is larger by itself is not kept. bytes: how many there are."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self._values: OrderedDict[KeyT, tuple[ValueT, int]] = OrderedDict()

    def get(self, key: KeyT) -> ValueT | None:
        """The value of `key`, which is used by that; None if it is not here."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key][0]

    def put(self, key: KeyT, value: ValueT, size: int) -> None:
        """Keep a value of `size` bytes, unless there is one."""
        if size > self.most_bytes or key in self._values:
            return
        self._values[key] = value, size
        self.bytes += size
        while self.bytes > self.most_bytes:
            _key, (_dropped, freed) = self._values.popitem(last=False)
            self.bytes -= freed


def bytes_of(tensors: Iterable[Tensor | None]) -> int:
    """What they take."""
    return sum(each.numel() * each.element_size() for each in tensors if each is not None)
