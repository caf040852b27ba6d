"""Placing the accuracies that a report states: the ways in which students state them."""

import pytest

from labkit.checks.assignment import load_assignment
from labkit.checks.check import MOST_VALUES, Status
from labkit.checks.report.accuracies import NETWORKS, find_accuracies
from labkit.checks.report.reader import find_all
from labkit.checks.report.rules import ReportContent, judge
from tests.submissions.report_pdf import make_report
from tests.submissions.report_words import ACCURACIES
from tests.support.tracing import ROOT

pytestmark = pytest.mark.submit

STATED = {"deep_mnist": 0.9920, "model_no1": 0.9871, "model_no2": 0.9872, "model_no3": 0.9898}
AROUND = (
    "In no. 1 the second convolution sees the image itself.\n4 Results\n{}\nEach removal costs accuracy.\n5 Discussion"
)

ROWS = {  # label of the full network and of the others, as a table's rows begin
    "no.": ("full", "no. 1", "no. 2", "no. 3"),
    "scripts": ("deep_mnist.py", "model_no1.py", "model_no2.py", "model_no3.py"),
    "No.": ("Full", "No.1", "No.2", "No.3"),
    "removed layers": ("full CNN", "without conv1", "without conv2", "without fc1"),
    "minus": (
        "baseline",
        "\N{EN DASH} first convolution",
        "\N{EN DASH} second convolution",
        "\N{EN DASH} fully connected",
    ),
    "original": ("Original", "Model 1", "Model 2", "Model 3"),
    "ordinals": ("none removed", "first layer removed", "second layer removed", "third layer removed"),
    "Italian": ("rete completa", "modello 1", "modello 2", "modello 3"),
    "Italian numbers": ("completa", "n° 1", "n° 2", "n° 3"),
    "German": ("vollständiges Netz", "Netz 1", "Netz 2", "Netz 3"),
    "Spanish": ("red completa", "modelo 1", "modelo 2", "modelo 3"),
    "with a dash behind": ("Full network \N{EN DASH}", "No. 1 \N{EN DASH}", "No. 2 -", "No. 3 \N{EM DASH}"),
    "M": ("M0", "M1", "M2", "M3"),
    "Roman": ("Full", "Model I", "Model II", "Model III"),
    "words": ("Full", "Model one", "Model two", "Model three"),
    "hash": ("Full", "#1", "#2", "#3"),
    "letters with what they lack": ("Full", "Network A (no conv1)", "Network B (no conv2)", "Network C (no FC)"),
    "CNN": ("CNN", "CNN-1", "CNN-2", "CNN-3"),
    "without layer": (
        "convolutional neural network with all the layers",
        "convolutional neural network without layer 1",
        "convolutional neural network without layer 2",
        "convolutional neural network without layer 3",
    ),
}
NUMBERS = {  # heads, and how an accuracy of 0.9871 is stated below them
    "percent": ("network test accuracy, %", lambda value: f"{value:.2%}"[:-1]),
    "percent sign": ("network test accuracy", lambda value: f"{value:.2%}"),
    "percent with a space": ("network accuracy", lambda value: f"{value * 100:.2f} %"),
    "decimal comma": ("rete accuratezza", lambda value: f"{value * 100:.2f} %".replace(".", ",")),
    "fraction": ("network test accuracy", lambda value: f"{value:.4f}"),
    "fraction without a zero": ("network test accuracy", lambda value: f"{value:.4f}"[1:]),
    "interval without a zero": (
        "network accuracy (95% CI)",
        lambda value: f"{value:.4f} [{value - 0.003:.4f}, {value + 0.002:.4f}]".replace("0.", "."),
    ),
    "spread": ("network test accuracy, %", lambda value: f"{value * 100:.2f} ± 0.07"),
    "interval": ("network accuracy (95% CI)", lambda value: f"{value * 100:.2f} ({value * 100 - 0.3:.2f} to 99.95)"),
    "error": ("network test error", lambda value: f"{100 - value * 100:.2f} %"),
    "count": ("network right of 10,000", lambda value: f"{value * 10_000:,.0f}"),
    "count of": ("network right", lambda value: f"{value * 10_000:.0f}/10000"),
    "training and test": ("network training accuracy test accuracy", lambda v: f"{(1 + v) / 2:.4f} {v:.4f}"),
    "seeds": ("network seed 0 seed 1 mean", lambda v: f"{v * 100 - 0.05:.2f} {v * 100 + 0.05:.2f} {v * 100:.2f}"),
    "seeds alone": ("network seed 0 seed 1", lambda value: f"{value * 100 - 0.05:.2f} {value * 100 + 0.05:.2f}"),
    "parameters and seconds": ("network parameters time, s accuracy", lambda value: f"83.466 91.30 {value * 100:.2f}"),
}


