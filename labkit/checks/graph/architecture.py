"""Judges a network by its layers: is it the one that the assignment asks for, and if not, where does it differ?"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from labkit.networks import DROPPED, LAYERS, OWN_WEIGHTS, REMOVED, WEIGHTED, Layer, layer_problems

DROPPED_IN_TESTING = (
    "units are dropped at keep_prob=1.0, which is for testing: all must stay; __call__(self, x, keep_prob=1.0) has to "
    "take keep_prob, and to hand it on to dropout"
)
TOO_MANY = 0.2  # the most that a network earns that has more layers with weights than it should


@dataclass(frozen=True)
class Verdict:
    """What is wrong (a line each; none if the network is right), what was tolerated, and the part that is right.

    `dropout` has those of the problems that are about dropout. `unread` is what stopped the reading, where nothing is
    known to be wrong: then nothing is decided.
    """

    problems: tuple[str, ...]
    remarks: tuple[str, ...]
    fraction: float
    layers: tuple[Layer, ...]
    unread: str | None = None
    dropout: tuple[str, ...] = ()


@dataclass(frozen=True)
class Network:
    """A network as the lecture would write it: bias and dropout apart, ReLU before pooling, which is the same.

    `dropouts` are pairs: after how many of the layers it stands, and its Layer.
    """

    layers: tuple[Layer, ...]
    dropouts: tuple[tuple[int, Layer], ...]
    problems: tuple[str, ...]
    remarks: tuple[str, ...]


def judge(
    script: str,
    testing: list[Layer],
    training: list[Layer] | None,
    problems: list[str],
    dropout: list[str] | None = None,
    unread: str | None = None,
) -> Verdict:
    """Compare the layers of a script's network, as `reading.read` returns them, with those of the assignment.

    Args:
        script: whose network it should be.
        testing: the layers at keep_prob 1.
        training: those at keep_prob 0.5; None for a model that fails midway.
        problems: what else is wrong.
        dropout: what is wrong with dropout, if that has been examined; otherwise `training` decides.
        unread: what stopped the reading, if something did and everything that is wrong may be due to it.
    """
    tested = tidied(testing)
    failing = training is None
    # A bias that is not there comes first, because it says where the weights are that do not count.
    others = [*([] if failing else tested.problems), *problems]
    if training is None:
        dropout = ["the model fails before it"]
    else:
        if dropout is None:
            trained = tidied(training)
            dropout = _dropout_problems(script, tested, trained)
            others += _other_layers(tested, trained)
    if unread and _is_first_difference_unread(script, tested.layers):
        return Verdict((), tested.remarks, 0.0, tested.layers, unread)
    dropout_problems = () if failing else tuple(dropout)
    wrong = layer_problems(script, list(tested.layers))
    all_problems = (*wrong, *others, *dropout_problems)
    fraction = _fraction(script, tested.layers, right_dropout=not dropout, others=len(others)) if all_problems else 1.0
    swapped = next((name for name in LAYERS if name != script and list(tested.layers) == LAYERS[name]), None)
    if swapped and wrong:
        removed = f"without {REMOVED[script]}" if script in REMOVED else ""
        swap = f"this is the network of {swapped}, all of it; {script} should be deep_mnist {removed}"
        all_problems = (swap, *all_problems)
        fraction = 0.0
    return Verdict(all_problems, tested.remarks, fraction, tested.layers, dropout=dropout_problems)


def _is_first_difference_unread(script: str, layers: Sequence[Layer]) -> bool:
    """Tell whether all is right up to the part that could not be read; what is wrong before it is certainly wrong."""
    pairs = zip(layers, [*LAYERS[script], *[None] * len(layers)], strict=False)
    return next((layer.kind.startswith(OWN_WEIGHTS) for layer, expected in pairs if layer != expected), False)


def tidied(layers: list[Layer]) -> Network:
    """Bring layers into the lecture's order, and report what can't be brought into it."""
    groups = [[]]
    for layer in layers:
        if layer.kind in WEIGHTED:
            groups.append([])
        groups[-1].append(layer)
    ordered, dropouts, problems, remarks = [], [], [], []
    for group in groups:
        known = ("bias", "ReLU", "max pooling", "dropout")
        if group and group[0].kind in WEIGHTED:
            problems += _bias_problems(group)
            ordered.append(group[0])
            ordered += [Layer("ReLU", group[0].output)] if _has(group, "ReLU") else []
        else:
            known = ("scaling",)
            remarks += ["the images are scaled before the first layer"] if _has(group, "scaling") else []
        rest = group[1:] if known[0] == "bias" else group
        if group is groups[-1] and rest and rest[-1].kind == "softmax":
            rest = rest[:-1]
            remarks.append("the model ends with a softmax; it should return the logits, because the loss has a softmax")
        for layer in rest:
            if layer.kind == "dropout":
                dropouts.append((len(ordered), layer))
            elif layer.kind == "max pooling" or layer.kind not in known:
                ordered.append(layer)
    return Network(tuple(ordered), tuple(dropouts), tuple(problems), tuple(remarks))


def _has_weights(layer: Layer) -> bool:
    return layer.kind in WEIGHTED or layer.kind.startswith(OWN_WEIGHTS)


def _has(group: Sequence[Layer], kind: str) -> bool:
    return any(layer.kind == kind for layer in group)


def _bias_problems(group: Sequence[Layer]) -> list[str]:
    kinds = [layer.kind for layer in group if layer.kind != "max pooling"]
    if "bias" not in kinds:
        return [f"no bias is added to the {group[0]}"]
    if "ReLU" in kinds[: kinds.index("bias")]:
        return [f"ReLU comes before the bias, after the {group[0]}; first add the bias"]
    return []


def _other_layers(tested: Network, trained: Network) -> list[str]:
    if trained.layers == tested.layers:
        return []
    return ["at keep_prob=0.5 the model has other layers than at keep_prob=1.0: only dropout may differ"]


def _dropout_problems(script: str, tested: Network, trained: Network) -> list[str]:
    """List what is wrong with dropout: it acts in training only, once, after the fully connected layer's ReLU."""
    problems = [DROPPED_IN_TESTING] if tested.dropouts else []
    should = DROPPED in LAYERS[script]
    if not should:
        return problems + ([f"there is dropout, which goes {_with(script)}"] if trained.dropouts else [])
    if not trained.dropouts:
        return [*problems, "no units are dropped at keep_prob=0.5, which is for training"]
    if len(trained.dropouts) != 1:
        return [*problems, f"there is dropout {len(trained.dropouts)} times, expected once"]
    (place, dropout), layers = trained.dropouts[0], trained.layers
    after = layers[place - 1] if place else "the images"
    if after != DROPPED:
        problems.append(f"dropout follows {after}; it should follow the ReLU of the 1024 units")
    return problems + [f"dropout {difference}" for difference in dropout.unusual]


def _with(script: str) -> str:
    return f"with {REMOVED[script]}" if script in REMOVED else "nowhere in this network"


def _fraction(script: str, layers: Sequence[Layer], right_dropout: bool, others: int) -> float:
    """Return the share of the layers that are right, dropout counted as one, less one for each other problem.

    It is halved where the number of convolutions or matrix products is wrong: then the point of the assignment, which
    layer to remove, was missed. Where there are too many, little is left: nothing was removed.
    """
    expected = LAYERS[script]
    blocks = difflib.SequenceMatcher(None, expected, layers, autojunk=False).get_matching_blocks()
    right = sum(block.size for block in blocks)
    share = max(0, right + right_dropout - others) / (max(len(expected), len(layers)) + 1) if right else 0.0
    kinds = [[layer.kind for layer in network if _has_weights(layer)] for network in (expected, layers)]
    if len(kinds[1]) > len(kinds[0]):
        return min(share / 2, TOO_MANY)
    return min(share, 0.9) if kinds[0] == kinds[1] else share / 2
