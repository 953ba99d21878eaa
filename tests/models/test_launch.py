import pytest
import torch

from loop.errors import InputError, ProofloopError
from models.launch import launch, processes_wanted
from tests.models.builders import settings


def test_as_many_processes_train_as_are_asked_for_and_one_where_there_is_no_gpu() -> None:
    assert processes_wanted(settings(processes=3, batch=6)) == 3
    assert processes_wanted(settings(device="cpu")) == 1


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="this machine has not two GPUs")
def test_every_gpu_that_a_batch_can_be_shared_among_gets_a_process() -> None:
    assert processes_wanted(settings(batch=2)) == 2
    assert processes_wanted(settings(batch=1)) == 1


def test_a_batch_that_processes_cannot_share_is_refused_before_they_start() -> None:
    with pytest.raises(InputError, match="cannot be shared evenly"):
        processes_wanted(settings(processes=3, batch=4))


def test_processes_tell_of_their_progress_and_errors() -> None:
    heard = []

    def listen(done: int, total: int, note: str = "") -> None:
        heard.append((done, total, note))

    with pytest.raises(ProofloopError, match="to fix:   leave out both") as told:
        launch("tests.models.telling", ["both", "ends"], count=2, progress=listen)
    assert heard == [(1, 2, "both ends")]
    assert told.value.exit_code == 2


def test_a_process_that_crashes_is_told_of_with_what_it_said_last() -> None:
    def unheard(done: int, total: int, note: str = "") -> None:
        raise AssertionError(note)

    with pytest.raises(ProofloopError, match="no_such_module") as crashed:
        launch("tests.models.no_such_module", [], count=1, progress=unheard)
    assert "ended with code 1" in str(crashed.value)
    assert crashed.value.exit_code == 1
