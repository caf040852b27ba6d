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


READ = (  # sentences as they stand in reports; all have STATED
    "Our baseline scores 99.20% on the test images. Model no. 1 scores 98.71%, no. 2 98.72%, and no. 3 98.98%.",
    "Test accuracies: 99.20% (baseline), 98.71% (no. 1), 98.72% (no. 2), 98.98% (no. 3).",
    "model_no1 ended at 98.71, model_no2 at 98.72 and model_no3 at 98.98, while deep_mnist reached 99.20.",
    "We measured an error rate of 0.80% for the baseline, 1.29% for model 1, 1.28% for model 2, and 1.02% for model 3.",
    "The full net makes 80 errors in 10,000, model 1 makes 129, model 2 makes 128 and model 3 makes 102.",
    "La rete completa arriva al 99,20% di accuratezza sul test; togliendo la prima convoluzione si scende "
    "al 98,71%, togliendo la seconda convoluzione al 98,72% e togliendo lo strato completamente connesso "
    "al 98,98%.",
    "Il modello originale ottiene il 99,20%, il modello 1 il 98,71%, il modello 2 il 98,72% e il modello 3 il 98,98%.",
    "Le accuratezze sono: 99,20% (rete completa), 98,71% (n. 1), 98,72% (n. 2) e 98,98% (n. 3).",
    "L'errore è dello 0,80% per la rete completa, dell'1,29% per la n. 1, dell'1,28% per la n. 2 e "
    "dell'1,02% per la n. 3.",
    "La rete senza conv1 ha un'accuratezza del 98,71%, quella senza conv2 del 98,72%, quella senza fc1 del "
    "98,98%, contro il 99,20% della rete completa.",
    "Das vollständige Netz erreicht 99,20 % Genauigkeit. Ohne die erste Faltung sind es 98,71 %, ohne die "
    "zweite Faltung 98,72 % und ohne die vollverbundene Schicht 98,98 %.",
    "Die Testgenauigkeit beträgt 99,20 % beim vollständigen Netz, 98,71 % bei Nr. 1, 98,72 % bei Nr. 2 und "
    "98,98 % bei Nr. 3.",
    "Modell 1 kommt auf 98,71 %, Modell 2 auf 98,72 %, Modell 3 auf 98,98 %; das Originalnetz liegt mit 99,20 % vorn.",
    "La red completa acierta el 99,20 % de las imágenes de prueba; sin la primera convolución, el 98,71 %; "
    "sin la segunda convolución, el 98,72 %, y sin la capa densa, el 98,98 %.",
    "La exactitud es del 99,20 % para la red original, del 98,71 % para el modelo 1, del 98,72 % para el "
    "modelo 2 y del 98,98 % para el modelo 3.",
    "El modelo 1 obtiene 98,71 %, el modelo 2 obtiene 98,72 % y el modelo 3 obtiene 98,98 %, frente al "
    "99,20 % de la red completa.",
    "La tasa de error pasa del 0,80 % de la red completa al 1,29 % (n.º 1), 1,28 % (n.º 2) y 1,02 % (n.º 3).",
    "Le réseau complet obtient 99,20 % de précision. Sans la première convolution on obtient 98,71 %, sans "
    "la seconde convolution 98,72 %, et sans la couche dense 98,98 %.",
    "La précision est de 99,20 % pour le réseau complet, 98,71 % pour le modèle 1, 98,72 % pour le modèle "
    "2 et 98,98 % pour le modèle 3.",
    "Full: 99.2 %\nConv1 removed: 98.7 %\nConv2 removed: 98.7 %\nFC removed: 99.0 %",
    "The original network got 9920 of the 10000 test images right, number 1 got 9871, number 2 got 9872 "
    "and number 3 got 9898.",
)
OPEN = (  # and those that are left to the instructor
    "The accuracy of the complete network on the test set was 99.20 %. After removing conv1 it dropped to "
    "98.71 %, after removing conv2 to 98.72 % and after removing the dense layer to 98.98 %.",
    "With all layers in place we get 99.20%. If the first convolution is taken out, 98.71% remain; without "
    "the second, 98.72%; and without the fully connected layer 98.98%.",
    "Entfernt man die erste Faltungsschicht, sinkt die Genauigkeit von 99,20 % auf 98,71 %. Entfernt man "
    "die zweite Faltungsschicht, sind es 98,72 %, ohne Dense-Schicht 98,98 %.",
    "Les modèles n°1, n°2 et n°3 atteignent respectivement 98,71 %, 98,72 % et 98,98 %, et le réseau complet 99,20 %.",
    "En supprimant la première convolution, on passe de 99,20 % à 98,71 %. En supprimant la deuxième "
    "convolution, on obtient 98,72 %, et en supprimant la couche dense 98,98 %.",
    "Accuracy went down from 99.20% to 98.71% when conv1 was removed, to 98.72% when conv2 was removed and "
    "to 98.98% when fc1 was removed.",
    "Training accuracy of the full network was 99.95%, test accuracy 99.20%. Model 1: training 99.9%, test "
    "98.71%. Model 2: training 99.9%, test 98.72%. Model 3: training 99.5%, test 98.98%.",
)


def in_sentences(text):
    return find_accuracies(unicodedata.normalize("NFKC", f"1 Introduction\nText.\n4 Results\n{text}\n5 Discussion"))


@pytest.mark.parametrize("text", READ)
def test_sentences_of_each_language_are_placed(text):
    for (network, values), value in zip(in_sentences(text).placed.items(), STATED.values(), strict=True):
        assert [round(stated, 3) for stated in values] == [round(value, 3)], network


@pytest.mark.parametrize("text", OPEN)
def test_a_sentence_that_is_not_followed_gives_no_network_anothers_number_and_loses_none(text):
    found = in_sentences(text)
    for network, values in found.placed.items():
        assert values in ([], [STATED[network]])
    assert found.loose
