"""The layers that the 8-bit backend is made of, and the set of them that is made of torch's kernels.

Matrix products are Int8Linear's. What is between them runs in float32 by operations whose result for an element does
not depend on where it lies in the tensor. torch's sigmoid is none of these (the last elements of a tensor take another
path), so gates are made of tanh: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2, the halving folded into the weights.

Legend: R rows, I inputs, O outputs, B sequences, P tokens of all sequences, V vocabulary, E embedding, A what is fed, H
hidden, L layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from model_store.decoding.backends.eager import copies_of_queries
from model_store.decoding.backends.int8_linear import Int8Linear
from model_store.decoding.scoring import best_among, best_extensions
from model_store.network.attention import Attention
from model_store.network.cells import RecurrentLayer, RecurrentStack
from model_store.network.memory import Memory

Linear: TypeAlias = Callable[[Tensor], Tensor]  # (R, I) -> (R, O)


class Projection(Protocol):
    """Logits of readouts, and the best extensions by them."""

    def __call__(self, x: Tensor) -> Tensor:
        """x: shape = (R, I). Returns logits, shape = (R, V)."""
        ...

    def best(self, logits: Tensor, log_prob: Tensor, forbidden: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """As scoring.best_extensions. logits: as they were returned, edited or not, shape = (N, K, V)."""
        ...

    def best_among(
        self,
        candidates: Sequence[Tensor],
        barred: Sequence[tuple[int, int, int]],
        x: Tensor,
        log_prob: Tensor,
        count: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As scoring.best_among. x: shape = (N, K, I)."""
        ...


class Attending(Protocol):
    """Attention for the rows of a step that there are."""

    def __call__(
        self, x: Tensor, rows: Tensor | None, memory: Memory, positions: Tensor, width: int
    ) -> tuple[Tensor, Tensor]:
        """x: what attends, shape = (R, H). rows: which they are of the `width` rows that each of N slots has, int64,
        rising, shape = (R,); None if all. memory, positions: of the slots, as of Backend.step. Returns the context of
        each row, shape = (R, H), and the weights, shape = (N, width, S), of no meaning where there is no row."""
        ...


