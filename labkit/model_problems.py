"""What is wrong with a Model that has been made: it can't be called, its output is no logits, nothing in it is trained.

TensorFlow is imported where it is needed: whoever asks for feedback need not wait for it.
"""

import copy
import re
from typing import Any, NoReturn

from labkit.hints import IMAGES

WRONG_RANK = re.compile(r"must be rank 4 but is rank (\d+)")


def call_problem(model: Any) -> str | None:
    """Explain why a model can't be called at all, and what to do; None if it can."""
    if callable(model):
        return None
    near = sorted(name for name in vars(type(model)) if "call" in name.lower())
    similar = f" (there is `{near[0]}`)" if near else ""
    return (
        f"Model has no __call__{similar}: is it called so, with two underscores before and after, and indented like "
        "__init__?"
    )


def output_problem(model: Any, images: int = IMAGES) -> str | None:
    """Describe what is wrong with a model's output for some blank images, and what to do; None if it returns logits.

    Raises what the model raises.
    """
    import tensorflow as tf

    if problem := call_problem(model):
        return problem
    _refuse_wrong_ranks(model, images)
    logits = model(tf.zeros([images, 784]))
    if logits is None:
        return "Model()(x) returned None: is the `return` missing in __call__?"
    if not hasattr(logits, "shape"):
        return f"the model returned a {type(logits).__name__}, expected the logits, a tensor of shape ({images}, 10)"
    shape = tuple(logits.shape)
    if shape != (images, 10):
        problem = f"the model returned shape {shape} for {images} images, expected ({images}, 10)"
        return f"{problem}{_rows(shape, images)}"
    return None


def _refuse_wrong_ranks(model: Any, images: int) -> None:
    """Raise the error of a convolution of what is not 4-D, which would end the process where it is called eagerly.

    A bare graph is enough for that: no AutoGraph, no gradients, nothing optimised, so it takes some 10 ms. Whatever
    else goes wrong in it is for the call to tell. A copy of the model is called, which may keep what it makes there:
    tensors of that graph, or Keras layers that are half built.
    """
    import tensorflow as tf
    from tensorflow.python.framework.func_graph import FuncGraph

    def refuse(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("variables are made in a call")

    try:
        copied = copy.deepcopy(model)
        with FuncGraph("ranks").as_default(), tf.variable_creator_scope(refuse):
            copied(tf.zeros([images, 784]))
    except ValueError as error:
        if WRONG_RANK.search(str(error)):
            raise
    except Exception:  # told by the call itself, if it is a mistake at all
        return


def variables_problem(model: Any) -> str | None:
    """Explain why a model, which has been called, can't be trained by the lab's main; None if it can."""
    if not hasattr(model, "trainable_variables"):
        return "Model has no trainable_variables: write `class Model(tf.Module):`, which finds them"
    if not model.trainable_variables:
        return (
            "Model has no variables that can be trained: tf.Module does not find those of Keras layers; make them with "
            "weight_variable and bias_variable, as deep_mnist.py does"
        )
    return None


def _rows(shape: tuple[int, ...], images: int) -> str:
    """Explain what causes a wrong number of rows, or of columns."""
    if shape == (images,):
        return ": one number for each image, as of tf.argmax, which is for predict; return the logits themselves"
    if len(shape) == 2 and shape[0] == images:
        return ": those may be of a hidden layer; return what the last matrix product and its bias give"
    if len(shape) != 2 or shape[1] != 10 or not shape[0]:
        return ""
    small, large = sorted((shape[0], images))
    if large % small:
        return ": the reshape before the first matrix product does not fit the layer before it"
    much = "small" if shape[0] > images else "large"
    return (
        f": the number in the reshape before the first matrix product is {large // small} times too {much} for the "
        "layer before it, and so is the first of the weights' shape behind it"
    )