def found(text):
    return find_accuracies(AROUND.format(text)).placed


@pytest.mark.parametrize("how", NUMBERS)
@pytest.mark.parametrize("names", ROWS)
def test_rows_of_a_table_are_read_however_they_are_called_and_stated(names, how):
    head, state = NUMBERS[how]
    rows = [f"{label} {state(value)}" for label, value in zip(ROWS[names], STATED.values(), strict=True)]
    for order in (rows, [*rows[1:], rows[0]]):
        assert found("\n".join([head, *order])) == {network: [value] for network, value in STATED.items()}


WAYS = [
    pytest.param(
        "The full model reaches an accuracy of 99.20%, whereas removing the first "
        "convolutional layer lowers it to 98.71%, removing the second one\n"
        "to 98.72% and removing the fully connected layer to 98.98%.\n",
        id="abstract",
    ),
    pytest.param(
        "• Full network: 99.20%\n"
        "• Without first convolutional layer: 98.71%\n"
        "• Without second convolutional layer: 98.72%\n"
        "• Without fully connected layer: 98.98%\n",
        id="bullets",
    ),
    pytest.param(
        "The accuracies of the full network, model 1, model 2 and model 3 are 99.20%, "
        "98.71%, 98.72% and 98.98%, respectively.\n",
        id="respectively",
    ),
    pytest.param(
        "Model Params Acc.\n"
        "Baseline (conv1+conv2+fc1) 3,274,634 0.9920\n"
        "No conv1 12,857,994 0.9871\n"
        "No conv2 6,434,634 0.9872\n"
        "No fc1 83,466 0.9898\n",
        id="conv names",
    ),
    pytest.param(
        "rete parametri accuratezza sul test, % tempo, s\n"
        "rete completa 3.274.634 99,20 51,30\n"
        "senza primo strato convoluzionale 12.857.994 98,71 91,47\n"
        "senza secondo strato convoluzionale 6.434.634 98,72 85,56\n"
        "senza strato completamente connesso 83.466 98,98 44,1\n",
        id="it table",
    ),
    pytest.param(
        "network parameters training, s seeds test accuracy on MNIST, % (95% CI) "
        "difference, points (95% CI) significant\n"
        "full (deep_mnist) 3,274,634 51.30 2 99.20 (99.12 to 99.26)\n"
        "no. 1 (model_no1) 12,857,994 91.47 2 98.71 (98.70 to 98.84) \N{MINUS SIGN}0.42 (\N{MINUS SIGN}0.52 to "
        "\N{MINUS SIGN}0.32) p = 0.991\n"
        "no. 2 (model_no2) 6,434,634 85.56 2 98.72 (98.66 to 98.82) \N{MINUS SIGN}0.45 (\N{MINUS SIGN}0.55 to "
        "\N{MINUS SIGN}0.35) p = 0.981\n"
        "no. 3 (model_no3) 83,466 80.1 2 98.98 (98.90 to 99.08) "
        "\N{MINUS SIGN}0.20 (\N{MINUS SIGN}0.30 to \N{MINUS SIGN}0.10) p "
        "= 0.971\n",
        id="it quick",
    ),
    pytest.param(
        "architecture accuracy\n"
        "All layers 0.9920\n"
        "First conv layer removed 0.9871\n"
        "Second conv layer removed 0.9872\n"
        "FC layer removed 0.9898\n",
        id="layers gone",
    ),
    pytest.param(
        "Experiment 0 (original): 99.20 %\nExperiment 1: 98.71 %\nExperiment 2: 98.72 %\nExperiment 3: 98.98 %\n",
        id="exp n",
    ),
    pytest.param(
        "full: acc = 0.9920, loss = 0.5312\n"
        "model_no1: acc = 0.9871, loss = 0.5411\n"
        "model_no2: acc = 0.9872, loss = 0.5422\n"
        "model_no3: acc = 0.9898, loss = 0.5333\n",
        id="acc=",
    ),
    pytest.param(
        "$ python deep_mnist.py\n"
        "test accuracy 0.9920 (10,000 images, MNIST)\n"
        "$ python model_no1.py\n"
        "test accuracy 0.9871 (10,000 images, MNIST)\n"
        "$ python model_no2.py\n"
        "test accuracy 0.9872 (10,000 images, MNIST)\n"
        "$ python model_no3.py\n"
        "test accuracy 0.9898 (10,000 images, MNIST)\n",
        id="script out",
    ),
    pytest.param(
        "4.1 Full network\n"
        "The test accuracy is 99.20%.\n"
        "4.2 Model no. 1\n"
        "The test accuracy is 98.71%.\n"
        "4.3 Model no. 2\n"
        "The test accuracy is 98.72%.\n"
        "4.4 Model no. 3\n"
        "The test accuracy is 98.98%.\n",
        id="sections",
    ),
    pytest.param(
        "Network mean std min max\n"
        "full 99.20 0.05 99.12 99.25\n"
        "no. 1 98.71 0.06 98.60 98.80\n"
        "no. 2 98.72 0.04 98.65 98.79\n"
        "no. 3 98.98 0.05 98.91 99.05\n",
        id="mean std",
    ),
    pytest.param(
        "full 99.20 (0.05)\nno. 1 98.71 (0.06)\nno. 2 98.72 (0.04)\nno. 3 98.98 (0.05)\n",
        id="pm paren",
    ),
    pytest.param(
        "Full CNN 99.20 [99.10, 99.30]\n"
        "Model 1 98.71 [98.60, 98.80]\n"
        "Model 2 98.72 [98.6, 98.8]\n"
        "Model 3 98.98 [98.9, 99.1]\n",
        id="interval br",
    ),
    pytest.param(
        "network accuracy error\nfull 99.20% 0.80%\nno. 1 98.71% 1.29%\nno. 2 98.72% 1.28%\nno. 3 98.98% 1.02%\n",
        id="acc+err",
    ),
    pytest.param(
        "network validation test\nfull 99.30 99.20\nno. 1 98.90 98.71\nno. 2 98.95 98.72\nno. 3 99.05 98.98\n",
        id="valid test",
    ),
    pytest.param(
        "Model Train acc. Val. acc. Test acc.\n"
        "Full 0.9998 0.9930 0.9920\n"
        "No. 1 0.9991 0.9890 0.9871\n"
        "No. 2 0.9993 0.9895 0.9872\n"
        "No. 3 0.9952 0.9905 0.9898\n",
        id="train/val/test",
    ),
    pytest.param(
        "Modell Genauigkeit\n"
        "Vollständiges Netz 99,20 %\n"
        "Ohne erste Faltung 98,71 %\n"
        "Ohne zweite Faltung 98,72 %\n"
        "Ohne vollverbundene Schicht 98,98 %\n",
        id="de",
    ),
    pytest.param(
        "modèle précision\nréseau complet 99,20 %\nmodèle 1 98,71 %\nmodèle 2 98,72 %\nmodèle 3 98,98 %\n",
        id="fr",
    ),
    pytest.param(
        "red exactitud\nred completa 99,20 %\nmodelo 1 98,71 %\nmodelo 2 98,72 %\nmodelo 3 98,98 %\n",
        id="es",
    ),
    pytest.param(
        "full no. 1 no. 2 no. 3\n"
        "parameters 3,274,634 12,857,994 6,434,634 83,466\n"
        "time, s 51.3 91.4 85.6 44.1\n"
        "test accuracy 99.20 98.71 98.72 98.98\n"
        "difference 0 \N{MINUS SIGN}0.49 \N{MINUS SIGN}0.48 \N{MINUS SIGN}0.22\n",
        id="transposed mean",
    ),
    pytest.param(
        "seed full no. 1 no. 2 no. 3\n"
        "0 99.14 98.65 98.66 98.92\n"
        "1 99.22 98.73 98.74 99.00\n"
        "2 99.24 98.75 98.76 99.02\n"
        "mean 99.20 98.71 98.72 98.98\n",
        id="seeds cols T",
    ),
    pytest.param(
        "Full network (two convolutions, a fully connected\n"
        "layer with dropout) 99.20\n"
        "No. 1 (without the first convolution) 98.71\n"
        "No. 2 (without the second convolution) 98.72\n"
        "No. 3 (without the fully connected layer) 98.98\n",
        id="wrapped row",
    ),
    pytest.param(
        "The full network reaches 96.5% after 100 steps, 98.9% after 300 and 99.20% at "
        "the end.\n"
        "network accuracy\n"
        "full 99.20\n"
        "no. 1 98.71\n"
        "no. 2 98.72\n"
        "no. 3 98.98\n",
        id="steps prose",
    ),
    pytest.param(
        "The full network (99.20%) is better than no. 1 (98.71%), no. 2 (98.72%) and no. 3 (98.98%).\n",
        id="parenthes",
    ),
    pytest.param(
        "Compared with the full network (99.20%), model 1 loses 0.49 points (98.71%), "
        "model 2 0.48 points (98.72%), model 3 0.22 points (98.98%).\n",
        id="drops",
    ),
    pytest.param(
        "The error rate is 0.80% for the full network, 1.29% for no. 1, 1.28% for no. 2 and 1.02% for no. 3.\n",
        id="errors prose",
    ),
    pytest.param(
        "full 9920/10000\nno. 1 9871/10000\nno. 2 9872/10000\nno. 3 9898/10000\n",
        id="out of",
    ),
    pytest.param(
        "network\n"
        "parameters\n"
        "test accuracy, %\n"
        "full\n"
        "3,274,634\n"
        "99.20\n"
        "no. 1\n"
        "12,857,994\n"
        "98.71\n"
        "no. 2\n"
        "6,434,634\n"
        "98.72\n"
        "no. 3\n"
        "83,466\n"
        "98.98\n",
        id="cells",
    ),
    pytest.param(
        "| network | accuracy |\n"
        "|---|---|\n"
        "| full | 99.20 |\n"
        "| no. 1 | 98.71 |\n"
        "| no. 2 | 98.72 |\n"
        "| no. 3 | 98.98 |\n",
        id="pipes",
    ),
    pytest.param(
        "CNN 99.20\nCNN - conv1 98.71\nCNN - conv2 98.72\nCNN - fc 98.98\n",
        id="CNN conv",
    ),
    pytest.param(
        "Ablation 1 removes the first convolution: 98.71%. Ablation 2 removes the second "
        "convolution: 98.72%. Ablation 3 removes the fully connected layer: 98.98%. "
        "Without ablation, the network has 99.20%.\n",
        id="ablation n",
    ),
    pytest.param(
        "model_1 98.71\nmodel_2 98.72\nmodel_3 98.98\nmodel_0 99.20\n",
        id="no_1",
    ),
    pytest.param(
        "完整网络 99.20%\n模型1 98.71%\n模型2 98.72%\n模型3 98.98%\n",
        id="zh",
    ),
    pytest.param(
        "The lecture says that the network reaches 99.2%. LeCun's had 99.05%.\n"
        "full 99.20\n"
        "no. 1 98.71\n"
        "no. 2 98.72\n"
        "no. 3 98.98\n",
        id="lecture ref",
    ),
    pytest.param(
        "Model Test accuracy Gap to full\nFull 99.20% -\nNo. 1 98.71% -0.49\nNo. 2 98.72% -0.48\nNo. 3 98.98% -0.22\n",
        id="gap",
    ),
    pytest.param(
        "Deep MNIST 99.20\nNo Conv1 98.71\nNo Conv2 98.72\nNo FC1 98.98\n",
        id="ours",
    ),
    pytest.param(
        "Removed layer Accuracy\nNone 99.20\nConvolution 1 98.71\nConvolution 2 98.72\nFully connected 98.98\n",
        id="one layer",
    ),
    pytest.param(
        "Removed Test accuracy\n- 99.20\nconv1 98.71\nconv2 98.72\nfc1 98.98\n",
        id="removed col",
    ),
    pytest.param(
        "network parameters time accuracy (test) accuracy (train)\n"
        "full 3274634 51.3 99.20 99.98\n"
        "no. 1 12857994 91.4 98.71 99.9\n"
        "no. 2 6434634 85.5 98.72 99.9\n"
        "no. 3 83466 44.1 98.98 99.5\n",
        id="wide train",
    ),
    pytest.param(
        "The results were: full network \N{EN DASH} 99.20%, no. 1 \N{EN DASH} 98.71%, no. 2 \N{EN DASH} 98.72%, no. "
        "3 \N{EN DASH} 98.98%.",
        id="dashes in a sentence",
    ),
    pytest.param(
        "Network Removed Accuracy\nfull - 99.20%\nno. 1 conv1 98.71%\nno. 2 conv2 98.72%\nno. 3 fc1 98.98%",
        id="nothing removed",
    ),
    pytest.param(
        "Network Change Accuracy\n"
        "full - 99.20\n"
        "no. 1 \N{MINUS SIGN}0.49 98.71\n"
        "no. 2 \N{MINUS SIGN}0.48 98.72\n"
        "no. 3 \N{MINUS SIGN}0.22 98.98",
        id="no change",
    ),
    pytest.param(
        "Network Lecture Mine\nfull 99.2% 99.20%\nno. 1 - 98.71%\nno. 2 - 98.72%\nno. 3 - 98.98%",
        id="not in the lecture",
    ),
    pytest.param(
        "full\n-\n99.20\nno. 1\n-0.49\n98.71\nno. 2\n-0.48\n98.72\nno. 3\n-0.22\n98.98", id="cells with an empty one"
    ),
    pytest.param("full 99.20\nno. 1 98.71 - 0.95\nno. 2 98.72 - 0.94\nno. 3 98.98 - 0.92", id="differences with room"),
    pytest.param(
        "Network Misclassified images (of 10,000)\nfull 80\nno. 1 129\nno. 2 128\nno. 3 102", id="misclassified images"
    ),
    pytest.param(
        "Network Misclassified (of the 10,000 test images)\nfull 80\nno. 1 129\nno. 2 128\nno. 3 102",
        id="misclassified",
    ),
    pytest.param("Network Test errors (of 10,000)\nfull 80\nno. 1 129\nno. 2 128\nno. 3 102", id="test errors"),
    pytest.param("Network Wrong, of 10 000\nfull 80\nno. 1 129\nno. 2 128\nno. 3 102", id="wrong"),
    pytest.param("Network Images not recognised\nfull 80\nno. 1 129\nno. 2 128\nno. 3 102", id="not recognised"),
    pytest.param("Network Wrong, %\nfull 0.80\nno. 1 1.29\nno. 2 1.28\nno. 3 1.02", id="wrong in percent"),
    pytest.param("full no. 1 no. 2 no. 3\nerrors (of 10,000) 80 129 128 102", id="errors in a line"),
    pytest.param(
        "Full: 80/10000 wrong\nNo. 1: 129/10000 wrong\nNo. 2: 128/10000 wrong\nNo. 3: 102/10000 wrong", id="parts wrong"
    ),
    pytest.param(
        "Network Errors\nfull 80 of 10,000\nno. 1 129 of 10,000\nno. 2 128 of 10,000\nno. 3 102 of 10,000",
        id="parts below a head",
    ),
    pytest.param("Full: 80 wrong\nNo. 1: 129 wrong\nNo. 2: 128 wrong\nNo. 3: 102 wrong", id="so many wrong"),
    pytest.param(
        "The full network misreads 80 of the 10,000 test images, no. 1 129, no. 2 128 and no. 3 102.", id="misreads"
    ),
    pytest.param(
        "The full network gets 80 test images wrong, no. 1 gets 129 wrong, no. 2 128 and no. 3 102.", id="gets wrong"
    ),
    pytest.param(
        "The full network classifies 9920 of the 10000 test images correctly, model 1 9871, model 2 9872 and model "
        "3 9898.",
        id="gets right",
    ),
    pytest.param("model_no1 98.71%, model_no2 98.72%, model_no3 98.98%, deep_mnist 99.20%", id="one line"),
    pytest.param("Mfull: 99.20%  M1: 98.71%  M2: 98.72%  M3: 98.98%", id="M in a line"),
    pytest.param("Figure 3: accuracies (Full 0.992, No1 0.9871, No2 0.9872, No3 0.9898)", id="caption"),
    pytest.param("DeepMNIST 99.20%\nModelNo1 98.71%\nModelNo2 98.72%\nModelNo3 98.98%", id="names in one word"),
    pytest.param("Deep 99.20%\nNo conv 1 98.71%\nNo conv 2 98.72%\nNo FC 98.98%", id="deep"),
    pytest.param(
        "Model Test Train\nFull 99.20 99.91\nNo. 1 98.71 99.80\nNo. 2 98.72 99.82\nNo. 3 98.98 99.95",
        id="test before training",
    ),
    pytest.param(
        "Network Test loss Test accuracy\n"
        "full 0.9710 99.20%\n"
        "no. 1 0.9810 98.71%\n"
        "no. 2 0.9820 98.72%\n"
        "no. 3 0.9750 98.98%",
        id="loss near one",
    ),
    pytest.param(
        "Togliendo il primo strato convoluzionale si scende al 98,71%, togliendo il secondo strato al 98,72%, "
        "togliendo lo strato denso al 98,98%; la rete completa ha il 99,20%.",
        id="it prose",
    ),
    pytest.param(
        "Le réseau complet atteint 99,20 %, sans la première convolution 98,71 %, sans la deuxième convolution "
        "98,72 %, sans la couche dense 98,98 %.",
        id="fr prose",
    ),
]


