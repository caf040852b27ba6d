"""Runs a LiteRT file, and keeps what the converter and the interpreter would log off the terminal."""

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what C++ writes on stderr, for the time spent inside; where that ends in an error, show it after all."""
    sys.stderr.flush()
    try:
        terminal = os.dup(2)
    except OSError:  # a window of Python's own, such as IDLE's, has none
        yield
        return
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except Exception:
            messages.seek(0)
            os.write(terminal, messages.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)


class LiteModel:
    """A LiteRT file, ready to run; call it from one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Load the file, whose one input is images, (N, 784) float32, and whose one output is logits, (N, 10)."""
        from ai_edge_litert.interpreter import Interpreter  # here: tests of the rest need not have it

        with quiet():
            self._interpreter = Interpreter(model_path=os.fspath(path), num_threads=1)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._images = 1
        self._one_at_a_time = threading.Lock()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the logits, (N, 10) float32, of the images, (N, 784) float32."""
        with self._one_at_a_time:
            if len(images) != self._images:
                self._interpreter.resize_tensor_input(self._input, images.shape)
                with quiet():
                    self._interpreter.allocate_tensors()
                self._images = len(images)
            self._interpreter.set_tensor(self._input, images)
            self._interpreter.invoke()
            return self._interpreter.get_tensor(self._output)
