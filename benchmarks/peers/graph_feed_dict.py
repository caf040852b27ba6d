"""A peer of `throughput.py`: the lecture's v1 graph, fed through feed_dict."""

import contest
import lecture_graph
import network
import tensorflow.compat.v1 as tf

flags = contest.parse_flags(__doc__)
graph = lecture_graph.build(contest.LEARNING_RATE)

with tf.Session() as session:
    session.run(tf.global_variables_initializer())

    def train_step(images, labels):
        session.run(graph.train_step, {graph.x: images, graph.y_: labels, graph.keep_prob: 0.5})

    def predict(images):
        return session.run(graph.digit, {graph.x: images, graph.keep_prob: 1.0})

    contest.train(flags, train_step, predict, network.PARAMETERS, one_hot=True)
