"""A convolutional network in ten lines of Keras: 437,482 parameters, about 99% of the test digits right.

    python exercises/keras_convnet.py          train for 10 epochs, save, load, test, and leave pictures
    python exercises/keras_convnet.py --help   all flags

The slides train on all 60,000 images and call the test images their validation. What is chosen by these, such as when
to stop, fits them by chance, too: here 5,000 training images validate, and the test images are used once, at the end.
"""

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    DATA = ["data_dir", "dataset", "precision", "seed", "results_dir"]
    # The slides set num_epochs to 50 and never use it; it is epochs=10 that counts.
    FLAGS = lab.parse_flags(__doc__, only=DATA, epochs=10, batch_size=32)

import h5py
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

import plotter


def make_model():
    """Return the slides' network. Without padding, which is the default, each 5x5 takes 2 pixels from every edge."""
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            tf.keras.Input([28, 28, 1]),  # the slides: input_shape=(28, 28, 1) in the first layer
            layers.Conv2D(32, (5, 5), activation="relu"),  # (N, 24, 24, 32), 832 parameters
            layers.Conv2D(32, (5, 5), activation="relu"),  # (N, 20, 20, 32), 25,632
            layers.MaxPooling2D((2, 2)),  # (N, 10, 10, 32); the 12x12 of the slides would be 24 / 2
            layers.Flatten(),  # (N, 3200)
            layers.Dense(128, activation="relu"),  # (N, 128), 409,728; the slides' "fifth layer" is layers[4]
            layers.Dense(10, activation="softmax"),  # (N, 10), 1,290
        ]
    )


def save_and_load(model, images, folder):
    """Save the model in both formats, and weights as an array; tell whether what is loaded again is the same."""
    folder.mkdir(parents=True, exist_ok=True)
    predictions = model.predict(images, batch_size=500, verbose=0)  # (N, 10)
    for name in "model.keras", "model.h5":  # the slides have .h5, of which Keras warns today
        model.save(folder / name)
        loaded = tf.keras.models.load_model(folder / name, compile=False)  # no more training
        same = np.array_equal(loaded.predict(images, batch_size=500, verbose=0), predictions)
        print(f"{name}: loaded again it predicts {'the same, bit for bit' if same else 'OTHER numbers'}")
    with h5py.File(folder / "filters.h5", "w") as file:  # such a file holds arrays under names
        file["first"] = model.get_weights()[0]
    with h5py.File(folder / "filters.h5") as file:
        same = np.array_equal(file["first"], model.get_weights()[0])
        print(f"filters.h5: loaded again it holds {'the same' if same else 'ANOTHER'} array, {file['first'].shape}")


def plot_losses(history, path, dataset):
    """Draw the loss on the training images and on the validation images: where they part, the network overfits."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    epochs = range(1, len(history["loss"]) + 1)
    axes.plot(epochs, history["loss"], "o-", color="#061240", label="training images")
    axes.plot(epochs, history["val_loss"], "s--", color="#c25a00", label="validation images")
    axes.set(xlabel="epoch", ylabel="loss (cross-entropy, nats)", title=f"Loss after each epoch, {dataset}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    plotter.save_figure(figure, path)


def main(flags):
    """Train, save and load, test once, and draw the losses, the filters, and what each layer makes of a digit."""
    mnist, folder = lab.read_data(flags), lab.run_folder(flags)
    tf.keras.utils.set_random_seed(flags.seed)  # the first weights, and the order of the images
    train, validation, test = mnist.train, mnist.validation, mnist.test
    images, validation_images, test_images = (part.images.reshape(-1, 28, 28, 1) for part in (train, validation, test))
    model = make_model()
    for layer in model.layers:  # filters are (5, 5, 1, 32); the (32, 1, 5, 5) of the slides was the order of Theano
        print(f"{layer.name:<15} {layer.output.shape!s:<21} {[weights.shape for weights in layer.get_weights()]}")
    print(f"{model.count_params():,} parameters", flush=True)

    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    validates = (validation_images, validation.labels)
    fit = model.fit(images, train.labels, flags.batch_size, flags.epochs, verbose=2, validation_data=validates)
    losses = fit.history["val_loss"]
    best = int(np.argmin(losses))
    print(f"validation loss: lowest after epoch {best + 1}, {losses[best]:.4f}; at the end {losses[-1]:.4f}")

    save_and_load(model, validation_images, folder)
    predictions = model.predict(test_images, batch_size=500, verbose=0).argmax(axis=1)  # (10000,), once, at the end
    plot_losses(fit.history, folder / "losses.png", mnist.name)
    for number, layer in enumerate(model.layers[:2], 1):  # the second has 32x32 kernels of 5x5
        name = f"convolution {number}"
        plotter.plot_filters(layer.kernel, folder / f"filters_{number}.png", name=name, dataset=mnist.name)
    outputs = tf.keras.Model(model.inputs[0], [layer.output for layer in model.layers])(test_images[:1])
    maps = {layer.name: output[0] for layer, output in zip(model.layers, outputs, strict=True)}
    plotter.plot_feature_maps(test_images[0], maps, folder / "feature_maps.png", dataset=mnist.name)
    print(f"the pictures and the saved models are in {folder}")
    lab.print_accuracy(np.mean(predictions == test.labels.argmax(axis=1)), len(predictions), mnist.name)


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
