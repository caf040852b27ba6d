"""LiteRT: the lab's network as a file for phones, in 8-bit numbers a quarter as large, and as good within 0.001.

    python exercises/phone.py                 train, convert, compare; leave the files in results/phone/seed-0/
    python exercises/phone.py --draw          then open a page in the browser, on which to draw a digit
    python exercises/phone.py --room          the same page, for the phones of all in the room
    python exercises/phone.py --help          all flags

The lecture's phone ran the network itself, by TensorFlow Mobile, which is gone; LiteRT (until 2024 TensorFlow Lite) is
what does that now. It reads a file that has the graph and the weights and nothing that a training needs. Its numbers
may be int8: a weight is then one byte, a step on a scale of 255, and so is what goes from layer to layer. How long the
steps have to be there, some images show. The page runs the int8 file on this computer, for whoever draws.
"""

import json
import time
import webbrowser

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    OWN = {
        "--draw": {"action": "store_true", "help": "serve the page to draw on, from an earlier run if there is one"},
        "--room": {"action": "store_true", "help": "the same, for all in this network who are told its address"},
        "--no-browser": {"action": "store_true", "help": "print the address of the page, and open no browser"},
    }
    FLAGS = lab.parse_flags(__doc__, own=OWN, steps=400, batch_size=128, learning_rate=6e-3, schedule="one-cycle")
    lab.require("ai_edge_litert")

import numpy as np
import tensorflow as tf

from deep_mnist import KEEP_PROB, Model
from exercises.support.drawing_page import DrawingServer
from exercises.support.litert import LiteModel, quiet
from labkit.files import atomic_file

SHOWN = 200  # training images, that show how large the numbers get
BATCH = 500  # images tested at once
TIMED = 300  # single images


def train(flags, mnist):
    """Train deep_mnist's network, as it does."""
    model, learning_rate = Model(), tf.Variable(0.0)
    optimizer = tf.compat.v1.train.AdamOptimizer(learning_rate)

    @tf.function
    def train_step(x, y_, rate):
        learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            logits = model(x, KEEP_PROB)  # (N, 10)
            cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=logits))
        gradients = tape.gradient(cross_entropy, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return cross_entropy

    @tf.function
    def predict(x):
        return tf.argmax(model(x), axis=1)  # (N,)

    run = lab.Run(flags, mnist, model, optimizer, predict)
    for step in run.steps():
        images, labels = mnist.train.next_batch(flags.batch_size)  # (N, 784), and one-hot (N, 10)
        run.log(train_step(images, labels, lab.learning_rate(step, flags)))
    run.test()
    return run, model


def convert(model, images=None):
    """Return a LiteRT file, as bytes: of float32, or of int8 where there are images to show how large numbers get."""

    @tf.function(input_signature=[tf.TensorSpec([None, 784], tf.float32)])
    def logits(x):
        return model(x)  # (N, 10)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([logits.get_concrete_function()], model)
    if images is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[None]] for image in images)  # (1, 784) each
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]  # all of it: no float in between
    with quiet():  # the converter logs much
        return converter.convert()


def all_logits(model, images):
    """Return the logits of all images, (N, 10)."""
    return np.concatenate([model(images[i : i + BATCH]) for i in range(0, len(images), BATCH)])


def seconds_an_image(model, images):
    """Return how long one image takes, as a phone has them: not in batches. The median is not moved by a pause."""
    seconds = []
    for image in images[:TIMED]:
        started = time.perf_counter()
        model(image[None])  # (1, 10)
        seconds.append(time.perf_counter() - started)
    return np.median(seconds)


def compare(flags, mnist, model):
    """Write the two files, and print what each is worth beside TensorFlow's own network."""
    images, digits = mnist.test.images, mnist.test.labels.argmax(axis=1)
    folder = lab.run_folder(flags)
    graph = tf.function(lambda x: model(x))
    weights = sum(variable.numpy().nbytes for variable in model.trainable_variables)
    # Not by the graph: on some processors it multiplies in bfloat16, with fewer digits than LiteRT's float32.
    expected = all_logits(lambda x: model(tf.constant(x)).numpy(), images).argmax(axis=1)  # (N,)
    own_time = seconds_an_image(lambda image: graph(tf.constant(image)), images)
    print(f"TensorFlow: {weights:,} bytes of weights, accuracy {np.mean(expected == digits):.4f} ({mnist.name})")
    for name, shown in ("float32", None), ("int8", mnist.train.images[:SHOWN]):
        path = folder / f"{name}.tflite"
        content = convert(model, shown)
        with atomic_file(path) as file:
            file.write(content)
        lite = LiteModel(path)
        guesses = all_logits(lite, images).argmax(axis=1)  # (N,)
        faster = own_time / seconds_an_image(lite, images)
        right, same = np.mean(guesses == digits), np.sum(guesses == expected)
        print(f"{name}: {path.stat().st_size:,} bytes, accuracy {right:.4f}, {faster:.1f} times as fast,", end=" ")
        print(f"the same guess for {same:,} of {len(digits):,} images")


def draw(flags):
    """Serve the page until Ctrl-C."""
    folder = lab.run_folder(flags)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    print(f"the network is {folder / 'int8.tflite'}, trained on {record['dataset']}", flush=True)
    with DrawingServer(LiteModel(folder / "int8.tflite"), flags.room) as server:
        if flags.room:
            print("Everybody in this network who has this address can draw there; it is not encrypted:")
        print(f"{server.address}  (Ctrl-C ends it)", flush=True)
        if not flags.no_browser:
            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nthe page is closed")


def main(flags):
    """Train and convert, unless there is a file to draw with already; then draw, if that is wanted."""
    wanted = flags.draw or flags.room
    if not (wanted and (lab.run_folder(flags) / "run.json").exists()):  # the last file that a run writes
        mnist = lab.read_data(flags)
        run, model = train(flags, mnist)
        compare(flags, mnist, model)
        run.finish()
    if wanted:
        draw(flags)


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
