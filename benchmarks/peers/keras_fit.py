"""A peer of `throughput.py`: the network in Keras layers, trained by `fit` on arrays in memory."""

import time

import contest
import keras
from keras import layers
from original_loader import read_data_sets


class Clock(keras.callbacks.Callback):
    """Reads the time when the training starts and after each interval."""

    def on_train_begin(self, logs=None):
        self.times = [time.perf_counter()]

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(time.perf_counter())


flags = contest.parse_flags(
    __doc__, bfloat16="Keras's policy mixed_bfloat16", xla="let XLA compile the step, as Keras does by default"
)
if flags.bfloat16:
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
model = keras.Sequential(
    [
        layers.Input([28, 28, 1]),
        layers.Conv2D(32, 5, padding="same", activation="relu"),  # (N, 28, 28, 32)
        layers.MaxPooling2D(),  # (N, 14, 14, 32)
        layers.Conv2D(64, 5, padding="same", activation="relu"),  # (N, 14, 14, 64)
        layers.MaxPooling2D(),  # (N, 7, 7, 64)
        layers.Flatten(),  # (N, 3136)
        layers.Dense(1024, activation="relu"),  # (N, 1024)
        layers.Dropout(0.5),  # (N, 1024)
        layers.Dense(10, dtype="float32"),  # (N, 10)
    ]
)
model.compile(
    keras.optimizers.Adam(contest.LEARNING_RATE),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    jit_compile=flags.xla,
    steps_per_execution=contest.INTERVAL,  # fewer returns to Python; callbacks, too, come once per interval
)
digits, clock, seen = read_data_sets(flags.data_dir), Clock(), flags.steps * flags.batch_size
model.fit(
    digits.train.images[:seen].reshape(-1, 28, 28, 1),
    digits.train.labels[:seen],
    batch_size=flags.batch_size,
    verbose=0,
    callbacks=[clock],
)


def predict(images):
    return model.predict(images.reshape(-1, 28, 28, 1), verbose=0).argmax(axis=1)


contest.report(model.count_params(), digits.validation, predict, clock.times)
