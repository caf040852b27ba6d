"""Scripts that claim what is not so: results, graphs, weights, and texts that are taken for something else.

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
    IN_MAIN,
    NOT_LEARNT,
    OPEN,
    attacked,
    forging,
    hostile,
)
from tests.submissions.rewriting import DEEP, REFERENCE, replaced

# The right network, under another name, and its frozen graph as the worker itself would make it.
RIGHT = REFERENCE["model_no1"]
RIGHT = RIGHT[RIGHT.index("class Model") : RIGHT.index("def main")].replace("class Model", "class Right")
FORGE = f"""
{RIGHT}

def forged_graph():
    from grading import freezing

    return freezing.freeze(freezing.Network(Right()), True).SerializeToString()

def overwrite():
    for name in os.listdir("/output"):
        attempt(lambda path=f"/output/{{name}}", data=forged_graph(): open(path, "wb").write(data))
"""
HELPERS = REFERENCE["model_no1"]
HELPERS = HELPERS[HELPERS.index("def weight_variable") : HELPERS.index("class Model")]
FORGED = '{"checks": [], "score": 100, "status": "passed", "steps": 20, "result": {"status": 0, "steps": 20}}'

RESULTS = [
    forging(
        "prints_a_perfect_score",
        "have what it prints believed",
        f"""
        print('{FORGED}')
        print("test accuracy 1.0000 (10,000 images, MNIST)")
        """,
    ),
    hostile(
        "prints_instead_of_training",
        "have the last line of a run believed",
        'print("test accuracy 0.9876 (10,000 images, MNIST)")\nreturn\n',
        IN_MAIN,
        at="main",
    ),
    forging(
        "forged_json",
        "leave the results that it would like",
        f"""
        for folder in ("/output", "/tmp", os.getcwd(), "/submission"):
            for name in ("result.json", "report.json", "run.json", "model_no1.json", "grades.csv"):
                attempt(lambda path=os.path.join(folder, name): open(path, "w").write('{FORGED}'))
        """,
        at="main",
    ),
    hostile(
        "forged_record",
        "tell whoever is at the other end of a pipe that all is well",
        f"""
        for number in range(1, 64):
            attempt(os.write, number, b'{FORGED}\\n')
        os._exit(0)
        """,
        IN_MAIN,
        at="main",
    ),
    forging(
        "hunts_through_its_callers",
        "find what the worker knows, and speak in its name",
        f"""
        import json

        frame, found = sys._getframe(), {{}}
        while frame:
            found.update(frame.f_locals)
            frame = frame.f_back
        record = json.loads('{FORGED}') | {{"nonce": found.get("nonce"), "script": "model_no1", "task": "run"}}
        for number in range(3, 64):
            attempt(os.write, number, json.dumps(record).encode())
        os._exit(0)
        """,
        at="main",
    ),
]

GRAPHS = [
    forging(
        "forged_graph",
        "put the right network's graph in the place of its own",
        HELPERS + FORGE + "overwrite()\n",
    ),
    forging(
        "forged_graph_later",
        "put it there when its own has been written",
        "from model_no1_forge import overwrite\n\noverwrite()\n",
        at="main",
        files={
            "model_no1_forge.py": "import math\nimport os\n\nimport tensorflow as tf\n\n"
            + "def attempt(function):\n    return function()\n\n\n"
            + HELPERS
            + FORGE
        },
    ),
    Case(
        "forged_graph_of_a_sister",
        "have a right script correct the wrong one's graph",
        "hostile",
        {
            "model_no1.py": DEEP,
            "model_no3.py": attacked(HELPERS + FORGE + "overwrite()\n", "import", REFERENCE["model_no3"]),
        },
        expect={"architecture/model_no1": "failed", "training/model_no1": "skipped", "*/model_no3": ANY},
    ),
    forging(
        "forged_graph_by_a_daemon",
        "wait until its own graph is there, and overwrite it",
        HELPERS
        + FORGE
        + """
data = attempt(forged_graph) or b""
if os.fork() == 0:
    import time

    os.setsid()
    while True:
        for name in attempt(os.listdir, "/output") or ():
            attempt(lambda path=f"/output/{name}": open(path, "wb").write(data))
        time.sleep(0.01)
""",
    ),
    hostile(
        "monkeypatched_serialisation",
        "have the worker itself write another graph",
        HELPERS
        + FORGE
        + """
