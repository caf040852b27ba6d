"""The output folder of sandboxes that can't bound one in memory: a folder on disk, watched."""

import math
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from grading.sandbox import outputs
from grading.sandbox.runner import Process
from grading.sandbox.sandbox_init import usage
from labkit.limits import Limits, SandboxError

POLL = 0.1  # seconds between two looks at the folder


class StagedProcess(Process):
    """A process that writes to `self.output`, a folder of its own, and is killed when it writes too much."""

    def __init__(self, limits: Limits) -> None:
        """Make the folders.

        `folder` is the process's own and closed to other users; `output` is in it; `excess` tells who killed it.
        """
        self._limits, self._done, self.excess = limits, threading.Event(), False
        self.folder = Path(tempfile.mkdtemp(prefix="grading-"))
        self.output = self.folder / "output"
        self.output.mkdir()
        self.output.chmod(0o777)

    def begin(self, command: Sequence[str], **options: Any) -> None:
        """Start the command, with options of subprocess.Popen, and the watch."""
        try:
            self.popen = subprocess.Popen(command, start_new_session=True, **options)
        except OSError as error:
            remove(self.folder)
            raise SandboxError(f"{command[0]} cannot be run: {error}") from error
        self._watch = threading.Thread(target=self._watch_output, daemon=True)
        self._watch.start()

    def _watch_output(self) -> None:
        while not self._done.wait(POLL):
            try:
                size, files = usage([str(self.output)], self._limits.output_files)
            except OSError:  # the command keeps the grader from reading it
                size, files = math.inf, 0
            if size > self._limits.output_bytes or files > self._limits.output_files:
                self.excess = True
                self.kill()

    def fetch(self, destination: Path, limits: Limits) -> tuple[str, ...]:
        descriptor = os.open(self.output, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return outputs.fetch(descriptor, destination, limits)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        self._done.set()
        self._watch.join()
        try:
            self.kill()
        finally:
            for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
                if stream:
                    stream.close()
            remove(self.folder)


def translation(outside: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that replaces paths inside by those `outside` in a text, where no paths are mounted."""
    # A path inside, where a path begins, and not just the beginning of a longer name.
    inside = re.compile(r"(?<![\w./-])(" + "|".join(map(re.escape, outside)) + r")(?![\w.-])")
    return lambda text: inside.sub(lambda match: outside[match[0]], text)


def remove(path: Path) -> None:
    """Remove what a command has left, as far as that is allowed.

    By a program, because folders may be in each other deeper than Python's own functions go, or a path is long.
    """
    subprocess.run(["rm", "-rf", "--", str(path)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
