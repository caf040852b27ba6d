"""Placing accuracies that stand in tables, as students of five languages call the networks and head the columns."""

import unicodedata

import pytest

from labkit.checks.report.accuracies import NETWORKS, find_accuracies

pytestmark = pytest.mark.submit

STATED = {"deep_mnist": 0.9920, "model_no1": 0.9871, "model_no2": 0.9872, "model_no3": 0.9898}
CALLED = {  # the full network, and the others
    "English": (
        ("Baseline", "Without conv1", "Without conv2", "Without fc"),
        ("Full model", "w/o 1st conv", "w/o 2nd conv", "w/o dense layer"),
        ("Complete network", "No 1", "No 2", "No 3"),
        ("Reference", "N°1", "N°2", "N°3"),
        ("Unmodified", "Ablation #1", "Ablation #2", "Ablation #3"),
        ("Original network", "conv1 removed", "conv2 removed", "fc1 removed"),
        ("deep_mnist.py (full)", "model_no1.py (no conv1)", "model_no2.py (no conv2)", "model_no3.py (no fc1)"),
        ("Network, complete", "Network no. 1", "Network no. 2", "Network no. 3"),
        ("All layers", "first convolution dropped", "second convolution dropped", "dense layer dropped"),
        ("Full CNN", "minus conv 1", "minus conv 2", "minus FC"),
    ),
    "Italian": (
        ("Rete intera", "Senza conv1", "Senza conv2", "Senza fc1"),
        ("Originale", "Senza la prima convoluzione", "Senza la seconda convoluzione", "Senza lo strato denso"),
        ("Rete di base", "Rete 1", "Rete 2", "Rete 3"),
        ("Completa", "N. 1", "N. 2", "N. 3"),
        ("rete completa", "n°1", "n°2", "n°3"),
        ("Modello completo", "Modello n. 1", "Modello n. 2", "Modello n. 3"),
        (
            "Nessuno strato rimosso",
            "Primo strato convoluzionale rimosso",
            "Secondo strato convoluzionale rimosso",
            "Strato completamente connesso rimosso",
        ),
        ("Rete di riferimento", "Ablazione 1", "Ablazione 2", "Ablazione 3"),
        ("Rete originale", "Variante 1", "Variante 2", "Variante 3"),
        ("Tutti gli strati", "Senza 1a convoluzione", "Senza 2a convoluzione", "Senza strato fully connected"),
    ),
    "German": (
        ("Gesamtnetz", "ohne Conv1", "ohne Conv2", "ohne FC1"),
        ("Volles Netz", "Ohne erste Faltungsschicht", "Ohne zweite Faltungsschicht", "Ohne Dense-Schicht"),
        ("Originalnetz", "Modell Nr. 1", "Modell Nr. 2", "Modell Nr. 3"),
        ("vollständig", "Nr. 1", "Nr. 2", "Nr. 3"),
        ("Ausgangsnetz", "Ablation 1", "Ablation 2", "Ablation 3"),
        ("Referenznetz", "Variante 1", "Variante 2", "Variante 3"),
        ("Alle Schichten", "ohne 1. Faltung", "ohne 2. Faltung", "ohne vollvernetzte Schicht"),
        ("Baseline", "\N{EN DASH} Faltung 1", "\N{EN DASH} Faltung 2", "\N{EN DASH} voll verbundene Schicht"),
        ("nichts entfernt", "erste Faltung entfernt", "zweite Faltung entfernt", "voll verbundene Schicht entfernt"),
        ("Vollständiges Netzwerk", "Netzwerk 1", "Netzwerk 2", "Netzwerk 3"),
    ),
    "Spanish": (
        ("Red original", "Sin conv1", "Sin conv2", "Sin fc1"),
        ("Modelo completo", "Modelo 1", "Modelo 2", "Modelo 3"),
        ("completa", "n.º 1", "n.º 2", "n.º 3"),
        ("Red completa", "N.o 1", "N.o 2", "N.o 3"),
        ("Red base", "Red 1", "Red 2", "Red 3"),
        (
            "Todas las capas",
            "Sin la primera convolución",
            "Sin la segunda convolución",
            "Sin la capa totalmente conectada",
        ),
        ("Red de referencia", "Sin 1.ª capa convolucional", "Sin 2.ª capa convolucional", "Sin capa densa"),
        ("Red entera", "Variante 1", "Variante 2", "Variante 3"),
    ),
    "French": (
        ("Réseau de base", "Sans conv1", "Sans conv2", "Sans fc1"),
        (
            "Réseau complet",
            "Sans la première couche de convolution",
            "Sans la deuxième couche de convolution",
            "Sans la couche dense",
        ),
        (
            "Réseau d'origine",
            "Sans la 1re convolution",
            "Sans la 2e convolution",
            "Sans la couche entièrement connectée",
        ),
        ("Modèle complet", "Modèle 1", "Modèle 2", "Modèle 3"),
        ("Réseau entier", "N° 1", "N° 2", "N° 3"),
        ("Modèle original", "Modèle n°1", "Modèle n°2", "Modèle n°3"),
        ("Référence", "Réseau 1", "Réseau 2", "Réseau 3"),
        (
            "Aucune couche supprimée",
            "Première convolution supprimée",
            "Seconde convolution supprimée",
            "Couche dense supprimée",
        ),
    ),
}
HEADS = {  # and how a value is written below them: p is the accuracy in percent, e the error
    "English": (
        ("Network  Test accuracy", "{:.2%}"),
        ("Model  Accuracy (%)", "{p:.2f}"),
        ("Model  Test error", "{e:.2f}%"),
        ("Model  Error rate on the test set", "{e:.2f} %"),
        ("Network  Accuracy on test images", "{:.4f}"),
    ),
    "Italian": (
        ("Rete  Accuratezza sul test", "{:.2%}"),
        ("Rete  Accuratezza (%)", "{p:.2f}"),
        ("Modello  Tasso di errore sul test", "{e:.2f}%"),
        ("Modello  Errore (%)", "{e:.2f}"),
        ("Rete  Accuratezza di test", "{:.4f}"),
    ),
    "German": (
        ("Netz  Genauigkeit (Test)", "{:.2%}"),
        ("Modell  Testgenauigkeit in %", "{p:.2f}"),
        ("Netz  Fehlerrate auf den Testdaten", "{e:.2f} %"),
        ("Netz  Testfehler", "{e:.2f} %"),
        ("Netz  Genauigkeit", "{:.4f}"),
    ),
    "Spanish": (
        ("Red  Exactitud en test", "{:.2%}"),
        ("Modelo  Precisión (%)", "{p:.2f}"),
        ("Modelo  Tasa de error en la prueba", "{e:.2f} %"),
        ("Red  Error de test", "{e:.2f}%"),
        ("Red  Acierto en el conjunto de prueba", "{:.4f}"),
    ),
    "French": (
        ("Réseau  Précision sur le test", "{:.2%}"),
        ("Modèle  Exactitude (%)", "{p:.2f}"),
        ("Modèle  Taux d'erreur sur le test", "{e:.2f} %"),
        ("Modèle  Erreur de test", "{e:.2f} %"),
        ("Réseau  Précision", "{:.4f}"),
    ),
}


