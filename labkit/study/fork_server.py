"""Runs lab scripts in forked children, so that TensorFlow is imported once for all the trainings of a study.

    python labkit/study/fork_server.py 5 MNIST_data mnist

5 is a Unix socket, the other end of which `processes.ForkServer` holds; then comes the data. A request is a number and
a script's command line, with the descriptors of its stdout and stderr; answered are ["started", number, pid] and, at
the child's end, ["ended", number, exit status]. When the socket is closed, the children are ended.

A child is what `python script.py` would be after the script's imports, and the data's files are in its memory. Nothing
has been computed here, so there are no threads, random numbers or compiled functions that one training could leave to
the next.
"""

import contextlib
import gc
import json
import os
import runpy
import signal
import socket
import sys
import time
from pathlib import Path

MAX_MESSAGE = 2**16  # bytes
READY, STARTED, ENDED = "ready", "started", "ended"
PATIENCE = 10  # seconds for a child to end by itself


def main() -> None:
    """Serve; in a child, run its script."""
    kit = Path(__file__).resolve().parents[2]
    sys.path[0] = str(kit)  # Python put the folder of this file there
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the study ends this
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    channel, data_dir, dataset = sys.argv[1:]
    _load_what_scripts_load(data_dir, dataset)
    command = Server(socket.socket(fileno=int(channel))).serve()
    signal.signal(signal.SIGINT, interrupt)
    _run_script(command)


def _load_what_scripts_load(data_dir: str, dataset: str) -> None:
    from labkit.data import loader
    from labkit.errors import KitError
    from labkit.run import entry, feature_maps, flags, frame  # noqa: F401

    flags.import_tensorflow()
    import plotter  # noqa: F401

    with contextlib.suppress(KitError, OSError):  # a script will tell
        loader.keep(data_dir, dataset)
    gc.collect()
    gc.freeze()  # a collection in a child would write to these objects, and so copy the memory that is shared


class Server:
    """Forks a child for each request, and reports its end."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._children: dict[int, int] = {}  # pid to the number of the request
        self._held_back = {signal.SIGCHLD, signal.SIGTERM}  # while a child starts

    def serve(self) -> list[str]:
        """Answer requests until the channel is closed, and exit; in each child, return its command line."""
        signal.signal(signal.SIGCHLD, lambda *_: self._report_ends())
        try:
            self._tell(READY)
            while True:
                data, descriptors, _, _ = socket.recv_fds(self._channel, MAX_MESSAGE, 2)
                if not data:
                    sys.exit()
                number, command = json.loads(data)
                signal.pthread_sigmask(signal.SIG_BLOCK, self._held_back)
                pid = os.fork()
                if not pid:
                    self._become_child(descriptors)
                    return command
                self._children[pid] = number
                self._tell(STARTED, number, pid)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, self._held_back)
                for descriptor in descriptors:
                    os.close(descriptor)
        finally:
            self._end_children()

    def _tell(self, *message: str | int) -> None:
        with contextlib.suppress(OSError):  # nobody is there any more, which `serve` will find out
            self._channel.send(json.dumps(message).encode())

    def _report_ends(self) -> None:
        with contextlib.suppress(ChildProcessError):  # there is none left
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                self._tell(ENDED, self._children.pop(pid), os.waitstatus_to_exitcode(status))

    def _become_child(self, descriptors: list[int]) -> None:
        self._children.clear()
        self._channel.close()
        for number in self._held_back:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._held_back)
        for target, descriptor in zip((1, 2), descriptors, strict=True):
            os.dup2(descriptor, target)
            os.close(descriptor)

    def _end_children(self) -> None:
        if not self._children:  # as in a child
            return
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in list(self._children):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline = time.monotonic() + PATIENCE
            while self._children and time.monotonic() < deadline:
                time.sleep(0.02)  # in which SIGCHLD is handled


def _run_script(command: list[str]) -> None:
    """Run a script as `python script.py` does."""
    import numpy as np

    np.random.seed()  # by the system's randomness, as at an import: all children have one state; Python's own has none
    sys.argv, sys.path[0] = command, str(Path(command[0]).resolve().parent)
    runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    main()
