"""Looks at a model's frozen graph and says whether it is the network that a script should have, and if not, why.

This much students and graders have in common: `submit.py check` and tests/test_shapes.py stop here. What the grader
does besides, with code that is not handed out, is in grading/inside/trusted: build the network anew of what was
read here, hold it against the graph, and train it.
"""

from dataclasses import dataclass, replace

import numpy as np

from labkit.checks.graph import graphs
from labkit.checks.graph.architecture import TOO_MANY, Verdict, judge
from labkit.checks.graph.dropout import DRAWS, mask_problems
from labkit.checks.graph.freezing import BATCH, TESTING, TRAINING
from labkit.checks.graph.graphs import Admitted
from labkit.checks.graph.parameters import count_problems, freedom_problems, trained
from labkit.checks.graph.reading import Reading, random_weights, read
from labkit.checks.graph.segments import Flow, Segment
from labkit.networks import DROPPED, LAYERS, OWN_WEIGHTS

LARGE = 100.0  # times the random weights that a reading is made with: more than any that a training makes


@dataclass(frozen=True)
class Look:
    """What was seen. `verdict` is on the layers; where these are right, there is all the rest, too.

    `first` has the first weights by number of piece, in the lecture's layout; `values` are the random ones that the
    reading was made with, by the names of operations. Both flows run in the same session.
    """

    verdict: Verdict
    testing: Flow | None = None
    training: Flow | None = None
    reading: Reading | None = None
    first: dict[int, np.ndarray] | None = None
    values: dict[str, np.ndarray] | None = None


def look(script: str, data: bytes, images: np.ndarray, whole: bool = True) -> Look:
    """Judge a frozen graph, given as bytes.

    Args:
        script: whose network it should be.
        data: the graph, as `freezing` writes it.
        images: (BATCH, 784), float, in [0, 1]; on these the model's dropout is examined.
        whole: false for the graph of a model that fails, which ends where that does.
    """
    try:
        admitted = graphs.build(graphs.parse(data))
    except graphs.Refused as refusal:
        return Look(Verdict((str(refusal),), (), 0.0, ()))
    except graphs.Unreadable as stopped:
        return Look(Verdict((), (), 0.0, (), unread=str(stopped)))
    return _Looking(script, admitted, images, whole).look()


