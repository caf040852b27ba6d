"""The words of made-up reports: what students write about the methods, each time in other words.

`{one|another}` stands for either. Two reports of different students share no more than a few words in a row, as in a
real class; a report that was copied shares whole paragraphs.
"""

import random
import re
from collections.abc import Mapping
from pathlib import Path

NETWORKS = {"deep_mnist": "full network", "model_no1": "no. 1", "model_no2": "no. 2", "model_no3": "no. 3"}
ACCURACIES = {"deep_mnist": 0.9919, "model_no1": 0.9877, "model_no2": 0.9874, "model_no3": 0.9899}  # the kit's recipe

_WORDS = Path(__file__).with_name("report_words.txt")  # a heading's sentences below it, a line each


def write_report(accuracies: Mapping[str, float] = ACCURACIES, rng: random.Random | None = None) -> str:
    """Write a report's text, in this student's words (`rng`), with the test accuracies of NETWORKS (0 to 1).

    A line that starts with "# " is a heading; an empty line ends a paragraph.
    """
    rng = rng or random.Random(0)
    paragraphs = ["# Ablation of a convolutional network on MNIST"]
    for section in _WORDS.read_text(encoding="utf-8").split("\n\n"):
        heading, *sentences = section.strip().split("\n")
        order = rng.sample(sentences, len(sentences))
        paragraphs += [heading, " ".join(_choose(sentence, rng) for sentence in order)]
        if heading.endswith("Results"):
            paragraphs += [f"{name}  {100 * accuracies[script]:.2f}%" for script, name in NETWORKS.items()]
    return "\n\n".join(paragraphs)


def _choose(sentence: str, rng: random.Random) -> str:
    return re.sub(r"\{(.*?)\}", lambda choices: rng.choice(choices[1].split("|")), sentence)
