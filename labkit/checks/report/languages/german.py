"""German: see language.py for what each pattern is."""

from labkit.checks.report.languages.language import Language, MethodWords

GERMAN = Language(
    name="German",
    report=r"bericht|protokoll|ausarbeitung",
    introduction=r"einleitung|einf(?:ü|ue)hrung|motivation|aufgabe|ziel|fragestellung|hintergrund|überblick|vorwort",
    abstract=r"abstract|zusammenfassung|kurzfassung",
    opening=r"\b(?:dieser?|diesem|diese|der vorliegende|die vorliegende) (?:bericht|arbeit|projekt|versuch"
    r"|ausarbeitung|protokoll)|\bziel (?:des|der|dieser?|ist)\b|\b(?:ich|wir) (?:wollen|wollten|untersuch|betracht"
    r"|frag)\w*",
    questions=r"was|wie|warum|wozu|wieso|weshalb|welche",
    familiar=r"der|die|das|und|ist|ein|eine|mit|nicht|den|von|wird|auf|im|sich|zu",
    methods={
        "convolution": MethodWords(
            names=r"convol\w+|faltung\w*|falten\b|\bfaltet",
            headings=r"conv\.?[\s-]?(?:layer|schicht)\w*|faltungsschicht\w*",
            telling=r"filter|kern\b|kernel|gewicht|pixel|bildpunkt|kanal|kanäl|rand|ränder|auffüll|schritt|merkmal"
            r"|gleite|schieb|geteilt|gemeinsam|dieselb|bias|lokal|ausschnitt|fenster|summ|bild",
            signs=r"filter|kernel|pixel|bildpunkt|gewicht|kanal|kanäl|auffüll|gleite|schieb|bias|fenster",
        ),
        "max pooling": MethodWords(
            names=r"max\w{0,12}[\s-]{0,3}pool\w*|pool\w{0,12}(?=[^.]{0,60}\b(?:max|größ|höchst))"
            r"|\b(?:maxim|größt|höchst)[^.]{0,60}\bpool\w*|unterabtast\w+|subsampl\w+",
            headings=r"pool\w*|unterabtast\w+",
            telling=r"größt|höchst|maxim|2 ?[x\u00d7] ?2|halb|hälft|viert|verkleiner|verringer|reduz|größe|schieb"
            r"|verschob|invarian|fenster|quadrat|block|blöck|auflösung|position|lage|ort\b|strich|höhe|breite"
            r"|\bvier\b|nachbar|speicher|empfindlich",
            signs=r"größt|maxim|2 ?[x\u00d7] ?2|halbier|viertel|quadrat|verschieb|verschob|fenster",
        ),
        "ReLU": MethodWords(
            names=r"relus?\b|rektifi\w+|rectif\w+|gleichricht\w+",
            headings=r"aktivierung\w*|nicht-?linear\w*",
            telling=r"null|negativ|positiv|linear|sigmoid|sättig|gradient|verschwind|max ?\(|identi|aktivierung"
            r"|schwell|ableitung",
            signs=r"negativ|positiv|sättig|verschwind|sigmoid|identit|\bnull|linear",
        ),
        "dropout": MethodWords(
            names=r"drop[\s-]?out",
            headings=r"regularisierung\w*|überanpass\w+|overfitting",
            telling=r"zufäll|zufall|wahrschein|null|hälft|behalt|bleib|abgeschalt|ausgeschalt|einheit|neuron"
            r"|overfit|überanpass|auswendig|training|ensemble|verlass|anpass|geteilt|dividier|skalier|regularis",
            signs=r"zufäll|zufall|wahrschein|abgeschalt|ausgeschalt|behalt|overfit|überanpass|auswendig|dividier"
            r"|verlass",
        ),
        "softmax and cross-entropy": MethodWords(
            names=r"soft[\s-]?max|cross[\s-]{0,3}entrop\w*|kreuz[\s-]{0,3}entropie",
            headings=r"ausgabe\w*|verlust\w*|kostenfunktion|klassifi\w+",
            telling=r"exponent|\bexp|wahrschein|logit|summ|verteil|logarithm|\blog\b|verlust|negativ|label"
            r"|gradient|normier|normalis|klass|fehler|ziffer|ausgabe",
            signs=r"exponent|wahrschein|verteilung|logarithm|logit|summe|negativ|verlust",
        ),
    },
)
