"""OpenNMT-py 3.5.1's own network and Translator, with Verso's weights; runs in its environment.

variant: "float32", which is OpenNMT-py as it comes, or "int8": the same with one added line of quantize_dynamic. Input
feeding, which is OpenNMT-py's default, if the weights have it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

for absent in ("spacy", "fasttext"):  # imported by data transforms that translation does not use
    sys.modules[absent] = ModuleType(absent)

import torch  # noqa: E402
from onmt.decoders.decoder import InputFeedRNNDecoder, StdRNNDecoder  # noqa: E402
from onmt.encoders.rnn_encoder import RNNEncoder  # noqa: E402
from onmt.models.model import NMTModel  # noqa: E402
from onmt.modules.embeddings import Embeddings  # noqa: E402
from onmt.translate.beam_search import GNMTGlobalScorer  # noqa: E402
from onmt.translate.translator import Translator  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn.utils.rnn import pad_sequence  # noqa: E402

from benchmarks.peers.protocol import Ids, Settings, batches, serve  # noqa: E402

PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Vocabulary:
    """As much of a vocabulary as Translator asks of one."""

    def __init__(self, size: int, ids: dict[str, int]) -> None:
        self.size = size
        self.ids = ids

    def __len__(self) -> int:
        return self.size

    def lookup_token(self, token: str) -> int:
        return self.ids.get(token, self.ids["<unk>"])


def fill(module: nn.Module, names: dict[str, Tensor]) -> None:
    """Copy weights into a module's parameters by name; all must be named."""
    module.load_state_dict(names, strict=True)


def modules(vocabulary: int, layers: int, hidden: int, *, feeding: bool, dropout: float = 0.0) -> NMTModel:
    """OpenNMT-py's own modules: a one-directional encoder, general attention, one table of embeddings for both."""
    embeddings = Embeddings(hidden, vocabulary, 0, dropout=dropout)
    encoder = RNNEncoder("LSTM", False, layers, hidden, dropout, embeddings=embeddings)
    decoder = (InputFeedRNNDecoder if feeding else StdRNNDecoder)(
        "LSTM", False, layers, hidden, attn_type="general", dropout=dropout, embeddings=embeddings
    )
    model = NMTModel(encoder, decoder)
    model.generator = nn.Linear(hidden, vocabulary)
    return model


def network(settings: Settings) -> NMTModel:
    """The network with Verso's weights. Its attention has h W^T s where Verso's has h W s."""
    weights = load_file(settings.weights)
    table = weights["source_embedding.weight"]
    feeding = weights["decoder.stack.layers.0.kernel.weight_ih_l0"].shape[1] > table.shape[1]
    model = modules(settings.vocabulary, settings.layers, settings.hidden, feeding=feeding)
    model.encoder.embeddings.word_lut.weight.data.copy_(table)
    layers = range(settings.layers)
    for rnn, prefix in ((model.encoder.rnn, "encoder.stack.layers"), (model.decoder.rnn, "decoder.stack.layers")):
        pattern = "{1}_l{0}" if isinstance(rnn, nn.LSTM) else "layers.{0}.{1}"
        fill(
            rnn,
            {pattern.format(i, name): weights[f"{prefix}.{i}.kernel.{name}_l0"] for i in layers for name in PARAMETERS},
        )
    fill(model.decoder.attn.linear_in, {"weight": weights["decoder.attention.project.weight"].t()})
    fill(model.decoder.attn.linear_out, {"weight": weights["decoder.combine.weight"]})
    bias = weights["projection.bias"].clone()
    bias[: settings.reserved] = -1e9
    fill(model.generator, {"weight": table, "bias": bias})
    return model.eval()


class OpenNMT:
    """Batches as its command line makes them, of like length."""

    def __init__(self, settings: Settings, model: NMTModel) -> None:
        ids = {"<blank>": 0, "<unk>": 1, "<s>": settings.begin, "</s>": settings.end}
        vocabulary = Vocabulary(settings.vocabulary, ids)
        self.translator = Translator(
            model,
            {"src": vocabulary, "tgt": vocabulary, "decoder_start_token": "<s>"},
            beam_size=settings.beam,
            min_length=settings.target_tokens,
            max_length=settings.target_tokens,
            max_length_ratio=0,
            global_scorer=GNMTGlobalScorer(0.0, 0.0, None, None),
        )

    def translate(self, sources: Sequence[Ids], in_flight: int) -> list[list[int]]:
        targets: list[list[int]] = [[] for _source in sources]
        for batch in batches(sources, in_flight):
            padded = pad_sequence([torch.tensor(sources[index][::-1]) for index in batch], batch_first=True)
            lengths = torch.tensor([len(sources[index]) for index in batch])
            found = self.translator.translate_batch({"src": padded.unsqueeze(2), "srclen": lengths}, False)
            for index, predictions in zip(batch, found["predictions"], strict=True):
                targets[index] = predictions[0].tolist()
        return targets


def open_opennmt(settings: Settings) -> OpenNMT:
    torch.set_num_threads(settings.threads)
    model = network(settings)
    if settings.variant == "int8":
        model = torch.ao.quantization.quantize_dynamic(model)  # type: ignore[no-untyped-call]
    return OpenNMT(settings, model)


if __name__ == "__main__":
    serve(open_opennmt)
