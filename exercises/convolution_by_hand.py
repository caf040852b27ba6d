"""Convolution by hand, in loops: 39 of 39 results have the size of TensorFlow's and its values, to 1e-6.

    python exercises/convolution_by_hand.py          compare, count the weights of a network, and leave a picture
    python exercises/convolution_by_hand.py --help   all flags

A convolution slides a small filter over the image, multiplies it with the pixels below, and sums the products: one
number for each place. (Mathematics turns the filter around first; a network learns its filters, so nobody does here.)
"""

import lab

PATTERN = "[[CONV-RELU]*2-POOL]*2-[FC-RELU]*1-FC"
if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    OWN = {"--pattern": {"default": PATTERN, "help": f"the network to count, of 3x3 filters (default: {PATTERN})"}}
    FLAGS = lab.parse_flags(__doc__, only=["seed", "results_dir"], own=OWN)

import numpy as np
import tensorflow as tf

from exercises.support import patterns
from exercises.support.filter_picture import draw

# Image i, filter K, stride s, padding, dilation d, in pixels. Of the slides: 3 places; 2.33 "!!!"; with padding, 3.
CASES = [(7, 3, 2, (0, 0), 1), (7, 3, 3, (0, 0), 1), (7, 3, 3, (1, 1), 1)]
CASES += [(7, K, 1, ((K - 1) // 2, (K - 1) // 2), 1) for K in (3, 5, 7)]  # p = (K - 1) / 2 keeps the size
CASES += [(7, K, s, "SAME", 1) for K, s in ((3, 1), (2, 1), (4, 1), (3, 2), (2, 3))] + [(28, 5, 1, (0, 0), 1)]
CASES += [(7, 3, 1, (0, 0), 2), (9, 3, 1, (0, 0), 3), (9, 3, 1, "SAME", 2), (9, 2, 1, "SAME", 3)]  # dilated


def places(i, K, s, padding=(0, 0), d=1):
    """Return o = (i + 2p - K) / s + 1, as it comes; a filter with dilation d reaches over K + (K - 1)(d - 1)."""
    return (i + sum(padding) - (K + (K - 1) * (d - 1))) / s + 1


def same_padding(i, K, s, d):
    """Return the zeros before and after for SAME: ceil(i / s) places; of an odd number the extra zero goes last."""
    zeros = max((-(-i // s) - 1) * s + K + (K - 1) * (d - 1) - i, 0)
    return zeros // 2, zeros - zeros // 2


def convolve(x, W, s=1, padding=(0, 0), d=1):
    """Slide the filters W (K, K, C, F) over the image x (H, W, C), multiply, sum: (H', W', F)."""
    x, reach = np.pad(x, [padding, padding, (0, 0)]), (len(W) - 1) * d + 1
    rows, columns = (int(places(i, len(W), s, d=d)) for i in x.shape[:2])  # int: what does not fit is never seen
    output = np.zeros([rows, columns, W.shape[3]])
    for row, column, f in np.ndindex(output.shape):
        patch = x[row * s : row * s + reach : d, column * s : column * s + reach : d]  # (K, K, C): grey 1, RGB 3
        output[row, column, f] = np.sum(patch * W[..., f])
    return output


def pool(x, F, s, summary):
    """Slide a window of FxF over the image x (H, W, C), and keep its np.max or np.mean: (H', W', C)."""
    rows, columns = (int(places(i, F, s)) for i in x.shape[:2])
    windows = [x[row * s : row * s + F, column * s : column * s + F] for row, column in np.ndindex(rows, columns)]
    return summary(windows, axis=(1, 2)).reshape(rows, columns, -1)


def as_matrix(W, i):
    """Return the matrix that does the same to a flat grey image of i x i as the filter W (K, K): (o * o, i * i)."""
    K, o = len(W), i - len(W) + 1
    matrix = np.zeros([o, o, i, i])
    for row, column in np.ndindex(o, o):
        matrix[row, column, row : row + K, column : column + K] = W  # each row has the same weights: they are shared
    return matrix.reshape(o * o, i * i)


def influence(layers):
    """Return how much each of 15x15 pixels changes the centre after some layers of 3x3: (15, 15)."""
    x = y = tf.Variable(tf.ones([1, 15, 15, 1]))
    with tf.GradientTape() as tape:
        for _ in range(layers):
            y = tf.nn.conv2d(y, tf.ones([3, 3, 1, 1]), strides=1, padding="SAME")  # (1, 15, 15, 1)
        centre = y[0, 7, 7, 0]
    return tape.gradient(centre, x).numpy()[0, :, :, 0]


def main(flags):
    """Compare with tf.nn, count the weights of a pattern, and draw what a filter makes of a photograph."""
    random, pairs = np.random.default_rng(flags.seed), []
    print("image  filter  stride  padding  dilation   (i + 2p - K) / s + 1   tf.nn")
    for i, K, s, padding, d in CASES:
        zeros = same_padding(i, K, s, d) if padding == "SAME" else padding
        for C in (1, 3):
            x, W = random.random([i, i, C], np.float32), random.normal(0, 0.1, [K, K, C, 2]).astype(np.float32)
            explicit = padding if padding == "SAME" else [(0, 0), padding, padding, (0, 0)]  # of images, rows, ...
            pairs.append((convolve(x, W, s, zeros, d), tf.nn.conv2d(x[np.newaxis], W, s, explicit, dilations=d)[0]))
        o = places(i, K, s, zeros, d)
        print(f"{i:5} {K:7} {s:7}   {zeros!s:8} {d:7} {o:18.4g} {len(pairs[-1][1]):15}", " floor" * (o % 1 > 0))
    for i, F, s in (4, 2, 2), (7, 3, 2), (5, 3, 1):  # image, window, stride
        x = random.random([i, i, 3], np.float32)
        pairs.append((pool(x, F, s, np.max), tf.nn.max_pool2d(x[np.newaxis], F, s, "VALID")[0]))
        pairs.append((pool(x, F, s, np.mean), tf.nn.avg_pool2d(x[np.newaxis], F, s, "VALID")[0]))
    x, W = random.integers(10, size=[1, 6, 6, 1]).astype(float), np.arange(1.0, 10).reshape(3, 3, 1, 1)
    matrix = as_matrix(W[..., 0, 0], 6)  # (16, 36)
    pairs.append(((matrix @ x.ravel()).reshape(4, 4, 1), tf.nn.conv2d(x, W, strides=1, padding="VALID")[0]))
    print(f"\nas a matrix: {matrix.shape}, {np.count_nonzero(matrix)} weights, {len(np.unique(matrix)) - 1} different")
    seen = np.count_nonzero(influence(3).any(axis=0))
    print(f"three layers of 3x3 see {seen}x{seen} pixels, with 27 weights; one of 7x7 has 49 (each times C * C)")
    print(f"\n{flags.pattern} on 28x28x1, the filters 3x3:")
    for layer in patterns.layers(flags.pattern):  # K filters of FxF on D1 channels: F * F * D1 * K + K numbers to learn
        print(f"  {layer.name:<5} {layer.shape!s:<13} {layer.parameters:>8,}")
    print(f"  in all {patterns.build(flags.pattern).count_params():,} weights and biases, Keras says")
    print("the picture:", draw(convolve, pool, matrix, influence(3), lab.run_folder(flags)))
    alike = [own.shape == reference.shape and np.abs(own - reference).max() < 1e-6 for own, reference in pairs]
    print(f"{sum(alike)} of {len(alike)} results within 1e-6 of TensorFlow's")


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
