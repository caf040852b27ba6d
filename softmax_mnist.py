"""The softmax regression for MNIST: one layer of weights, and about 92% of the test digits right.

    python softmax_mnist.py          train, test, and leave record and pictures in results/softmax_mnist/seed-0/
    python softmax_mnist.py --help   all flags

The model is y = softmax(W x + b): each pixel votes for or against each digit, and W holds the votes, 7,850 weights
and biases in all. The picture weights.png at the end shows them.
"""

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    FLAGS = lab.parse_flags(__doc__, steps=1000, batch_size=100, learning_rate=0.5, schedule="constant")

import tensorflow as tf

import plotter


class Model(tf.Module):
    """The network: its variables, and how they turn images into logits."""

    def __init__(self):
        super().__init__()
        self.W = tf.Variable(tf.zeros([784, 10]))  # one column of 28x28 pixel weights for each digit
        self.b = tf.Variable(tf.zeros([10]))  # how likely each digit is before any pixel is seen

    def __call__(self, x, keep_prob=1.0):
        """Return the logits, (N, 10) float32, of the images x, (N, 784) float32 in [0, 1]; nothing is dropped here.

        The softmax of the logits, exp(logit) / sum of all exp(logit), would be the digits' probabilities.
        """
        return tf.matmul(x, self.W) + self.b  # (N, 10)


def main(flags):
    """Train the model, test it once, and write the record and the pictures."""
    mnist = lab.read_data(flags)
    model = Model()

    @tf.function  # compiles the step to a graph, as the lecture's session did
    def train_step(x, y_, learning_rate):
        with tf.GradientTape() as tape:  # records what follows, to differentiate it
            logits = model(x)  # (N, 10)
            # Softmax and logarithm in one: log(softmax(x)) by itself is infinite where the softmax rounds to zero.
            cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=logits))
        gradients = tape.gradient(cross_entropy, model.trainable_variables)
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
            variable.assign_sub(learning_rate * gradient)  # gradient descent: one step downhill
        return cross_entropy

    @tf.function
    def predict(x):
        return tf.argmax(model(x), axis=1)  # (N,): the digit with the largest logit

    run = lab.Run(flags, mnist, model, optimizer=None, predict=predict)
    for step in run.steps():
        images, labels = mnist.train.next_batch(flags.batch_size)  # (N, 784), and one-hot (N, 10)
        run.log(train_step(images, labels, lab.learning_rate(step, flags)))  # now and then with the validation accuracy

    predictions = run.test()  # once, at the end: the test images had no say in anything above
    digits = mnist.test.labels.argmax(axis=1)
    plotter.plot_curves(run.history, run.folder / "curves.png", dataset=mnist.name)
    plotter.plot_confusion(digits, predictions, run.folder / "confusion.png", dataset=mnist.name)
    plotter.plot_mistakes(mnist.test.images, digits, predictions, run.folder / "mistakes.png", dataset=mnist.name)
    plotter.plot_mnist_weights(model.W, run.folder / "weights.png", dataset=mnist.name)
    run.finish()


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
