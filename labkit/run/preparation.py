"""What a script does before it makes its model: seed, precision, data."""

import argparse
import os
from pathlib import Path

from labkit import host
from labkit.data.loader import DataSets, read_data_sets
from labkit.errors import LabError

FAST_BFLOAT16 = {"avx512_bf16", "amx_bf16"}  # the processor's instructions that multiply in bfloat16
# What $ONEDNN_MAX_CPU_ISA may say that keeps oneDNN from these instructions.
WITHOUT_BFLOAT16 = {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI"}


def read_data(flags: argparse.Namespace) -> DataSets:
    """Read the data sets that the flags name, labels one-hot; seed all randomness and pick the precision.

    Raises DataError where the data is missing or bad.
    """
    host.refuse_while_importing()
    import tensorflow as tf  # here, because it takes seconds, and --help should not

    tf.random.set_seed(flags.seed)  # the first weights
    tf.random.set_global_generator(tf.random.Generator.from_seed(flags.seed))  # dropout; a checkpoint can hold it
    flags.precision = pick_precision(host.current.precision or flags.precision)
    # TensorFlow rewrites the graph, as it would for a GPU: products in bfloat16, sums and weights in float32.
    tf.config.optimizer.set_experimental_options(
        {"auto_mixed_precision_onednn_bfloat16": flags.precision == "bfloat16"}
    )
    mnist = read_data_sets(flags.data_dir, one_hot=True, seed=flags.seed, dataset=flags.dataset)
    if flags.batch_size > mnist.train.num_examples:
        raise LabError(f"--batch-size {flags.batch_size} is more than the {mnist.train.num_examples:,} training images")
    return mnist


def pick_precision(wanted: str, cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return bfloat16 where the processor multiplies it faster than float32, or where it is asked for; else float32.

    Only Linux lets a program easily see what its processor can do, so elsewhere `auto` is float32.
    """
    if wanted != "auto":
        return wanted
    kept_from_it = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() in WITHOUT_BFLOAT16
    if kept_from_it or os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0" or not cpuinfo.is_file():
        return "float32"
    return "bfloat16" if FAST_BFLOAT16 & set(cpuinfo.read_text().split()) else "float32"