@pytest.mark.parametrize("text", WAYS)
def test_other_ways_to_state_them_are_understood(text):
    assert found(text) == {network: [value] for network, value in STATED.items()}


ON_MNIST = "network accuracy\nfull 99.20%\nno. 1 98.71%\nno. 2 98.72%\nno. 3 98.98%"
ROWS_ON_MNIST = ON_MNIST.partition("\n")[2]
ON_SYNTHETIC = "network accuracy\nfull 98.10%\nno. 1 97.31%\nno. 2 97.42%\nno. 3 97.53%"


@pytest.mark.parametrize(
    "text",
    [
        f"Table 1: on MNIST\n{ON_MNIST}\nTable 2: on synthetic digits\n{ON_SYNTHETIC}\nThat is all.",
        f"{ON_MNIST}\nTable 1: on MNIST\n{ON_SYNTHETIC}\nTable 2: on synthetic digits\nThat is all.",
        f"{ON_SYNTHETIC}\nTable 1: on synthetic digits\n{ON_MNIST}\nTable 2: on MNIST\nThat is all.",
        f"{ON_SYNTHETIC}\n\nTable 1: on synthetic digits\n\n{ON_MNIST}\n\nTable 2: on MNIST\nThat is all.",
        f"{ON_SYNTHETIC}\nTab. 1: on synthetic digits\n{ON_MNIST}\nTab. 2: on MNIST\nThat is all.",
        f"{ON_SYNTHETIC}\n(Table 1) on synthetic digits\n{ON_MNIST}\n(Table 2) on MNIST\nThat is all.",
        f"{ON_SYNTHETIC}\nTable 1 Accuracy on synthetic digits\n{ON_MNIST}\nTable 2 Accuracy on MNIST\nThat is all.",
        f"{ON_SYNTHETIC}\nTable 1: the accuracies of the four networks, trained with one seed\neach, on synthetic "
        f"digits\n{ON_MNIST}\nTable 2: on MNIST\nThat is all.",
        f"{ON_SYNTHETIC}\nEach with one seed.\nTable 1: on synthetic digits\n{ON_MNIST}\nTable 2: on MNIST",
        f"{ON_SYNTHETIC}\nMean 97.59%\nTable 1: on synthetic digits\n{ON_MNIST}\nTable 2: on MNIST\nThat is all.",
        f"{ON_SYNTHETIC}\nTable 1: on synthetic digits\n{ON_MNIST}\nTable 2: on MNIST\nReferences\n[1] LeCun, 1998",
        f"{ON_SYNTHETIC}\nTable 1: on synthetic digits\n{ON_MNIST}\nTable 2: on MNIST\n\nno. 1: 98.71%",
        f"Table 1: on synthetic digits\n{ON_SYNTHETIC}\n{ON_MNIST}\nTable 2: on MNIST\nThat is all.",
        f"{ON_SYNTHETIC}\nTable 1: on synthetic digits\n{ROWS_ON_MNIST}\nTable 2: on MNIST\nThat is all.",
        f"{ON_SYNTHETIC}\nTable 1: training accuracy\n{ON_MNIST}\nTable 2: test accuracy\nThat is all.",
        "full no. 1 no. 2 no. 3\n99.98 99.91 99.92 99.93\nTable 1: training accuracy\nfull no. 1 no. 2 no. 3\n"
        "99.20 98.71 98.72 98.98\nTable 2: test accuracy\nThat is all.",
        "Table 1: training accuracy\nfull no. 1 no. 2 no. 3\n99.98 99.91 99.92 99.93\nTable 2: test accuracy\n"
        "full no. 1 no. 2 no. 3\n99.20 98.71 98.72 98.98\nThat is all.",
    ],
    ids=[
        "above",
        "below",
        "below, synthetic digits first",
        "with empty lines",
        "shortened",
        "in parentheses",
        "without a sign",
        "of two lines",
        "below a note",
        "below a mean",
        "before the references",
        "before what looks like a row",
        "now above, now below",
        "of a table without a head",
        "of training",
        "of training, in columns",
        "of training, above columns",
    ],
)
def test_a_caption_is_that_of_its_table_whether_it_stands_above_or_below(text):
    assert found(text) == {network: [value] for network, value in STATED.items()}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("full 99.20\nA 98.71\nB 98.72\nC 98.98", id="letters"),
        pytest.param("The networks have 99.20%, 98.71%, 98.72% and 98.98%.", id="no names"),
        pytest.param("Model 1, like the full network, has 98.71%, and model 2 has 98.72%.", id="an odd sentence"),
        pytest.param("On synthetic digits: full 99.20%, no. 1 98.71%, no. 2 98.72%.", id="synthetic"),
        pytest.param(
            "Table 1: Accuracy on synthetic digits\nfull 99.20%\nno. 1 98.71%", id="a table of synthetic ones"
        ),
        pytest.param(
            "network accuracy\nfull 99.20%\nno. 1 98.71%\nTable 1: Accuracy on synthetic digits",
            id="a table of synthetic ones, by the caption below it",
        ),
        pytest.param(f"{ON_MNIST}\nTable 1: on synthetic digits\n{ON_SYNTHETIC}", id="one caption between two tables"),
        pytest.param("Synthetic digits\nseed full no. 1 no. 2 no. 3\nmean 99.20 98.71 98.72 98.98", id="in columns"),
        pytest.param("According to the handout, full has 99.20%, no. 1 98.71%. My runs did not end.", id="handout"),
        pytest.param("The full network should reach 99.20%, and no. 1 98.71%.", id="should"),
        pytest.param(
            "full \N{EN DASH}99.20%\nno. 1 \N{EN DASH}98.71%\nno. 2 \N{EN DASH}98.72%", id="dashes without room"
        ),
        pytest.param("The full network misreads 80 images, and no. 1, like no. 2, 129 of them.", id="counts"),
    ],
)
def test_numbers_of_nobody_are_loose_and_never_another_networks(text):
    stated = find_accuracies(AROUND.format(text))
    assert all(value == STATED[network] for network in NETWORKS for value in stated.placed[network])
    assert stated.loose