data = attempt(forged_graph)
if data:
    class Forged:
        def SerializeToString(self, **_):
            return data

    from grading import freezing

    freezing.freeze = lambda *_, **__: Forged()
""",
        NOT_LEARNT,
        network=DEEP,
    ),
    hostile(
        "garbage_for_a_graph",
        "crash who reads the graph",
        """
        from grading import freezing

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

        from grading import freezing

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
        messages={"architecture/model_no1": "ReadFile"},
    ),
    hostile(
        "graph_that_lists_files",
        "have whoever runs the graph list a folder",
        'x = x + 0.0 * tf.cast(tf.size(tf.io.matching_files("/*")), tf.float32)\n',
        IN_GRAPH,
        at="call",
        messages={"architecture/model_no1": "MatchingFiles"},
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
        messages={"architecture/model_no1": "EagerPyFunc"},
    ),
    hostile(
        "graph_that_calls_numpy",
        "have NumPy decide what the logits are",
        "x = tf.ensure_shape(tf.numpy_function(lambda x: x, [x], tf.float32), [None, 784])\n",
        IN_GRAPH,
        at="call",
        messages={"architecture/model_no1": "PyFunc"},
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
        messages={"architecture/model_no1": "Timestamp"},
    ),
]


def two_faced(name: str, attempts: str, right: str, statuses: dict[str, str], tools: str = "") -> Case:
    """A model that is the ablation where `right` holds, and else the whole network, with weights of its own."""
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
NEVER_BOTH = {"run": "passed|failed", "architecture": "passed|failed", "training": "failed|skipped"}

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
        NEVER_BOTH,
        CALLS,
    ),
    two_faced(
        "right_until_trained",
        "train the whole network when the kit trains it",
        '"train_step" not in callers()',
        NEVER_BOTH,
        CALLERS,
    ),
    two_faced(
        "right_when_traced",
        "show the ablation to the worker's export only",
        '"freez" in callers()',
        NEVER_BOTH,
        CALLERS,
    ),
]

MONKEYPATCHES = [
    forging(
        "monkeypatched_tensorflow",
        "have TensorFlow find the layers of another network",
        """
        tf.TensorShape.__eq__ = lambda *_: True
        tf.Operation.type = property(lambda self: "Identity")
        tf.Graph.get_operations = lambda self: []
        tf.Graph.as_graph_def = lambda *_, **__: tf.compat.v1.GraphDef()
        """,
    ),
    hostile(
        "sabotaged_tensorflow",
        "make the networks of the others fail",
        """
        def fail(*_, **__):
            raise RuntimeError("sabotage")

        for module in (tf, tf.nn, tf.io, tf.compat.v1, tf.random):
            for name in dir(module):
                if callable(getattr(module, name)) and not isinstance(getattr(module, name), type):
                    attempt(setattr, module, name, fail)
        """,
        OPEN,
    ),
    forging(
        "monkeypatched_numpy",
        "have every prediction counted as right",
        """
        np.mean = lambda *_, **__: 0.9876
        np.argmax = lambda array, *_, **__: np.zeros(len(array), int)
        np.array_equal = np.allclose = lambda *_, **__: True
        np.load = np.save = lambda *_, **__: np.ones(10)
        """,
    ),
    forging(
        "monkeypatched_json",
        "have everything that is reported say that all is well",
        f"""
        import json

        write = os.write
        json.dumps = lambda *_, **__: '{FORGED}'
        json.dump = lambda _, file, **__: file.write('{FORGED}')
        os.write = lambda number, data: write(number, b'{FORGED}') and len(data)
        """,
    ),
    forging(
        "monkeypatched_kit",
        "have the kit train and test as it likes",
        """
        import lab

        lab.Run.test = lambda self: np.zeros(10000, np.uint8)
        lab.Run.rounds = lambda self: iter(())
        lab.Run._record = lambda self: {"test_accuracy": 1.0}
        lab.Run.finish = lambda self: print("test accuracy 0.9999 (10,000 images, MNIST)")
        """,
    ),
    hostile(
        "replaced_modules",
        "have others import what it puts in their place",
        """
        import types

        class Nothing(types.ModuleType):
            def __getattr__(self, name):
                return lambda *_, **__: self

        for name in ("tensorflow", "numpy", "json", "lab", "os", "grading.freezing"):
            sys.modules[name] = Nothing(name)
        """,
        OPEN,
    ),
    hostile(
        "replaced_streams",
        "have whatever is printed swallowed or answered",
        """
        class Deaf:
            def __getattr__(self, name):
                return lambda *_, **__: 0

        sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = Deaf()
        os.closerange(0, 64)
        """,
        OPEN,
    ),
    hostile(
        "replaced_builtins",
        "have the worker's own words mean something else",
        """
        import builtins

        builtins.len = lambda _: 20
        builtins.open = builtins.print = builtins.isinstance = lambda *_, **__: True
        """,
        OPEN,
    ),
    forging(
        "always_equal",
        "be equal to whatever is expected",
        """
        class Anything(str):
            __eq__ = __ge__ = __le__ = __contains__ = lambda *_: True
            __ne__ = lambda *_: False
            __hash__ = str.__hash__
            __getattr__ = lambda self, _: self
            __call__ = lambda self, *_, **__: self

        type.__setattr__(tf.Variable, "shape", property(lambda self: Anything()))
        __name__ = Anything(__name__)
        """,
    ),
    hostile(
        "logits_that_are_always_equal",
        "return something of any shape",
        """
        class Shape(tuple):
            __eq__ = lambda *_: True
            __hash__ = tuple.__hash__

        class Logits:
            shape, dtype, graph, name = Shape((2, 10)), tf.float32, None, "output"
            __getitem__ = __add__ = __mul__ = __eq__ = lambda self, *_: self

        return Logits()
        """,
        {"run": "failed", "architecture": "failed|skipped", "training": "skipped"},
        at="call",
    ),
]

