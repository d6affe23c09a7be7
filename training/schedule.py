"""Learning rate against progress: linear warm-up, then decay."""

from __future__ import annotations

import math

from training.config import TrainerConfig


def progress(config: TrainerConfig, step: int, elapsed_s: float) -> float:
    """Share of the run that is done, 0 to 1: by steps or by training time, whichever is further along."""
    by_steps = step / config.max_steps
    by_time = 0.0 if config.max_minutes is None else elapsed_s / (60 * config.max_minutes)
    return min(1.0, max(by_steps, by_time))


def learning_rate(config: TrainerConfig, step: int, done: float) -> float:
    """Rate for update number `step` (from 1) when the share `done` of the run is behind.

    cosine: Loshchilov and Hutter 2017, down to final_learning_rate_ratio of the peak. inverse_sqrt: Vaswani et al.
    2017.
    """
    peak = config.learning_rate
    if step <= config.warmup:
        return peak * step / config.warmup
    if config.decay == "constant":
        return peak
    if config.decay == "inverse_sqrt":
        return peak * math.sqrt(max(1, config.warmup) / step)
    floor = peak * config.final_learning_rate_ratio
    return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * done))