@pytest.mark.parametrize(
    "text",
    [
        "no. 1 took 51.30 s",
        "no. 1 has 83.466 parameters",
        "no. 1 has 83,466 weights",
        "no. 1 differs, p = 0.991",
        "no. 1 lies in (98.66 to 98.82)",
        "no. 1 loses \N{MINUS SIGN}0.62 points",
        "no. 1 reads 99.98% of the training images",
    ],
)
def test_what_says_that_it_is_something_else_is_no_accuracy(text):
    stated = find_accuracies(AROUND.format(text))
    assert not any(stated.placed.values())


# ---------------------------------------------------------------------------------------------------------- the verdict


def verdict(text, measured=None, runs=None, **changes):
    """Return the check of accuracies for a report of this text."""
    stated = find_accuracies(AROUND.format(text))
    fields = {"pages": 3, "text": text, "introduction": True, "methods": {}, "prompts": []}
    fields |= {"accuracies": stated.placed, "loose": stated.loose} | changes
    checks = judge(ReportContent(**fields), load_assignment(), measured or {}, runs=runs)
    return next(check for check in checks if check.name == "report/accuracies")


def table(full, no1, no2, no3):
    return f"network test accuracy, %\nfull {full}\nno. 1 {no1}\nno. 2 {no2}\nno. 3 {no3}"


