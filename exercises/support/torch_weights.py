"""Reads a file of torch's weights without torch, and without running what a pickle might ask for.

Until version 1.5, `torch.save` wrote a file of five pickles (a magic number, a version, what machine it was, the
dictionary, the names of the arrays), then the arrays themselves. A pickle is a program: `pickle.load` would import and
call whatever it names. The reader here knows four names, and none of them is looked up: an ordered dictionary, a tensor
to be made of an array, and two kinds of arrays. Any other name ends the reading. So does whatever does not fit: a
tensor that reaches past its array, an array that reaches past the file.
"""

import hashlib
import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from labkit.errors import LabError

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
KINDS = {"FloatStorage": "<f4", "LongStorage": "<i8"}  # little-endian, as every machine that torch runs on
DIRECTIONS = 8  # of a tensor, at most
NUMBERS = 100_000_000  # in all tensors together, at most: a stride of 0 would make many out of one


@dataclass(frozen=True)
class _Tensor:
    """Where a tensor's numbers are, until they can be read: they come last in the file."""

    key: str
    kind: str
    array_size: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _TensorsOnly(pickle.Unpickler):
    """Unpickles dictionaries, lists, numbers, strings and tensors, and refuses every other name."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Return what stands here for one of the four names; nothing is imported. Raise UnpicklingError for others."""
        if (module_name, global_name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module_name, global_name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild()
        if module_name == "torch" and global_name in KINDS:
            return global_name  # a string: nothing can be called, or changed, by way of it
        raise pickle.UnpicklingError(f"it names {module_name}.{global_name}, which no tensor needs")

    def persistent_load(self, pid: Any) -> Any:
        """Return which array a tensor is to be made of."""
        word, kind, key, _, size, view = pid
        if word != "storage" or kind not in KINDS or not isinstance(key, str) or view is not None:
            raise pickle.UnpicklingError("it has an array of an unknown kind")
        return key, kind, size


def _rebuild() -> Callable[..., _Tensor]:
    """Return a new function each time, so that a pickle that sets its attributes has changed nothing of this module."""

    def tensor(array: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
        key, kind, size = array
        numbers = [size, offset, *shape, *strides]
        if not all(type(number) is int and 0 <= number < 2**31 for number in numbers):
            raise pickle.UnpicklingError("it has a tensor of an impossible size")
        if len(shape) != len(strides) or len(shape) > DIRECTIONS:
            raise pickle.UnpicklingError("it has a tensor of an impossible shape")
        return _Tensor(key, kind, size, offset, tuple(shape), tuple(strides))

    return tensor


def read_weights(path: Path, sha256: str | None = None) -> dict[str, np.ndarray]:
    """Return the tensors of a file, by their names.

    Raises LabError for a file that is not of tensors alone, or that is another than the one with that SHA-256.
    """
    content = path.read_bytes()
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise LabError(f"{path} is not the file of weights that is expected: its SHA-256 is another")
    file = io.BytesIO(content)
    try:
        magic, version, _, tensors, keys = (_TensorsOnly(file).load() for _ in range(5))
        if magic != MAGIC or version != VERSION:
            _refuse("it is not of the kind that torch wrote until 1.5")
        if not isinstance(tensors, OrderedDict) or not all(isinstance(name, str) for name in tensors):
            _refuse("it has no dictionary of tensors")
        if not all(isinstance(tensor, _Tensor) for tensor in tensors.values()):
            _refuse("there is something in it that is no tensor")
        arrays = _arrays(content, file.tell(), keys, {tensor.key: tensor for tensor in tensors.values()})
        total = sum(int(np.prod(tensor.shape, dtype=object)) for tensor in tensors.values())
        if total > NUMBERS:
            _refuse(f"its tensors have {total:,} numbers")
        return {name: _view(arrays[tensor.key], tensor) for name, tensor in tensors.items()}
    except LabError:
        raise
    except Exception as error:  # of a hostile pickle, any
        problem = " ".join(str(error).split()) or type(error).__name__
        raise LabError(f"{path} was not read, because {problem}") from None


def _refuse(problem: str) -> NoReturn:
    raise pickle.UnpicklingError(problem)


def _arrays(content: bytes, start: int, keys: Any, wanted: dict[str, _Tensor]) -> dict[str, np.ndarray]:
    """Return the arrays behind the pickles: of each, how many numbers there are, in 8 bytes, then the numbers."""
    arrays = {}
    for key in keys:
        tensor = wanted[key]
        (size,) = struct.unpack_from("<q", content, start)
        if size != tensor.array_size:
            _refuse("an array has another size than its tensor says")
        arrays[key] = np.frombuffer(content, KINDS[tensor.kind], size, start + 8)
        start += 8 + arrays[key].nbytes
    if start != len(content):
        _refuse("there are other bytes behind the last array")
    return arrays


def _view(array: np.ndarray, tensor: _Tensor) -> np.ndarray:
    """Return a tensor's numbers, in a copy of its shape."""
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
    if 0 not in tensor.shape and last >= len(array):
        _refuse("a tensor reaches past its array")
    strides = [step * array.itemsize for step in tensor.strides]
    return np.lib.stride_tricks.as_strided(array[tensor.offset :], tensor.shape, strides, writeable=False).copy()


def put_weights(network: Any, weights: dict[str, np.ndarray]) -> None:
    """Give each layer of a Keras network the weights that begin with its name, in Keras's order of directions.

    torch has a kernel's output channels first, (out, in, k, k), where Keras has them last, (k, k, in, out); a depthwise
    one, (channels, 1, k, k), is (k, k, channels, 1); the weights of a dense layer are (out, in) against (in, out).
    """
    for layer in network.layers:
        names = [f"{layer.name}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        own = [weights[name] for name in names if name in weights]
        if own and own[0].ndim == 4:
            own[0] = own[0].transpose((2, 3, 0, 1) if "depthwise" in layer.name else (2, 3, 1, 0))
        elif own and own[0].ndim == 2:
            own[0] = own[0].T
        layer.set_weights(own)
