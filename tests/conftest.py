"""What every test shares: one thread, so that tests neither wait for cores nor fight over them."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
