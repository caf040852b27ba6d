"""One measurement of `arithmetic.py`, in a process of its own: prints as JSON the rate of each TensorFlow operation.

    python benchmarks/arithmetic_process.py MATRIX_SIZE BATCH_SIZE...

Each item is [name of the layer or "peak", pass, batch or matrix size, precision, operations per second].
"""

import functools
import json
import statistics
import sys
import time

import tensorflow as tf
from layers import FORWARD, LAYERS, TO_INPUTS, TO_WEIGHTS

PRECISIONS = ("float32", "bfloat16")
SAMPLES = 5  # of each operation, taken in turns; their median counts
REPEATS = 10  # of an operation in a sample, because calling a function may take as long as a small layer


def main(matrix_size, batch_sizes):
    """Measure everything once."""
    tf.get_logger().setLevel("ERROR")  # it warns of the many functions, each of which is meant
    cases = peak_cases(matrix_size)
    for batch_size in batch_sizes:
        cases |= layer_cases(batch_size)
    for function, _ in cases.values():
        function()  # the first call traces it
    seconds = {case: [] for case in cases}
    for _ in range(SAMPLES):
        for case, (function, _) in cases.items():
            started = time.perf_counter()
            function().numpy()
            seconds[case].append(time.perf_counter() - started)
    print(json.dumps([[*case, cases[case][1] / statistics.median(times)] for case, times in seconds.items()]))


def peak_cases(size):
    """Return the product of two square matrices in each precision: {case: (function, floating-point operations)}."""
    cases = {}
    for precision in PRECISIONS:
        a, b = (tf.cast(tf.random.normal([size, size]), precision) for _ in range(2))
        cases["peak", "", size, precision] = tf.function(functools.partial(tf.matmul, a, b)), 2 * size**3
    return cases


def layer_cases(batch_size):
    """Return each pass of each layer in each precision, as `peak_cases`."""
    return {
        (layer.name, pass_, batch_size, precision): (
            repeated(operation(layer, pass_, batch_size, precision)),
            REPEATS * batch_size * layer.operations,
        )
        for layer in LAYERS
        for pass_ in layer.passes
        for precision in PRECISIONS
    }


def operation(layer, pass_, batch_size, precision):
    """Return a function that runs one operation of TensorFlow on random values: a layer's pass, no bias, no ReLU."""
    shapes = (batch_size, *layer.inputs), layer.weights, (batch_size, *layer.outputs)
    x, W, dy = (tf.cast(tf.random.normal(shape), precision) for shape in shapes)
    if len(layer.weights) == 2:  # fully connected
        return {
            FORWARD: lambda: tf.matmul(x, W),
            TO_WEIGHTS: lambda: tf.matmul(x, dy, transpose_a=True),
            TO_INPUTS: lambda: tf.matmul(dy, W, transpose_b=True),
        }[pass_]
    slide = {"strides": [1, 1, 1, 1], "padding": "SAME"}
    return {
        FORWARD: lambda: tf.raw_ops.Conv2D(input=x, filter=W, **slide),
        TO_WEIGHTS: lambda: tf.raw_ops.Conv2DBackpropFilter(input=x, filter_sizes=W.shape, out_backprop=dy, **slide),
        TO_INPUTS: lambda: tf.raw_ops.Conv2DBackpropInput(input_sizes=x.shape, filter=W, out_backprop=dy, **slide),
    }[pass_]


def repeated(operation):
    """Return a function that runs the operation REPEATS times, one after the other."""

    @tf.function
    def repeat():
        used = tf.zeros([])  # of each result: TensorFlow leaves out what nobody uses
        for _ in tf.range(REPEATS):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            used += tf.cast(tf.reshape(operation(), [-1])[0], tf.float32)
        return used

    return repeat


if __name__ == "__main__":
    size, *batches = map(int, sys.argv[1:])
    main(size, batches)
