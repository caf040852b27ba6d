"""A peer of `time_to_accuracy.py` and `scripts.py`: the lecture's recipe of 2016, on a v1 graph.

Batches of 50, Adam with a learning rate of 1e-4, dropout 0.5; the training accuracy every 100 steps; at the end the
accuracy on all test images at once.
"""

import argparse
import time

import lecture_graph
import tensorflow.compat.v1 as tf
from original_loader import read_data_sets

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("data_dir", metavar="DIR", help="with the four gzipped files")
parser.add_argument("--steps", type=int, default=20_000)
parser.add_argument("--network", default="deep_mnist", help="the lab script that has the same")
flags = parser.parse_args()

mnist = read_data_sets(flags.data_dir, one_hot=True)
graph = lecture_graph.build(learning_rate=1e-4, name=flags.network)

with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    started = time.perf_counter()
    for step in range(flags.steps):
        images, labels = mnist.train.next_batch(50)
        if step % 100 == 0:
            accuracy = session.run(graph.accuracy, {graph.x: images, graph.y_: labels, graph.keep_prob: 1.0})
            print(f"step {step}, training accuracy {accuracy:.2f}")
        session.run(graph.train_step, {graph.x: images, graph.y_: labels, graph.keep_prob: 0.5})
    print(f"training took {time.perf_counter() - started:.3f} s")
    accuracy = session.run(
        graph.accuracy, {graph.x: mnist.test.images, graph.y_: mnist.test.labels, graph.keep_prob: 1.0}
    )
    print(f"test accuracy {accuracy:.4f}")
