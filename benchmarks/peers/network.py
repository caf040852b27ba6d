"""The lecture's network, and its ablations, in plain TensorFlow operations, for a v1 graph and for eager code alike."""

import tensorflow as tf

CONV1, CONV2 = ([5, 5, 1, 32], [32]), ([5, 5, 32, 64], [64])
FC1, FC2 = ([7 * 7 * 64, 1024], [1024]), ([1024, 10], [10])
SHAPES = {  # of the weights and biases, by the name of the lab script
    "deep_mnist": [*CONV1, *CONV2, *FC1, *FC2],
    "model_no1": [[5, 5, 1, 64], [64], [14 * 14 * 64, 1024], [1024], *FC2],
    "model_no2": [*CONV1, [14 * 14 * 32, 1024], [1024], *FC2],
    "model_no3": [*CONV1, *CONV2, [7 * 7 * 64, 10], [10]],
}
PARAMETERS = sum(tf.TensorShape(shape).num_elements() for shape in SHAPES["deep_mnist"])


def new_variables(name="deep_mnist"):
    """Make the lecture's variables: weights truncated normal with a standard deviation of 0.1, biases 0.1."""
    return [
        tf.compat.v1.Variable(tf.random.truncated_normal(shape, stddev=0.1) if len(shape) > 1 else tf.fill(shape, 0.1))
        for shape in SHAPES[name]
    ]


def logits(x, variables, keep_prob):
    """Return the logits, (N, 10), of the images x, (N, 784).

    Weights of rank 4 make a convolutional layer, of rank 2 a connected one.
    """
    h = tf.reshape(x, [-1, 28, 28, 1])  # (N, 28, 28, 1)
    *hidden, (W_last, b_last) = zip(variables[::2], variables[1::2], strict=True)
    for W, b in hidden:
        if W.shape.rank == 4:
            h = tf.nn.relu(tf.nn.conv2d(h, W, strides=1, padding="SAME") + b)  # (N, height, width, channels)
            h = tf.nn.max_pool2d(h, ksize=2, strides=2, padding="SAME")  # (N, height / 2, width / 2, channels)
        else:
            h = tf.nn.relu(tf.matmul(tf.reshape(h, [-1, W.shape[0]]), W) + b)  # (N, 1024)
            h = tf.nn.dropout(h, rate=1 - keep_prob)  # (N, 1024)
    return tf.matmul(tf.reshape(h, [-1, W_last.shape[0]]), W_last) + b_last  # (N, 10)


def cross_entropy(labels, logits):
    """Return the mean cross-entropy over the batch; labels (N, 10) one-hot, logits (N, 10)."""
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits))
