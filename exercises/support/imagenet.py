"""What pretrained.py needs of ImageNet: the names of its classes, and a picture of a photograph with five of them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure


def class_names() -> list[str]:
    """Return the names of the 1,000 classes, in the order of a network's scores; where they are from is in the file."""
    return json.loads(Path(__file__).with_name("imagenet_classes.json").read_text(encoding="utf-8"))["names"]


def draw_scores(picture: np.ndarray, names: Sequence[str], scores: np.ndarray) -> Figure:
    """Draw the photograph, and a bar for each name's probability, the first on top."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    photograph, bars = figure.subplots(1, 2)
    photograph.imshow(picture)
    photograph.set(title="grace_hopper.jpg, of matplotlib", xticks=[], yticks=[])
    bars.barh(names, scores, color="0.4")
    bars.invert_yaxis()
    bars.set(title="EfficientNet-Lite0, trained on ImageNet", xlabel="probability", xlim=(0, 1))
    return figure
