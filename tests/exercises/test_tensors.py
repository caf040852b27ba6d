"""exercises/tensors.py: what it prints is what TensorFlow does."""

import re

import numpy as np
import pytest
import tensorflow as tf

from exercises import tensors
from tests.support.exercise import run_exercise

pytestmark = pytest.mark.exercises


def test_it_prints_the_lectures_products_and_traces_once():
    printed = run_exercise("tensors")
    assert "eager: 1 * 2 = 2.0\n" in printed
    assert re.findall(r"^  \d \* \d = \d$", printed, re.MULTILINE) == ["  1 * 2 = 2", "  3 * 3 = 9"]
    assert printed.count("Python was here") == 1


def test_it_prints_rank_and_shape_of_each_tensor():
    printed = run_exercise("tensors")
    for array in (np.zeros(()), np.zeros(3), np.zeros((2, 3)), np.zeros((100, 28, 28, 1))):
        assert f"rank {array.ndim}, shape {array.shape}, float32".replace(",)", ",)") in printed


def test_the_graph_is_two_placeholders_and_a_product():
    operations = tensors.multiply.get_concrete_function().graph.get_operations()
    assert [operation.type for operation in operations] == ["Placeholder", "Placeholder", "Mul", "Identity"]
    assert [tensor.name for tensor in operations[2].inputs] == ["a:0", "b:0"]


@pytest.mark.parametrize(("a", "b", "product"), [(1, 2, 2), (3, 3, 9), (-0.5, 4, -2)])
def test_the_graph_multiplies(a, b, product):
    assert float(tensors.multiply(tf.constant(a, tf.float32), tf.constant(b, tf.float32))) == product
