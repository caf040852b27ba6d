"""Imports one script and looks at its model, in a process that submit.py starts and may have to end.

    python -m grading.model_check model_no1 found.json

What it finds goes to the file as JSON: {"import": the problem or null, "shapes": [a line for each problem]}.
"""

import json
import sys
from pathlib import Path

from grading.importing import explain, import_script
from grading.tracing import shape_problems


def look_at(script):
    """What is wrong with a script in the working folder, as a dict that JSON can hold."""
    try:
        model = import_script(Path(f"{script}.py")).Model()
    except BaseException as error:  # whatever it raises, sys.exit included
        return {"import": explain(error, script), "shapes": []}
    return {"import": None, "shapes": architecture_problems(script, model)}


def architecture_problems(script, model):
    """What is wrong with a model, a line each: nothing where grading would find nothing, however the model is written.

    Else what tests/test_shapes.py says, which speaks of the lecture's variables; and what only grading looks at.
    """
    import tensorflow as tf

    from grading import graphs
    from grading.architecture import judge
    from grading.freezing import TESTING, TRAINING, Network, freeze
    from grading.reading import read

    tf.random.get_global_generator()  # as lab.read_data has made it, before a model is called
    network = Network(model)
    try:
        network(tf.zeros([2, 784]))  # makes the variables that Keras makes late
        nodes = graphs.parse(freeze(network, with_values=False).SerializeToString())
        testing, problems = read(graphs.build(nodes, TESTING), TESTING)
        training, _ = read(graphs.build(nodes, TRAINING), TRAINING)
    except Exception as error:  # the model's own, most often: a shape that does not fit
        return shape_problems(script, model) or [explain(error, script)]
    verdict = judge(script, testing, training, problems)
    return (shape_problems(script, model) or list(verdict.problems)) if verdict.problems else []


def main():
    """Looks at the script that the command line names first, and writes to the file that it names second."""
    script, destination = sys.argv[1], Path(sys.argv[2])
    destination.write_text(json.dumps(look_at(script)), encoding="utf-8")


if __name__ == "__main__":
    main()
