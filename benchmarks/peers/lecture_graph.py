"""The lecture's way, by way of TensorFlow's v1 interface: a graph with placeholders, run in a session."""

from typing import NamedTuple

import network
import tensorflow.compat.v1 as tf


class Graph(NamedTuple):
    """What a script feeds and fetches."""

    x: tf.Tensor  # (N, 784), float32 in [0, 1]
    y_: tf.Tensor  # (N, 10), one-hot
    keep_prob: tf.Tensor
    digit: tf.Tensor  # (N,): the class numbers that the network sees
    accuracy: tf.Tensor
    train_step: tf.Operation


def build(learning_rate, name="deep_mnist"):
    """Build the graph of the network of this name, with Adam, in the default graph of TensorFlow 1."""
    tf.disable_v2_behavior()
    x = tf.placeholder(tf.float32, [None, 784])
    y_ = tf.placeholder(tf.float32, [None, 10])
    keep_prob = tf.placeholder(tf.float32)
    logits = network.logits(x, network.new_variables(name), keep_prob)
    digit = tf.argmax(logits, 1)
    accuracy = tf.reduce_mean(tf.cast(tf.equal(digit, tf.argmax(y_, 1)), tf.float32))
    train_step = tf.train.AdamOptimizer(learning_rate).minimize(network.cross_entropy(y_, logits))
    return Graph(x, y_, keep_prob, digit, accuracy, train_step)
