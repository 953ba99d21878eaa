"""Membrane probability of any stretch of a volume, without seams, with the spread over mirrored views."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from loop.errors import InputError
from loop.progress import Progress, part_of, silent
from loop.section_range import format_sections, runs_of
from models.allocator import freed_memory_kept
from models.checkpoint import load_network
from models.fusing import fused
from models.int8_unet3d import in_int8, int8_can_pay
from models.memory import Cut, bytes_a_voxel, bytes_free, cut_that_fits
from models.names import Precision
from models.precision import as_bfloat16, fastest_that_agrees, precision_of
from models.prediction_config import PredictionConfig as PredictionConfig
from models.processes import device_called
from models.registry import Network, channels_last
from models.samples import first_sections, middle_of, spread
from models.stacks import Prediction, as_input, predict_stack
from models.surroundings import Margins, ReadSections, aligned_blocks, margins_of, with_context
from models.tiles import padded_extent

CHECK = Cut(sections=4, tile_px=128)
"""Of the first sections, what is predicted in float32 and in other formats to see whether they agree."""
SEEN = Cut(sections=2, tile_px=128)
"""Of each place in the volume, what tells how large features get."""
BLOCK_SECTIONS = 16
"""Sections predicted at once by a network that looks at few: what a kill may cost."""
MEMORY_SHARE = 0.5
"""Of the free memory, what the features of a tile may take."""


def predict(
    checkpoint: Path,
    read: ReadSections,
    *,
    n_sections: int,
    sections: Sequence[int],
    config: PredictionConfig | None = None,
    progress: Progress = silent,
) -> Prediction:
    """Predict some sections of a volume.

    Parameters
    ----------
    checkpoint : Path
        The network and its weights.
    read : callable
        Gives the sections [z0, z1) of the volume, (z, y, x) uint8; asked only for those inside the volume.
    n_sections : int
        Sections in the volume.
    sections : sequence of int
        The sections to predict, ascending. Their neighbours are read as context; beyond the volume's ends they are
        its reflection.
    config : PredictionConfig, optional
        How; by default the mean of eight views.
    progress : Progress
        Hears of every tile and view.

    Returns
    -------
    Prediction
        Membrane probability, 1 = membrane.

    Raises
    ------
    InputError
        Unusable checkpoint, sections outside the volume, or images that are not uint8 (z, y, x).
    ProofloopError
        The network gave NaN.
    """
    blocks = list(
        predict_blocks(checkpoint, read, n_sections=n_sections, sections=sections, config=config, progress=progress)
    )
    if len(blocks) == 1:
        return blocks[0][1]
    return Prediction(
        mean=np.concatenate([block.mean for _, block in blocks]),
        variance=np.concatenate([block.variance for _, block in blocks]),
    )


def predict_blocks(
    checkpoint: Path,
    read: ReadSections,
    *,
    n_sections: int,
    sections: Sequence[int],
    config: PredictionConfig | None = None,
    progress: Progress = silent,
) -> Iterator[tuple[range, Prediction]]:
    """Predict as `predict` does, one block of sections after another, so that a volume never has to fit in memory."""
    config = config or PredictionConfig()
    if not sections or min(sections) < 0 or max(sections) >= n_sections:
        raise InputError(
            "the sections to predict are not in the volume",
            given=format_sections(sections) or "none",
            expected=f"some inside 0:{n_sections}",
            fix="give sections that the volume has",
        )
    network, margins, shape = _ready(checkpoint, read, n_sections=n_sections, first=sections[0], config=config)
    cut = _cut(network, shape, config, margins)
    blocks = [
        found
        for start, stop in runs_of(sections)
        for found in aligned_blocks(range(start, stop), cut.sections, margins.grid[0])
    ]
    tile_px = cut.tile_px
    with freed_memory_kept(device_called(config.device)):
        for number, (block, wanted) in enumerate(blocks):
            stack = with_context(read, block, wanted, n_sections=n_sections, margins=margins)
            told = part_of(progress, number, len(blocks))
            found, tile_px = predict_stack(
                network, stack, margins=margins, tile_px=tile_px, variants=config.variants, progress=told
            )
            yield block[wanted], found


def settled_precision(
    checkpoint: Path, read: ReadSections, *, n_sections: int, sections: Sequence[int], config: PredictionConfig
) -> Precision:
    """Tell in which precision `predict_blocks` predicts, so that a resumed prediction can go on in the same one."""
    if config.precision != "auto":
        return config.precision
    return precision_of(_ready(checkpoint, read, n_sections=n_sections, first=sections[0], config=config)[0])


def settled(
    checkpoint: Path, read: ReadSections, *, n_sections: int, sections: Sequence[int], config: PredictionConfig
) -> tuple[PredictionConfig, list[range]]:
    """Settle before a prediction is shared out what each worker would else find out by itself, and not quite alike.

    Parameters
    ----------
    checkpoint, read, n_sections, sections, config
        As for `predict_blocks`; `config.memory_gib` is what one worker has.

    Returns
    -------
    config : PredictionConfig
        With the precision and the size of blocks and tiles fixed.
    blocks : list of range
        Stretches of sections that `predict_blocks` then predicts, each by itself, as it would one after another.
    """
    network, margins, shape = _ready(checkpoint, read, n_sections=n_sections, first=sections[0], config=config)
    cut = _cut(network, shape, config, margins)
    fixed = {"precision": precision_of(network), "block_sections": cut.sections, "tile_px": cut.tile_px}
    blocks = [
        block[wanted]
        for start, stop in runs_of(sections)
        for block, wanted in aligned_blocks(range(start, stop), cut.sections, margins.grid[0])
    ]
    return config.model_copy(update=fixed), blocks


def _ready(
    checkpoint: Path, read: ReadSections, *, n_sections: int, first: int, config: PredictionConfig
) -> tuple[Network, Margins, tuple[int, ...]]:
    """Give the network in its precision, what it is shown around a block, and the volume's shape."""
    network = channels_last(fused(load_network(checkpoint))).to(device_called(config.device))
    margins = margins_of(network.config, config.reach_share)
    sample = first_sections(read, first, CHECK.sections, n_sections=n_sections, margins=margins)
    shape = (n_sections, *sample.shape[1:])
    if config.precision == "float32":
        return network, margins, shape
    others = [as_bfloat16(network)]
    if config.precision == "int8" or (config.precision == "auto" and int8_can_pay(network)):
        pieces = [as_input(others[0], piece) for piece in spread(read, SEEN, n_sections=n_sections, margins=margins)]
        others.append(in_int8(network, others[0], pieces))
    if config.precision != "auto":
        return others[-1], margins, shape
    image = as_input(network, middle_of(sample, CHECK.tile_px, margins.grid[1]))
    return fastest_that_agrees(network, others, image), margins, shape


def _cut(network: Network, shape: tuple[int, ...], config: PredictionConfig, margins: Margins) -> Cut:
    return cut_that_fits(
        (shape[0], *(padded_extent(extent, margins.grid[1]) for extent in shape[1:])),
        Cut(config.block_sections or max(BLOCK_SECTIONS, 8 * margins.sections), config.tile_px),
        margin=Cut(margins.sections, margins.px),
        grid=margins.grid,
        bytes_a_voxel=bytes_a_voxel(network),
        budget=MEMORY_SHARE
        * (config.memory_gib * 2**30 if config.memory_gib else bytes_free(next(network.parameters()).device)),
    )