def test_a_good_table_passes_with_its_own_numbers():
    check = verdict(table(99.20, 98.71, 98.72, 98.98))
    assert check.passed
    assert check.message == (
        "found, and as expected: the full network 99.20%, no. 1 98.71%, no. 2 98.72%, no. 3 98.98%"
    )
    assert verdict(table(99.2, 98.7, 98.7, 99.0)).passed
    assert verdict(table(99.2, 98.7, 98.7, 99.0), measured={"model_no1": 0.9877}).passed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            table(98.9, 98.9, 98.9, 98.9), "all four networks have the same test accuracy", id="four times one"
        ),
        pytest.param(table("99%", "99%", "99%", "99%"), "all four networks have the same", id="whole numbers"),
        pytest.param(
            table(98.71, 99.20, 98.98, 98.72), "no. 1, no. 2 should not be better than the full", id="swapped"
        ),
        pytest.param(table(99.55, 99.6, 99.6, 99.7), "no. 1: the report has 99.60%, a little beyond", id="too good"),
        pytest.param(table(99.98, 99.71, 99.69, 99.83), "the full network: the report has 99.98%", id="of training"),
        pytest.param(
            table(*["97.0 97.5 98.0 98.5 99.0"] * 4),
            "no. 1: the report has 5 numbers, from 97.00% to 99.00%, and which",
            id="five numbers for each",
        ),
        pytest.param(
            table(*["98.7 98.8 98.9 99.0 99.1"] * 4), "has 5 numbers, from 98.70% to 99.10%", id="five in the band"
        ),
        pytest.param(
            "\n".join(f"{name}: {', '.join(f'{96 + n / 10:.1f}%' for n in range(40))}" for name in ("full", "no. 1")),
            "the full network: the report has",
            id="forty numbers",
        ),
        pytest.param(
            "full 99.20\nA 98.71\nB 98.72\nC 98.98", "the report has 98.71%, 98.72%, 98.98%, and", id="letters"
        ),
    ],
)
def test_what_a_program_can_not_tell_is_left_to_a_person_with_the_reason(text, message):
    check = verdict(text)
    assert check.status == "undecided"
    assert message in check.message


