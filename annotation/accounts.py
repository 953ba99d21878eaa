"""More users of a run's embedded server, joined by invitation since open sign-up is closed."""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from annotation.connection import authorization, http_client
from annotation.project import connect
from annotation.server import Server
from loop.atomic import write_text
from loop.errors import ServerUnavailable


@dataclass(frozen=True)
class Account:
    """A user of the server.

    Attributes
    ----------
    email : str
    password_file, token_file : Path
        Generated, readable by their owner alone.
    """

    email: str
    password_file: Path
    token_file: Path

    def token(self) -> str:
        """Read the access token."""
        return self.token_file.read_text().strip()


def ensure_account(server: Server, email: str) -> Account:
    """Give the account of `email`, joining it to the server on first use.

    Raises
    ------
    ServerUnavailable
        The server refuses the invitation or the log-in.
    """
    folder = server.directory / "secrets" / email
    account = Account(email, folder / "password", folder / "token")
    if account.token_file.exists():
        return account
    if not account.password_file.exists():  # kept first: a join that is broken off goes on with a log-in
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_text(account.password_file, secrets.token_urlsafe(12) + "\n", mode=0o600)
    token = _join(server, email, account.password_file.read_text().strip())
    write_text(account.token_file, token + "\n", mode=0o600)
    return account


def _join(server: Server, email: str, password: str) -> str:
    """Log in, or sign up by invitation where the server does not know the user yet; give the access token."""
    form = {"email": email, "password": password}
    page = "/user/login/"
    with connect(server) as client:
        known = any(user.email == email for user in client.users.list())
    if not known:
        with http_client(server) as http:
            page = http.get("/api/invite", headers=authorization(http, server)).json()["invite_url"]
    with http_client(server) as browser:
        browser.follow_redirects = True
        form["csrfmiddlewaretoken"] = _csrf(browser.get(page).text)
        browser.post(page, data=form, headers={"Referer": f"{server.url}{page}"})
        answer = browser.get("/api/current-user/token")
    if answer.status_code != 200:
        raise ServerUnavailable(
            "an annotator cannot join the server",
            given=f"{email}, answer {answer.status_code}",
            expected="a user that the invitation admits",
            fix=f"remove {server.directory / 'secrets' / email} if the user was removed on the server, and try again",
        )
    return str(answer.json()["token"])


def _csrf(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    return found.group(1) if found else ""
