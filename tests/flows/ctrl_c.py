import signal


def with_ctrl_c() -> None:
    """Undo, in a child to be, what a shell does to background jobs: they ignore Ctrl-C, and so would their children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
