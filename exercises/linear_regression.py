"""A line through 101 points of y = 2x + noise: gradient descent finds w = 1.97, as the formula of least squares does.

    python exercises/linear_regression.py          fit the line, and draw the loss and the way down to its lowest point
    python exercises/linear_regression.py --help   all flags

The model is y = w x + b. The loss, the mean square of its errors, is a surface over w and b, shaped like a bowl, so
that every way down leads to the same point. Few models have a formula for that point; gradient descent needs none.
"""

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    FLAGS = lab.parse_flags(__doc__, only=["seed", "results_dir"], epochs=100, learning_rate=0.01)

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

import plotter

SLOPE, NOISE = 2.0, 0.33  # of the points; the noise is a standard deviation
START = -1.0, 1.0  # w and b; the lecture's model has no b, but a surface has two directions
ALL_AT_ONCE = 0.3  # the learning rate where a step sees all points


def make_points(seed):
    """Return x, evenly from -1 to 1, and y = 2x + noise: (101,) float32 each."""
    x = np.linspace(-1, 1, 101)
    return np.float32(x), np.float32(SLOPE * x + np.random.RandomState(seed).normal(0, NOISE, len(x)))


def least_squares(x, y):
    """Return the w and b at which both derivatives of the loss are zero, solved on paper."""
    w = np.mean((x - x.mean()) * (y - y.mean())) / np.mean((x - x.mean()) ** 2)
    return w, y.mean() - w * x.mean()


def descend(x, y, epochs, batch_size, learning_rate, seed):
    """Go down the surface, `batch_size` points a step; return w and b at the start and after each step."""
    w, b = (tf.Variable(value) for value in START)
    order = np.random.RandomState(seed)

    @tf.function
    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((w * x + b - y) ** 2)
        dw, db = tape.gradient(loss, [w, b])
        w.assign_sub(learning_rate * dw)
        b.assign_sub(learning_rate * db)

    path = [START]
    for _ in range(epochs):
        points = order.permutation(len(x))  # another order each time; the lecture goes from left to right
        for start in range(0, len(x), batch_size):
            batch = points[start : start + batch_size]
            train_step(x[batch], y[batch])
            path.append((float(w), float(b)))
    return np.array(path)  # (1 + steps, 2)


def draw(x, y, paths, best):
    """Return a figure: the points with two lines, and the surface, seen from above, with the ways down."""
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    figure.suptitle("y = 2x + noise (made, no data set): the line, and the way to it")
    left, right = figure.subplots(1, 2)
    left.plot(x, y, ".", color="#a3a3a3", label="points")
    left.plot(x, SLOPE * x, "--", color="#a04400", label="y = 2x")
    left.plot(x, best[0] * x + best[1], color="#061240", label="least squares")
    left.set(xlabel="x", ylabel="y")
    left.legend()

    w, b = np.meshgrid(np.linspace(-1.3, 3.3, 150), np.linspace(-0.7, 1.3, 150))
    loss = np.mean((w[..., None] * x + b[..., None] - y) ** 2, axis=-1)  # (150, 150): of each w and b
    right.clabel(right.contour(w, b, loss, levels=[0.15, 0.25, 0.5, 1, 2, 3, 4], colors="#a3a3a3"), fmt="%g")
    for (name, path), look in zip(
        paths.items(), ({"color": "#4f86d9"}, {"color": "#061240", "marker": "o"}), strict=True
    ):
        right.plot(*path.T, markersize=4, label=f"{name} a step", **look)
    right.plot(*best, "*", color="#a04400", markersize=15, label="least squares")
    right.set(
        xlim=(-1.3, 3.3), ylim=(-0.7, 1.3), xlabel="w", ylabel="b", title="loss (grey), mean square of y's errors"
    )
    right.legend()
    return figure


def main(flags):
    """Fit the line in both ways, and draw."""
    x, y = make_points(flags.seed)
    best = least_squares(x, y)
    print(f"least squares: w {best[0]:.4f}, b {best[1]:.4f}")
    ways = {"a point": (1, flags.learning_rate), "all points": (len(x), ALL_AT_ONCE)}
    paths = {name: descend(x, y, flags.epochs, *way, flags.seed) for name, way in ways.items()}
    for name, path in paths.items():
        if not np.isfinite(path).all():
            raise lab.LabError(f"w and b are not finite: try a smaller --learning-rate than {flags.learning_rate:g}")
        print(f"{name} a step, {len(path) - 1:,} steps: w {path[-1, 0]:.4f}, b {path[-1, 1]:.4f}")
    picture = plotter.save_figure(draw(x, y, paths, best), lab.run_folder(flags) / "linear_regression.png")
    print(f"picture in {picture}")
    print(f"w {paths['a point'][-1, 0]:.2f} by gradient descent, a point a step; {best[0]:.2f} by least squares")


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
