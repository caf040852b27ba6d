"""The network of deep_mnist.py, trained further: for longer, and on digits that are never the same twice.

    python beyond_mnist.py                 train, test, and leave record and pictures in results/beyond_mnist/seed-0/
    python beyond_mnist.py --committee 5   train five, of the seeds 0 to 4, and let them vote
    python beyond_mnist.py --help          all flags

Its layers are those of deep_mnist.py. What is new is around them: each image is turned, stretched, slanted, shifted and
bent at random, anew in each step (Simard, 2003); the weights decay; and a running average of them is what is tested.
"""

import math

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    FLAGS = lab.parse_flags(
        __doc__,
        committee=1,
        steps=6400,
        batch_size=256,
        learning_rate=4e-3,
        schedule="one-cycle",
        label_smoothing=0.1,
    )

import numpy as np
import tensorflow as tf

import plotter

KEEP_PROB = 0.5  # the probability that dropout keeps a unit, while training
KEEP_MEAN = 0.999  # the part of the average of the weights that a step keeps: it goes back some 1,000 steps
DECAY = 0.4  # the part of each weight that a step takes away, for a learning rate of 1

# How far a distortion goes at most, or the standard deviation of BEND.
TURN, STRETCH, SLANT, SHIFT, BEND = 0.18, 0.1, 0.22, 2.0, 0.9  # radians, a part, a part, pixels, pixels
CALM = 0.85  # after this part of the steps the distortions are half as strong, nearer to the digits of the test
GRID = 5  # each of 5x5 points is bent another way, and what is between them smoothly

ROW, COLUMN = np.indices((28, 28), np.float32).reshape(2, 784) - 13.5  # (784,): a pixel's place, from the centre


def distort(images, strength):
    """Return the images, (N, 784), as other hands might have written them: (N, 784)."""
    number = len(images)
    generator = tf.random.get_global_generator()

    def within(limit):  # a number for each image
        return generator.uniform([number, 1], -limit, limit) * strength  # (N, 1)

    # Each pixel of the new image looks up its ink in the old one: where is that? An affine map says it, and a bend.
    row, column = ROW * tf.exp(within(STRETCH)), (COLUMN + within(SLANT) * ROW) * tf.exp(within(STRETCH))  # (N, 784)
    angle = within(TURN)
    row, column = tf.cos(angle) * row - tf.sin(angle) * column, tf.sin(angle) * row + tf.cos(angle) * column
    grid = generator.normal([number, GRID, GRID, 2], stddev=BEND) * strength
    bend = tf.reshape(tf.image.resize(grid, [28, 28], "bicubic"), [number, 784, 2])
    return look_up(images, row + within(SHIFT) + bend[..., 0], column + within(SHIFT) + bend[..., 1])


def look_up(images, row, column):
    """Return the ink of images, (N, 784), at places between pixels, counted from the centre, (N, M) each: (N, M)."""
    number = len(images)
    padded = tf.pad(tf.reshape(images, [number, 28, 28]), [[0, 0], [1, 2], [1, 2]])  # (N, 31, 31): outside is no ink
    corners = tf.stack([padded[:, :-1, :-1], padded[:, :-1, 1:], padded[:, 1:, :-1], padded[:, 1:, 1:]], axis=-1)
    row, column = (tf.clip_by_value(place + 14.5, 0.0, 29.0) for place in (row, column))  # from the padded corner
    above, left = tf.floor(row), tf.floor(column)
    # The corners are 30 rows of 30 for each image, one image after the other: their number in that row of all.
    index = tf.cast(30 * above + left, tf.int32) + 900 * tf.range(number)[:, tf.newaxis]
    ink = tf.gather(tf.reshape(corners, [-1, 4]), index)  # (N, M, 4): of the four pixels around each place
    down, right = row - above, column - left  # how near to the lower ones, and to the right ones: 0 to 1
    upper = (1 - right) * ink[..., 0] + right * ink[..., 1]
    lower = (1 - right) * ink[..., 2] + right * ink[..., 3]
    return (1 - down) * upper + down * lower


