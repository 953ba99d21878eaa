"""Samples put together for an update, prepared ahead of it."""

from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.dataset import PatchSampler


@dataclass(frozen=True)
class Batch:
    """`image` (batch, 1, z + 2 * context, y, x), `target` and `mask` (batch, channel, z, y, x), all float32."""

    image: Tensor
    target: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Move to a device."""
        return Batch(*(part.to(device, non_blocking=True) for part in (self.image, self.target, self.mask)))


def batches(sampler: PatchSampler, numbers: Iterable[range], *, workers: int) -> Generator[Batch]:
    """Prepare the samples of each range as a batch, in order, on threads that run ahead of the asking."""
    waiting: list[Future[Batch]] = []
    with ThreadPoolExecutor(workers, thread_name_prefix="patches") as pool:
        try:
            for wanted in numbers:
                waiting.append(pool.submit(batch, sampler, wanted))
                if len(waiting) > workers + 1:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def batch(sampler: PatchSampler, numbers: range) -> Batch:
    """Put the samples of these numbers together."""
    samples = [sampler.sample(number) for number in numbers]
    return Batch(
        image=torch.from_numpy(np.stack([sample.image for sample in samples]))[:, None],
        target=torch.from_numpy(np.stack([sample.target for sample in samples])),
        mask=torch.from_numpy(np.stack([sample.mask for sample in samples])),
    )
