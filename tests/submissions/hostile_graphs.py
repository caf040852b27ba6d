"""Scripts whose graphs are not those of their networks, or do something when they are read or run.

A script shares its process with the code that traces and trains its Model, so it can always hand over another graph
than that of its Model; then it is judged by that graph, which has to be right and to learn. Whoever writes the right
network for that has solved the assignment.
"""

from tests.submissions import Case
from tests.submissions.attacks import (
    ANY,
    CANARY,
    HARMLESS,
    IN_GRAPH,
    TOOLS,
    attacked,
    forging,
    hostile,
)
from tests.submissions.rewriting import DEEP, REFERENCE, replaced

# Makes the graph of the right network, as the worker itself would.
FORGER = {
    "forger.py": f"""
{TOOLS}
from model_right import Model

def forged_graph():
    from labkit.checks.graph import freezing

    return freezing.freeze(freezing.CallableModel(Model())).SerializeToString()

def overwrite():
    for name in os.listdir("/output"):
        attempt(lambda path=f"/output/{{name}}", data=forged_graph(): open(path, "wb").write(data))
""",
    "model_right.py": REFERENCE["model_no1"],
}

GRAPHS = [
    forging(
        "forged_graph",
        "put the right network's graph in the place of its own",
        "from forger import overwrite\n\noverwrite()\n",
        files=FORGER,
    ),
    forging(
        "forged_graph_later",
        "put it there when there is something to put it over",
        "from forger import overwrite\n\noverwrite()\n",
        at="end",
        files=FORGER,
    ),
    forging(
        "forged_graph_by_a_daemon",
        "wait until its own graph is there, and overwrite it",
        """
        from forger import forged_graph

        data = attempt(forged_graph) or b""
        if os.fork() == 0:
            import time

            os.setsid()
            while True:
                for name in attempt(os.listdir, "/output") or ():
                    attempt(lambda path=f"/output/{name}": open(path, "wb").write(data))
                time.sleep(0.01)
        """,
        files=FORGER,
    ),
    Case(
        "forged_graph_of_a_sister",
        "have a right script correct the wrong one's graph",
        "hostile",
        {
            "model_no1.py": DEEP,
            "model_no3.py": attacked("from forger import overwrite\n\noverwrite()\n", "end", REFERENCE["model_no3"]),
            **FORGER,
        },
        expect={"architecture/model_no1": "failed", "training/model_no1": "skipped", "*/model_no3": ANY},
    ),
    hostile(
        "monkeypatched_serialisation",
        "have the worker itself write another graph",
        """
        from forger import forged_graph
        from labkit.checks.graph import freezing

        class Forged:
            data = forged_graph()

            def SerializeToString(self, **_):
                return self.data

        freezing.freeze = lambda *_, **__: Forged()
        """,
        {"run": "passed|failed", "architecture": "passed|failed", "training": ANY},  # it is as if that were handed in
        network=DEEP,
        files=FORGER,
    ),
    hostile(
        "garbage_for_a_graph",
        "crash who reads the graph",
        """
        from labkit.checks.graph import freezing

        class Garbage:
            def SerializeToString(self, **_):
                return bytes(range(256)) * 10**4

        freezing.freeze = lambda *_, **__: Garbage()
        """,
        IN_GRAPH,
    ),
    hostile(
        "pickle_for_a_graph",
        "have the grader unpickle what runs a command",
        f"""
        import pickle

        from labkit.checks.graph import freezing

        class Command:
            def __reduce__(self):
                return os.system, ("touch /tmp/{CANARY}",)

        class Pickled:
            def SerializeToString(self, **_):
                return pickle.dumps(Command())

        freezing.freeze = lambda *_, **__: Pickled()
        """,
        IN_GRAPH,
    ),
    hostile(
        "pickle_for_an_array",
        "have the grader load an array that runs a command",
        f"""
        class Command:
            def __reduce__(self):
                return os.system, ("touch /tmp/{CANARY}",)

        for folder in ("/output", str(run.folder)):
            for name in ("predictions.npy", "weights.npy", "model_no1.npy"):
                array = np.array([Command()], dtype=object)
                attempt(lambda path=os.path.join(folder, name): np.save(path, array, allow_pickle=True))
        """,
        HARMLESS,
        at="end",
    ),
]

