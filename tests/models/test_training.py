from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

from loop.errors import InputError, TrainingDiverged
from models.augment_config import AugmentConfig
from models.checkpoint import load_checkpoint, load_network
from models.layout_linknet import LinkNetConfig
from models.layouts import Layout
from models.prediction import predict
from models.prediction_config import PredictionConfig
from models.processes import Processes
from models.resnet import ResnetEncoder
from models.scalars import write_scalars
from models.targets import membrane_target
from models.training import CHECKPOINT, LOGS, UNFINISHED, scheduled, train
from models.unet3d import UNet3d
from models.validation import Validator
from tests.models.builders import DEEP, DILATED, FLAT, IN_3D, REFINER, STILL, block, settings, tubes


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(load_checkpoint(path).tensors)


def test_a_short_training_finds_the_walls_of_the_tubes(tmp_path: Path) -> None:
    result = train([block()], settings(steps=60, batch=4, augmentation=STILL), out_dir=tmp_path)
    image, labels = tubes()
    found = predict(
        result.checkpoint,
        lambda z0, z1: image[z0:z1],
        n_sections=6,
        sections=range(6),
        config=PredictionConfig(variants=4, precision="float32"),
    )
    assert ((found.mean > 0.5) == membrane_target(labels)).mean() > 0.9


@pytest.mark.parametrize("layout", IN_3D)
def test_every_3d_network_trains_resumes_and_predicts(tmp_path: Path, layout: Layout) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        if done == 3:
            raise _Killed

    config = settings(network=layout, steps=4, patch_sections=2)
    unbroken = train([block()], config, out_dir=tmp_path / "unbroken")
    with pytest.raises(_Killed):
        train([block()], config, out_dir=tmp_path / "killed", progress=kill)
    assert train([block()], config, out_dir=tmp_path / "killed").sha256 == unbroken.sha256
    image, _ = tubes()
    views = PredictionConfig(variants=4, precision="float32")
    found = predict(unbroken.checkpoint, lambda z0, z1: image[z0:z1], n_sections=6, sections=range(2, 4), config=views)
    assert found.mean.shape == (2, 48, 48)
    assert 0 <= found.mean.min() <= found.mean.max() <= 1


class _Killed(Exception):
    """Stands for the end of the process."""


