"""Ports on loopback: taken as they are wanted or refused, never shifted."""

import socket
import time

from loop.errors import ServerUnavailable

HOST = "127.0.0.1"
_DEADLINE_S = 3.0


def choose_port(wanted: int | None, last: int | None) -> int:
    """Take the port that is wanted, or refuse it; without one the last, or a free one.

    Raises
    ------
    ServerUnavailable
        Something listens there.
    """
    if wanted is not None:
        if not 0 < wanted < 65536 or not _is_free(wanted):
            raise ServerUnavailable(
                "the port cannot be listened on",
                given=f"port {wanted}",
                expected="a free TCP port from 1 to 65535",
                fix="stop what listens on it, choose another, or leave it out to get a free one",
            )
        return wanted
    if last is not None and _becomes_free(last):
        return last
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _becomes_free(port: int) -> bool:
    """Wait a moment: the threads of a killed server hold its port a little longer than its process seems to live."""
    deadline = time.monotonic() + _DEADLINE_S
    while not _is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
