"""Reads the layers of an admitted graph, and their weights, by what they do and not by how they are written.

The flow of data is cut into segments (see `segments`), and each is identified as a function. One that is affine is
probed by impulses, which show its matrix: the same numbers in other places, a convolution, or a matrix product. One
that is not is compared with ReLU and max pooling. What is neither is tried together with what follows it: a ReLU may be
a stack and a maximum, a convolution may be patches and a product. So it takes no list of notations; whatever is still
unknown then is named by its operations.

The weights have random values meanwhile (`random_weights`), because first weights may be zero, or have been made so
that something else looks right with them. What was read with these is read again with the first weights: see `Piece`.
Every piece is compared with the function that it was taken for, on numbers small and huge.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from labkit.checks.graph.freezing import BATCH
from labkit.checks.graph.graphs import Admitted
from labkit.checks.graph.segments import Flow, Rows, Segment, rows_of
from labkit.networks import ONE_BIAS, OWN_WEIGHTS, Layer, unusual_convolution, unusual_pooling

IMAGE = (28, 28, 1)
FEW = 8  # constants of fewer numbers are no weights
LARGEST_INPUT = 20_000  # numbers; model_no1 has 12,544 before its product
RADIUS = 6  # pixels from the middle of a filter that are looked at
PART = 1024  # inputs of a matrix that are multiplied at once


@dataclass(frozen=True)
class Piece:
    """A layer, where in the graph it is, and its weights, as those that are loaded now have them; None for none.

    A convolution's are (height, width, inputs, outputs), a matrix product's (inputs, outputs), with the inputs in the
    lecture's order; a bias's are (outputs,), a scaling's its factor and offset.
    """

    layer: Layer
    segment: Segment
    values: Callable[[], np.ndarray] | None = None


@dataclass(frozen=True)
class Reading:
    """What was read: pieces in the order of the data; what is no layer known here is named by its operations.

    `carry` is what the output is multiplied with, after the last layer; `notes` name likely mistakes, a line each.
    """

    pieces: list[Piece]
    carry: float
    notes: list[str]

    @property
    def layers(self) -> list[Layer]:
        return [piece.layer for piece in self.pieces]


def random_weights(admitted: Admitted, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw other values for the trained weights, of about the usual size; keyed by the names of their operations."""
    values = {}
    for weight in admitted.weights:
        if weight.trainable:
            shape = weight.value.shape
            inputs = np.prod(shape[:-1]) if len(shape) > 1 else 4
            drawn = rng.standard_normal(shape, np.float32)
            drawn *= np.float32(np.sqrt(2 / max(1, inputs)))
            values[weight.tensor.op.name] = drawn.astype(weight.value.dtype, copy=False)
    return values


def read(flow: Flow, rng: np.random.Generator) -> Reading:
    """Read the layers on the way to an output, with the weights that are loaded.

    Kinds besides those of labkit.networks are "bias", "dropout", "softmax", "scaling" (of all images, by one number),
    and for anything else the operations that it is made of.
    """
    return _Reader(flow, rng).read()