def test_a_wrong_number_and_one_that_is_missing_fail_with_partial_credit():
    check = verdict(table(99.20, 98.71, 95.12, 98.98))
    assert (check.status, check.fraction) == ("failed", 0.75)
    assert check.message == "no. 2: the report has 95.12%, where 97.50% to 99.25% is to be expected"
    check = verdict("full 99.20\nno. 1 98.71\nno. 2 98.72")
    assert (check.status, check.fraction) == ("failed", 0.75)
    assert (
        'no test accuracy was found of no. 3; make a table with a row for each network, called "full"' in check.message
    )


def test_where_the_text_can_not_be_read_for_sure_what_is_missing_is_left_to_a_person():
    check = verdict("", doubtful=300, why=["behind or below the picture of a page"])
    assert check.status == "undecided"
    assert "300 words can't be told to be seen (behind or below the picture of a page)" in check.message
    assert verdict("", illegible="no words").status == "undecided"
    assert verdict(table(99.20, 98.71, 98.72, 98.98), illegible="no words").passed


def test_a_report_of_the_kits_own_passes_in_all(tmp_path):
    make_report(tmp_path / "report.pdf")
    found = find_all(tmp_path / "report.pdf", (ROOT / "report_template.md").read_text(encoding="utf-8"))
    assert {network: values[0] for network, values in found["accuracies"].items()} == ACCURACIES
    assert all(check.passed for check in judge(ReportContent(**found), load_assignment(), {}))


