"""Where a training runs: on a processor in float32, on a GPU with bfloat16, or on several started by torchrun."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from loop.errors import InputError
from models.names import DeviceName


@dataclass(frozen=True)
class Processes:
    """One process among the `count` that train a network together; `rank` 0 alone writes files."""

    rank: int
    count: int
    device: torch.device

    @property
    def writes(self) -> bool:
        """Whether files are this process's business."""
        return self.rank == 0

    def share(self, batch: range) -> range:
        """Give this process's part of a batch; `share_size` tells what is raised."""
        size = share_size(len(batch), self.count)
        return batch[self.rank * size : (self.rank + 1) * size]

    def together(self, network: nn.Module) -> nn.Module:
        """Give a network whose gradients are averaged over the processes as they arise."""
        if self.count == 1:
            return network
        return DistributedDataParallel(network, device_ids=[self.device] if self.device.type == "cuda" else None)

    def agreed(self, value: float) -> float:
        """Give what process 0 measured, so that all decide alike."""
        if self.count == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, src=0)
        return float(shared)

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.count > 1:
            distributed.barrier()

    def autocast(self) -> AbstractContextManager[None]:
        """Compute in bfloat16 where that is exact enough: on a GPU. On processors its gradients overflowed."""
        if self.device.type == "cuda":
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return nullcontext()


def share_size(batch: int, count: int) -> int:
    """Tell how much of a batch each of `count` processes gets.

    Raises
    ------
    InputError
        If the batch cannot be shared evenly.
    """
    if batch % count:
        raise InputError(
            "the batch cannot be shared evenly",
            given=f"batch = {batch} for {count} processes",
            expected=f"a multiple of {count}",
            fix=f"set batch = {batch // count * count + count} in the training settings",
        )
    return batch // count


def device_called(name: DeviceName) -> torch.device:
    """Give the device to compute on; `auto` is the GPU of this process where there is one.

    Raises
    ------
    InputError
        If `cuda` is asked for and there is no such GPU.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "there is no GPU that torch can use",
            given='device = "cuda"',
            expected="an NVIDIA GPU, its driver, and a torch built for it",
            fix='set device = "auto" or "cpu"',
        )
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


@contextmanager
def joined(name: DeviceName) -> Iterator[Processes]:
    """Join the processes that torchrun started, if it did, and part at the end."""
    device = device_called(name)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes(rank=0, count=1, device=device)
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(rank=distributed.get_rank(), count=distributed.get_world_size(), device=device)
    finally:
        distributed.destroy_process_group()
