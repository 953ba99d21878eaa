"""Label Studio in a virtual environment of its own, made once for all runs.

It cannot share proofloop's environment: it pins libraries that Prefect needs newer. Its exact packages are listed in
`label-studio.lock`; another lock makes another environment beside the first.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loop.cache import cache_folder
from loop.errors import ServerUnavailable
from loop.progress import Progress, silent

LOCK_FILE = Path(__file__).with_name("label-studio.lock")
_STAMP = "complete"
_TEMPLATE = "template"


def ensure_label_studio(progress: Progress = silent) -> Path:
    """Give the `label-studio` executable, installing it (about two minutes, 1 GB) if it is not there yet.

    Two processes that ask at once get the same one: the second waits. A broken-off installation is started afresh.

    Raises
    ------
    ServerUnavailable
        The packages cannot be installed; the message ends with what pip said.
    """
    home = _home()
    executable = home / "bin" / "label-studio"
    if (home / _STAMP).exists():
        return executable
    with locked(home.with_suffix(".lock")):
        if not (home / _STAMP).exists():
            shutil.rmtree(home, ignore_errors=True)
            _install(home, progress)
            _make_template(executable, home / _TEMPLATE)
            (home / _STAMP).touch()
    return executable


def label_studio_version() -> str:
    """Give the version of Label Studio that the lock names."""
    lines = LOCK_FILE.read_text(encoding="utf-8").splitlines()
    return next(line.partition("==")[2].split()[0] for line in lines if line.startswith("label-studio=="))


def template_folder(executable: Path) -> Path | None:
    """Give the migrated, empty data folder that starts a new server within seconds, if `executable` is ours."""
    folder = executable.parent.parent / _TEMPLATE
    return folder if folder.is_dir() else None


def isolated_environment(data: Path) -> dict[str, str]:
    """Give the whole environment of a Label Studio process: nothing is inherited, all its files go below `data`.

    Its settings also read bare names like PORT, HOST and DEBUG, so the caller's environment must not leak in.
    """
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(data),
        "XDG_CONFIG_HOME": str(data / "config"),
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "DJANGO_DB": "sqlite",
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }


def _home() -> Path:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(LOCK_FILE.read_bytes() + version.encode()).hexdigest()[:12]
    return cache_folder() / f"label-studio-{digest}"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path` against other processes; waits for them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _install(home: Path, progress: Progress) -> None:
    # Scripts name their interpreter by absolute path, so the environment is built where it stays.
    venv.create(home, with_pip=True, symlinks=True)
    packages = sum(1 for line in LOCK_FILE.read_text().splitlines() if "==" in line)
    pip_install: list[str | Path] = [home / "bin" / "python", "-m", "pip", "install", "--no-deps", "--no-input"]
    command = [*pip_install, "--requirement", LOCK_FILE]
    said: list[str] = []
    fetched = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            said.append(line)
            fetched += line.startswith("Collecting ")
            # pip fetches one by one and then unpacks all of them in silence, which takes about as long.
            progress(fetched, 2 * packages, "installing Label Studio")
    if pip.returncode != 0:
        raise ServerUnavailable(
            "Label Studio could not be installed",
            given="".join(said[-15:]).strip(),
            expected=f"pip to install the {packages} packages of {LOCK_FILE}",
            fix="see that pip reaches a package index from this machine, then call again",
        )
    progress(2 * packages, 2 * packages, "installed Label Studio")


def _make_template(executable: Path, template: Path) -> None:
    """Migrate an empty database once; it has no user and no key, so copies share no secret."""
    template.mkdir()
    command: list[str | Path] = [executable, "init", "--quiet"]
    done = subprocess.run(command, env=isolated_environment(template), capture_output=True, text=True, cwd=template)
    if done.returncode != 0:
        raise ServerUnavailable(
            "Label Studio could not set up its database",
            given=(done.stdout + done.stderr)[-2000:],
            expected="`label-studio init` to end well",
            fix=f"remove {template.parent} and call again",
        )
    (template / ".env").unlink(missing_ok=True)  # holds the key that signs sessions: each server makes its own


def _print_progress(done: int, total: int, note: str = "") -> None:
    sys.stderr.write(f"\r{note}: {100 * done // max(total, 1)} %")
    sys.stderr.flush()


if __name__ == "__main__":
    path = ensure_label_studio(_print_progress if sys.stderr.isatty() else silent)
    sys.stdout.write(f"{path}\n")
