"""A peer of `throughput.py`: TensorFlow 2 by the book, a training step in a `tf.function` with Keras's Adam."""

import contest
import network
import tensorflow as tf

flags = contest.parse_flags(__doc__)
variables = network.new_variables()
optimizer = tf.keras.optimizers.Adam(contest.LEARNING_RATE)
optimizer.build(variables)


@tf.function
def train_step(images, labels):
    labels = tf.cast(labels, tf.float32)
    with tf.GradientTape() as tape:
        loss = network.cross_entropy(labels, network.logits(images, variables, keep_prob=0.5))
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    return loss


def predict(images):
    return tf.argmax(network.logits(images, variables, keep_prob=1.0), axis=1).numpy()


contest.train(flags, train_step, predict, network.PARAMETERS, one_hot=True)