# --------------------------------------------------------------------------------------------------- beside the results

RUNS = {network: (value - 0.0004, value + 0.0004) for network, value in STATED.items()}  # in ablation.csv, by seed


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(table(99.20, 98.71, 98.72, 98.98), id="means"),
        pytest.param(table("99.2%", "98.7%", "98.7%", "99.0%"), id="one decimal"),
        pytest.param(table("99%", "99%", "99%", "99%"), id="whole numbers"),
        pytest.param(table(99.16, 98.67, 98.68, 98.94), id="the first seed"),
        pytest.param("We saw 99.20%, 98.71%, 98.72% and 98.98% with our networks.", id="numbers of no network"),
        pytest.param("A 99.20%\nB 98.71%\nC 98.72%\nD 98.98%", id="letters"),
    ],
)
def test_a_text_that_agrees_with_the_results_passes_however_it_is_put(text):
    check = verdict(text, runs=RUNS)
    assert check.passed, check.message
    assert "the full network 99.20%, no. 1 98.71%" in check.message


def test_numbers_that_are_swapped_fail_by_the_results():
    check = verdict(table(99.20, 98.98, 98.72, 98.71), runs=RUNS)
    assert (check.status, check.fraction) == ("failed", 0.5)
    assert "no. 1: the report has 98.98%, which by ablation.csv is that of no. 3" in check.message


