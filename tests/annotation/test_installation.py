import sqlite3
import time
from pathlib import Path

import pytest

from annotation import installation
from annotation.installation import ensure_label_studio, isolated_environment, template_folder
from loop.errors import ServerUnavailable


def test_the_second_call_takes_no_time() -> None:
    first = ensure_label_studio()
    begun = time.monotonic()
    assert ensure_label_studio() == first
    assert time.monotonic() - begun < 0.5
    assert first.name == "label-studio"
    assert first.exists()


def test_the_template_holds_no_user_and_no_key() -> None:
    template = template_folder(ensure_label_studio())
    assert template is not None
    assert not (template / ".env").exists()
    with sqlite3.connect(f"file:{template / 'label_studio.sqlite3'}?mode=ro", uri=True) as database:
        for table in ("htx_user", "authtoken_token", "organization"):
            assert database.execute(f"select count(*) from {table}").fetchone() == (0,)


def test_another_lock_is_another_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ours = installation._home()
    lock = tmp_path / "label-studio.lock"
    lock.write_text("label-studio==0\n")
    monkeypatch.setattr(installation, "LOCK_FILE", lock)
    assert installation._home() != ours


def test_a_failed_installation_says_what_pip_said_and_does_not_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock = tmp_path / "label-studio.lock"
    lock.write_text("label-studio==0\n")
    monkeypatch.setattr(installation, "LOCK_FILE", lock)
    monkeypatch.setenv("PROOFLOOP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    for _ in range(2):
        with pytest.raises(ServerUnavailable, match="No matching distribution"):
            ensure_label_studio()


def test_nothing_of_the_callers_environment_reaches_the_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("DEBUG", "true")
    environment = isolated_environment(tmp_path)
    assert "PORT" not in environment
    assert "DEBUG" not in environment
    assert environment["HOME"] == environment["LABEL_STUDIO_BASE_DATA_DIR"] == str(tmp_path)
