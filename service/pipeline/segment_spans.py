"""What the engine's thread did for the segments of a group, as spans of the request that waited for it."""

from __future__ import annotations

from collections.abc import Sequence

from model_store.decoding.segment import Segment
from service.engine.segment import SegmentResult
from service.tracing import Phase

# Of a long text a trace has the segments that took longest; what they all were is in the counts.
MOST_SEGMENTS = 16


def tell_segments(engine: Phase, segments: Sequence[Segment], results: Sequence[SegmentResult]) -> None:
    """Under the span `engine`, which began with the submission: where the time of each segment went."""
    if not engine.recorded:
        return
    sources = [result.source for result in results]
    engine.counted({source: sources.count(source) for source in ("decoded", "shared", "cache")})
    # One that joined another in flight has that one's times, which began before this request.
    decoded = [index for index, source in enumerate(sources) if source == "decoded"]
    decoded.sort(key=lambda index: results[index].timings.total_s, reverse=True)
    for index in decoded[:MOST_SEGMENTS]:
        segment, result, timings = segments[index], results[index], results[index].timings
        counts = {
            "segment": index,
            "source_tokens": len(segment.source),
            "target_tokens": len(result.hypotheses[0].tokens),
            "beam_size": segment.beam_size,
        }
        encoded_s = timings.queue_s + timings.encode_s
        engine.part("queue", after_s=0.0, lasting_s=timings.queue_s, counts=counts)
        engine.part("encode", after_s=timings.queue_s, lasting_s=timings.encode_s, counts=counts)
        engine.part(
            "decode",
            after_s=encoded_s,
            lasting_s=max(timings.decode_s - timings.encode_s, 0.0),
            counts=counts | {"steps": timings.steps},
        )
