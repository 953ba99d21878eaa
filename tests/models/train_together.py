"""One of several processes that train together: `torchrun -m tests.models.train_together OUT`."""

import sys
from pathlib import Path

import torch

from models.training import train
from tests.models.builders import STILL, alike, settings


def main() -> None:
    """Train and say what came out, from every process."""
    torch.set_num_threads(1)
    result = train([alike()], settings(**TOGETHER), out_dir=Path(sys.argv[1]))
    sys.stdout.write(f"{result.sha256}\n")


TOGETHER: dict[str, object] = {"steps": 4, "batch": 2, "loss": "bce", "device": "cpu", "augmentation": STILL}

if __name__ == "__main__":
    main()