class _Heard:
    """A listener that remembers the steps."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def __call__(self, done: int, total: int, note: str = "") -> None:
        assert done <= total
        assert "samples/s" in note
        self.steps.append(done)


def test_a_killed_training_resumes_to_the_weights_of_an_unbroken_one(tmp_path: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        del total, note
        if done == 5:
            raise _Killed

    config = settings(augmentation=AugmentConfig())
    unbroken = train([block()], config, out_dir=tmp_path / "unbroken")
    with pytest.raises(_Killed):
        train([block()], config, out_dir=tmp_path / "killed", progress=kill)
    heard = _Heard()
    resumed = train([block()], config, out_dir=tmp_path / "killed", progress=heard)
    assert heard.steps == [5, 6]
    expected = weights(unbroken.checkpoint)
    for name, tensor in weights(resumed.checkpoint).items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=0)
    assert not (tmp_path / "killed" / UNFINISHED).exists()


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    one, three = (train([block()], settings(workers=n), out_dir=tmp_path / str(n)) for n in (1, 3))
    assert one.sha256 == three.sha256


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first = train([block()], settings(), out_dir=tmp_path)
    heard = _Heard()
    assert train([block()], settings(), out_dir=tmp_path, progress=heard) == first
    assert heard.steps == []


def test_a_kill_after_the_checkpoint_was_written_leaves_nothing_to_tidy_by_hand(tmp_path: Path) -> None:
    kept = tmp_path / "kept"

    def keep(done: int, total: int, note: str = "") -> None:
        if done == 3:
            kept.write_bytes((tmp_path / UNFINISHED).read_bytes())

    first = train([block()], settings(), out_dir=tmp_path, progress=keep)
    kept.rename(tmp_path / UNFINISHED)
    heard = _Heard()
    assert train([block()], settings(), out_dir=tmp_path, progress=heard) == first
    assert heard.steps == []
    assert not (tmp_path / UNFINISHED).exists()


def test_an_unfinished_training_of_other_settings_is_not_continued(tmp_path: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        raise _Killed

    with pytest.raises(_Killed):
        train([block()], settings(), out_dir=tmp_path, progress=kill)
    with pytest.raises(InputError, match="unfinished training"):
        train([block()], settings(seed=1), out_dir=tmp_path)


def test_training_goes_on_from_an_earlier_checkpoint(tmp_path: Path) -> None:
    first = train([block()], settings(steps=40), out_dir=tmp_path / "1")
    second = train(
        [block()], settings(steps=1, warm_learning_rate=1e-9), out_dir=tmp_path / "2", start_from=first.checkpoint
    )
    before, after = load_network(first.checkpoint).state_dict(), load_network(second.checkpoint).state_dict()
    torch.testing.assert_close(after["head.weight"], before["head.weight"])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(lambda whole: whole[: len(whole) // 2], "cannot be read"), (lambda _: b"\x80\x04K\x01.", "is a pickle")],
)
def test_a_start_that_is_cut_short_or_a_pickle_is_refused_before_anything_is_written(
    tmp_path: Path, spoil: Callable[[bytes], bytes], message: str
) -> None:
    first = train([block()], settings(steps=1), out_dir=tmp_path / "1")
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(spoil(first.checkpoint.read_bytes()))
    with pytest.raises(InputError, match=message) as refused:
        train([block()], settings(), out_dir=tmp_path / "2", start_from=bad)
    assert refused.value.fix
    assert not (tmp_path / "2").exists()


def test_a_start_of_another_target_is_refused(tmp_path: Path) -> None:
    first = train([block()], settings(steps=1), out_dir=tmp_path / "1")
    other = settings(network=FLAT.model_copy(update={"target": "signed_distance"}))
    with pytest.raises(InputError, match="another architecture"):
        train([block()], other, out_dir=tmp_path / "2", start_from=first.checkpoint)


def test_a_start_of_another_architecture_is_refused(tmp_path: Path) -> None:
    first = train([block()], settings(steps=1), out_dir=tmp_path / "1")
    with pytest.raises(InputError, match="another architecture"):
        train([block()], settings(network=DEEP, patch_sections=2), out_dir=tmp_path / "2", start_from=first.checkpoint)


def test_a_diverging_training_stops_with_the_last_good_state_kept(tmp_path: Path) -> None:
    with pytest.raises(TrainingDiverged, match="last good state is kept"):
        train([block()], settings(steps=400, learning_rate=1e30), out_dir=tmp_path)
    kept = load_checkpoint(tmp_path / UNFINISHED)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in kept.tensors.values())
    assert not (tmp_path / CHECKPOINT).exists()


def test_a_2d_network_begins_with_published_weights_and_trains(tmp_path: Path) -> None:
    published = tmp_path / "resnet34.safetensors"
    torch.manual_seed(3)
    save_file(ResnetEncoder("resnet34").state_dict(), published)
    config = settings(network=LinkNetConfig(), steps=1, learning_rate=1e-9, encoder_weights=str(published))
    trained = weights(train([block()], config, out_dir=tmp_path / "run").checkpoint)
    torch.testing.assert_close(trained["encoder.conv1.weight"], load_file(published)["conv1.weight"])


def test_published_weights_for_a_network_without_an_encoder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no encoder"):
        train([block()], settings(encoder_weights="resnet34.pth"), out_dir=tmp_path)


def test_a_refiner_begins_with_the_net_a_of_a_checkpoint(tmp_path: Path) -> None:
    net_a = train([block()], settings(network=DEEP, patch_sections=2, steps=1), out_dir=tmp_path / "1")
    config = settings(network=REFINER, patch_sections=2, steps=1, warm_learning_rate=1e-9)
    refined = train([block()], config, out_dir=tmp_path / "2", start_from=net_a.checkpoint)
    name = "down.0.entry.convolution.weight"
    torch.testing.assert_close(weights(refined.checkpoint)[f"embedding.{name}"], weights(net_a.checkpoint)[name])
    with pytest.raises(InputError, match="another architecture"):
        train(
            [block()], settings(network=DILATED, patch_sections=2), out_dir=tmp_path / "3", start_from=net_a.checkpoint
        )


@pytest.mark.parametrize("wrong", [{"patch_px": 31}, {"network": DEEP, "patch_sections": 3}])
def test_a_patch_that_the_network_cannot_halve_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="does not fit the network"):
        train([block()], settings(**wrong), out_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_training_leaves_the_data_as_it_was(tmp_path: Path) -> None:
    one = block()
    image, labels = one.image.copy(), one.labels.copy()
    train([one, replace(one, annotated=np.arange(6) == 2)], settings(), out_dir=tmp_path)
    np.testing.assert_array_equal(one.image, image)
    np.testing.assert_array_equal(one.labels, labels)


def test_the_best_weights_on_the_validation_sections_are_kept_and_training_stops_early(tmp_path: Path) -> None:
    heard = _Heard()
    # a rate at which the network gets worse and worse
    spoiling = settings(steps=40, learning_rate=3.0, validate_every=2, patience=2, validation_patches=3)
    result = train([block()], spoiling, out_dir=tmp_path / "1", validation=[block(sections=2)], progress=heard)
    assert result.steps == heard.steps[-1] < 40
    read = EventAccumulator(str(tmp_path / "1" / LOGS)).Reload()
    measured = [event.value for event in read.Scalars("validation/loss")]
    assert min(measured[-2:]) >= min(measured)
    assert load_checkpoint(result.checkpoint).provenance["validation_loss"] == pytest.approx(min(measured), rel=1e-5)
    again = Validator([block(sections=2)], spoiling).measure(
        load_network(result.checkpoint), weights(result.checkpoint), Processes(0, 1, torch.device("cpu"))
    )
    assert again.loss == pytest.approx(min(measured), rel=1e-5)


def test_a_killed_training_with_validation_resumes_to_the_same_weights(tmp_path: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        if done == 5:
            raise _Killed

    config = settings(validate_every=1, steps=8, validation_patches=1)
    unbroken = train([block()], config, out_dir=tmp_path / "unbroken", validation=[block()])
    with pytest.raises(_Killed):
        train([block()], config, out_dir=tmp_path / "killed", validation=[block()], progress=kill)
    resumed = train([block()], config, out_dir=tmp_path / "killed", validation=[block()])
    assert resumed.sha256 == unbroken.sha256


def test_stopping_early_without_validation_sections_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot stop early"):
        train([block()], settings(patience=1), out_dir=tmp_path)


def test_measuring_leaves_the_network_as_it_was() -> None:
    network = UNet3d(FLAT).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    other = {name: tensor + 1 for name, tensor in before.items()}
    Validator([block()], settings(validation_patches=1)).measure(network, other, Processes(0, 1, torch.device("cpu")))
    assert network.training
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


def test_several_volumes_of_different_extents_are_learnt_from_together(tmp_path: Path) -> None:
    assert train([block(), block(sections=2, px=60)], settings(), out_dir=tmp_path).steps == 6


def test_tensorboard_gets_the_loss_pictures_and_further_figures(tmp_path: Path) -> None:
    train([block()], settings(), out_dir=tmp_path)
    write_scalars(tmp_path / LOGS, step=1, values={"hold-out/voi": 0.5, "hold-out/undefined": float("nan")})
    read = EventAccumulator(str(tmp_path / LOGS)).Reload()
    assert [event.step for event in read.Scalars("training/loss")] == [1, 2, 3, 4, 5, 6]
    for name in ("training/seconds", "training/seconds waiting for data"):
        assert all(0 <= event.value < 60 for event in read.Scalars(name))
    assert read.Images("training/EM, truth, prediction")[0].width == 3 * 32
    assert [event.value for event in read.Scalars("hold-out/voi")] == [0.5]
    assert "hold-out/undefined" not in read.Tags()["scalars"]


def test_the_learning_rate_rises_to_its_peak_and_falls_to_a_hundredth() -> None:
    rates = [scheduled(step, 100, peak=1.0) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.01)
    assert rates[10:] == sorted(rates[10:], reverse=True)