def table(language, called, head, written):
    """Return the text of a table as most PDFs yield it, with decimal commas where they are usual."""
    values = [written.format(value, p=100 * value, e=100 - 100 * value) for value in STATED.values()]
    if language != "English":
        values = [value.replace(".", ",") for value in values]
    rows = [f"{name}  {value}" for name, value in zip(called, values, strict=True)]
    return unicodedata.normalize(
        "NFKC", "\n".join(["4 Results", head, *rows, "Each removal costs accuracy.", "5 Discussion"])
    )


@pytest.mark.parametrize(
    ("language", "called"), [(language, called) for language in CALLED for called in CALLED[language]]
)
def test_rows_are_placed_however_a_language_calls_the_networks_and_the_columns(language, called):
    for head, written in HEADS[language]:
        found = find_accuracies(table(language, called, head, written))
        assert found.placed == {network: [STATED[network]] for network in NETWORKS}, head


def test_numbers_that_a_narrow_table_glues_to_their_names_are_loose_and_not_lost():
    found = find_accuracies("Network  Result\nwithout layer 10.9871\nwithout layer 20.9872\nall the layers0.9920")
    assert found.placed["deep_mnist"] == [0.9920]
    assert found.loose == [0.9871, 0.9872]


def test_a_name_that_is_hyphenated_in_a_narrow_cell_is_one():
    found = find_accuracies(
        "Netz  Genauigkeit\nvollständiges Netz  99,20 %\nohne die vollverbun-\ndene Schicht  98,98 %"
    )
    assert (found.placed["deep_mnist"], found.placed["model_no3"]) == ([0.9920], [0.9898])


@pytest.mark.parametrize("language", CALLED)
def test_error_rates_of_networks_with_names_of_their_own_are_loose_and_not_lost(language):
    head, written = next((head, written) for head, written in HEADS[language] if "{e" in written)
    found = find_accuracies(table(language, ("Alpha", "Beta", "Gamma", "Delta"), head, written))
    assert not any(found.placed.values())
    assert set(STATED.values()) <= set(found.loose)
