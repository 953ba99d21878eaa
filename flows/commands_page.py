"""Writes docs/commands.md from the command line's own help: `python -m flows.commands_page`."""

import sys
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from flows.cli import app

_HEAD = """# Commands

Every command, argument and option; `proofloop COMMAND --help` says the same. RUN is the folder of a run. Exit codes: 0
done, 2 bad input (the message says what was given, what was expected, how to mend it), 1 anything else. `proofloop
--version` names version and commit, `proofloop --install-completion` has your shell complete commands and options. Made
by `python -m flows.commands_page`.
"""


def commands_page() -> str:
    """Render every command with its arguments, options, defaults and example as Markdown."""
    return _HEAD + "".join(_section(name, command) for name, command in _leaves("", get_command(app)))


def _leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child, below in children.items():
        yield from _leaves(f"{name} {child}".strip(), below)


def _section(name: str, command: Any) -> str:
    context = command.context_class(command, info_name=name)
    given = [_argument(p) for p in command.params if p.param_type_name == "argument"]
    options = ["[OPTIONS]"] if any(p.param_type_name == "option" for p in command.params) else []
    usage = " ".join(["proofloop", name, *given, *options])
    text = f"\n## `proofloop {name}`\n\n```\n{usage}\n```\n\n{_text(command.help)}\n"
    rows = [_row(parameter, context) for parameter in command.params]
    if rows:
        text += "\n| argument, option | default | meaning |\n|---|---|---|\n" + "".join(rows)
    return text + (f"\n{_text(command.epilog)}\n" if command.epilog else "")


def _row(parameter: Any, context: Any) -> str:
    if parameter.param_type_name == "argument":
        typed = _argument(parameter)
    else:
        choices = parameter.display_type(ctx=context) if parameter.metavar is None else parameter.metavar
        flag = getattr(parameter, "is_bool_flag", False)
        typed = ", ".join(parameter.opts) + ("" if flag else f" {choices.replace(' range', '')}")
    unset = parameter.default in (None, "", False) or callable(parameter.default)
    default = "required" if parameter.required else "" if unset else f"`{parameter.default}`"
    return f"| {_cell(f'`{typed}`')} | {default} | {_cell(_text(parameter.help))} |\n"


def _argument(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    return f"{name}..." if parameter.nargs != 1 else str(name)


def _text(written: str | None) -> str:
    return (written or "").strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.stdout.write(commands_page())