class Stack(Protocol):
    """lstm layers on top of each other, and the embedding that the first one reads."""

    def step(self, tokens: Tensor, state: Tensor, feed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """tokens: shape = (R,). state: shape = (L, 2, R, H). feed: what the first layer reads behind the embeddings,
        shape = (R, A). Returns the output, shape = (R, H), and the new state."""
        ...

    def sequence(self, tokens: Tensor, live: Sequence[int], state: Tensor) -> tuple[Tensor, Tensor]:
        """Some positions of B sequences, layer by layer, so that the inputs' part of the gates is one product.

        tokens: position after position, shape = (P,). live: how many sequences have each position, B have the first;
        never growing. state: what they begin with, shape = (L, 2, B, H). Returns outputs in the same order, shape =
        (P, H), and the last state of each sequence.
        """
        ...


class Kernels(Protocol):
    """Makes layers of weights. A row's result does not depend on the other rows of a call."""

    def linear(self, weight: Tensor, bias: Tensor | None = None, *, squash: bool = False) -> Linear:
        """y = x W^T + b, or its tanh. weight: shape = (O, I). bias: shape = (O,)."""
        ...

    def projection(self, weight: Tensor, bias: Tensor) -> Projection:
        """weight: shape = (V, I). bias: shape = (V,)."""
        ...

    def attention(self, attention: Attention) -> Attending:
        """Of the network's kind."""
        ...

    def stack(self, stack: RecurrentStack, embedding: Tensor) -> Stack:
        """Of lstm layers. embedding: of the tokens that it reads, shape = (V, E)."""
        ...


class TorchKernels:
    """Implements Kernels for any processor on which oneDNN's products are exact."""

    def linear(self, weight: Tensor, bias: Tensor | None = None, *, squash: bool = False) -> Linear:
        layer = Int8Linear(weight, bias)
        return (lambda x: layer(x).tanh_()) if squash else layer

    def projection(self, weight: Tensor, bias: Tensor) -> Projection:
        return _Projection(weight, bias)

    def attention(self, attention: Attention) -> Attending:
        return TorchAttention(attention)

    def stack(self, stack: RecurrentStack, embedding: Tensor) -> Stack:
        return _Stack(stack, embedding)


class TorchAttention:
    """Implements Attending for every attention."""

    def __init__(self, attention: Attention) -> None:
        self._attention = attention

    def __call__(
        self, x: Tensor, rows: Tensor | None, memory: Memory, positions: Tensor, width: int
    ) -> tuple[Tensor, Tensor]:
        slots, copies = len(memory.mask), copies_of_queries(width, x.shape[1])
        queries = spread(x, rows, slots * width).view(slots, width, -1)
        context, weights = self._attention(
            queries if copies == 1 else queries.repeat(1, copies, 1),
            memory.keys,
            memory.values,
            memory.mask,
            positions.unsqueeze(1).expand(-1, width * copies),
        )
        return chosen(context[:, :width].flatten(0, 1), rows), weights[:, :width]


def chosen(whole: Tensor, rows: Tensor | None) -> Tensor:
    """These rows; all if None. whole: a row for each hypothesis that N slots have room for, shape = (N * width, ...).
    rows: int64, shape = (R,). Returns shape = (R, ...)."""
    return whole if rows is None else whole.index_select(0, rows)


def spread(part: Tensor, rows: Tensor | None, count: int) -> Tensor:
    """The inverse: `count` rows, shape = (count, H), zeros but for these, which are `part`, shape = (R, H); `part` if
    None."""
    return part if rows is None else part.new_zeros(count, part.shape[1]).index_copy_(0, rows, part)


class _Projection(Int8Linear):
    """Implements Projection."""

    def best(self, logits: Tensor, log_prob: Tensor, forbidden: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        return best_extensions(logits, log_prob, forbidden, count)

    def best_among(
        self,
        candidates: Sequence[Tensor],
        barred: Sequence[tuple[int, int, int]],
        x: Tensor,
        log_prob: Tensor,
        count: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        return best_among(candidates, barred, self(x.flatten(0, 1)).view(*x.shape[:2], -1), log_prob, count)


class _Cell:
    """One lstm layer."""

    def __init__(self, layer: RecurrentLayer) -> None:
        w_ih, w_hh, bias_ih, bias_hh = layer.kernel.all_weights[0]
        halved = torch.full((4, layer.hidden, 1), 0.5)
        halved[2] = 1.0  # the new value's own tanh
        halved = halved.view(-1, 1)
        self.from_input = Int8Linear(w_ih * halved, (bias_ih + bias_hh) * halved.squeeze(1))
        self._from_state = Int8Linear(w_hh * halved)

    def __call__(self, from_input: Tensor, h: Tensor, c: Tensor, new: Tensor) -> None:
        """from_input: what the input adds to the gates, shape = (R, 4H), overwritten. h, c: shape = (R, H). new: where
        the new h and c go, shape = (2, R, H)."""
        both = from_input.add_(self._from_state(h)).tanh_()
        gates = both.mul(0.5).add_(0.5)
        in_gate, forget, _new, out = gates.chunk(4, dim=1)
        torch.mul(forget, c, out=new[1]).add_(in_gate * both.chunk(4, dim=1)[2])
        torch.mul(out, new[1].tanh(), out=new[0])


class _Stack:
    """Implements Stack."""

    def __init__(self, stack: RecurrentStack, embedding: Tensor) -> None:
        self._embedding = embedding
        self.cells = [_Cell(layer) for layer in stack.layers if isinstance(layer, RecurrentLayer)]
        self._residual = stack.residual

    def step(self, tokens: Tensor, state: Tensor, feed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x = self._embedding[tokens]
        if feed is not None:
            x = torch.cat((x, feed), dim=1)
        new = torch.empty_like(state)
        for index, cell in enumerate(self.cells):
            cell(cell.from_input(x), state[index, 0], state[index, 1], new[index])
            x = new[index, 0] + x if self._residual and index else new[index, 0]
        return x, new

    def sequence(self, tokens: Tensor, live: Sequence[int], state: Tensor) -> tuple[Tensor, Tensor]:
        x, last = self._embedding[tokens], state.clone()
        for index, cell in enumerate(self.cells):
            gates = cell.from_input(x)  # (P, 4H)
            outputs = gates.new_empty(len(gates), gates.shape[1] // 4)
            own, start = last[index], 0
            for count in live:
                rows = slice(start, start + count)
                new = torch.empty_like(own[:, :count])
                cell(gates[rows], own[0, :count], own[1, :count], new)
                own[:, :count] = new
                outputs[rows] = new[0]
                start += count
            x = outputs + x if self._residual and index else outputs
        return x, last
