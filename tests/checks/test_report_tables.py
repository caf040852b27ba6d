"""Tables of reports: of several tables, rows and columns, those of the test images are read, and no others."""

import pytest

from labkit.checks.report.accuracies import find_accuracies
from labkit.checks.report.wording import NETWORKS

ROWS = ("Full network", "Model no. 1", "Model no. 2", "Model no. 3")
TEST, TRAINING = (99.20, 98.71, 98.65, 98.98), (99.95, 99.90, 99.85, 99.70)
VALIDATION, SYNTHETIC = (99.31, 98.81, 98.79, 99.02), (97.41, 96.12, 95.33, 94.27)
SECONDS = (91.30, 97.41, 95.20, 90.10)  # that could be percentages
HEAD, NAMES = "Network Accuracy\n", "Full No. 1 No. 2 No. 3\n"


def rows(*columns, head=HEAD):
    """Return a table with a row for each network."""
    lines = zip(ROWS, *columns, strict=True)
    return head + "".join(f"{name} {' '.join(f'{value:.2f}' for value in values)}\n" for name, *values in lines)


def row(label, values):
    """Return a line of a table with a column for each network."""
    return f"{label} {' '.join(f'{value:.2f}' for value in values)}\n"


def piped(values):
    lines = (f"| {name} | {value:.2f} |\n" for name, value in zip(ROWS, values, strict=True))
    return "| network | accuracy |\n|---|---|\n" + "".join(lines)


def found(text):
    return find_accuracies(text).placed


def is_right(placed):
    return placed == {network: [round(value / 100, 6)] for network, value in zip(NETWORKS, TEST, strict=True)}


