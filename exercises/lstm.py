"""A recurrent network, by hand: an LSTM reads each digit row by row, and 98% of the test digits right.

    python exercises/lstm.py          train, test, and leave record and pictures in results/lstm/seed-0/
    python exercises/lstm.py --help   all flags

The 28 rows of an image are 28 moments. At each one the cell sees the next row and what it had to say of those before;
after the last one it says which digit it was. The picture reading.png shows how its mind changes from row to row.
"""

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    FLAGS = lab.parse_flags(__doc__, steps=1290, batch_size=128, learning_rate=5e-3, schedule="one-cycle")

import tensorflow as tf
from matplotlib.figure import Figure

import plotter

ROWS, COLUMNS = 28, 28  # moments, and the numbers that are read at each of them
UNITS = 128  # numbers that the cell keeps, and as many that it says
FORGET_BIAS = 1.0  # so that at first the gate is sigmoid(1) = 0.73, and the cell keeps most of what it has


class Model(tf.Module):
    """The network: its variables, and how they turn images into logits."""

    def __init__(self):
        super().__init__()
        inputs = COLUMNS + UNITS
        self.W = tf.Variable(tf.random.normal([inputs, 4 * UNITS], stddev=inputs**-0.5))  # i, j, f, o side by side
        self.b = tf.Variable(tf.zeros([4 * UNITS]))
        self.W_out = tf.Variable(tf.random.normal([UNITS, 10], stddev=UNITS**-0.5))
        self.b_out = tf.Variable(tf.zeros([10]))

    def cell(self, x, c, h):
        """Read one row x, (N, 28); return the cell's new state c and output h, both (N, 128).

        These are the six lines of the lecture's BasicLSTMCell, which TensorFlow 2 has not. Keras has the same cell:
        its gates are in the order i, f, c (which is j here), o, and the forget bias is inside of b.
        """
        ijfo = tf.matmul(tf.concat([x, h], axis=1), self.W) + self.b  # (N, 512): one product for all four
        i, j, f, o = tf.split(ijfo, 4, axis=1)  # (N, 128) each: input gate, new values, forget gate, output gate
        keep = tf.sigmoid(f + FORGET_BIAS) * c  # (N, 128): what is kept of the old state
        new = tf.sigmoid(i) * tf.tanh(j)  # (N, 128): what is written
        c = keep + new  # (N, 128): a sum, so that the gradient comes through all 28 rows without vanishing
        h = tf.sigmoid(o) * tf.tanh(c)  # (N, 128): what is said of it
        return c, h

    def read(self, x):
        """Return the logits after each row, (28, N, 10), of the images x, (N, 784)."""
        rows = tf.transpose(tf.reshape(x, [-1, ROWS, COLUMNS]), [1, 0, 2])  # (28, N, 28): the first rows first
        nothing = tf.zeros([tf.shape(x)[0], UNITS])  # (N, 128): all that it knows before the first row
        _, h = tf.scan(lambda state, row: self.cell(row, *state), rows, (nothing, nothing))  # (28, N, 128)
        return tf.einsum("rnu,ud->rnd", h, self.W_out) + self.b_out  # (28, N, 10)

    def __call__(self, x, keep_prob=1.0):
        """Return the logits, (N, 10) float32, of the images x, (N, 784) float32 in [0, 1]: those after the last row."""
        return self.read(x)[-1]  # (N, 10)


def draw_reading(model, image, path, dataset):
    """Draw a digit, and beside each of its rows how probable each digit is by then."""
    probabilities = tf.nn.softmax(model.read(image[None])[:, 0]).numpy()  # (28, 10)
    figure = Figure(figsize=(8, 5), layout="constrained")
    digit, reading = figure.subplots(1, 2, sharey=True)
    digit.imshow(image.reshape(28, 28), cmap="Greys", aspect="auto")
    digit.set(ylabel="row, read from above", title="what is read")
    shades = reading.imshow(probabilities, cmap="Greys", vmin=0, vmax=1, aspect="auto")
    reading.set(xticks=range(10), xlabel="digit", title="what it is taken for, after each row")
    figure.colorbar(shades, label="probability")
    figure.suptitle(f"An LSTM reads a digit, {dataset}")
    return plotter.save_figure(figure, path)


def main(flags):
    """Train the network, test it once, and write the record and the pictures."""
    mnist = lab.read_data(flags)
    model = Model()
    learning_rate = tf.Variable(0.0)
    optimizer = tf.compat.v1.train.AdamOptimizer(learning_rate)  # as in deep_mnist.py

    @tf.function  # the gradient goes back through all 28 rows
    def train_step(x, y_, rate):
        learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=model(x)))
        gradients = tape.gradient(cross_entropy, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return cross_entropy

    @tf.function
    def predict(x):
        return tf.argmax(model(x), axis=1)  # (N,): the digit with the largest logit

    run = lab.Run(flags, mnist, model, optimizer, predict)
    for step in run.steps():
        images, labels = mnist.train.next_batch(flags.batch_size)  # (N, 784), and one-hot (N, 10)
        run.log(train_step(images, labels, lab.learning_rate(step, flags)))

    run.test()  # once, at the end
    plotter.plot_curves(run.history, run.folder / "curves.png", dataset=mnist.name)
    print("picture in", draw_reading(model, mnist.test.images[0], run.folder / "reading.png", mnist.name))
    run.finish()


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
