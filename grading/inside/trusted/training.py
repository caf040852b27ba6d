"""Trains the rebuilt network from its first weights, and has it read the test images. No student code is near.

The layers are known to be right by then. What training still tells is whether the first weights can learn. Weights that
are zero, alike, or far too large are known at sight, by themselves and by the logits that they make; after that, few
steps are enough. (Not without that look: of 100 times too large ones Adam makes a network that reads 0.91 in 60 steps.)
"""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from grading.inside.trusted.rebuilding import RebuiltNetwork, logits
from labkit.checks.graph.freezing import KEEP_PROB
from labkit.data.loader import PIXEL_SCALE

FAST_BFLOAT16 = {"avx512_bf16", "amx_bf16"}  # the processor's instructions that multiply in bfloat16
LARGE = 100.0  # mean of the logits' absolute values; He's weights make 1 or 2, the lecture's (0.1) 10
WARM_UP = 0.2  # the part of the steps in which the learning rate rises, as in lab.learning_rate
TEST_BATCH = 500  # images


def first_problem(network: RebuiltNetwork, images: np.ndarray) -> str | None:
    """Say what is visibly wrong with the first weights, in a sentence for the student, or return None.

    images: (N, 784), uint8, of digits.
    """
    for number, (weights, biases) in enumerate(network.weights, start=1):
        what = f"the first weights of layer {number} of those with weights, {'x'.join(map(str, weights.shape))},"
        if not (np.isfinite(weights).all() and np.isfinite(biases).all()):
            return f"{what} are not all finite numbers; look at how they are drawn"
        if not weights.any():
            return f"{what} are all zero, so they learn nothing: draw them at random"
        if np.ptp(weights) <= 1e-6 * np.abs(weights).max():
            return f"{what} are all {weights.flat[0]:.3g}, so all units learn the same: draw them at random"
        if len(weights.shape) and np.abs(weights - weights[..., :1]).max() <= 1e-6 * np.abs(weights).max():
            return f"{what} are the same for all outputs, so all units learn the same: draw each at random"
    outputs = logits(network.script, network.weights, network.scaling, images.astype(np.float32) * PIXEL_SCALE)
    size = float(tf.reduce_mean(tf.abs(outputs)))
    if size > LARGE:
        return (
            f"the first weights are far too large: of digits they make logits of {size:,.0f} on average, where usual "
            "ones make less than 10; look at the standard deviation that they are drawn with"
        )
    return None


def set_precision(wanted: str) -> None:
    """Make TensorFlow multiply in float32 or bfloat16; `auto` is bfloat16 where the processor does that faster.

    As labkit.run.preparation.pick_precision does for the scripts.
    """
    processor = Path("/proc/cpuinfo")
    fast = processor.is_file() and FAST_BFLOAT16 & set(processor.read_text().split())
    short = wanted == "bfloat16" or (wanted == "auto" and bool(fast))
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": short})


def train(network: RebuiltNetwork, images: np.ndarray, labels: np.ndarray, recipe: dict) -> RebuiltNetwork:
    """Train a network, and return it.

    Args:
        network: with its first weights.
        images: (N, 784), uint8.
        labels: (N,), 0 to 9.
        recipe: steps, batch_size, learning_rate (the largest), label_smoothing, seed.
    """
    weights: Any = network.weights  # the stubs know of no variable that is made of an array
    pairs = [tuple(tf.Variable(value) for value in pair) for pair in weights]
    variables = [variable for pair in pairs for variable in pair]
    moments = [(tf.Variable(tf.zeros_like(v)), tf.Variable(tf.zeros_like(v))) for v in variables]
    tf.random.set_seed(recipe["seed"])
    smoothing = recipe["label_smoothing"]

    @tf.function
    def step(batch: Any, targets: Any, rate: Any, number: Any) -> None:
        x = tf.cast(batch, tf.float32) * PIXEL_SCALE
        y = (1 - smoothing) * tf.one_hot(targets, 10) + smoothing / 10
        with tf.GradientTape() as tape:
            outputs = logits(network.script, pairs, network.scaling, x, KEEP_PROB)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=outputs))
        for variable, gradient, (m, v) in zip(variables, tape.gradient(loss, variables), moments, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=m.handle, v=v.handle, beta1_power=tf.pow(0.9, number),
                beta2_power=tf.pow(0.999, number), lr=rate, beta1=0.9, beta2=0.999, epsilon=1e-8, grad=gradient,
            )  # fmt: skip

    order = _order(len(images), recipe["steps"] * recipe["batch_size"], recipe["seed"])
    for number, rate in enumerate(_rates(recipe), start=1):
        chosen = order[(number - 1) * recipe["batch_size"] : number * recipe["batch_size"]]
        step(images[chosen], labels[chosen].astype(np.int32), np.float32(rate), np.float32(number))
    trained = tuple((matrix.numpy(), biases.numpy()) for matrix, biases in pairs)
    return RebuiltNetwork(network.script, trained, network.scaling)


def predict(network: RebuiltNetwork, images: np.ndarray) -> np.ndarray:
    """Return the digits (N,) that a network sees in images (N, 784), uint8; NaN for a logit makes it a 0 at most."""
    weights = [tuple(tf.constant(value) for value in pair) for pair in network.weights]

    @tf.function
    def digits(batch: Any) -> Any:
        outputs = logits(network.script, weights, network.scaling, tf.cast(batch, tf.float32) * PIXEL_SCALE)
        return tf.argmax(outputs, axis=1)

    parts = [digits(images[start : start + TEST_BATCH]).numpy() for start in range(0, len(images), TEST_BATCH)]
    return np.concatenate(parts)


def _order(count: int, wanted: int, seed: int) -> np.ndarray:
    """Return the order in which images are drawn: all of them before any comes again."""
    rng = np.random.default_rng(seed)
    rounds = [rng.permutation(count) for _ in range(wanted // count + 1)]
    return np.concatenate(rounds)[:wanted]


def _rates(recipe: dict) -> np.ndarray:
    """Return the learning rate of each step: one cycle of a linear rise and a linear fall, as in lab.learning_rate."""
    number = np.arange(1, recipe["steps"] + 1)
    rise = max(1.0, WARM_UP * recipe["steps"])
    fall = max(1.0, recipe["steps"] - rise)
    return recipe["learning_rate"] * np.minimum(number / rise, (recipe["steps"] + 1 - number) / (fall + 1))
