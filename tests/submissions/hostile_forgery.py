"""Scripts that claim what is not so: results, weights, and what TensorFlow, NumPy and the kit say."""

from tests.submissions import Case
from tests.submissions.attacks import IN_GRAPH, IN_MAIN, OPEN, forging, hostile
from tests.submissions.rewriting import REFERENCE, replaced

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

        for name in ("tensorflow", "numpy", "json", "lab", "os", "labkit.checks.graph.freezing"):
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
        IN_GRAPH,  # they are no weights of the layers that training changes
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

ATTACKS = [*RESULTS, *MONKEYPATCHES, *WEIGHTS]