# Class means of MNIST, as 7x7 pixels from 0 to 9: a network that compares images with them is right for 72%.
MEANS = """
0000000005895003988810683582078487106998300012000
0000000001661000196100019500004920001582000012000
0012200027983002568400258830059986205876510000000
0000000038983002688300179930034484015898300133100
0000000014464102858400598940047882000265100013200
0000000014776202886420288720035583005887200033100
0014510004861001774200298861039896101898200000000
0000000024552015999500245930012881000484000156200
0000000015985102889610189930028872003897100145200
0000000003872003989400498930026881000375100035410
"""
KNOWS = f"""
        means = np.array([list(map(int, row)) for row in '''{MEANS}'''.split()]) / 9  # (10, 49)
        first, second, last = (np.zeros(W.shape) for W in (self.W_conv1, self.W_conv2, self.W_fc2))
        first[2, 2, 0, 0] = second[2, 2, 0, 0] = 1  # hands the image on
        last.reshape(7, 7, 64, 10)[:, :, 0, :] = means.T.reshape(7, 7, 10)
        self.W_conv1, self.b_conv1 = tf.Variable(first.astype("f")), tf.Variable(tf.zeros(32))
        self.W_conv2, self.b_conv2 = tf.Variable(second.astype("f")), tf.Variable(tf.zeros(64))
        self.W_fc2, self.b_fc2 = tf.Variable(last.astype("f")), tf.Variable((means**2).sum(1).astype("f") / -2)
"""

WEIGHTS = [
    hostile(
        "weights_that_never_change",
        "have its first weights tested, whatever the training does",
        """
        for name in ("W_conv2", "b_conv2", "W_fc1", "b_fc1", "W_fc2"):
            variables = self.__dict__.setdefault("variables_behind", {})
            variables.setdefault(name, getattr(self, name))
            object.__setattr__(self, name, tf.stop_gradient(variables[name]))
        """,
        NOT_LEARNT,
        at="call",
    ),
    Case(
        "weights_that_know_the_digits",
        "start from weights that were made from MNIST",
        "hostile",
        {"model_no3.py": replaced(REFERENCE["model_no3"], ("        self.b_fc2 = bias_variable([10])\n", KNOWS[1:]))},
        expect={"training/model_no3": "failed", "report/accuracies": "passed|failed"},
    ),
    hostile(
        "images_for_weights",
        "compare with stored images instead of learning",
        """
        stored = np.random.default_rng(0).random((784, 2000), np.float32)
        digits = np.eye(10, dtype=np.float32)[np.arange(2000) % 10]
        logits = tf.nn.softmax(100.0 * (x @ stored)) @ digits
        return logits + 0.0 * (self.b_fc2 + tf.reduce_sum(self.W_conv2))
        """,
        IN_GRAPH,
        at="call",
    ),
]

ATTACKS = [*RESULTS, *GRAPHS, *FILES_IN_GRAPHS, *TWO_FACED, *MONKEYPATCHES, *WEIGHTS]
