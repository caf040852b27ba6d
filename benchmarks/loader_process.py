"""One measurement of `loader.py`, in a process of its own: prints as JSON how long a loader took.

    python -m benchmarks.loader_process ours|original DATA_DIR DATASET BATCH_SIZE EPOCHS

For `ours`, DATA_DIR and DATASET are those of a lab script; for `original`, DATA_DIR holds the four gzipped files.
"""

import functools
import json
import sys
import time

import input_data
from benchmarks.peers import original_loader


def main(loader: str, data_dir: str, dataset: str, batch_size: int, epochs: int) -> None:
    """Load, touch all images, load again as the lab scripts do, and draw batches."""
    read = {
        "ours": functools.partial(input_data.read_data_sets, data_dir, dataset=dataset),
        "original": functools.partial(original_loader.read_data_sets, data_dir),
    }[loader]
    started = time.perf_counter()
    data = read()
    loaded = time.perf_counter()
    for part in data:
        part.images  # noqa: B018  # ours turns all of them into float32 only when they are asked for
    touched = time.perf_counter()

    del data
    train = read(one_hot=True).train
    batches = epochs * len(train.labels) // batch_size
    begun = time.perf_counter()
    for _ in range(batches):
        train.next_batch(batch_size)
    drawn = time.perf_counter()
    print(
        json.dumps(
            {
                "read_data_sets": loaded - started,
                "read_data_sets and float32 images": touched - started,
                "next_batch": (drawn - begun) / batches,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:4], *map(int, sys.argv[4:]))
