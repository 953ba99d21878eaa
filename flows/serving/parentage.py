"""What a served flow owes the process that started it: to end with it, and to end in time."""

import os
import signal
import threading
import time

_LOOK_EVERY_S = 1.0


def end_with_parent(*, limit_s: float) -> None:
    """End this process as soon as the one that started it is gone, killed or not, and after `limit_s` in any case.

    Else an iteration would go on unseen after its `proofloop serve` was killed, and keep the next one out; and a
    computation in torch or numpy, which Prefect's own timeout does not interrupt, could hang for good.
    """
    parent, latest = os.getppid(), time.monotonic() + limit_s

    def watch() -> None:
        while os.getppid() == parent and time.monotonic() < latest:
            time.sleep(_LOOK_EVERY_S)
        os.kill(os.getpid(), signal.SIGKILL)  # what is on disk is enough to go on

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
