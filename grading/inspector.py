"""Looks at graphs for the grader: a trusted process in a sandbox of its own, where no student code ever runs.

    python -m grading.inspector INBOX

It answers requests about files in INBOX, a line of JSON for a line of JSON:

    {"script": "model_no1", "graph": "graph.pb", "whole": true, "seconds": 60}

with the verdict on the graph's layers, {"problems": [...], "remarks": [...], "fraction": 0.5, "layers": [...]}, or with
{"refused": why}. `whole` is false for the graph of a model that failed, which ends where that did. Given "images", a
file of them (.npy, uint8, (n, 784)), and "count", there is also a digit for each of the first `count`: "predictions".

Each request has a child of its own: whatever a graph does to TensorFlow, the next one is not touched.
"""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np

from grading import forks


def answer(inbox: Path, request: dict) -> dict:
    """Inspects one graph, and evaluates what was inspected."""
    from grading import graphs
    from grading.architecture import judge
    from grading.freezing import TESTING, TRAINING
    from grading.reading import plain_session, read

    try:
        nodes = graphs.parse((inbox / request["graph"]).read_bytes())
        graph = graphs.build(nodes, TESTING)
        testing, problems = read(graph, TESTING)
        training = None
        if request["whole"]:
            training, _ = read(graphs.build(nodes, TRAINING), TRAINING)
            problems += _output_problems(graph.get_tensor_by_name(f"{TESTING}:0"))
    except graphs.Refused as refusal:
        return {"refused": str(refusal)}
    verdict = judge(request["script"], testing, training, problems)
    found = {
        "problems": list(verdict.problems),
        "remarks": list(verdict.remarks),
        "fraction": verdict.fraction,
        "layers": [str(layer) for layer in verdict.layers],
    }
    if "images" in request and not verdict.problems:
        images = np.load(inbox / request["images"], allow_pickle=False)[: request["count"]]
        with plain_session(graph) as session:
            found["predictions"] = "".join(map(str, _predict(session, images)))
    return found


def _output_problems(output):
    if output.shape[1:] == [10] and output.dtype.is_floating:
        return []
    return [f"the model returns {output.dtype.name} of shape (N, {output.shape[1:]}), expected float32 (N, 10)"]


def _predict(session, images):
    """The digits, 0 to 9, that a graph sees in images (n, 784), uint8; NaN for a logit makes it a 0 at most."""
    from grading.freezing import BATCH, TESTING
    from grading.graphs import IMAGES

    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH]
        batch = np.zeros((BATCH, 784), np.float32)
        batch[: len(part)] = part * np.float32(1 / 255)
        yield from session.run(f"{TESTING}:0", {f"{IMAGES}:0": batch})[: len(part)].argmax(axis=1)


def main() -> None:
    """Answers requests until there are no more."""
    forks.import_tensorflow()
    from grading import architecture, reading  # noqa: F401, for all children to come, as TensorFlow

    for line in sys.stdin:
        request = json.loads(line)
        ended = forks.run(partial(answer, Path(sys.argv[1]), request), request["seconds"])
        print(
            json.dumps(ended.result if ended.ended == "done" else {"failed": f"{ended.ended} {ended.log}"}), flush=True
        )


if __name__ == "__main__":
    main()
