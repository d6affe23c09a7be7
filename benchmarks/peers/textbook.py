"""The loop that a tutorial teaches: nn.LSTM step by step, log-softmax over everything, topk, static batches.

variant: "float32", or "int8" for the same with one line of quantize_dynamic. Same weights as Verso's, same function.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from benchmarks.peers.protocol import Ids, Settings, batches, serve


def stacked(weights: dict[str, Tensor], prefix: str, layers: int) -> nn.LSTM:
    """One nn.LSTM of all layers from Verso's layer by layer parameters."""
    inputs, hidden = weights[f"{prefix}.0.kernel.weight_ih_l0"].shape[1], weights[f"{prefix}.0.kernel.weight_hh_l0"]
    lstm = nn.LSTM(inputs, hidden.shape[1], layers, batch_first=True)
    with torch.no_grad():
        for layer in range(layers):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(lstm, f"{name}_l{layer}").copy_(weights[f"{prefix}.{layer}.kernel.{name}_l0"])
    return lstm


def linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """A layer with these parameters."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer


def never_written(bias: Tensor, reserved: int) -> Tensor:
    """The projection's bias with the reserved ids out of reach."""
    bias = bias.clone()
    bias[:reserved] = -1e9
    return bias


class Textbook(nn.Module):
    """Encoder, general attention, decoder; source reversed."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        weights = load_file(settings.weights)
        self.settings = settings
        self.embedding = nn.Embedding(settings.vocabulary, settings.hidden, _weight=weights["source_embedding.weight"])
        self.encoder = stacked(weights, "encoder.stack.layers", settings.layers)
        self.decoder = stacked(weights, "decoder.stack.layers", settings.layers)
        self.keys = linear(weights["decoder.attention.project.weight"])
        self.combine = linear(weights["decoder.combine.weight"])
        self.projection = linear(
            weights["source_embedding.weight"], never_written(weights["projection.bias"], settings.reserved)
        )

    @torch.inference_mode()
    def translate(self, sources: Sequence[Ids], in_flight: int) -> list[list[int]]:
        targets: list[list[int]] = [[] for _source in sources]
        for batch in batches(sources, in_flight):
            for index, target in zip(batch, self.beam_search([sources[index] for index in batch]), strict=True):
                targets[index] = target
        return targets

    def beam_search(self, sources: list[Ids]) -> list[list[int]]:
        beam, count = self.settings.beam, len(sources)
        lengths = torch.tensor([len(source) for source in sources])
        padded = pad_sequence([torch.tensor(source[::-1]) for source in sources], batch_first=True)
        packed = pack_padded_sequence(self.embedding(padded), lengths, batch_first=True, enforce_sorted=False)
        outputs, state = self.encoder(packed)
        values = pad_packed_sequence(outputs, batch_first=True)[0].repeat_interleave(beam, dim=0)
        keys = self.keys(values)
        padding = (torch.arange(values.shape[1]) >= lengths.unsqueeze(1)).repeat_interleave(beam, dim=0)
        state = tuple(part.repeat_interleave(beam, dim=1) for part in state)
        written = torch.full((count * beam, 1), self.settings.begin)
        totals = torch.full((count, beam), float("-inf"))
        totals[:, 0] = 0
        for _step in range(self.settings.target_tokens):
            output, state = self.decoder(self.embedding(written[:, -1:]), state)
            scores = (output @ keys.transpose(1, 2)).masked_fill(padding.unsqueeze(1), float("-inf"))
            context = torch.softmax(scores, dim=2) @ values
            readout = torch.tanh(self.combine(torch.cat((context, output), dim=2)))
            log_probs = torch.log_softmax(self.projection(readout).squeeze(1), dim=1)
            candidates = totals.unsqueeze(2) + log_probs.view(count, beam, -1)
            totals, best = candidates.flatten(1).topk(beam, dim=1)
            parents = (best // log_probs.shape[1] + torch.arange(count).unsqueeze(1) * beam).flatten()
            state = tuple(part.index_select(1, parents) for part in state)
            written = torch.cat((written[parents], (best % log_probs.shape[1]).view(-1, 1)), dim=1)
        return written.view(count, beam, -1)[:, 0, 1:].tolist()


def open_textbook(settings: Settings) -> Textbook:
    torch.set_num_threads(settings.threads)
    model = Textbook(settings).eval()
    if settings.variant == "int8":
        return torch.ao.quantization.quantize_dynamic(model)  # type: ignore[no-any-return, no-untyped-call]
    return model


if __name__ == "__main__":
    serve(open_textbook)
