"""How many replicas a load needs, from what `make load` has measured of one.

One replica answers `most_per_s` requests of the measured mix, and at each share of that has some p97. The load is
divided among replicas that know nothing of each other, each of which must stay at a share that keeps the bound, also
when `spare` of them are gone. A mix of other lengths is reckoned in target tokens, since decoding takes time for each.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.load.figures import Point, highest_within


class CapacityError(ValueError):
    """No number of replicas does it; the message says why."""


@dataclass(frozen=True)
class Measured:
    """One replica. most_per_s: requests; target_tokens_per_s: at that rate; points: from below."""

    most_per_s: float
    target_tokens_per_s: float
    points: tuple[Point, ...]

    @property
    def tokens_per_request(self) -> float:
        """Target tokens."""
        return self.target_tokens_per_s / self.most_per_s


@dataclass(frozen=True)
class Demand:
    """What is asked for at the busiest time. p97_s: bound on the latency of 97%, and twice that of 99%. spare: replicas
    that may be gone all the same. tokens_per_request: target tokens; None: as in the measured mix."""

    requests_per_s: float
    p97_s: float
    spare: int = 1
    replicas_per_machine: int = 1
    tokens_per_request: float | None = None


@dataclass(frozen=True)
class Capacity:
    """share: of its most at which one replica keeps the bound. replica_per_s: requests of the demand's size that it
    then answers. replicas, machines: with the spare ones."""

    share: float
    replica_per_s: float
    replicas: int
    machines: int


def capacity(measured: Measured, demand: Demand) -> Capacity:
    """What the demand takes.

    Raises:
        CapacityError: a single replica at the lightest load that was measured does not keep the bound.
    """
    size = (demand.tokens_per_request or measured.tokens_per_request) / measured.tokens_per_request
    # A request of twice the tokens takes twice as long, under the same share of the load.
    best = highest_within(measured.points, demand.p97_s / size)
    if best is None:
        lightest = min(measured.points, key=lambda each: each.offered_per_s)
        raise CapacityError(
            f"p97: {demand.p97_s:g} s is kept by no number of replicas: at {lightest.share:g} of its load one has a "
            f"p97 of {lightest.p97_s * size:g} s and a p99 of {lightest.p99_s * size:g} s; it takes more cores for each"
        )
    replica_per_s = best.offered_per_s / size
    replicas = math.ceil(demand.requests_per_s / replica_per_s) + demand.spare
    return Capacity(best.share, replica_per_s, replicas, math.ceil(replicas / demand.replicas_per_machine))


def read(path: Path) -> Measured:
    """What `make load` has printed: the commands that it ran, and at the end the figures."""
    result = json.loads(path.read_text().splitlines()[-1])
    points = tuple(Point(**each) for each in result["points"])
    return Measured(result["most_per_s"], result["target_tokens_per_s"], points)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the capacity as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path, help="file with the line of JSON that `make load` ends in")
    parser.add_argument("--requests-per-s", type=float, required=True)
    parser.add_argument("--p97", type=float, required=True, help="seconds")
    parser.add_argument("--spare", type=int, default=1)
    parser.add_argument("--replicas-per-machine", type=int, default=1)
    parser.add_argument("--tokens-per-request", type=float)
    given = parser.parse_args(arguments)
    demand = Demand(given.requests_per_s, given.p97, given.spare, given.replicas_per_machine, given.tokens_per_request)
    try:
        print(json.dumps(asdict(capacity(read(given.measured), demand))))
    except CapacityError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