T, S, TR = rows(TEST), rows(SYNTHETIC), rows(TRAINING)
OTHERS = "Softmax regression 88.0\nSVM 95.0\nKNN 94.0\n"
LONG = "Table 1: Accuracy of the four networks after a thousand steps of training, on\nthe synthetic digits of the lab."
CAPTIONS = {  # texts with several tables, in which captions tell which is which
    "below a table of something else": "Layer Shape Parameters\nConvolution 5x5x32 832\nDense 1024 3212288\n"
    f"Table 1: The layers.\n{TR}Table 2: Training accuracy.\n{T}Table 3: Test accuracy.\n",
    "below a table of settings": "Learning rate 0.0001\nBatch 50\nSteps 20000\nTable 1: Hyperparameters\n"
    f"{S}Table 2: Accuracy on synthetic digits\n{T}Table 3: Accuracy on the test set\n",
    "below a table of yes and no": "Full yes yes yes\nNo. 1 no yes yes\nNo. 2 yes no yes\nNo. 3 yes yes no\n"
    f"Table 1: The networks.\n{TR}Table 2: Training accuracy\n{T}Table 3: Test accuracy\n",
    "on a line of its own": f"{S}Table 1\nAccuracy on the synthetic digits\n{T}Table 2\nAccuracy on MNIST\n",
    "on a line of its own, MNIST first": f"{T}Table 1\nAccuracy on MNIST\n{S}Table 2\nAccuracy on synthetic digits\n",
    "a second sentence": f"{T}Table 1: Accuracy in percent.\nMNIST, 20,000 steps of training.\n"
    f"{S}Table 2: Accuracy in percent.\nSynthetic digits, 2,000 steps of training.\n",
    "a second sentence, synthetic digits first": f"{S}Table 1: Accuracy.\nSynthetic digits, 2,000 steps.\n"
    f"{T}Table 2: Accuracy.\nMNIST, 20,000 steps.\n",
    "wrapped, above": f"{LONG}\n{S}Table 2: Accuracy on MNIST\n{T}",
    "wrapped, below": f"{S}{LONG}\n{T}Table 2: Accuracy on MNIST\n",
    "other classifiers last": f"{S}{OTHERS}Table 1: Synthetic digits\n{T}{OTHERS}Table 2: MNIST\n",
    "other classifiers first": f"Table 1: Synthetic digits\n{rows(SYNTHETIC, head=HEAD + OTHERS)}"
    f"Table 2: MNIST\n{rows(TEST, head=HEAD + OTHERS)}",
    "over two pages": S.replace("Model no. 2", "4\nModel no. 2")
    + f"Table 1: Accuracy on synthetic digits\n{T}Table 2: Accuracy on MNIST\n",
    "of a single row": f"{HEAD}Full network 97.41\nTable 1: The full network on synthetic digits\n{T}Table 2: MNIST\n",
    "with names in it": f"Table 1: Training accuracy of full, no. 1, no. 2 and no. 3\n{TR}"
    f"Table 2: Test accuracy of full, no. 1, no. 2 and no. 3\n{T}",
    "more words than a line": f"{S}Table 1 Accuracy of all of the four networks that we trained on the synthetic "
    f"digits here in the lab\n{T}Table 2 Accuracy of all of the four networks on the digits of MNIST here in the lab\n",
    "in Markdown": f"Table 1: Training accuracy\n\n{piped(TRAINING)}\nTable 2: Test accuracy\n\n{piped(TEST)}",
    "among empty lines": f"**Table 1:** Synthetic digits\n\n{S}**Table 2:** MNIST\n\n{T}".replace("\n", "\n\n"),
    "with the other in it": f"Table 1: Test accuracy\n{T}Table 2: Training accuracy (test accuracy: Table 1)\n{TR}",
    "in LaTeX": f"\\caption{{Synthetic digits}}\n{S}\\caption{{MNIST}}\n{T}",
    "of times": f"Table 1: Time in seconds\n{NAMES}{row('', SECONDS)}Table 2: Accuracy\n{NAMES}{row('', TEST)}",
    "Italian, training": f"Tabella 1: Accuratezza sull'insieme di addestramento\n{TR}Tabella 2: sui dati di test\n{T}",
    "Italian, validation": f"Tabella 1: Accuratezza sull'insieme di validazione\n{TR}Tabella 2: sul test\n{T}",
    "Spanish": f"Tabla 1: dígitos sintéticos\n{S}Tabla 2: MNIST\n{T}",
    "Spanish, training": f"Tabla 1: Exactitud con los datos de entrenamiento\n{TR}Tabla 2: con los de prueba\n{T}",
    "French": f"Tableau 1: Précision sur le jeu d\u2019apprentissage\n{TR}Tableau 2: Précision sur le jeu de test\n{T}",
    "French, too": f"Tableau 1: Précision sur l\u2019ensemble d\u2019entraînement\n{TR}Tableau 2: de test\n{T}",
    "in a word": f"Table 1: Training\n{TR}Table 2: Test\n{T}",
    "headings in their place": f"4.1 Training set\n{TR}4.2 Test set\n{T}",
    "sentences in their place": f"The training accuracy of the networks was:\n{TR}The test accuracy was:\n{T}",
}
SIGNS = ("Table A{}.", "Table {}a)", "Table no. {}:", "Tabella n. {}:", "Table {},", "Tbl. {}:", "Prospetto {}:")
SIGNS += ("Übersicht {}:", "Cuadro {}:", "Tabla Nº {}:", "TABLE {}", ":")
CAPTIONS |= {
    f"as in {sign.format(1)}": f"{S}{sign.format(1)} Accuracy on synthetic digits\n{T}{sign.format(2)} On MNIST\n"
    for sign in SIGNS
}
OTHER_WORDS = (
    "artificial digits",
    "generated images",
    "cifre generate",
    "Fashion-MNIST",
    "synthetic digits (not MNIST)",
)
CAPTIONS |= {words: f"Table 1: {words}\n{S}Table 2: MNIST\n{T}" for words in OTHER_WORDS}