def weight_variable(shape):
    """Draw random weights of variance 2 / inputs, so that a ReLU layer keeps the size of its signals (He, 2015)."""
    inputs = math.prod(shape[:-1])  # that each output sums up: 5 * 5 * 32 for [5, 5, 32, 64]
    return tf.Variable(tf.random.normal(shape, stddev=math.sqrt(2 / inputs)))


def bias_variable(shape):
    """Make biases a little above zero, so that no ReLU starts out dead."""
    return tf.Variable(tf.constant(0.1, shape=shape))


def conv2d(x, W):
    """Slide the filters W over x, a pixel at a time; SAME pads the edges, so height and width stay."""
    return tf.nn.conv2d(x, W, strides=1, padding="SAME")


def max_pool_2x2(x):
    """Keep the largest of each 2x2 pixels: half the height, half the width."""
    return tf.nn.max_pool2d(x, ksize=2, strides=2, padding="SAME")


def dropout(x, keep_prob):
    """Zero each unit with probability 1 - keep_prob; dividing by keep_prob leaves the mean of the sum as it was."""
    if keep_prob == 1.0:  # testing: every unit takes part
        return x
    kept = tf.random.get_global_generator().uniform(tf.shape(x)) < keep_prob
    return tf.where(kept, x / keep_prob, 0.0)


class Model(tf.Module):
    """The network: its variables, and how they turn images into logits."""

    def __init__(self):
        super().__init__()
        self.W_conv1 = weight_variable([5, 5, 1, 32])  # 32 filters of 5x5 pixels on 1 channel, the grey level
        self.b_conv1 = bias_variable([32])
        self.W_conv2 = weight_variable([5, 5, 32, 64])  # 64 filters on the 32 channels of the first layer
        self.b_conv2 = bias_variable([64])
        self.W_fc1 = weight_variable([7 * 7 * 64, 1024])  # 28x28 pixels, halved twice by pooling: 7x7
        self.b_fc1 = bias_variable([1024])
        self.W_fc2 = weight_variable([1024, 10])  # one column for each digit
        self.b_fc2 = bias_variable([10])

    def __call__(self, x, keep_prob=1.0):
        """Return the logits, (N, 10) float32, of the images x, (N, 784) float32 in [0, 1]."""
        x_image = tf.reshape(x, [-1, 28, 28, 1])  # (N, 28, 28, 1)

        with tf.name_scope("conv1"):
            h_conv1 = tf.nn.relu(conv2d(x_image, self.W_conv1) + self.b_conv1)  # (N, 28, 28, 32)
            h_pool1 = max_pool_2x2(h_conv1)  # (N, 14, 14, 32)

        with tf.name_scope("conv2"):
            h_conv2 = tf.nn.relu(conv2d(h_pool1, self.W_conv2) + self.b_conv2)  # (N, 14, 14, 64)
            h_pool2 = max_pool_2x2(h_conv2)  # (N, 7, 7, 64)

        with tf.name_scope("fc1"):
            h_pool2_flat = tf.reshape(h_pool2, [-1, 7 * 7 * 64])  # (N, 3136)
            h_fc1 = tf.nn.relu(tf.matmul(h_pool2_flat, self.W_fc1) + self.b_fc1)  # (N, 1024)
            h_fc1_drop = dropout(h_fc1, keep_prob)  # (N, 1024)

        with tf.name_scope("fc2"):
            return tf.matmul(h_fc1_drop, self.W_fc2) + self.b_fc2  # (N, 10)