class _Looking:
    def __init__(self, script: str, admitted: Admitted, images: np.ndarray, whole: bool) -> None:
        self._script, self._admitted, self._images, self._whole = script, admitted, images, whole
        self._rng = np.random.default_rng()  # nobody can prepare a graph for it
        self._testing = Flow(admitted, TESTING)
        self._training = Flow(admitted, TRAINING, self._testing.session)

    def look(self) -> Look:
        originals = {weight.tensor.op.name: weight.value for weight in self._admitted.weights}
        if not self._testing.depends:
            return Look(Verdict(("the model's output does not depend on the images",), (), 0.0, ()))
        values = random_weights(self._admitted, self._rng)
        self._testing.load(originals | values)
        reading = read(self._testing, self._rng)
        counted = self._count_problems() if self._whole else []
        problems = list(reading.notes)
        problems += self._output_problems() + self._assignment_problems() + counted if self._whole else []
        verdict = judge(self._script, reading.layers, None if not self._whole else [], problems, dropout=[])
        unread = self._unread(reading) if not counted else None
        if not self._whole or not self._is_right(verdict, problems):
            if self._whole:
                training = read(self._training, self._rng).layers if self._training.depends else []
                verdict = judge(self._script, reading.layers, training, problems, unread=unread)
            return Look(self._capped(verdict, reading))
        self._testing.load(originals)
        first = {number: piece.values() for number, piece in enumerate(reading.pieces) if piece.values}
        # Large ones of one sign show what is clipped, centred or normalised; the others, what has another one's sign.
        for probe in ({name: LARGE * np.abs(value) for name, value in values.items()}, values):
            self._testing.load(probe)
            problems += freedom_problems(self._admitted, reading, probe, first)
        fixed, switch = self._fixed_problems(originals)
        problems = list(dict.fromkeys(problems)) + fixed
        dropout = self._dropout_problems(reading)
        verdict = judge(self._script, reading.layers, [], problems, dropout=dropout)
        verdict = self._capped(verdict, reading)
        if switch and not verdict.problems:
            verdict = replace(verdict, fraction=0.0, unread=switch)
        return Look(verdict, self._testing, self._training, reading, first, values)

    def _capped(self, verdict: Verdict, reading: Reading) -> Verdict:
        """Reduce the verdict where one layer is two with weights: their sum, or one after the other."""
        matrices = {
            name
            for name in trained(self._admitted)
            if len(self._admitted.graph.get_tensor_by_name(f"{name}:0").shape) > 1
        }
        doubled = any(len(piece.segment.weights & matrices) > 1 for piece in reading.pieces if piece.values)
        too_many = verdict.problems and doubled and verdict.fraction > TOO_MANY
        return replace(verdict, fraction=TOO_MANY) if too_many else verdict

    def _is_right(self, verdict: Verdict, problems: list[str]) -> bool:
        return list(verdict.problems) == problems

    def _unread(self, reading: Reading) -> str | None:
        """Say where the reading stopped at weights of an unknown kind; None if it did not."""
        place = next((n for n, layer in enumerate(reading.layers) if layer.kind.startswith(OWN_WEIGHTS)), None)
        if place is None:
            return None
        after = f"after {reading.layers[place - 1]}" if place else "at the images"
        return f"{after} there is {reading.layers[place].kind}, which the reading does not know"

    def _count_problems(self) -> list[str]:
        flow = self._testing
        used = Segment(flow, (flow.output.op,), flow.images, flow.output)
        names = frozenset().union(*(segment.weights for segment in flow.segments)) | used.weights
        return count_problems(self._script, self._admitted, names)

    def _fixed_problems(self, originals: dict[str, np.ndarray]) -> tuple[list[str], str | None]:
        """Find what the output depends on although training does not change it: problems, and what can't be decided.

        An array is a layer too many, of a normalisation, say. A single number or a switch may be meant well, as the
        factor of the images; or it lets the script turn the network into another one later.
        """
        fixed = {name: value for name, value in originals.items() if name not in trained(self._admitted)}
        fed = {self._testing.images: self._images}
        before = self._testing.run(self._testing.output, fed)
        names = {weight.tensor.op.name: weight.name for weight in self._admitted.weights}
        problems, switches = [], list(self._admitted.switches)
        for name, value in fixed.items():
            self._testing.load({name: (1.3 * value + 0.1).astype(value.dtype)})
            if (self._testing.run(self._testing.output, fed) != before).any():
                if value.ndim:
                    problems.append(f"the output depends on {names[name]}, which is no weight of these layers")
                else:
                    switches.append(names[name])
            self._testing.load({name: value})
        if not switches:
            return problems, None
        return problems, (
            f"the output depends on the variable {', '.join(switches)}, which training leaves as it is and the script "
            "could change"
        )

    def _assignment_problems(self) -> list[str]:
        return [
            f"each call gives the variable {name or 'of a random generator'} another value; a call should compute with "
            "the variables and leave them as they are, so that training alone changes them"
            for name in dict.fromkeys(self._admitted.assigned)
        ]

    def _output_problems(self) -> list[str]:
        output = self._testing.output
        if output.shape.as_list() == [BATCH, 10] and output.dtype.is_floating:
            return []
        sizes = ", ".join(["N", *map(str, output.shape.as_list()[1:])])
        return [f"the model returns {output.dtype.name} of shape ({sizes}), expected float32 (N, 10)"]

    def _dropout_problems(self, reading: Reading) -> list[str]:
        if DROPPED in LAYERS[self._script]:
            last = [piece for piece in reading.pieces if piece.layer.kind == "matrix product"][-1]
            problems = mask_problems(self._testing, self._training, last.segment.entry, self._images)
            if problems is not None:
                return problems
        elif self._is_same_in_training():
            return []
        training = read(self._training, self._rng).layers if self._training.depends else []
        verdict = judge(self._script, reading.layers, training, [])
        return list(verdict.problems) or ["in training the model does something else than in testing, besides dropout"]

    def _is_same_in_training(self) -> bool:
        fed = {self._testing.images: self._images}
        tolerance = max(segment.tolerance for segment in self._testing.segments)
        expected = self._testing.run(self._testing.output, fed).astype(float)
        settled = self._training.settled(self._training.output, self._images)
        outputs = [self._training.run(self._training.output, settled, draw).astype(float) for draw in DRAWS]
        return all(np.abs(output - expected).max() <= 2 * tolerance * np.abs(expected).max() for output in outputs)
