"""A Label Studio that the lab already runs: found by its address, spoken to with a token of either kind.

The token stands in an environment variable or in a file for its owner alone, never in the configuration. Images are
uploaded through the API, so that the server needs no access to the run's folder.
"""

import os
import re
import stat
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from annotation.server import TOKEN_VARIABLE, Server
from loop.errors import InputError, ServerUnavailable

OLDEST = (1, 23)
"""Of the versions that proofloop's tests ran against."""
_TIMEOUT_S = 60


def lab_server(url: str, directory: Path, *, token_file: Path | None = None, project: str) -> Server:
    """Find the lab's own server and see that it can be worked with.

    Parameters
    ----------
    url : str
        Of its start page, without user, password or token.
    directory : Path
        RUN/annotation: what was published is kept there.
    token_file : Path, optional
        Holds the token; by default `secrets/token` in `directory`. The environment variable
        `PROOFLOOP_LABEL_STUDIO_TOKEN` goes before it.
    project : str
        Title of the run's project there.

    Returns
    -------
    Server

    Raises
    ------
    InputError
        The address or the token file cannot be used.
    ServerUnavailable
        The server cannot be reached, is too old, or refuses the token.
    """
    address = _checked(url)
    directory = directory.resolve()
    held = None if os.environ.get(TOKEN_VARIABLE) else _private(token_file or directory / "secrets" / "token")
    server = Server(address, "", directory, held, password_file=None, files=None, project=project)
    with http_client(server) as http:
        _require_version(http, address)
        who = _whoami(http, server)
        _require_projects(http, server)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return replace(server, email=str(who.get("email")))


def http_client(server: Server) -> httpx.Client:
    """Give a client for `server`: proxies and certificates of the environment count for the lab's own server alone."""
    return httpx.Client(base_url=server.url, timeout=_TIMEOUT_S, trust_env=not server.is_embedded)


def clock_of(server: Server) -> datetime:
    """Tell the time by the server's own clock, to the second; by ours where it does not say."""
    with http_client(server) as http:
        told = http.get("/health").headers.get("date")
    return parsedate_to_datetime(told) if told else datetime.now(UTC)


def authorization(http: httpx.Client, server: Server) -> dict[str, str]:
    """Give the header of who may speak to `server`; a personal access token is changed for a short-lived one first.

    Raises
    ------
    ServerUnavailable
        The server refuses the personal access token.
    """
    token = server.token()
    if not is_personal(token):
        return {"Authorization": f"Token {token}"}
    answer = http.post("/api/token/refresh/", json={"refresh": token})
    if answer.status_code != 200:
        raise _refused(server, answer)
    return {"Authorization": f"Bearer {answer.json()['access']}"}


def is_personal(token: str) -> bool:
    """Tell a personal access token (three parts with dots between) from a legacy token (40 hexadecimal digits)."""
    return token.count(".") == 2


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        bare = not (parts.username or parts.password or parts.query or parts.fragment)
    except ValueError:
        usable = bare = False
    if not (usable and bare):
        raise InputError(
            "the address of the lab's Label Studio cannot be used",
            given=re.sub(r"//[^/]*@", "//...@", url).partition("?")[0],
            expected="http:// or https:// and a host, without user, password or token in it",
            fix='write for instance url = "https://label-studio.lab.example" under [annotation.server]',
        )
    return url.strip().rstrip("/")


def _private(path: Path) -> Path:
    fix = f"write it into {path} and run chmod 600 on that file, or put it into {TOKEN_VARIABLE}"
    expected = "an access token of Label Studio (Account & Settings there), in a file for its owner alone"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        empty = not path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "there is no token for the lab's Label Studio", given=f"{path}: {error}", expected=expected, fix=fix
        ) from error
    if empty or mode & 0o077:
        given = f"{path} is empty" if empty else f"{path} has mode {mode:o}: others can read it"
        raise InputError("the token for the lab's Label Studio cannot be used", given=given, expected=expected, fix=fix)
    return path


def _require_version(http: httpx.Client, address: str) -> None:
    try:
        answer = http.get("/api/version/")
    except httpx.HTTPError as error:
        raise ServerUnavailable(
            "the lab's Label Studio does not answer",
            given=f"{address}: {error}",
            expected="an answer to /api/version/",
            fix="see that the server runs and that this machine reaches it, then call again",
        ) from error
    try:
        found = str(answer.json()["label-studio-os-package"]["version"])
        numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    except (ValueError, KeyError, TypeError) as error:
        raise ServerUnavailable(
            "something other than Label Studio answers there",
            given=f"{address}/api/version/ gives status {answer.status_code}",
            expected="the version of a Label Studio",
            fix="mend url under [annotation.server]: it is the address of the start page",
        ) from error
    if numbers < OLDEST:
        raise ServerUnavailable(
            "the lab's Label Studio is too old",
            given=f"version {found} at {address}",
            expected=f"version {'.'.join(map(str, OLDEST))} or newer",
            fix="update that server, or leave url out: proofloop then runs a Label Studio of its own",
        )


def _whoami(http: httpx.Client, server: Server) -> dict[str, Any]:
    answer = http.get("/api/current-user/whoami", headers=authorization(http, server))
    if answer.status_code != 200:
        raise _refused(server, answer)
    who: dict[str, Any] = answer.json()
    return who


def _refused(server: Server, answer: httpx.Response) -> ServerUnavailable:
    said = _detail(answer)
    kind = "personal access token" if is_personal(server.token()) else "legacy token"
    where = server.token_file or TOKEN_VARIABLE
    if "disabled" in said:
        problem = f"the lab's Label Studio does not take the {kind} kind"
        fix = f"allow it (Organization, API Tokens Settings), or put a token of the other kind into {where}"
    else:
        problem = f"the lab's Label Studio refuses the {kind}"
        fix = f"put a token that is valid now (Account & Settings there) into {where}"
    return ServerUnavailable(
        problem,
        given=f"a {kind} from {where}; {server.url} answers {answer.status_code}: {said}",
        expected="a token of a user who may make projects",
        fix=fix,
    )


def _require_projects(http: httpx.Client, server: Server) -> None:
    answer = http.get("/api/projects/", params={"page_size": 1}, headers=authorization(http, server))
    if answer.status_code != 200:
        raise ServerUnavailable(
            "the token's user may not work with projects",
            given=f"{server.url} answers {answer.status_code}: {_detail(answer)}",
            expected="a user of an organization who sees its projects and may make one",
            fix="have the user invited to the organization, or use another user's token",
        )


def _detail(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.reason_phrase
    return str(body.get("detail", answer.reason_phrase)) if isinstance(body, dict) else answer.reason_phrase
