"""A small Keras network between two clouds of points: it is wrong on about 6.7%, and nothing can do better than 6.68%.

    python exercises/keras_dense.py          train it, test it on new points, and draw its boundary
    python exercises/keras_dense.py --help   all flags

Each cloud is a Gaussian, so where they overlap even one who knows all about them must err: that is the Bayes error, and
here a formula gives it. A network that has learned all there is to learn comes close to it on points it has not seen.
"""

import math

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    FLAGS = lab.parse_flags(__doc__, only=["seed", "results_dir"], epochs=20, batch_size=16, learning_rate=0.01)

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

import plotter

CENTRES = np.array([[-1.2, -0.9], [1.2, 0.9]])  # of the two clouds; the standard deviation is 1 in each direction
TRAINING, TEST = 4_000, 100_000  # points
BAYES_ERROR = 0.5 * math.erfc(math.dist(*CENTRES) / 2 / math.sqrt(2))  # half the distance, 1.5, or more: 0.0668


def draw_points(random, number):
    """Draw points, (number, 2), and the clouds they are from, 0 or 1: (number,)."""
    clouds = random.integers(2, size=number)  # (number,): one cloud is as likely as the other
    return CENTRES[clouds] + random.normal(size=(number, 2)), clouds


def make_network():
    """Return the lecture's network, 10,501 weights and biases."""
    return tf.keras.Sequential(
        [
            tf.keras.Input([2]),  # (N, 2); the slide wrote input_dim=2 in the first layer, which is gone
            tf.keras.layers.Dense(100, activation="sigmoid"),  # (N, 100): 2 * 100 weights + 100 biases
            tf.keras.layers.Dense(100, activation="sigmoid"),  # (N, 100): 100 * 100 + 100
            tf.keras.layers.Dense(1, activation="sigmoid"),  # (N, 1): 100 + 1; how sure it is of cloud 1
        ]
    )


def draw_boundary(network, points, clouds, path):
    """Draw the points, what the network says of each place, and the two boundaries: its own and the best one."""
    figure = Figure(figsize=(6.5, 6), layout="constrained")
    axes = figure.subplots()
    x, y = np.meshgrid(np.linspace(-5, 5, 101), np.linspace(-5, 5, 101))
    places = np.column_stack([x.ravel(), y.ravel()])  # (101 * 101, 2)
    sure = network.predict(places, batch_size=1024, verbose=0).reshape(x.shape)  # (101, 101)
    shades = axes.contourf(x, y, sure, levels=np.linspace(0, 1, 11), cmap="cividis")
    figure.colorbar(shades, label="output of the network (0: cloud 0, 1: cloud 1)")
    for cloud, marker, colour in (0, "o", "white"), (1, "^", "black"):
        some = points[clouds == cloud][:200].T  # (2, 200)
        axes.scatter(*some, s=14, marker=marker, color=colour, ec="black", lw=0.5, label=f"cloud {cloud}")
    axes.contour(x, y, sure, levels=[0.5], colors="#d62728", linewidths=3)
    axes.plot([], [], color="#d62728", linewidth=3, label="boundary of the network")
    across, up = CENTRES[1] - CENTRES[0]  # the best boundary is halfway between the centres, at a right angle
    axes.axline((0, 0), (-up, across), color="black", linestyle="--", label="best boundary, by formula")
    axes.set(xlim=(-5, 5), ylim=(-5, 5), aspect="equal", xlabel="x1", ylabel="x2")
    axes.set_title(f"Two Gaussian clouds: 400 of {TEST:,} test points")
    figure.legend(loc="outside lower center", ncols=2)
    return plotter.save_figure(figure, path)


def main(flags):
    """Train the network for 20 epochs, and hold its error against the least possible."""
    random = np.random.default_rng(flags.seed)
    tf.keras.utils.set_random_seed(flags.seed)  # the first weights, and the order of the points
    points, clouds = draw_points(random, TRAINING)  # (4000, 2), (4000,)
    network = make_network()
    network.summary()
    # Today one would take cross-entropy: the gradient of a squared error vanishes where a sigmoid is sure, and wrong.
    # And "sgd" by its name, as on the slide, has the learning rate of 0.01 that is the default here.
    network.compile(loss="mean_squared_error", optimizer=tf.keras.optimizers.SGD(flags.learning_rate))
    network.fit(points, clouds, epochs=flags.epochs, batch_size=flags.batch_size, verbose=2)

    points, clouds = draw_points(random, TEST)  # new ones
    guesses = network.predict(points, batch_size=1024, verbose=0)[:, 0] > 0.5  # (100000,)
    nearest = points @ (CENTRES[1] - CENTRES[0]) > 0  # (100000,): the best rule takes the nearer centre
    print("picture in", draw_boundary(network, points, clouds, lab.run_folder(flags) / "boundary.png"))
    print(f"the best rule errs on {np.mean(nearest != clouds):.4f} of these points")
    print(f"test error {np.mean(guesses != clouds):.4f} ({TEST:,} points), Bayes error {BAYES_ERROR:.4f}")


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