def test_numbers_that_the_results_do_not_have_fail_and_a_little_beside_them_is_left_to_the_instructor():
    check = verdict(table(99.20, 97.10, 98.72, 98.98), runs=RUNS)
    assert (check.status, check.fraction) == ("failed", 0.75)
    assert "no. 1: the report has 97.10%, where ablation.csv has 98.71%" in check.message
    assert verdict(table(99.20, 98.40, 98.72, 98.98), runs=RUNS).status == "undecided"


def test_results_beyond_their_bands_fail_though_the_text_agrees():
    check = verdict(table(99.20, 91.00, 98.72, 98.98), runs=RUNS | {"model_no1": (0.91,)})
    assert (check.status, check.fraction) == ("failed", 0.75)
    assert "no. 1: ablation.csv has 91.00%, where 97.50% to 99.25% is to be expected" in check.message


def test_a_text_without_any_number_is_left_to_the_instructor_and_earns_nothing():
    check = verdict("The numbers are in the picture.", runs=RUNS)
    assert check.status == "undecided"
    assert "the report's text has no number that agrees" in check.message


def test_a_network_that_the_results_lack_is_judged_by_its_band():
    runs = {network: values for network, values in RUNS.items() if network != "model_no1"}
    assert verdict(table(99.20, 98.71, 98.72, 98.98), runs=runs).passed
    assert verdict(table(99.20, 91.00, 98.72, 98.98), runs=runs).status == "failed"


# ---------------------------------------------------------------------------------------------------------- the figures


def test_the_figures_are_kept_whatever_the_verdict_and_by_whom_they_are():
    runs = {"deep_mnist": [0.992, 0.993], "model_no1": [0.987]}
    kept = {(a.source, a.network): a.values for a in verdict(table(99.25, 98.7, 95.5, 99.0), runs=runs).accuracies}
    assert kept == {
        ("report", "deep_mnist"): (0.9925,),
        ("report", "model_no1"): (0.987,),
        ("report", "model_no2"): (0.955,),
        ("report", "model_no3"): (0.99,),
        ("ablation.csv", "deep_mnist"): (0.992, 0.993),
        ("ablation.csv", "model_no1"): (0.987,),
    }
    doubtful = verdict(table(99.25, 98.7, 95.5, 99.0), illegible="its letters are no text")
    assert doubtful.status == Status.UNDECIDED
    assert ("report", "model_no2", (0.955,)) in [(a.source, a.network, a.values) for a in doubtful.accuracies]


def test_figures_of_no_known_network_are_kept_as_such_and_no_more_than_a_few_of_any():
    check = verdict("nothing", accuracies={"deep_mnist": [0.99 + n / 1e4 for n in range(90)]}, loose=[0.985])
    by_network = {one.network: one.values for one in check.accuracies}
    assert by_network[""] == (0.985,)
    assert len(by_network["deep_mnist"]) == MOST_VALUES
