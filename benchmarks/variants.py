"""The changes to the training step of `deep_mnist.py` that `optimisations.py` measures, and what each was to gain.

A variant is the script itself with a few lines replaced, or run with other flags or another environment, so that it
can't drift from the script: where a line to replace is no longer there, the benchmark says so.

The reckonings are arithmetic: bytes moved, operations, calls. They were written before the benchmark first ran, and
stay as they were. Their machine is that of README.md.
"""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import lab_runs
from layers import OPERATIONS_PER_IMAGE
from measuring import ROOT, BenchmarkError

BYTES = 1 / 40e6  # ms to read or write one: the two cores move some 40 GB/s
FLOAT32 = 1 / 504e6  # ms for one operation: the peak of `arithmetic.py`
BFLOAT16 = 1 / 872e6  # the same
CALL = 0.3  # ms for Python to call a graph: arguments, set-up, and the loss handed back
EAGER = 0.05  # ms for a single operation called from Python
HAND_OVER = 0.005  # ms until another thread takes an operation up
PAGE_FAULT = 0.25e-3  # ms for the first touch of a page of 4 KiB
PAGE_WALK = 30e-6  # ms to find a page of 4 KiB in memory; half of them at once, on two cores

WEIGHTS = 3_274_634
W_FC1_BYTES = 4 * 3136 * 1024
UNPOOLED = 28 * 28 * 32 + 14 * 14 * 64  # numbers for each image that the two convolutions hand to the pooling
ACTIVATIONS = UNPOOLED * 5 // 4 + 1024  # the same with what the pooling and the first fully connected layer hand on


class Reckoning(NamedTuple):
    """How much less time a step was to take: `fixed_ms`, and `ms_per_image` for each image of the batch."""

    why: str
    fixed_ms: float = 0.0
    ms_per_image: float = 0.0

    def ms_less(self, batch_size: int) -> float:
        """Return the milliseconds that a step of so many images was to save; negative where it was to take longer."""
        return self.fixed_ms + self.ms_per_image * batch_size


@dataclasses.dataclass(frozen=True)
class Variant:
    """The script with a change."""

    name: str
    change: str
    reckoning: Reckoning
    edits: tuple[tuple[str, str], ...] = ()  # text of the script, and what stands there instead
    flags: tuple[str, ...] = ()  # of the script
    environment: tuple[tuple[str, str], ...] = ()
    same_steps: bool = True  # whether it takes the same steps as the script; another optimizer takes others

    def source(self) -> str:
        """Return the text of the changed script; raise BenchmarkError unless each text to replace is there once."""
        source = (ROOT / lab_runs.SCRIPT).read_text(encoding="utf-8")
        for old, new in self.edits:
            if source.count(old) != 1:
                raise BenchmarkError(
                    f"{lab_runs.SCRIPT} has changed: `{old.strip()}` is there {source.count(old)} times, not once; "
                    f"adapt the variant `{self.name}` in benchmarks/{Path(__file__).name}"
                )
            source = source.replace(old, new)
        return source

    def without_dropout(self) -> "Variant":
        """Return the same variant, with nothing random in its training."""
        return dataclasses.replace(self, edits=(*self.edits, ("\nKEEP_PROB = 0.5 ", "\nKEEP_PROB = 1.0 ")))


# ------------------------------------------------------------------------------------------ edits that variants share

TRAIN_STEP = "    def train_step(x, y_, rate):\n"
NOT_A_GRAPH = ("    @tf.function  # compiles it to a graph, as the lecture's session did\n", "")
ASSIGN = "        learning_rate.assign(rate)\n"
LOOP = """\
        losses = tf.TensorArray(tf.float32, size=len(rates))
        for i in tf.range(len(rates)):  # a loop inside the graph: it need not go back to Python after each step
            losses = losses.write(i, train_step(images[i], labels[i], rates[i]))
        return losses.stack()  # (steps,)
"""
PYTHON_LOOP = """\
        return [train_step(x, y_, rate) for x, y_, rate in zip(images, labels, rates, strict=True)]
"""
ASSIGNING_LOOP = """\
        losses = []
        for x, y_, rate in zip(images, labels, rates, strict=True):
            learning_rate.assign(rate)
            losses.append(train_step(x, y_))
        return losses
"""
ADAM = "tf.compat.v1.train.AdamOptimizer(learning_rate)"
CONVOLUTION = 'tf.nn.conv2d(x, W, strides=1, padding="SAME")'
FC1 = "tf.matmul(h_pool2_flat, self.W_fc1)"
FC2 = "tf.matmul(h_fc1_drop, self.W_fc2)"
CONV1_AND_POOL = (
    "h_conv1 = tf.nn.relu(conv2d(x_image, self.W_conv1) + self.b_conv1)",
    "h_pool1 = max_pool_2x2(h_conv1)",
)
CONV2_AND_POOL = (
    "h_conv2 = tf.nn.relu(conv2d(h_pool1, self.W_conv2) + self.b_conv2)",
    "h_pool2 = max_pool_2x2(h_conv2)",
)


