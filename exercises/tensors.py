"""Tensors, and the graph that multiplies them: 1 * 2 = 2 and 3 * 3 = 9, by a graph that is made once and run twice.

    python exercises/tensors.py          print ranks and shapes, the operations of a graph, and what it computes
    python exercises/tensors.py --help   all flags

The lecture made its graph by hand, and ran it in a session, which was fed and gave back what it was asked to fetch.
Today Python runs each operation at once ("eagerly"), and `tf.function` makes a graph of those of a function.
"""

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    FLAGS = lab.parse_flags(__doc__, only=[])

import tensorflow as tf


def show(name, tensor):
    """Print what a tensor is: how many directions it has (its rank), and how many numbers in each (its shape)."""
    print(f"{name:<8} rank {tensor.shape.rank}, shape {tensor.shape}, {tensor.dtype.name}")


@tf.function(input_signature=[tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.float32)])
def multiply(a, b):
    """Return a * b. Python runs this line once, with tensors that have no value yet, to see which graph it makes."""
    product = a * b
    print("  (Python was here: the product is a", type(product).__name__ + ", not a number)")
    return product


def main(flags):
    """Show tensors of each rank, then the graph of a multiplication, then what became of the lecture's words."""
    show("number", tf.constant(3.0))  # ()
    show("vector", tf.constant([1.0, 2.0, 3.0]))  # (3,)
    show("matrix", tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))  # (2, 3): rows, columns
    show("images", tf.zeros([100, 28, 28, 1]))  # (100, 28, 28, 1): images, rows, columns, channels

    print("\neager: 1 * 2 =", (tf.constant(1.0) * tf.constant(2.0)).numpy())  # no graph: the number is there at once

    print("\nas a graph, made once:")
    graph = multiply.get_concrete_function().graph  # it has run nothing yet
    for operation in graph.get_operations():
        print(f"  {operation.type:<12} {operation.name:<8} from {[tensor.name for tensor in operation.inputs]}")
    for a, b in (1.0, 2.0), (3.0, 3.0):  # the placeholders are fed by the call, and the result is what is fetched
        print(f"  {a:g} * {b:g} = {multiply(tf.constant(a), tf.constant(b)):g}")  # and Python is not in its body again

    print(
        "\nthe lecture's words: a placeholder is an argument, feed_dict is the call with its values, fetch is what it"
    )
    print("returns, a session is what runs it, and is not seen any more; closing it is not needed either.")


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
