"""What the tests share: quiet TensorFlow, and directories of digits."""

import os
import signal
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# A shell starts what runs in the background with Ctrl-C ignored, and the scripts under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def synthetic_dir(request):
    """A data directory with synthetic digits, drawn once and kept in pytest's cache."""
    import synthetic_digits  # noqa: F401  # fails here, not in the lab scripts, where it can't be imported
    from input_data import read_data_sets

    directory = request.config.cache.mkdir("digits")
    read_data_sets(directory, dataset="synthetic")
    return directory


@pytest.fixture(scope="session")
def mnist_dir():
    """The directory of real MNIST, $MNIST_DATA_DIR; skips the test where it is not set."""
    directory = os.environ.get("MNIST_DATA_DIR")
    if not directory:
        pytest.skip("MNIST_DATA_DIR is not set: no real MNIST to train on")
    return Path(directory)