class _Reader:
    def __init__(self, flow: Flow, rng: np.random.Generator) -> None:
        self._flow, self._rng = flow, rng
        self._pieces, self._notes = [], []
        self._shape, self._place = IMAGE, np.arange(784)  # where the values of (height, width, channels) are in a row
        self._carry = 1.0  # what the graph's values are of those of the layers read so far
        self._is_affine = functools.cache(self._find_affine)
        self._is_weighted = functools.cache(self._find_weighted)
        self._selection = functools.cache(self._find_selection)

    def read(self) -> Reading:
        segments, start = self._flow.segments, 0
        while start < len(segments):
            start = self._step(segments, start)
        if not self._notes:
            self._note_rows(self._flow.output)  # a model that fails ends there
        return Reading(self._pieces, self._carry, self._notes)

    # ---------------------------------------------------------------------------------------------- windows

    def _step(self, segments: list[Segment], start: int) -> int:
        """Read the shortest run of segments from `start` that is recognised; return where the next one begins."""
        for stop in range(start, len(segments)):
            window = segments[start].to(segments[stop])
            if window.outputs is None:
                continue
            if self._is_weighted(segments[stop]):
                following = self._weighted(segments, start, stop)
                if following is not None:
                    return following
                break
            if self._explain(window):
                return stop + 1
            if self._is_mixing(segments[stop]):
                stop += 1
                break
        else:
            stop = len(segments)
        return self._give_up(segments, start, stop)

    def _weighted(self, segments: list[Segment], start: int, stop: int) -> int | None:
        """Read a segment with weights as a layer, together with as much as possible of what is before and after it.

        Returns where the next one begins; None where what is before it has to be read by itself.
        """
        last = stop
        while last + 1 < len(segments) and self._is_affine(segments[last + 1]):
            if self._is_weighted(segments[last + 1]):
                break
            last += 1
        for end in range(last, stop - 1, -1):
            window = segments[start].to(segments[end])
            if window.outputs is not None and (self._convolution(window) or self._product(window)):
                return end + 1
        padded = _padding(segments[start:stop])
        return self._misfit(segments, stop, padded) if start == stop or padded else None

    def _give_up(self, segments: list[Segment], start: int, stop: int) -> int:
        """Name an unknown part, up to `stop`: the first segment alone, if what follows may be recognised then."""
        first = segments[start]
        alone = stop > start + 1 and first.inputs and first.outputs and first.size_out == first.size_in
        stop = start + 1 if alone else max(stop, start + 1)
        self._name(segments[start].to(segments[stop - 1]), segments[start:stop])
        return stop

    def _misfit(self, segments: list[Segment], stop: int, padded: list[list[int]] | None) -> int:
        """Name a layer with weights that none of these networks has, by its operation as far as that has a name."""
        window = segments[stop]
        self._note_rows(window.entry)
        convolution = next((op for op in window.operations if op.type == "Conv2D"), None)
        if convolution is not None:
            unusual = unusual_convolution(convolution, padded) or ("of an unusual form",)
            weights: tuple[Any, ...] = tuple(convolution.inputs[1].shape.as_list())
            self._emit(Layer("convolution", _sizes(convolution.outputs[0]), weights, unusual), window)
            self._follow(window)
        else:
            self._name(window, [window])
        return stop + 1

    def _note_rows(self, tensor: tf.Tensor) -> None:
        """Note where a reshape has made more rows than there are images, a usual mistake before a matrix product."""
        shape = tensor.shape.as_list()
        if len(shape) == 2 and BATCH not in shape:
            before = f", which follows {self._pieces[-1].layer}," if self._pieces else ""
            self._notes.append(f"the reshape{before} makes {shape} of {BATCH} images, expected {BATCH} rows")

    def _name(self, window: Segment, segments: list[Segment]) -> None:
        """Name an unknown part by its operations."""
        pooling = next((op for segment in segments for op in segment.operations if op.type == "MaxPool"), None)
        if pooling is not None and unusual_pooling(pooling):
            self._emit(Layer("max pooling", _sizes(pooling.outputs[0]), (), unusual_pooling(pooling)), window)
        else:
            names = ", ".join(dict.fromkeys(str(segment) for segment in segments))
            if any(segment.is_random for segment in segments):
                names = f"{names}, with random numbers"
            kind = f"{OWN_WEIGHTS} ({names})" if any(map(self._has_weights, segments)) else names
            self._emit(Layer(kind, _shape(window.outputs)), window)
        self._follow(window)

    def _follow(self, window: Segment) -> None:
        """Continue behind an unknown part: its values are taken to be in the order in which they come."""
        rows = window.outputs
        if rows is None:
            return
        if rows.size != self._place.size:
            self._shape = _shape(rows) if len(_shape(rows)) == 3 else (rows.size,)
            self._place = np.arange(rows.size)
        self._carry = 1.0

    def _emit(self, layer: Layer, window: Segment, values: Callable[[], np.ndarray] | None = None) -> None:
        self._pieces.append(Piece(layer, window, values))

    # ------------------------------------------------------------------------------------------ properties

    def _find_affine(self, segment: Segment) -> bool:
        """Tell whether f(u + v) = f(u) + f(v) - f(0), for small numbers and large ones."""
        if segment.inputs is None or segment.outputs is None:
            return False
        rows = np.zeros((BATCH, segment.size_in))
        magnitudes = _magnitudes(segment)
        for k, number in enumerate(range(1, BATCH - 2, 3)):
            magnitude = magnitudes[k % len(magnitudes)]
            rows[number : number + 2] = magnitude * self._rng.standard_normal((2, segment.size_in))
            rows[number + 2] = rows[number] + rows[number + 1]
        rows = self._representable(segment, rows)
        made = segment(rows)
        if not np.isfinite(made).all():
            return False
        zero, made = made[0], made - made[:1]
        u, v, both = made[1:-2:3], made[2:-1:3], made[3::3]
        size = np.abs(u).max(axis=1) + np.abs(v).max(axis=1)
        offset = np.abs(zero).max()
        error = np.abs(both - u - v).max(axis=1)
        return bool(size.max() > 0 and (error <= segment.tolerance * (size + offset)).all())

    def _is_mixing(self, segment: Segment) -> bool:
        """Tell whether a segment is affine and does more than move numbers to other places."""
        return self._is_affine(segment) and self._selection(segment) is None

    def _find_weighted(self, segment: Segment) -> bool:
        if segment.outputs is None or segment.is_random or not self._is_affine(segment):
            return False
        if not self._has_weights(segment):
            return False
        selection = self._selection(segment)
        if selection is None:
            return True
        index, scale, _ = selection
        return len(index) != segment.size_in and not _is_uniform(scale[index >= 0])  # as of one channel by 1x1

    @staticmethod
    def _has_weights(segment: Segment) -> bool:
        return bool(segment.weights) or any(_is_large(tensor) for tensor in segment.sides)

    def _find_selection(self, segment: Segment) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Return (index, scale, offset) of a segment that computes scale * x[index] + offset; None for any other.

        The index is -1 where nothing comes from x. It is found by rows that hold the index in binary digits.
        """
        decoded = _decoded(segment, segment.size_in, np.arange(segment.size_in))
        if decoded is None:
            return None
        index, scale, offset = decoded
        x = self._probe(segment)
        expected = np.where(index >= 0, scale * x[:, index], 0) + offset
        return decoded if _equal(segment(x), expected, segment.tolerance, magnitude=x) else None

    def _probe(self, segment: Segment) -> np.ndarray:
        """Draw numbers small and large, of both signs, as exact as the entry's type: rows (BATCH, size)."""
        size = segment.size_in
        magnitudes = self._rng.choice(_magnitudes(segment), (BATCH, 1))
        return self._representable(segment, self._rng.standard_normal((BATCH, size)) * magnitudes)

    @staticmethod
    def _representable(segment: Segment, rows: np.ndarray) -> np.ndarray:
        return rows.astype(segment.entry.dtype.as_numpy_dtype).astype(np.float64)

    # ----------------------------------------------------------------------------------- what has no weights

    def _explain(self, window: Segment) -> bool:
        """Tell whether the window is recognised; if so, note its layer."""
        if window.is_random and self._dropout(window):
            return True
        if self._is_affine(window):
            return self._moved(window)
        return self._relu(window) or self._pooling(window) or self._softmax(window)

    def _moved(self, window: Segment) -> bool:
        """Tell whether the window moves numbers to other places, perhaps scaled by one number and with a bias."""
        selection = self._selection(window)
        if selection is None:
            return False
        index, scale, offset = selection
        if len(index) != self._place.size or (np.sort(index) != np.arange(index.size)).any():
            return False
        if not _is_uniform(scale) or (scale[0] <= 0 and not self._is_first()):
            return False
        place = np.argsort(index)[self._place]
        offset = offset[place].reshape(self._shape)
        if self._is_first() and ((_is_uniform(offset) and offset.any()) or scale[0] != 1):
            return self._scaled_images(window, float(scale[0]), offset, place)
        bias = self._bias_layer(window, offset) if offset.any() else None
        if offset.any() and bias is None:
            return False
        self._place = place
        self._carry *= float(scale[0])
        if bias:
            shape, carry = self._shape, self._carry
            self._emit(bias, window, lambda: _offset(window, place).reshape(shape).reshape(-1, shape[-1])[0] / carry)
        return True

    def _is_first(self) -> bool:
        return all(piece.layer.kind == "scaling" for piece in self._pieces)

    def _scaled_images(self, window: Segment, scale: float, offset: np.ndarray, place: np.ndarray) -> bool:
        if not _is_uniform(offset) or window.weights:
            return False
        if abs(scale - 1) > 1e-6 or abs(offset.flat[0]) > 1e-6:
            values = np.array([scale, offset.flat[0]])
            self._emit(Layer("scaling", self._shape), window, lambda: values)
        self._place = place
        return True

    def _bias_layer(self, window: Segment, offset: np.ndarray) -> Layer | None:
        """Return the bias Layer for an offset (height, width, channels); None for an offset that is not a bias."""
        channels = offset.reshape(-1, self._shape[-1])
        size = np.abs(channels).max()
        if np.abs(channels - channels[0]).max() > window.tolerance * size:
            return None
        if self._shape[-1] > 1 and _is_uniform(channels[0]) and window.weights:
            return Layer(ONE_BIAS, self._shape)
        return Layer("bias", self._shape)

    def _relu(self, window: Segment) -> bool:
        """Tell whether the window is ReLU, with its values in any order, times at most one number."""
        decoded = _decoded(window, self._place.size, np.arange(self._place.size)) if self._fits(window) else None
        if decoded is None:
            return False
        index, scale, offset = decoded
        if (np.sort(index) != np.arange(index.size)).any() or not _is_uniform(scale) or scale[0] <= 0:
            return False
        x = self._probe(window)
        expected = scale * np.maximum(x, 0)[:, index] + offset
        if np.abs(offset).max() > 1e-6 or not _equal(window(x), expected, window.tolerance, x):
            return False
        self._place = np.argsort(index)[self._place]
        self._carry *= float(scale[0])
        self._emit(Layer("ReLU", self._shape), window)
        return True

    def _fits(self, window: Segment) -> bool:
        return window.inputs is not None and window.size_in == self._place.size

    def _pooling(self, window: Segment) -> bool:
        """Tell whether the window takes the largest of each 2x2 pixels; ReLU may be a part of it."""
        if len(self._shape) < 3 or self._shape[0] % 2 or self._shape[1] % 2 or not self._fits(window):
            return False
        height, width, channels = self._shape
        pooled = (height // 2, width // 2, channels)
        if window.size_out != np.prod(pooled):
            return False
        blocks = np.arange(np.prod(pooled)).reshape(pooled).repeat(2, axis=0).repeat(2, axis=1)
        index = np.empty(self._place.size, int)
        index[self._place] = blocks.ravel()
        decoded = _decoded(window, int(np.prod(pooled)), index)
        if decoded is None or (np.sort(decoded[0]) != np.arange(blocks.max() + 1)).any():
            return False
        x = self._probe(window)
        largest = _pooled(x[:, self._place].reshape(-1, *self._shape))
        outputs, expected = window(x), None
        for layers in (["max pooling"], ["ReLU", "max pooling"]):
            expected = np.maximum(largest, 0) if len(layers) == 2 else largest
            if _is_uniform(decoded[1]) and _equal(outputs, decoded[1] * expected[:, decoded[0]], window.tolerance, x):
                break
        else:
            return False
        for kind in layers:
            self._emit(Layer(kind, self._shape if kind == "ReLU" else pooled), window)
        self._carry *= float(decoded[1][0])
        self._shape, self._place = pooled, np.argsort(decoded[0])
        return True

    def _softmax(self, window: Segment) -> bool:
        """Tell whether the window is softmax, or its logarithm, at the end."""
        if window.exit is not self._flow.output or not self._fits(window) or window.size_out != window.size_in:
            return False
        x = self._rng.standard_normal((BATCH, window.size_in)) * self._rng.choice([0.1, 1, 10], (BATCH, 1))
        odds = np.exp(x - x.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        outputs, tolerance = window(x), 1e-3 * max(1, 100 * window.tolerance)
        if np.abs(outputs - odds).max() > tolerance and np.abs(np.exp(np.minimum(outputs, 1)) - odds).max() > tolerance:
            return False
        self._emit(Layer("softmax", self._shape), window)
        return True

    def _dropout(self, window: Segment) -> bool:
        """Tell whether the window keeps some values and drops others, whatever they are."""
        if not self._fits(window) or window.size_out != window.size_in:
            return False
        factors = window(np.ones((BATCH, window.size_in)), draw=1)
        x = self._probe(window)
        if not _equal(window(x, draw=1), factors * x, window.tolerance, x):
            return False
        kept = factors != 0
        scale = factors[kept].mean() if kept.any() else 0.0
        if np.abs(factors[kept] - scale).max(initial=0) > window.tolerance * max(1, abs(scale)):
            return False
        if kept.all():
            self._carry *= float(scale)
        else:
            self._emit(Layer("dropout", self._shape), window)
        return True

    # ------------------------------------------------------------------------------------------ with weights

    def _convolution(self, window: Segment) -> bool:
        """Tell whether the window is a convolution that leaves height and width as they are, with or without a bias."""
        if len(self._shape) < 3 or not self._fits(window):
            return False
        height, width, _ = self._shape
        filters, rest = divmod(window.size_out, height * width)
        if rest or not filters:
            return False
        shape, place, carry = self._shape, self._place, self._carry
        best = None
        responses = _responses(window, shape, place)
        for order in ((0, 1, 2), (2, 0, 1), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 1, 0)):
            out = _places((height, width, filters), order)
            candidate = _filter(responses[:, out].reshape(-1, height, width, filters), window.tolerance)
            if candidate is not None and (best is None or candidate[1] < best[1]):
                best = (*candidate, out)
        if best is None:
            return False
        kernel, _, out, window_size = best[0], best[1], best[-1], best[2]
        offset = _offset(window, out).reshape(height, width, filters)
        if not self._is_convolution(window, kernel, out, offset):
            return False
        weights = (*window_size, shape[-1], filters)

        def values() -> np.ndarray:
            again = _responses(window, shape, place)[:, out].reshape(-1, height, width, filters)
            return _cut_out(again, window_size) * carry

        return self._note_weighted(window, "convolution", weights, values, (height, width, filters), out, offset)

    def _is_convolution(self, window: Segment, kernel: np.ndarray, out: np.ndarray, offset: np.ndarray) -> bool:
        x = self._probe(window)
        images = x[:, self._place].reshape(-1, *self._shape)
        expected = _convolved(images, kernel) + offset
        return _equal(window(x)[:, out].reshape(expected.shape), expected, window.tolerance, x)

    def _product(self, window: Segment) -> bool:
        """Tell whether the window is a matrix product, with or without a bias."""
        rows = rows_of(window.exit)
        if len(rows.sizes) > 1 or not self._fits(window) or window.size_in > LARGEST_INPUT:
            return False
        if not self._is_affine(window):
            return False
        place, carry = self._place, self._carry
        out = np.arange(rows.size)
        read = self._matrix_reader(window)
        matrix = read()
        if not np.abs(matrix).max(axis=0).all():  # nothing in these networks has outputs that never change
            return False
        offset = _offset(window, out)
        x = self._probe(window)
        if not _equal(window(x), _times(x, matrix) + offset, window.tolerance, x):
            return False
        weights = (place.size, rows.size)
        in_order = place.size == window.size_in and (place == np.arange(place.size)).all()

        def values() -> np.ndarray:
            matrix = read() if in_order else read()[place]
            return matrix if carry == 1 else matrix * carry

        return self._note_weighted(window, "matrix product", weights, values, (rows.size,), out, offset)

    def _matrix_reader(self, window: Segment) -> Callable[[], np.ndarray]:
        """Return a function that returns the window's matrix (inputs, outputs), read off its weights or by impulses."""
        size = window.size_out
        for side in window.sides:
            if not side.dtype.is_floating or side.shape.num_elements() < size:
                continue
            product = next((op for op in side.consumers() if op in window.operations), None)
            data = next((tensor for tensor in product.inputs if tensor is not side), None) if product else None
            before = _before(window, data)
            if before is None or side.shape.num_elements() != before.size_out * size:
                continue
            moved = (
                (np.arange(place_size := window.size_in), np.ones(place_size), np.zeros(place_size))
                if data is window.entry
                else self._selection(before)
            )
            if moved is None:
                continue
            for transposed in (False, True):
                reader = functools.partial(_by_side, window, side, moved, transposed)
                x = self._probe(window)
                if _equal(window(x), _times(x, reader()) + _offset(window, np.arange(size)), window.tolerance, x):
                    return reader
        return functools.partial(_by_impulses, window)

    def _note_weighted(
        self,
        window: Segment,
        kind: str,
        weights: tuple[int, ...],
        values: Callable[[], np.ndarray],
        shape: tuple[int, ...],
        out: np.ndarray,
        offset: np.ndarray,
    ) -> bool:
        self._emit(Layer(kind, shape, weights), window, values)
        self._shape, self._place, self._carry = shape, out, 1.0
        if np.abs(offset).max() > 0:
            layer = self._bias_layer(window, offset) or Layer("a bias for each value", shape)

            def read() -> np.ndarray:
                return _offset(window, out).reshape(-1, shape[-1])[0]

            self._emit(layer, window, read if layer.kind == "bias" else None)
        return True


# ---------------------------------------------------------------------------------------------------- functions


def _magnitudes(segment: Segment) -> np.ndarray:
    return np.array([m for m in (1e-2, 1.0, 30.0, 1e3, 1e6) if m <= segment.largest])


def _decoded(
    segment: Segment, count: int, index: np.ndarray, amplitude: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return (index, scale, offset) of a segment whose every output follows one of `count` numbers; else None.

    `index` gives the number that each input is a copy of. The rows are the numbers' places, in binary digits.
    """
    rows = ((index[None] + 1) >> np.arange(min(BATCH - 1, 30))[:, None]) & 1
    made = segment(amplitude * np.vstack([rows, np.zeros((1, len(index)))]))
    if not np.isfinite(made).all():
        return None
    offset, made = made[-1], (made[:-1] - made[-1]) / amplitude
    if 100 * amplitude < np.abs(offset).max() and 100 * amplitude <= segment.largest:  # in which digits would drown
        return _decoded(segment, count, index, 100 * amplitude)
    scale = np.take_along_axis(made, np.abs(made).argmax(axis=0)[None], axis=0)[0]
    digits = np.divide(made, scale, out=np.zeros_like(made), where=np.abs(scale) > 0)
    bits = np.rint(digits).astype(np.int64)
    if np.abs(digits - bits).max(initial=0) > 10 * segment.tolerance or bits.min(initial=0) < 0:
        return None
    indices = (bits << np.arange(len(bits))[:, None]).sum(axis=0) - 1
    return (indices, scale, offset) if indices.max(initial=-1) < count else None


def _offset(window: Segment, out: np.ndarray) -> np.ndarray:
    return window(np.zeros((1, window.size_in)))[0, out]


def _equal(actual: np.ndarray, expected: np.ndarray, tolerance: float, magnitude: np.ndarray) -> bool:
    """Tell whether rows are equal up to rounding, relative to the largest number of each row."""
    if not np.isfinite(actual).all():
        return False
    error = np.abs(actual - expected).reshape(len(actual), -1).max(axis=1)
    size = np.abs(expected).reshape(len(actual), -1).max(axis=1)
    return bool((error <= tolerance * (size + 1e-6)).all())


def _times(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return rows (n, inputs), float64, times a matrix (inputs, outputs), float32, in double precision.

    Part by part, because NumPy turns a whole matrix, of 50 MB perhaps, into one of doubles first.
    """
    made = np.zeros((len(rows), matrix.shape[1]))
    for start in range(0, len(matrix), PART):
        made += rows[:, start : start + PART] @ matrix[start : start + PART]
    return made


def _is_uniform(values: np.ndarray) -> bool:
    return bool(np.ptp(values) <= 1e-3 * np.abs(values).max(initial=0))


def _is_large(tensor: tf.Tensor) -> bool:
    """Tell whether a tensor that does not depend on the images has enough numbers to be weights."""
    return tensor.dtype.is_floating and (tensor.shape.num_elements() or 0) >= FEW


def _places(shape: tuple[int, ...], order: tuple[int, ...]) -> np.ndarray:
    """Return where the values of (height, width, channels) are in a row that has these axes in another order."""
    row = np.arange(np.prod(shape)).reshape([shape[axis] for axis in order])
    return row.transpose(np.argsort(order)).ravel()


def _responses(window: Segment, shape: tuple[int, ...], place: np.ndarray) -> np.ndarray:
    """Return a window's response to an impulse in the middle of each channel, less that to zeros: (channels, size)."""
    height, width, channels = shape
    middle = (height // 2 * width + width // 2) * channels
    zero, responses = window(np.zeros((1, window.size_in))), []
    for start in range(0, channels, BATCH):
        part = np.arange(start, min(start + BATCH, channels))
        rows = np.zeros((len(part), window.size_in))
        rows[np.arange(len(part)), place[middle + part]] = 1
        responses.append(window(rows) - zero)
    return np.concatenate(responses)


def _filter(responses: np.ndarray, tolerance: float) -> tuple[np.ndarray, int, tuple[int, ...]] | None:
    """Return (kernel, area, size) of the convolution that responds so, (channels, height, width, filters); or None."""
    _, height, width, _ = responses.shape
    size = np.abs(responses).max()
    if size == 0:
        return None
    rows, columns = (np.abs(responses).max(axis=axes) > tolerance * 0.1 * size for axes in ((0, 2, 3), (0, 1, 3)))
    reach = [np.flatnonzero(responding) - length // 2 for responding, length in ((rows, height), (columns, width))]
    radii = [int(np.abs(distance).max()) for distance in reach]
    if max(radii) > RADIUS or max(radii) > min(height, width) // 2 - 1:
        return None
    window = tuple(2 * radius + 1 for radius in radii)
    return _cut_out(responses, window), window[0] * window[1], window


def _cut_out(responses: np.ndarray, window: tuple[int, ...]) -> np.ndarray:
    """Cut filters (height, width, inputs, outputs) of a window's size out of the responses, which are mirrored."""
    _, height, width, _ = responses.shape
    top, left = height // 2 - window[0] // 2, width // 2 - window[1] // 2
    part = responses[:, top : top + window[0], left : left + window[1]]
    return part[:, ::-1, ::-1].transpose(1, 2, 0, 3)


def _convolved(images: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve images (n, height, width, channels), SAME, in NumPy."""
    top, left = kernel.shape[0] // 2, kernel.shape[1] // 2
    padded = np.pad(images.astype(np.float32), [(0, 0), (top, top), (left, left), (0, 0)])
    height, width = images.shape[1:3]
    convolved: Any = 0
    filters: Any = kernel.astype(np.float32)
    for i, row in enumerate(filters):
        for j, weights in enumerate(row):
            convolved = convolved + padded[:, i : i + height, j : j + width] @ weights
    return convolved


def _pooled(images: np.ndarray) -> np.ndarray:
    """Return the largest of each 2x2 pixels of (n, height, width, channels), as rows."""
    n, height, width, channels = images.shape
    windows = images.reshape(n, height // 2, 2, width // 2, 2, channels)
    return windows.max(axis=(2, 4)).reshape(n, -1)


def _before(window: Segment, data: tf.Tensor | None) -> Segment | None:
    """Return the part of a window up to a tensor in it; None if that has no rows."""
    if data is None or data.op not in window.flow.data:
        return None
    part = Segment(window.flow, window.operations, window.entry, data)
    return part if part.outputs is not None else None


def _by_side(
    window: Segment, side: tf.Tensor, moved: tuple[np.ndarray, np.ndarray, np.ndarray], transposed: bool
) -> np.ndarray:
    """Return a window's matrix as a side tensor has it; `moved` says what the product gets of the window's inputs."""
    index, scale, _ = moved
    values = np.asarray(window.flow.run(side, {}), np.float32)
    values = values.reshape(window.size_out, -1).T if transposed else values.reshape(-1, window.size_out)
    if len(index) == window.size_in and (index == np.arange(index.size)).all() and (scale == 1).all():
        return values
    matrix = np.zeros((window.size_in, window.size_out), np.float32)
    kept = index >= 0
    np.add.at(matrix, index[kept], values[kept] * scale[kept, None].astype(np.float32))
    return matrix


def _by_impulses(window: Segment) -> np.ndarray:
    """Read a window's matrix row by row, by impulses."""
    size = window.size_in
    zero = window(np.zeros((1, size)))
    matrix = np.empty((size, window.size_out), np.float32)
    for start in range(0, size, BATCH):
        part = np.arange(start, min(start + BATCH, size))
        rows = np.zeros((len(part), size))
        rows[np.arange(len(part)), part] = 1
        matrix[part] = window(rows) - zero
    return matrix


def _padding(segments: list[Segment]) -> list[list[int]] | None:
    """Return the rows and columns of zeros that the only Pad of these segments adds; None without such a Pad."""
    pads = [op for segment in segments for op in segment.operations if op.type in ("Pad", "PadV2")]
    if len(pads) != 1:
        return None
    padding = tf.get_static_value(pads[0].inputs[1])
    return None if padding is None or padding.shape != (4, 2) else padding[1:3].tolist()


def _shape(rows: Rows | None) -> tuple[int, ...]:
    """Return the shape of one image's values in a tensor, without axes of 1 where the images are not the first axis."""
    if rows is None:
        return ()
    return rows.shape[1:] if rows.shape[0] == BATCH else rows.sizes


def _sizes(tensor: tf.Tensor) -> tuple[int, ...]:
    sizes: tuple[Any, ...] = tuple(tensor.shape[1:].as_list())  # all of them are known
    return sizes
