"""French: see language.py for what each pattern is."""

from labkit.checks.report.languages.language import Language, MethodWords

FRENCH = Language(
    name="French",
    report=r"rapport|compte[ _-]?rendu|memoire",
    introduction=r"introduction|motivation|objectif|le but|buts? d[eu]|contexte|présentation|problématique"
    r"|le problème|avant-propos",
    abstract=r"abstract|résumé|sommaire",
    opening=r"\b(?:ce|cette|le présent|dans ce) (?:rapport|travail|projet|étude|compte[ -]rendu|tp)\b"
    r"|\b(?:le but|l['\u2019]objectif) (?:de|est|du)\b|\bnous (?:voulons|avons|étudions|cherchons|examinons)\b",
    questions=r"qu|pourquoi|comment|à quoi",
    familiar=r"le|la|les|des|est|une?|dans|pour|du|de|et|en|qui|que|sur|pas",
    methods={
        "convolution": MethodWords(
            names=r"convol\w+",
            headings=r"couches? conv\w*",
            telling=r"filtr|noyau|kernel|poids|pixel|canal|canaux|bord|remplissage|\bpas\b de|caractéristique"
            r"|gliss|déplac|partag|biais|local|fenêtr|somm|image|produit|carte",
            signs=r"filtr|noyau|kernel|pixel|poids|canal|canaux|gliss|partag|biais|fenêtr|remplissage",
        ),
        "max pooling": MethodWords(
            names=r"max\w{0,12}[\s-]{0,3}pool\w*|pool\w{0,12}(?=[^.]{0,60}\b(?:max|plus grand))"
            r"|\b(?:maxim|plus grand)[^.]{0,60}\bpool\w*|sous[\s-]{0,3}échantillonn\w+",
            headings=r"pool\w*|sous[\s-]{0,3}échantillonn\w+|agrégation",
            telling=r"maxim|plus grand|plus élev|2 ?[x\u00d7] ?2|moitié|quart|rédui|taille|décal|déplac|translat"
            r"|invarian|fenêtr|carré|bloc|échantillon|résolution|position|trait\b|endroit|hauteur|largeur|quatre"
            r"|voisin|mémoire|sensib",
            signs=r"maxim|plus grand|2 ?[x\u00d7] ?2|moitié|quart|carré|décal|fenêtr|translat",
        ),
        "ReLU": MethodWords(
            names=r"relus?\b|rectifi\w+|redress\w+",
            headings=r"activations?|non[\s-]?linéa\w*",
            telling=r"zéro|négativ|positi|linéaire|sigmoïd|sigmoid|satur|gradient|dispara|évanoui|max ?\(|identit"
            r"|activation|seuil|dériv|annul|nulle?\b",
            signs=r"négativ|positi|satur|dispara|évanoui|sigmo|identit|zéro|linéaire",
        ),
        "dropout": MethodWords(
            names=r"drop[\s-]?out",
            headings=r"régularis\w+|sur-?apprentissage|sur-?ajustement",
            telling=r"hasard|aléatoire|probabil|zéro|moitié|conserv|gard|étein|désactiv|unité|neurone|sur-?apprent"
            r"|sur-?ajust|entraîn|apprentissage|ensemble|dépend|compter sur|adapt|divis|régularis|mémoris|par cœur",
            signs=r"hasard|aléatoire|probabilit|étein|désactiv|conserv|sur-?apprent|sur-?ajust|divis|entraîn"
            r"|mémoris",
        ),
        "softmax and cross-entropy": MethodWords(
            names=r"soft[\s-]?max|cross[\s-]{0,3}entrop\w*|entropie crois\w+",
            headings=r"sortie|perte|coût|classifi\w+",
            telling=r"expon|\bexp|probabil|logit|somm|distribut|répartit|logarithm|\blog\b|perte|négatif|étiquet"
            r"|gradient|normalis|classe|erreur|chiffre|sortie",
            signs=r"expon|probabilit|distribut|logarithm|logit|somme|négatif|perte",
        ),
    },
)