TWO_ROWS = {  # below the names of the networks; the second one is meant
    "loss": (row("Loss", (0.9512, 0.9605, 0.9711, 0.9822)), "Accuracy"),
    "expected": (row("Expected", VALIDATION), "Measured"),
    "the lecture's": (row("Lecture", VALIDATION), "Mine"),
    **{label: (row(label, SECONDS), "Accuracy") for label in ("Time", "Duration", "Tempo", "Dauer", "CPU", "Time (s)")},
    **{
        label: (row(label, TRAINING), of_tests)
        for label, of_tests in (
            ("Entrenamiento", "Prueba"),
            ("Addestramento", "Verifica"),
            ("Trainingsmenge", "Testmenge"),
            ("Trainingsdaten", "Testdaten"),
        )
    },
    **{label: (row(label, SYNTHETIC), "MNIST") for label in ("Dígitos sintéticos", "Artificial digits", "Synthetic")},
}
HEADS = {  # of columns, the last of which is meant
    "Network Train Validation Test": (TRAINING, VALIDATION, TEST),
    "Network Training Validation Test": (TRAINING, VALIDATION, TEST),
    "Rete Addestramento Validazione Test": (TRAINING, VALIDATION, TEST),
    "Netz Training Validierung Test": (TRAINING, VALIDATION, TEST),
    "Rete Addestramento Test": (TRAINING, TEST),
    "Réseau Apprentissage Test": (TRAINING, TEST),
    "Red Entrenamiento Prueba": (TRAINING, TEST),
    "Red Exactitud entrenamiento Exactitud prueba": (TRAINING, TEST),
    "Netz Trainingsdaten Testdaten": (TRAINING, TEST),
    "Network Expected Measured": (VALIDATION, TEST),
    "Rete Prova 1 Prova 2 Media": (VALIDATION, TRAINING, TEST),
    "Red Semilla 1 Semilla 2 Media": (VALIDATION, TRAINING, TEST),
    "Réseau Graine 1 Graine 2 Moyenne": (VALIDATION, TRAINING, TEST),
}
NOBODYS = {  # numbers that are no test accuracies on MNIST, or of which that can't be told
    "two rows": f"{NAMES}{row('without dropout', VALIDATION)}{row('with dropout', TEST)}",
    "two moments": f"{NAMES}{row('after 1000 steps', SYNTHETIC)}{row('after 20000 steps', TEST)}",
    "training alone": NAMES + row("Précision d\u2019apprentissage", TRAINING),
    "captions side by side": f"{S}\n{T}Table 1: on synthetic digits\nTable 2: on MNIST\n",
    "captions side by side, above": f"Table 1: on synthetic digits\nTable 2: on MNIST\n{S}\n{T}",
    "columns of both": rows(SYNTHETIC, TEST, head="Network Synthetic MNIST\n"),
    "Spanish sentence": "Con los dígitos sintéticos, la red completa alcanza 97,41 %, el modelo 1 96,12 %.",
    **{
        head: rows(SECONDS, head=f"{head}\n")
        for head in ("Network Seconds", "Network Time (s)", "Rete Tempo", "Netz Laufzeit in Sekunden")
    },
}


@pytest.mark.parametrize("text", CAPTIONS.values(), ids=CAPTIONS)
def test_of_several_tables_the_one_of_the_test_images_is_read(text):
    assert is_right(found(text))


@pytest.mark.parametrize(("first", "second"), TWO_ROWS.values(), ids=TWO_ROWS)
def test_of_several_rows_below_the_networks_the_one_of_the_test_images_is_read(first, second):
    assert is_right(found(f"{NAMES}{first}{row(second, TEST)}"))


@pytest.mark.parametrize(("head", "columns"), HEADS.items(), ids=HEADS)
def test_of_several_columns_the_one_of_the_test_images_is_read(head, columns):
    assert is_right(found(rows(*columns, head=f"{head}\n")))


@pytest.mark.parametrize("text", NOBODYS.values(), ids=NOBODYS)
def test_other_numbers_are_no_networks(text):
    assert not any(found(text).values())


@pytest.mark.parametrize(
    "text",
    [
        "Table 1 https://example.org/someone/mnist has the code of this table and the seeds that we used for all runs",
        "Tabelle 1 Klassifikationsgenauigkeit der vier Netze nach zwanzig Epochen mit je fünfzig Bildern pro Schritt",
        f"Table 1 Accuracy {'.' * 60} 4 Table 2 Times {'.' * 60} 5 of the four networks that we trained",
        "Table 1: x\nfull 99.2\nno. 1 98.7\n" * 4000,
        "Table 1: x\n" * 3000 + "full 99.2\nno. 1 98.7\n\n\n\nabc def\n" * 3000,
        "model 1\n" * 8000,
    ],
    ids=["address", "long word", "list of tables", "many tables", "many captions", "many names"],
)
def test_no_text_takes_long(text):  # each took minutes, or would have
    find_accuracies(text)


def test_digits_of_other_alphabets_are_digits():
    assert found("No. 1 \u0668\u0660 of 10,000 wrong")["model_no1"] == [0.992]
