"""ablation.csv, which compare.py writes and submit.py packs: what is read of it, and what is refused."""

import numpy as np
import pytest

from labkit.checks.records import BadRecord, read_ablation
from labkit.study import ablation
from tests.submissions.report_words import ACCURACIES

pytestmark = pytest.mark.submit

HEAD = "network,seed,dataset,steps,parameters,training_seconds,test_accuracy,errors\n"


def rows(accuracies, dataset="MNIST"):
    return HEAD + "".join(
        f"{script},{seed},{dataset},540,83466,51.3,{value},80\n"
        for script, values in accuracies.items()
        for seed, value in enumerate(values)
    )


TWO_SEEDS = {script: (value, round(value + 0.0004, 4)) for script, value in ACCURACIES.items()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ablation.csv"


def test_what_compare_py_writes_is_read(path):
    run = ablation.FinishedRun(
        network="model_no1",
        seed=3,
        record={
            "dataset": "MNIST",
            "steps": 540,
            "parameters": 12_857_994,
            "training_seconds": 91.4,
            "test_accuracy": 0.9871,
            "recipe": {"script_sha256": "0" * 64},
        },
        predictions=np.array([1, 2], np.uint8),
    )
    path.write_text(ablation._csv({"model_no1": [run]}, np.array([1, 2])), encoding="utf-8")
    assert read_ablation(path) == {"model_no1": (0.9871,)}


@pytest.mark.parametrize(
    "rewritten",
    [
        pytest.param(lambda text: text.encode(), id="as written"),
        pytest.param(lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(), id="by Excel"),
        pytest.param(lambda text: text.replace(",", ";").replace(".", ",").encode(), id="by Excel with decimal commas"),
    ],
)
def test_the_accuracies_of_each_network_are_read(rewritten, path):
    path.write_bytes(rewritten(rows(TWO_SEEDS)))
    assert read_ablation(path) == TWO_SEEDS


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b"", "has no run on MNIST", id="empty"),
        pytest.param(HEAD.encode(), "has no run on MNIST", id="no rows"),
        pytest.param(rows(TWO_SEEDS, "synthetic digits").encode(), "has no run on MNIST", id="synthetic digits"),
        pytest.param(b"\xff\xfe\x00" * 50, "is damaged", id="no text"),
        pytest.param(b"a,b\n1,2\n", "is damaged", id="another table"),
        pytest.param(rows({"model_no1": ["high"]}).encode(), "is damaged", id="no number"),
        pytest.param(rows({"model_no1": ["nan"]}).encode(), "a test accuracy of nan, which is none", id="nan"),
        pytest.param(rows({"model_no1": ["98.71"]}).encode(), "a test accuracy of 98.71, which is none", id="percent"),
        pytest.param(b"network,test_accuracy,dataset\n" + b'"' * 200_000, "ablation.csv", id="an endless field"),
        pytest.param(b"network,seed,dataset\nmodel_no1\n", "is damaged", id="a row cut short"),
    ],
)
def test_what_is_of_no_use_is_refused_with_the_reason(content, told, path):
    path.write_bytes(content)
    with pytest.raises(BadRecord, match=told):
        read_ablation(path)
