"""What `proofloop blame` says."""

from collections.abc import Iterator

from loop.blame import Blame, Version


def blame_lines(found: Blame) -> Iterator[str]:
    """Say in lines where a voxel's label, or a section's labels, came from."""
    place = f"section {found.section}"
    if found.voxel is not None:
        place = f"voxel {found.section} {found.voxel[0]} {found.voxel[1]}"
    label = "" if found.label is None else f", label {found.label}" if found.label else ", label 0 (membrane)"
    yield f"{place}: {found.state}{label}"
    for version in found.versions:
        share = found.shares.get(version.file)
        yield f"  {_who(version)}{'' if share is None else f', {100 * share:.1f} % of the section'}"
        yield f"    {_what_became(version)}; {version.file}"


def _who(version: Version) -> str:
    if version.annotator is None:
        return f"{version.at:%Y-%m-%d %H:%M} given when the run was made"
    over = "" if version.over_model is None else f", over the contours of model {version.over_model}"
    asked = f"iteration {version.iteration}, task {version.task_id}, annotation {version.annotation_id}"
    many = f" and {len(version.consensus_of) - 1} more, by majority" if version.consensus_of else ""
    return f"{version.at:%Y-%m-%d %H:%M} {version.annotator}{many}: {asked}, section {version.place}{over}"


def _what_became(version: Version) -> str:
    models = ", ".join(map(str, version.learnt_by))
    learnt = f"learnt by the models of iterations {models}" if models else "learnt by no model yet"
    return f"{learnt}; {'counts' if version.counts else 'no longer counts'}"
