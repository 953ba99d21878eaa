"""Figures for TensorBoard."""

import math
from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


def write_scalars(log_dir: Path, *, step: int, values: Mapping[str, float]) -> None:
    """Add one point to each named curve in `log_dir`; figures that are not finite are left out."""
    with SummaryWriter(log_dir=str(log_dir)) as writer:
        for name, value in values.items():
            if math.isfinite(value):
                writer.add_scalar(name, value, step)
