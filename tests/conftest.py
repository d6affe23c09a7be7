"""What every test shares: one thread, so that tests neither wait for cores nor fight over them, and no deadline."""

from __future__ import annotations

import hypothesis
import torch

torch.set_num_threads(1)
hypothesis.settings.register_profile("verso", deadline=None)  # a busy machine is no defect
hypothesis.settings.load_profile("verso")