def bfloat16(product: str) -> tuple[str, str]:
    """Return an edit that puts casts around a product of two arguments."""
    function, _, arguments = product.partition("(")
    a, b, *rest = arguments.rstrip(")").split(", ")
    cast = ", ".join([f"tf.cast({a}, tf.bfloat16)", f"tf.cast({b}, tf.bfloat16)", *rest])
    return product, f"tf.cast({function}({cast}), tf.float32)"


# ------------------------------------------------------------------------------------------------------------ variants

AS_IT_IS = Variant("as it is", "nothing", Reckoning("what all others are measured against"))
VARIANTS = (
    AS_IT_IS,
    Variant(
        "one step per call",
        "Python calls the graph for each step, not for ten",
        Reckoning("9 calls of 10 more, 0.3 ms each", fixed_ms=-0.9 * CALL),
        edits=((TRAIN_STEP, "    @tf.function\n" + TRAIN_STEP), NOT_A_GRAPH, (LOOP, PYTHON_LOOP)),
    ),
    Variant(
        "learning rate from Python",
        "one step per call, and before each the learning rate is assigned from Python",
        Reckoning("9 calls of 10 more, 0.3 ms each, and an eager assignment, 0.05 ms", fixed_ms=-0.9 * CALL - EAGER),
        edits=(
            (TRAIN_STEP + ASSIGN, "    @tf.function\n    def train_step(x, y_):\n"),
            NOT_A_GRAPH,
            (LOOP, ASSIGNING_LOOP),
        ),
    ),
    Variant(
        "float32",
        "--precision float32: no graph rewriter, products in float32",
        Reckoning(
            "82 MFLOP an image at 504 for 872 GFLOP/s; 48,064 activations, 2 bytes more, 6 times; "
            "but no casts of 3.27 M weights and gradients, 12 bytes each",
            fixed_ms=12 * WEIGHTS * BYTES,
            ms_per_image=-OPERATIONS_PER_IMAGE * (FLOAT32 - BFLOAT16) - ACTIVATIONS * 2 * 6 * BYTES,
        ),
        flags=("--precision", "float32"),
    ),
    Variant(
        "casts by hand",
        "casts to bfloat16 around each product, for the graph rewriter",
        Reckoning(
            "48,064 activations an image stay float32 between the products: 2 bytes more, 6 times, and casts of "
            "6 bytes forward and back",
            ms_per_image=-ACTIVATIONS * (2 * 6 + 6 * 2) * BYTES,
        ),
        edits=tuple(map(bfloat16, (CONVOLUTION, FC1, FC2))),
        flags=("--precision", "float32"),
    ),
    Variant(
        "Keras's Adam",
        "tf.keras.optimizers.Adam, an operation for each sum and product, for tf.compat.v1's single one",
        Reckoning("30 arrays of 3.27 M numbers read or written, for 7", fixed_ms=-(30 - 7) * 4 * WEIGHTS * BYTES),
        edits=(
            ("    learning_rate = tf.Variable(0.0)\n", ""),
            (ADAM, "tf.keras.optimizers.Adam()\n    optimizer.build(model.trainable_variables)"),
            (ASSIGN, "        optimizer.learning_rate.assign(rate)\n"),
        ),
    ),
    Variant(
        "Nesterov momentum",
        "tf.compat.v1's MomentumOptimizer with Nesterov's momentum, for Adam",
        Reckoning("5 arrays of 3.27 M numbers read or written, for 7", fixed_ms=2 * 4 * WEIGHTS * BYTES),
        edits=((ADAM, "tf.compat.v1.train.MomentumOptimizer(learning_rate, 0.9, use_nesterov=True)"),),
        same_steps=False,
    ),
    Variant(
        "ReLU after pooling",
        "max pooling first, and ReLU on a quarter of the numbers",
        Reckoning(
            "28,224 numbers an image fewer, 2 bytes, 5 times: forward 2, back 3",
            ms_per_image=UNPOOLED * 0.75 * 2 * 5 * BYTES,
        ),
        edits=tuple(
            edit
            for convolution, pool in (CONV1_AND_POOL, CONV2_AND_POOL)
            for edit in (
                (convolution, convolution.replace("tf.nn.relu(", "", 1)[:-1]),
                (pool, pool.replace("max_pool", "tf.nn.relu(max_pool") + ")"),
            )
        ),
    ),
    Variant(
        "ReLU, bias after pooling",
        "max pooling first; bias and ReLU on a quarter of the numbers",
        Reckoning(
            "28,224 numbers an image fewer, 2 bytes, 8 times: ReLU 5, bias forward 2 and back 1",
            ms_per_image=UNPOOLED * 0.75 * 2 * 8 * BYTES,
        ),
        edits=tuple(
            edit
            for number, (convolution, pool) in enumerate((CONV1_AND_POOL, CONV2_AND_POOL), start=1)
            for edit in (
                (convolution, convolution.replace("tf.nn.relu(", "", 1).partition(" + ")[0]),
                (pool, pool.replace("max_pool", "tf.nn.relu(max_pool") + f" + self.b_conv{number})"),
            )
        ),
    ),
    Variant(
        "pooling by tf.maximum",
        "the larger of two columns, then of two rows, for max_pool2d",
        Reckoning(
            "37,632 numbers an image, 2 bytes, 17 times more: slices, maxima and their gradients for MaxPoolGrad",
            ms_per_image=-UNPOOLED * 2 * 17 * BYTES,
        ),
        edits=(
            (
                '    return tf.nn.max_pool2d(x, ksize=2, strides=2, padding="SAME")\n',
                "    wide = tf.maximum(x[:, :, ::2], x[:, :, 1::2])\n"
                "    return tf.maximum(wide[:, ::2], wide[:, 1::2])\n",
            ),
        ),
    ),
    Variant(
        "XLA",
        "one step per call, compiled by XLA (jit_compile=True), which the graph rewriter does not reach",
        Reckoning(
            "82 MFLOP an image at 504 for 872 GFLOP/s, and 9 calls of 10 more; but no casts of 3.27 M weights and "
            "gradients, 12 bytes each, and 48,064 activations an image, 4 bytes, touched 6 times less by fusion",
            fixed_ms=12 * WEIGHTS * BYTES - 0.9 * CALL,
            ms_per_image=ACTIVATIONS * 4 * 6 * BYTES - OPERATIONS_PER_IMAGE * (FLOAT32 - BFLOAT16),
        ),
        edits=(
            (TRAIN_STEP, "    @tf.function(jit_compile=True)\n" + TRAIN_STEP),
            NOT_A_GRAPH,
            (LOOP, PYTHON_LOOP),
        ),
    ),
    Variant(
        "W_fc1 transposed",
        "W_fc1 is stored as [1024, 3136], and transposed in the forward product for the gradient's",
        Reckoning("the same operations and bytes; forward and gradient to inputs change roles"),
        edits=(
            ("weight_variable([7 * 7 * 64, 1024])", "tf.Variable(tf.transpose(weight_variable([7 * 7 * 64, 1024])))"),
            (FC1, FC1[:-1] + ", transpose_b=True)"),
        ),
    ),
    Variant(
        "1 thread between ops",
        "TF_NUM_INTEROP_THREADS=1",
        Reckoning("40 operations less handed to another thread, 0.005 ms each", fixed_ms=40 * HAND_OVER),
        environment=(("TF_NUM_INTEROP_THREADS", "1"),),
    ),
    Variant(
        "4 threads between ops",
        "TF_NUM_INTEROP_THREADS=4",
        Reckoning("the products have both cores already"),
        environment=(("TF_NUM_INTEROP_THREADS", "4"),),
    ),
    Variant(
        "oneDNN on caller's thread",
        "TF_ONEDNN_THREADPOOL_USE_CALLER_THREAD=1: it takes a part of each product, too",
        Reckoning("11 products less handed to another thread, 0.005 ms each", fixed_ms=11 * HAND_OVER),
        environment=(("TF_ONEDNN_THREADPOOL_USE_CALLER_THREAD", "1"),),
    ),
    Variant(
        "BFC allocator",
        "TF_CPU_ALLOCATOR_USE_BFC=1: TensorFlow keeps freed memory",
        Reckoning(
            "at most the page faults of the gradient of W_fc1, 3,136 pages, 0.25 us each",
            fixed_ms=W_FC1_BYTES / 4096 * PAGE_FAULT,
        ),
        environment=(("TF_CPU_ALLOCATOR_USE_BFC", "1"),),
    ),
    Variant(
        "system allocator",
        "TF_ONEDNN_USE_SYSTEM_ALLOCATOR=1: large tensors come from the system's malloc",
        Reckoning(
            "page faults of the gradient of W_fc1, if it goes back to the system each step: 3,136 pages, 0.25 us each",
            fixed_ms=-W_FC1_BYTES / 4096 * PAGE_FAULT,
        ),
        environment=(("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1"),),
    ),
    Variant(
        "huge pages",
        "GLIBC_TUNABLES=glibc.malloc.hugetlb=1: malloc asks for pages of 2 MiB",
        Reckoning(
            "10 arrays of 3.27 M numbers, 31,979 pages of 4 KiB, looked up in 30 ns each, on two cores",
            fixed_ms=10 * 4 * WEIGHTS / 4096 * PAGE_WALK / 2,
        ),
        environment=(("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),),
    ),
)
