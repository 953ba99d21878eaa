"""What a served flow owes the process that started it: to end with it."""

import os
import signal
import threading
import time

_LOOK_EVERY_S = 1.0


def end_with_parent() -> None:
    """End this process as soon as the one that started it is gone, killed or not.

    Else an iteration would go on unseen after its `proofloop serve` was killed, and keep the next one out.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_EVERY_S)
        os.kill(os.getpid(), signal.SIGKILL)  # what is on disk is enough to go on

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
