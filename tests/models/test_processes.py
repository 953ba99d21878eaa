import subprocess
import sys
from pathlib import Path

import pytest
import torch

from loop.errors import InputError
from models.checkpoint import checkpoint_sha256, load_checkpoint
from models.processes import Processes, device_called
from models.training import CHECKPOINT, train
from tests.models.builders import alike, settings
from tests.models.train_together import TOGETHER

ROOT = Path(__file__).parents[2]


def test_two_processes_give_the_weights_of_one_with_the_whole_batch(tmp_path: Path) -> None:
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    ran = subprocess.run(
        [*launch, "tests.models.train_together", str(tmp_path / "two")],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    together = tmp_path / "two" / CHECKPOINT
    assert ran.stdout.split() == [checkpoint_sha256(together)] * 2
    alone = train([alike()], settings(**TOGETHER), out_dir=tmp_path / "one").checkpoint
    # every patch is the same here, so that batch normalisation, which is each process's own, agrees as well
    expected, begun = load_checkpoint(alone).tensors, load_checkpoint(first_weights(tmp_path / "begun")).tensors
    for name, tensor in load_checkpoint(together).tensors.items():
        # the variance of n voxels is kept as that of the population, n / (n - 1) times as much
        loose = name.endswith("running_var")
        torch.testing.assert_close(tensor, expected[name], rtol=1e-2 if loose else 1e-4, atol=1e-5)
    assert any(float((expected[name] - begun[name]).abs().max()) > 1e-3 for name in expected)


def first_weights(folder: Path) -> Path:
    return train([alike()], settings(**TOGETHER | {"steps": 1, "learning_rate": 1e-12}), out_dir=folder).checkpoint


def test_processes_share_a_batch_without_gap_or_overlap() -> None:
    ranks = [Processes(rank=rank, count=3, device=torch.device("cpu")) for rank in range(3)]
    assert [list(rank.share(range(6, 12))) for rank in ranks] == [[6, 7], [8, 9], [10, 11]]
    with pytest.raises(InputError, match="cannot be shared evenly"):
        ranks[0].share(range(4))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused_and_auto_takes_the_processor() -> None:
    assert device_called("auto") == torch.device("cpu")
    with pytest.raises(InputError, match="no GPU"):
        device_called("cuda")