FILES_IN_GRAPHS = [
    hostile(
        "graph_that_reads_a_file",
        "have whoever runs the graph read a file",
        'x = x + 0.0 * tf.cast(tf.strings.length(tf.io.read_file("/proc/self/status")), tf.float32)\n',
        IN_GRAPH,
        at="call",
        messages={"architecture": "ReadFile"},
    ),
    hostile(
        "graph_that_lists_files",
        "have whoever runs the graph list a folder",
        'x = x + 0.0 * tf.cast(tf.size(tf.io.matching_files("/*")), tf.float32)\n',
        IN_GRAPH,
        at="call",
        messages={"architecture": "MatchingFiles"},
    ),
    hostile(
        "graph_that_writes_a_file",
        "have whoever runs the graph write a file, besides",
        f"""
        with tf.control_dependencies([tf.io.write_file("/tmp/{CANARY}", "I was here")]):
            x = tf.identity(x)
        """,
        {"architecture": "passed|failed", "training": ANY},
        at="call",
    ),
    hostile(
        "graph_that_prints_to_a_file",
        "have whoever runs the graph write a file, by printing",
        f'tf.print(tf.shape(x), output_stream="file:///tmp/{CANARY}")\n',
        {"architecture": "passed|failed", "training": ANY},
        at="call",
    ),
    hostile(
        "graph_that_calls_python",
        "have whoever runs the graph run its code",
        f"""
        def call(x):
            open("/tmp/{CANARY}", "w").close()
            return x

        x = tf.ensure_shape(tf.py_function(call, [x], tf.float32), [None, 784])
        """,
        IN_GRAPH,
        at="call",
        messages={"architecture": "EagerPyFunc"},
    ),
    hostile(
        "graph_that_calls_numpy",
        "have NumPy decide what the logits are",
        "x = tf.ensure_shape(tf.numpy_function(lambda x: x, [x], tf.float32), [None, 784])\n",
        IN_GRAPH,
        at="call",
        messages={"architecture": "PyFunc"},
    ),
    hostile(
        "graph_with_a_queue",
        "have whoever runs the graph wait for what never comes",
        """
        if not tf.executing_eagerly():
            x = x + tf.raw_ops.QueueDequeueV2(
                handle=tf.raw_ops.FIFOQueueV2(component_types=[tf.float32], shapes=[[784]]),
                component_types=[tf.float32],
            )[0]
        """,
        IN_GRAPH,
        at="call",
    ),
    hostile(
        "graph_with_a_clock",
        "be another network tomorrow",
        "x = x * tf.cast(tf.timestamp() > 0, tf.float32)\n",
        IN_GRAPH,
        at="call",
        messages={"architecture": "Timestamp"},
    ),
]


def two_faced(name: str, attempts: str, right: str, statuses: dict[str, str], tools: str = "") -> Case:
    """Make a model that is the ablation where `right` holds, and else the whole network, with weights of its own."""
    text = replaced(
        REFERENCE["model_no1"],
        ("class Model(tf.Module):", f"{tools}class Model(tf.Module):"),
        ("import plotter\n", "import plotter\nfrom whole import Model as Whole\n"),
        ("        super().__init__()\n", "        super().__init__()\n        self.whole = Whole()\n"),
    )
    code = f"if not ({right}):\n    return self.whole(x, keep_prob)\n"
    return hostile(name, attempts, code, statuses, "call", text, {"whole.py": DEEP})


CALLS = "CALLS = []\n\n\n"
CALLERS = """def callers():
    import traceback

    return " ".join(f"{frame.filename} {frame.name}" for frame in traceback.extract_stack())


"""
# What is read is what is trained and tested: who shows the ablation to the export has handed it in.
SHOWN = {"run": "passed|failed", "architecture": "passed|failed", "training": ANY}

TWO_FACED = [
    two_faced(
        "whole_network_when_training",
        "train another network than the one that is tested",
        "keep_prob == 1.0",
        IN_GRAPH,
    ),
    two_faced("whole_network_when_testing", "test another network than the one trained", "keep_prob != 1.0", IN_GRAPH),
    two_faced(
        "right_when_called_by_hand",
        "show the ablation outside of graphs only",
        "tf.executing_eagerly()",
        IN_GRAPH,
    ),
    two_faced(
        "right_at_first",
        "show the ablation to the first who ask, and train the whole network",
        "CALLS.append(x) or len(CALLS) < 4",
        SHOWN,
        CALLS,
    ),
    two_faced(
        "right_until_trained",
        "train the whole network when the kit trains it",
        '"train_step" not in callers()',
        SHOWN,
        CALLERS,
    ),
    two_faced(
        "right_when_traced",
        "show the ablation to the worker's export only",
        '"freez" in callers()',
        SHOWN,
        CALLERS,
    ),
]

ATTACKS = [*GRAPHS, *FILES_IN_GRAPHS, *TWO_FACED]
