"""What does a key cost, when a translation is typed character by character, and what would it without kept beginnings?

Asks a running decoder for the translation of each sentence with every beginning of its reference as the prefix, as a
client does that completes what is typed: once with what searches have left (model_store/decoding/beginnings.py), and
once without, key by key in turn; encodings are kept for both. Both have to find the same, bit by bit. Times are of the
processor, one thread, so that a machine with other work to do does not count. The last line is one JSON object:
milliseconds and steps a key, over all keys of a sentence, and the ratio of the times. The fraction of the limit is of
that in benchmarks/limits.py, measured just before, for as many steps of one sentence; reading it, once, is not in it.

    python -m benchmarks.prefixes [FILE...] [--bundle FOLDER]

FILE: `source<TAB>target`, instead of the sentences below.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from benchmarks.limits import Limits, limits_of_bundle
from benchmarks.measure import machine, rounded
from benchmarks.pairs import read_pairs
from benchmarks.shipped import newest_translator
from model_store.bundle import Bundle, load_bundle
from model_store.decoding.in_flight import InFlightDecoder, open_decoder
from model_store.decoding.repeats import no_repeat_ngram
from model_store.decoding.segment import Hypothesis, Segment

PAIRS = [
    ("Enter the password.", "Введите пароль."),
    ("The file could not be opened for reading.", "Не удалось открыть файл для чтения."),
    (
        "Select the folder in which the backup copies of your documents are to be stored.",
        "Выберите папку, в которой будут храниться резервные копии ваших документов.",
    ),
    (
        "If the connection is lost while the update is being installed, the program continues from the last saved state"
        " as soon as the network is available again.",
        "Если соединение прервётся во время установки обновления, программа продолжит работу с последнего сохранённого"
        " состояния, как только сеть снова станет доступна.",
    ),
]


def opened(bundle: Bundle) -> InFlightDecoder:
    decoding = bundle.manifest.decoding
    return open_decoder(
        bundle.network(),
        bundle.tokenizer,
        max_source_length=decoding.max_source_length,
        max_target_length=2 * decoding.max_length(decoding.max_source_length),
    )


def segment_of(bundle: Bundle, direction: tuple[str, str], text: str, prefix: str) -> Segment:
    """As the service asks for it."""
    decoding, tokenizer = bundle.manifest.decoding, bundle.tokenizer
    source = (*tokenizer.prefix_ids(direction[1]), *tokenizer.encode(text), tokenizer.eos_id)
    return Segment(
        source,
        max_length=decoding.max_length(len(source)) + len(tokenizer.encode(prefix)),
        beam_size=decoding.beam_size,
        length_penalty=decoding.length_penalty,
        no_repeat_ngram=no_repeat_ngram(decoding, bundle.manifest.task, source),
        prefix=tokenizer.spelled(prefix),
        want_attention=True,
    )


def decoded(decoder: InFlightDecoder, segment: Segment) -> tuple[float, int, Hypothesis]:
    """Seconds of the processor, steps, and what was found."""
    started = time.process_time()
    decoder.admit([segment])
    steps = 0
    while decoder.live:
        decoder.step()
        steps += 1
    ((_ticket, (best,)),) = decoder.collect()
    return time.process_time() - started, steps, best


def typed(bundle: Bundle, limits: Limits, decoders: list[InFlightDecoder], texts: tuple[str, str]) -> dict[str, object]:
    """One sentence, key by key. decoders: that keeps beginnings, and that does not."""
    source, target = texts
    spent, steps = [0.0, 0.0], [0, 0]
    for end in range(1, len(target) + 1):
        segment = segment_of(bundle, bundle.manifest.pairs[0], source, target[:end])
        found = []
        for which in (0, 1) if end % 2 else (1, 0):
            seconds, taken, best = decoded(decoders[which], segment)
            spent[which] += seconds
            steps[which] += taken
            found.append((best.tokens, best.log_prob, best.score, best.alignment))
        assert found[0] == found[1], f"not the same with the prefix {target[:end]!r}"
    keys, beam = len(target), segment.beam_size
    least_s = limits.step_s(bundle.manifest.network, 1, len(segment.source), beam)
    return {
        "keys": keys,
        "target_tokens": len(bundle.tokenizer.encode(target)),
        "ms_a_key": rounded(1000 * spent[0] / keys),
        "ms_a_key_from_the_start": rounded(1000 * spent[1] / keys),
        "steps_a_key": rounded(steps[0] / keys),
        "steps_a_key_from_the_start": rounded(steps[1] / keys),
        "ratio": rounded(spent[1] / spent[0]),
        "fraction_of_limit": rounded(least_s * steps[0] / spent[0]),
        "fraction_of_limit_from_the_start": rounded(least_s * steps[1] / spent[1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="*")
    parser.add_argument("--count", type=int, default=20, help="pairs from the end of each file")
    words = "default: the newest translate-en-ru; pairs are of its first direction"
    parser.add_argument("--bundle", type=Path, default=newest_translator(), help=words)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bundle = load_bundle(options.bundle)
    pairs = [pair for path in options.pairs for pair in read_pairs(path)[-options.count :]] or PAIRS
    decoders = [opened(bundle), opened(bundle)]
    decoders[1].beginnings.kept.most_bytes = 0
    for decoder in decoders:  # what the first step of a decoder sets up is no part of it
        decoded(decoder, segment_of(bundle, bundle.manifest.pairs[0], "First of all.", ""))
    limits = limits_of_bundle(bundle, bundle.manifest.decoding.beam_size)
    results = [typed(bundle, limits, decoders, pair) for pair in pairs]
    reference = bundle.manifest.reference
    print(json.dumps({"benchmark": "prefixes", "machine": machine(), "bundle": reference, "sentences": results}))


if __name__ == "__main__":
    main()
