"""Italian: see language.py for what each pattern is."""

from labkit.checks.report.languages.language import Language, MethodWords

ITALIAN = Language(
    name="Italian",
    report=r"relazion|rapporto|elaborato|tesina",
    introduction=r"introduz|motivazion|premess|scop[oi]\b|obiettiv|il (?:compito|problema)|presentazion|panoramica",
    abstract=r"abstract|riassunto|sommario|sintesi",
    opening=r"\b(?:questa?|quest'|la presente|il presente|in questa?) ?(?:relazione|progetto|lavoro|elaborato"
    r"|esercitazione)|\b(?:lo scopo|l['\u2019]obiettivo|la domanda)\b|\b(?:vogliamo|abbiamo|ho) (?:voluto|studia"
    r"|analizza|esamina)\w*",
    questions=r"che|cos|come|perch|quale",
    familiar=r"il|la|di|che|del|della|per|una?|sono|con|non|si|gli|le|nel|dei|è",
    methods={
        "convolution": MethodWords(
            names=r"convoluz\w+|convolutiv\w+|convolv\w+",
            headings=r"strati? conv\w*",
            telling=r"filtr|nucle|kernel|pes[oi]\b|pixel|canal|bord|passo|caratteristic|scorr|scivol|spost|condivi"
            r"|bias|local|finestr|somm|immagin|prodott|mapp",
            signs=r"filtr|kernel|pixel|pesi\b|canal|riempi|padd|scorr|condivi|bias|finestr",
        ),
        "max pooling": MethodWords(
            names=r"max\w{0,12}[\s-]{0,3}pool\w*|pool\w{0,12}(?=[^.]{0,60}\b(?:mass|maggior|più (?:grand|alt)))"
            r"|\b(?:massim|maggior|più (?:grand|alt))[^.]{0,60}\bpool\w*|sotto-?campion\w+",
            headings=r"pool\w*|sotto-?campion\w+",
            telling=r"massim|maggior|più grand|più alt|2 ?[x\u00d7] ?2|metà|dimezz|quart|riduc|ridott|dimension"
            r"|spost|trasla|invarian|finestr|quadrat|campion|risoluzion|posizion|tratto|blocc|altezza|larghezza"
            r"|quattro|vicin|sensibil|memoria|cost",
            signs=r"massim|maggior|più grand|2 ?[x\u00d7] ?2|dimezz|quart|quadrat|spost|finestr|trasla",
        ),
        "ReLU": MethodWords(
            names=r"relus?\b|rettific\w+|rectif\w+",
            headings=r"attivazion\w*|non[\s-]?linear\w*",
            telling=r"zero|negativ|positiv|linear|sigmoid|satur|gradient|svani|scompa|max ?\(|identi|attivazion"
            r"|soglia|nulla|null[oi]|azzer",
            signs=r"negativ|positiv|satur|svani|sigmoid|identità|zero|lineare|azzer",
        ),
        "dropout": MethodWords(
            names=r"drop[\s-]?out",
            headings=r"regolarizza\w+|sovradatt\w+|overfitting",
            telling=r"casual|caso\b|probabil|zero|azzer|spegn|spent|metà|manten|conserv|unità|neuron|overfit"
            r"|sovradatt|addestr|ensemble|affid|adatt|divi[ds]|scal|regolarizz|memoria",
            signs=r"casual|probabilit|azzer|spegn|spent|manten|overfit|sovradatt|divis|affid|addestr",
        ),
        "softmax and cross-entropy": MethodWords(
            names=r"soft[\s-]?max|cross[\s-]{0,3}entrop\w*|entropia incrociata",
            headings=r"uscita|perdita|costo|classifica\w+",
            telling=r"esponen|\bexp|probabil|logit|somm|distribu|logaritm|\blog\b|perdita|negativ|etichett"
            r"|gradient|normalizz|class|error|cifr|uscit",
            signs=r"esponen|probabilit|distribu|logaritm|logit|somma|negativ|perdita",
        ),
    },
)
