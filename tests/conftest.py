"""What the tests share: quiet TensorFlow, directories of digits, a sandbox, and what runs under which flag."""

import hashlib
import importlib
import os
import random
import shutil
import signal
import time
from collections import defaultdict
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# A shell starts what runs in the background with Ctrl-C ignored, and the scripts under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


# ---------------------------------------------------------------------------------------------------- what is run when


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sample",
        metavar="TEXT",
        help="of each large family of cases run some, which the text picks (a commit's hash, say), instead of all",
    )


@pytest.hookimpl(tryfirst=True)  # before -m selects by markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark everything that -m full runs, and under --sample leave out what is not in the sample."""
    for item in items:
        if item.get_closest_marker("packed") is None:
            item.add_marker("full")
    if not config.getoption("sample"):
        return
    families = defaultdict(list)
    for item in items:
        if marker := item.get_closest_marker("sample"):
            families[marker.kwargs.get("of", item.nodeid.partition("[")[0])].append(item)
    left_out = set()
    for name, family in families.items():
        size = family[0].get_closest_marker("sample").args[0]
        left_out.update(set(family).difference(_sample(family, size, config.getoption("sample") + name)))
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))


def _sample(family, size, seed):
    """Draw some of the items, the same for the same text on each machine."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    return random.Random(number).sample(family, min(size, len(family)))


# ------------------------------------------------------------------------------------------------------ what is used


@pytest.fixture(scope="session")
def synthetic_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a data directory with synthetic digits, once, also where several processes run the tests."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    directory, drawn = folder / "digits", folder / "digits drawn"
    try:
        directory.mkdir()
    except FileExistsError:  # another process is at it
        while not drawn.exists():
            time.sleep(0.1)
    else:
        try:
            _keep_synthetic_digits(directory)
        finally:
            drawn.touch()  # also where it failed: the others must not wait for ever
    return directory


def _keep_synthetic_digits(directory: Path) -> None:
    """Keep as many digits as MNIST has. A few are drawn, the others are copies: all would take ten seconds."""
    from labkit.data import synthetic_digits
    from labkit.data.idx_files import IdxFile, payload_of

    files = {}
    for name, drawn in synthetic_digits.draw_all(synthetic_digits.SEED, train_size=1_500, test_size=250).items():
        array = np.concatenate([drawn.array] * 40)
        files[name] = IdxFile(array, hashlib.sha256(payload_of(array)).hexdigest())
    with mock.patch.object(synthetic_digits, "draw_all", return_value=files):
        synthetic_digits.load_digits(directory)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """Return the directory of real MNIST, $MNIST_DATA_DIR; skip the test where it is not set."""
    directory = os.environ.get("MNIST_DATA_DIR")
    if not directory:
        pytest.skip("no real MNIST to train on: set MNIST_DATA_DIR to its folder")
    return Path(directory)


@pytest.fixture(scope="session")
def sandbox():
    """Return the sandbox of this machine; skip the test if there is none."""
    sandboxes = importlib.import_module("grading.sandbox.choice")  # students have none, and no test that asks for one
    try:
        return sandboxes.find_sandbox()
    except sandboxes.NoSandbox as error:
        if shutil.which("bwrap") is None:
            pytest.skip("bubblewrap is not installed: apt-get install bubblewrap")
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def inspector(sandbox):
    """Start one inspector for all submissions of a module, as in grading: the next shows what one did to it."""
    network_checks = importlib.import_module("grading.networks.network_checks")
    with network_checks.Inspector(sandbox) as inspector:
        yield inspector