def train(flags):
    """Train and test one network, write its record and pictures; return its Run, and its votes: (N, 10)."""
    mnist = lab.read_data(flags)
    model, mean = Model(), Model()  # what is trained, and the average of its weights, which is tested
    learning_rate = tf.Variable(0.0)
    optimizer = tf.compat.v1.train.AdamOptimizer(learning_rate)  # one pass over the weights; Keras's takes several

    def train_step(x, y_, rate, strength):
        learning_rate.assign(rate)
        x = distort(x, strength)
        with tf.GradientTape() as tape:  # records what follows, to differentiate it
            logits = model(x, KEEP_PROB)  # (N, 10)
            smooth = (1 - flags.label_smoothing) * y_ + flags.label_smoothing / 10  # (N, 10)
            cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=smooth, logits=logits))
        gradients = tape.gradient(cross_entropy, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return cross_entropy

    @tf.function  # compiles it to a graph: the distortions, too
    def train_steps(images, labels, rates, strengths, keep):
        losses = tf.TensorArray(tf.float32, size=len(rates))
        for i in tf.range(len(rates)):
            losses = losses.write(i, train_step(images[i], labels[i], rates[i], strengths[i]))
        for average, variable in zip(mean.trainable_variables, model.trainable_variables, strict=True):
            if variable.shape.rank > 1:  # weights that the loss does not hold up shrink (Loshchilov and Hutter, 2019)
                variable.assign_sub(DECAY * tf.reduce_sum(rates) * variable)
            # In the average, steps that went too far one way and the other cancel out (Polyak and Juditsky, 1992).
            average.assign(keep * average + (1 - keep) * variable)
        return losses.stack()  # (steps,)

    @tf.function
    def vote(x):
        return tf.nn.softmax(mean(x))  # (N, 10)

    def predict(x):
        return tf.argmax(vote(x), axis=1)  # (N,)

    run = lab.Run(flags, mnist, mean, tf.train.Checkpoint(model=model, optimizer=optimizer), predict)
    for steps in run.rounds():  # ten steps, or fewer
        batches = [mnist.train.next_batch(flags.batch_size) for _ in steps]
        images, labels = map(np.stack, zip(*batches, strict=True))  # (steps, N, 784), and one-hot (steps, N, 10)
        strengths = np.where(np.array(steps) <= CALM * flags.steps, 1.0, 0.5).astype(np.float32)
        keep = np.float32(min(KEEP_MEAN ** len(steps), steps[-1] / (steps[-1] + 100)))  # forgets the first weights soon
        run.log(train_steps(images, labels, lab.learning_rate(steps, flags), strengths, keep))

    run.test()
    digits = mnist.test.labels.argmax(axis=1)
    votes = np.concatenate([vote(images) for images in np.array_split(mnist.test.images, 20)])  # (N, 10)
    plotter.plot_curves(run.history, run.folder / "curves.png", dataset=mnist.name)
    plotter.plot_images_seen(run.history, flags.batch_size, run.folder / "images_seen.png", dataset=mnist.name)
    plotter.plot_mistakes(
        mnist.test.images, digits, votes.argmax(axis=1), run.folder / "mistakes.png", dataset=mnist.name
    )
    some = mnist.train.images[:10]
    plotter.plot_distortions(
        some, [distort(some, 1.0) for _ in range(7)], run.folder / "distortions.png", dataset=mnist.name
    )
    run.finish()
    return run, votes


def main(flags):
    """Train one network, or a committee of them, one after the other; of a committee, count the votes."""
    votes = []
    for member in lab.members(flags):
        run, its_votes = train(member)
        votes.append(its_votes)
    if flags.committee > 1:
        count(flags, run, votes)


def count(flags, run, votes):
    """Tell what the first network reaches, the first two together, and so on to all; draw what the vote gets wrong."""
    mnist, folder = run.mnist, lab.committee_folder(flags)
    digits = mnist.test.labels.argmax(axis=1)
    votes = np.stack(votes)  # (networks, N, 10): a network's vote is its ten probabilities
    guesses = np.cumsum(votes, axis=0).argmax(axis=2)  # (networks, N): of the first, of the first two, and so on
    accuracies = (guesses == digits).mean(axis=1)
    lab.write_predictions(folder, guesses[-1])
    plotter.plot_mistakes(mnist.test.images, digits, guesses[-1], folder / "mistakes.png", dataset=mnist.name)
    plotter.plot_shared_mistakes(
        mnist.test.images, digits, votes.argmax(axis=2), folder / "shared_mistakes.png", dataset=mnist.name
    )
    plotter.plot_images_seen(
        run.history, run.flags.batch_size, folder / "images_seen.png", committee=accuracies, dataset=mnist.name
    )
    lab.print_votes(accuracies, len(digits), mnist.name)


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
