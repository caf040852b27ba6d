"""Three ReLU units on x = [1, 2, 3]: ten steps of 0.1 take their loss from 0.94 to 0.07; then the network grows.

    python exercises/relu_network.py          print each part of the lecture's first network
    python exercises/relu_network.py --help   all flags; --log-dir DIR writes its graph, without scopes and with them

A unit multiplies its inputs by weights, adds up, and cuts off at zero. The lecture trains three of them by hand, then
adds softmax weights, layers, a second path, an activation as bias, a residual block, L2, and names for TensorBoard.
"""

import contextlib
import timeit

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    FLAGS = lab.parse_flags(__doc__, only=["seed", "log_dir"])

import tensorflow as tf

from exercises.support.graph_log import write_graph

X = tf.constant([[1.0, 2.0, 3.0]])  # (1, 3): one example of three numbers
WEIGHTS = tf.constant([[0.1, -0.2, 0.3], [-0.3, 0.1, 0.2], [0.2, 0.1, -0.4]])  # (3, 3): a column for each unit
SECOND, THIRD = tf.constant([[0.0, 1.0, 0.0]]), tf.constant([[0.0, 0.0, 1.0]])  # (1, 3): two answers, one-hot


def one_by_one(x, W):
    """Return what ReLU units make of x, each by itself: its inputs times its weights, added up, and cut off at 0."""
    return tf.stack([tf.nn.relu(tf.reduce_sum(x * W[:, j], axis=1)) for j in range(W.shape[1])], axis=1)  # (N, units)


def dense(x, W, b=0.0):
    """Return the same by one product, with a bias for each unit."""
    return tf.nn.relu(tf.matmul(x, W) + b)  # (N, units)


def ten_steps(W, answer):
    """Train the three units by hand; return their softmax and the loss before each step, and after the last."""
    history = []
    for _ in range(11):
        relu_out = dense(X, W)  # (1, 3): the slide takes it for the logits; better is a softmax layer, as in Model
        evidence = tf.exp(relu_out)  # tf.nn.softmax takes the largest logit off first: exp(100) is past float32
        p = evidence / tf.reduce_sum(evidence)  # (1, 3)
        history.append((p.numpy(), float(-tf.reduce_sum(answer * tf.math.log(p)))))  # the loss: cross-entropy
        slope = tf.where(relu_out > 0, p - answer, 0.0)  # (1, 3): none at zero, so a unit that is off learns nothing
        W = W - 0.1 * tf.matmul(X, slope, transpose_a=True)  # (3, 1) times (1, 3): (3, 3)
    return history


class Model(tf.Module):
    """ReLU layers of three units, and a softmax layer with weights and biases of its own: 12 numbers a layer."""

    def __init__(self, layers=2):
        super().__init__()
        self.W = [tf.Variable(tf.random.uniform([3, 3], -0.5, 1)) for _ in range(layers)]
        self.b = [tf.Variable(tf.zeros([3])) for _ in range(layers)]
        self.W_softmax, self.b_softmax = tf.Variable(tf.random.normal([3, 3])), tf.Variable(tf.zeros([3]))

    def __call__(self, x, scopes=True):  # x: (N, 3)
        scope = tf.name_scope if scopes else contextlib.nullcontext  # the second does nothing
        for i, (W, b) in enumerate(zip(self.W, self.b, strict=True)):  # to make it deep: a loop
            with scope(f"layer{i}"):
                x = dense(x, W, b)  # (N, 3)
        with scope("softmax"):
            return tf.matmul(x, self.W_softmax) + self.b_softmax  # (N, 3): the logits


def train(model, l2, steps=100):
    """Train the model on X; l2 times the sum of its softmax weights' squares is part of the loss."""
    for _ in range(steps):
        with tf.GradientTape() as tape:
            cross_entropy = tf.nn.softmax_cross_entropy_with_logits(labels=SECOND, logits=model(X))  # (1,)
            loss = cross_entropy + l2 * tf.reduce_sum(tf.square(model.W_softmax))  # its gradient: 2 * l2 * W_softmax
        for v, gradient in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
            v.assign_sub(0.1 * gradient)
    return model


def residual_block(x, W1, W2):
    """Return relu(x + f(x)): two layers learn f, what has to be added to x (He, 2015)."""
    return tf.nn.relu(x + tf.matmul(dense(x, W1), W2))  # (N, 3)


def main(flags):
    print("units one by one:", one_by_one(X, WEIGHTS).numpy().round(3), "and by a product:", dense(X, WEIGHTS).numpy())
    images, weights = tf.ones([100, 784]), tf.ones([784, 500])
    loop = min(timeit.repeat(lambda: one_by_one(images, weights), number=1, repeat=3))  # seconds
    product = min(timeit.repeat(lambda: dense(images, weights), number=1, repeat=3))
    print(f"500 units on 100 images: one by one takes {loop / product:.0f} times as long")
    (p, loss), *_ = history = ten_steps(WEIGHTS, SECOND)
    print("softmax:", p.round(3), "answer - softmax:", (SECOND - p).numpy().round(3), f"cross-entropy: {loss:.3f}")
    print(f"if the third should win, which is off: {ten_steps(WEIGHTS, THIRD)[-1][1]:.2f}, and log 3 = 1.10 at best")
    for l2 in 0.0, 0.01, 0.1:
        tf.random.set_seed(flags.seed)  # the same first weights
        model = train(Model(), l2)
        print(f"L2 of {l2:<4g}: the softmax weights have a length of {tf.norm(model.W_softmax):.2f} after 100 steps")
    for name, scopes in ("before", False), ("after", True):
        graph = tf.function(model).get_concrete_function(X, scopes=scopes).graph
        print(f"{name} scopes:", *(o.name for o in graph.get_operations() if o.type in ("MatMul", "AddV2", "Relu")))
        write_graph(graph, name, flags)  # under --log-dir
    h, (W1, W2), zero = dense(X, WEIGHTS), model.W, tf.zeros([3, 3])  # (1, 3), and (3, 3) each
    print("a parallel path:", (dense(h, W1) + dense(h, W2)).numpy().round(3))
    print("an activation as bias:", dense(h, W1, b=h).numpy().round(3))  # h is added where b would be
    print("a residual block:", residual_block(h, W1, W2).numpy().round(3))
    print("of zero weights:", residual_block(h, zero, zero).numpy(), "is its input:", h.numpy())
    print("ten steps of 0.1: the loss is", *(f"{loss:.2f}" for _, loss in history))


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
