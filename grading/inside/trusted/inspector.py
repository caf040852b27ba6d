"""Looks at networks for the grader: a trusted process in a sandbox of its own, where no student code ever runs.

    python -m grading.inside.trusted.inspector INBOX

It answers requests about files in INBOX, a line of JSON for a line of JSON:

    {"script": "model_no1", "graph": "graph.pb", "weights": "weights.npz", "whole": true, "images": "images.npz",
     "reading_seconds": 120, "training_seconds": 300, "recipe": {"steps": 60, ...}}

with an `Answer`. `whole` is false for the graph of a model that failed, which ends where that did. Given a recipe, a
network that is right is built anew, trained, and asked for the digits in the test images; their labels are not here.

Each request has a child of its own: whatever a graph does to TensorFlow, the next one is not touched.
"""

import json
import resource
import sys
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from labkit import forks
from labkit.data.loader import PIXEL_SCALE
from labkit.formats import FORMAT

MEMORY = 3 * 2**30  # bytes that reading a graph may take; the largest of the assignment's takes 1 GB
OUT_OF_MEMORY = ("MemoryError", "ResourceExhausted", "bad_alloc")
TEST_IMAGES = 2500  # the first of them: the accuracy is right to a percentage point, and few steps are told so
GIVEN = ("problems", "remarks", "layers")


@dataclass(frozen=True)
class Answer:
    """What was found out about a graph; a field keeps its default where there is nothing to report.

    `problems`, `remarks`, `layers`, `fraction` and `unread` are the verdict on its layers, `run` is what is wrong with
    the weights that the script's own main trained, `stopped` how reading came to a bad end. Of the training,
    `first_weights` says why there is none, `training_stopped` its bad end, with the `log`; `untrained` and `trained`
    have the digits that were seen in the test images before and after, a character each.
    """

    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)
    fraction: float = 0.0
    unread: str | None = None
    run: str | None = None
    stopped: str | None = None
    first_weights: str | None = None
    training_stopped: str | None = None
    log: str = ""
    untrained: str | None = None
    trained: str | None = None


def read_graph(inbox: Path, request: dict, destination: Path) -> dict:
    """Judge one graph; write the network that is rebuilt of it to the file `destination`, where it is to be trained."""
    from grading.inside.trusted import rebuilding, running

    _limit_memory()
    data = (inbox / request["graph"]).read_bytes()
    images = np.load(inbox / request["images"], allow_pickle=False)["probes"] * float(PIXEL_SCALE)
    verdict, network = rebuilding.examine(request["script"], data, images, request["whole"])
    if network and "recipe" in request:
        rebuilding.save(network, destination)
    fields = {name: list(map(str, getattr(verdict, name))) for name in GIVEN}
    fields |= {"fraction": verdict.fraction, "unread": verdict.unread, "run": None}
    if "weights" in request:
        fields["run"] = running.problem(inbox / request["weights"], data)
    return fields


def train(inbox: Path, request: dict, source: Path) -> dict:
    """Train the network in the file `source`; return what it sees in the test images, before and after."""
    from grading.inside.trusted import rebuilding, training

    network = rebuilding.load(request["script"], source)
    images = np.load(inbox / request["images"], allow_pickle=False)
    problem = training.first_problem(network, images["probes"])
    if problem:
        return {"first_weights": problem}
    training.set_precision(request["precision"])
    test = images["test"][:TEST_IMAGES]
    before = training.predict(network, test)
    trained = training.train(network, images["train"], images["labels"], request["recipe"])
    after = training.predict(trained, test)
    return {"untrained": "".join(map(str, before)), "trained": "".join(map(str, after))}


def _limit_memory() -> None:
    """Limit memory so that a graph that takes too much ends reading, and not the whole sandbox."""
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, used + MEMORY))


def answer(inbox: Path, request: dict) -> dict:
    """Answer a request, with fields of Answer."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "network.npz")
        seconds = request["reading_seconds"]
        ended = forks.run(partial(read_graph, inbox, request, file), seconds)
        if ended.ended != "done":
            return _bad_end(ended, seconds)
        result = ended.result
        if "recipe" in request and file.is_file():
            ended = forks.run(partial(train, inbox, request, file), request["training_seconds"])
            result |= ended.result if ended.ended == "done" else {"training_stopped": ended.ended, "log": ended.log}
        return result


def _bad_end(ended: forks.Ended, seconds: float) -> dict:
    """Return what is reported of a graph with which reading did not finish."""
    if ended.ended == "timeout":
        return {"stopped": f"took longer than the {seconds:g} s allowed"}
    if ended.ended == "signal" or any(name in ended.log for name in OUT_OF_MEMORY):
        return {"stopped": f"took more than the {MEMORY // 2**30} GiB of memory allowed"}
    reason = ended.log.strip().rpartition("\n")[2][:200]
    return {"unread": f"it broke off ({reason})"}


def main() -> None:
    """Answer requests until there are no more."""
    forks.import_tensorflow()
    from grading.inside.trusted import rebuilding, training  # noqa: F401
    from labkit.checks.graph import judging  # noqa: F401, for all children to come, as TensorFlow

    for line in sys.stdin:
        reply = answer(Path(sys.argv[1]), json.loads(line))
        print(json.dumps({"format": FORMAT, **reply}), flush=True)


if __name__ == "__main__":
    main()
