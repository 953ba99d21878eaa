"""The documents say what the code does."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from flows.cli import app
from flows.commands_page import commands_page
from flows.config import RunConfig
from flows.configuration_page import configuration_page

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/**/*.md"))]


def commands() -> list[str]:
    """Every command of the command line, as typed after `proofloop`."""
    group = get_command(app)
    names: list[str] = []
    for name, command in getattr(group, "commands", {}).items():
        names += [f"{name} {sub}" for sub in getattr(command, "commands", {})] or [name]
    return names


def typed_commands(text: str) -> Iterator[list[str]]:
    """The words after `proofloop` of every command that a page's blocks tell to type, one over several lines too."""
    for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            line = line.split(" -> ")[0].strip()
            found = re.match(r"(?:\S*/)?proofloop( .*)?$", line)
            if found and "OPTIONS" not in line:
                yield shlex.split(found[1] or "", comments=True)


def parse(words: list[str]) -> None:
    """Read a command as the command line does, without doing it; fails on what it does not know."""
    command: Any = get_command(app)
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    command.make_context("proofloop", words)


def configuration_keys() -> set[str]:
    """Sections and keys of the configuration, dotted."""
    found: set[str] = set()
    section = ""
    for line in configuration_page().splitlines():
        heading, key = re.match(r"## `\[(.+)\]`", line), re.match(r"\| `(\w+)` \|", line)
        section = heading[1] if heading else section
        found |= {section} if heading else {f"{section}.{key[1]}"} if key else set()
    return found


def dotted(table: dict[str, Any], above: str = "") -> Iterator[str]:
    """Keys of a TOML table and of the tables in it."""
    for key, value in table.items():
        yield f"{above}{key}"
        if isinstance(value, dict):
            yield from dotted(value, f"{above}{key}.")


def anchors(page: Path) -> set[str]:
    """What a link may name after `#`, as code hosts make it of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_readme_and_helps_with_an_example(command: str) -> None:
    assert f"proofloop {command}" in README
    shown = CliRunner().invoke(app, [*command.split(), "--help"])
    assert shown.exit_code == 0
    assert f"Example: proofloop {command}" in " ".join(shown.output.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_tells_to_type_is_understood(page: Path) -> None:
    for words in typed_commands(page.read_text(encoding="utf-8")):
        try:
            parse(words)
        except Exception as error:
            error.add_note(f"{page.name}: proofloop {shlex.join(words)}")
            raise


def test_options_in_running_text_exist() -> None:
    group: Any = get_command(app)
    for page in PAGES:
        for typed in re.findall(r"`proofloop ([^`]+)`", page.read_text(encoding="utf-8").replace("\n", " ")):
            command, words = group, typed.split()
            while words and hasattr(command, "commands") and words[0] in command.commands:
                command, words = command.commands[words[0]], words[1:]
            known = {option for parameter in command.params for option in parameter.opts}
            assert command is not group or words[0] == "COMMAND" or words[0].startswith("--"), (
                f"{page.name}: proofloop {typed}"
            )
            given = {word.split("=")[0].rstrip(",.;") for word in words if word.startswith("--")}
            assert given - known - {"--help"} == set(), f"{page.name}: proofloop {typed}"


def test_the_configuration_that_pages_name_exists() -> None:
    keys = configuration_keys()
    first = "|".join(RunConfig.model_fields)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
            assert set(dotted(tomllib.loads(block))) <= keys, page.name
        named = {*re.findall(r"`\[([a-z_.]+)\]`", text), *re.findall(rf"`((?:{first})\.[a-z_.0-9]+)`", text)}
        assert {name for name in named if not name.endswith((".py", ".csv", ".h5", ".zarr"))} <= keys, page.name


def test_generated_pages_are_up_to_date() -> None:
    assert (ROOT / "docs/configuration.md").read_text(encoding="utf-8") == configuration_page()
    assert (ROOT / "docs/commands.md").read_text(encoding="utf-8") == commands_page()


def test_the_readme_maps_every_top_level_folder_and_names_the_make_targets() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folders = {line.split("/")[0] for line in tracked.splitlines() if "/" in line and not line.startswith(".")}
    assert {folder for folder in folders if f"`{folder}/`" not in README} == set()
    pages = {page.name for page in ROOT.glob("docs/*.md")}
    assert {page for page in pages if f"docs/{page}" not in README} == set()
    targets = set(re.findall(r"^make (\w+)", README, re.MULTILINE))
    assert targets == {"demo", "test"}
    assert targets <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", page.read_text(encoding="utf-8")):
        there = page.parent / target if target else page
        assert there.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(there), f"{page.name}: {target}#{anchor}"


def test_benchmarks_that_pages_name_exist() -> None:
    for page in PAGES:
        for name in re.findall(r"benchmarks/\w+\.py", page.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), f"{page.name}: {name}"


def test_the_annotators_guide_names_the_keys_of_the_labelling_page() -> None:
    guide = (ROOT / "docs/annotators-guide.md").read_text(encoding="utf-8")
    interface = (ROOT / "annotation/interface.xml").read_text(encoding="utf-8")
    keys = re.findall(r'value="([^"]+)"[^>]*hotkey="(.)"', interface)
    assert len(keys) == 9
    for value, key in keys:
        named = rf"`{key}` \(?\*?{value}" if value != "Object" else f"`{key}` and click around it"
        assert re.search(named, guide, re.IGNORECASE), f"{value} is {key}"


def test_decisions_that_are_referred_to_exist_with_that_number() -> None:
    decisions = {int(path.name[:4]): path for path in (ROOT / "docs/decisions").glob("*.md")}
    assert all(path.read_text(encoding="utf-8").startswith(f"# {number}. ") for number, path in decisions.items())
    code = [
        path
        for folder in ("loop", "annotation", "models", "tracing", "flows")
        for path in ROOT.glob(f"{folder}/**/*.py")
    ]
    texts = [path.read_text(encoding="utf-8") for path in (*PAGES, *code)]
    named = [found for text in texts for found in re.findall(r"docs/decisions/(\d{4})|\bdecision (\d+)\b", text)]
    assert {int(one or other) for one, other in named} <= decisions.keys()
