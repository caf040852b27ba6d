"""The lecture's network in plain TensorFlow operations, for a v1 graph and for eager code alike."""

import tensorflow as tf

SHAPES = ([5, 5, 1, 32], [32], [5, 5, 32, 64], [64], [7 * 7 * 64, 1024], [1024], [1024, 10], [10])
PARAMETERS = sum(tf.TensorShape(shape).num_elements() for shape in SHAPES)


def new_variables():
    """The lecture's first values: truncated normal with a standard deviation of 0.1; every bias is 0.1."""
    return [
        tf.compat.v1.Variable(tf.random.truncated_normal(shape, stddev=0.1) if len(shape) > 1 else tf.fill(shape, 0.1))
        for shape in SHAPES
    ]


def logits(x, variables, keep_prob):
    """(N, 10), of the images x: (N, 784)."""
    W_conv1, b_conv1, W_conv2, b_conv2, W_fc1, b_fc1, W_fc2, b_fc2 = variables
    h = tf.reshape(x, [-1, 28, 28, 1])  # (N, 28, 28, 1)
    h = tf.nn.relu(tf.nn.conv2d(h, W_conv1, strides=1, padding="SAME") + b_conv1)  # (N, 28, 28, 32)
    h = tf.nn.max_pool2d(h, ksize=2, strides=2, padding="SAME")  # (N, 14, 14, 32)
    h = tf.nn.relu(tf.nn.conv2d(h, W_conv2, strides=1, padding="SAME") + b_conv2)  # (N, 14, 14, 64)
    h = tf.nn.max_pool2d(h, ksize=2, strides=2, padding="SAME")  # (N, 7, 7, 64)
    h = tf.nn.relu(tf.matmul(tf.reshape(h, [-1, 7 * 7 * 64]), W_fc1) + b_fc1)  # (N, 1024)
    h = tf.nn.dropout(h, rate=1 - keep_prob)  # (N, 1024)
    return tf.matmul(h, W_fc2) + b_fc2  # (N, 10)


def cross_entropy(labels, logits):
    """The mean over the batch; labels (N, 10) one-hot, logits (N, 10)."""
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits))
