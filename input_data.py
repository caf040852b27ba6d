"""MNIST for TensorFlow: the loader of the original tutorials, without TensorFlow and with its faults mended.

    from input_data import read_data_sets

    mnist = read_data_sets("MNIST_data", one_hot=True)
    images, labels = mnist.train.next_batch(100)  # (100, 784) float32 in [0, 1], (100, 10)

Run as a script it prepares a directory, and checks it: `python input_data.py --help`. All of it is in labkit/data/.
"""
# ruff: noqa: E402

from labkit import notebook, startup

startup.check("numpy", "tqdm")

from labkit.data.legacy import dense_to_one_hot, extract_images, extract_labels, maybe_download
from labkit.data.loader import DataError, DataSet, DataSets, main, read_data_sets

__all__ = [
    "DataError",
    "DataSet",
    "DataSets",
    "dense_to_one_hot",
    "extract_images",
    "extract_labels",
    "maybe_download",
    "read_data_sets",
]

if __name__ == "__main__":
    notebook.stop(notebook.call(main))
