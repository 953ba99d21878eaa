"""Writes docs/configuration.md from the configuration's own docstrings: `python -m flows.configuration_page`."""

import sys
from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from flows.config import RunConfig
from models.training_config import training_preset


def configuration_page() -> str:
    """Render every key of `proofloop.toml` with its default and meaning as Markdown."""
    head = (
        "# Configuration\n\n"
        "`RUN/proofloop.toml` holds every choice of a run. `proofloop init` writes it with all keys; edit it before\n"
        "the first iteration. Unknown keys are refused. Made by `python -m flows.configuration_page`.\n"
    )
    return head + "".join(_section((name,), model) for name, model in _models())


def _models() -> Iterator[tuple[str, BaseModel | type[BaseModel]]]:
    for name, field in RunConfig.model_fields.items():
        if name == "training":
            yield name, training_preset("cpu")
        else:
            annotation = field.annotation
            assert isinstance(annotation, type)
            yield name, annotation


def _section(path: tuple[str, ...], model: BaseModel | type[BaseModel]) -> str:
    kind = model if isinstance(model, type) else type(model)
    text = f"\n## `[{'.'.join(path)}]`\n\n{(kind.__doc__ or '').strip().splitlines()[0]}\n\n"
    text += "| key | default | meaning |\n|---|---|---|\n"
    nested = ""
    for name, field in kind.model_fields.items():
        for listed in get_args(field.annotation):
            if isinstance(listed, type) and issubclass(listed, BaseModel):
                nested += _section((*path, name), listed)
        value = getattr(model, name) if isinstance(model, BaseModel) else field.get_default(call_default_factory=True)
        if isinstance(value, BaseModel):
            nested += _section((*path, name), value)
            continue
        default = "required" if value is PydanticUndefined else "none" if value is None else f"`{value!r}`"
        text += f"| `{name}` | {default} | {field.description} |\n"
    return text + nested


if __name__ == "__main__":
    sys.stdout.write(configuration_page())
