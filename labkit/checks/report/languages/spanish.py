"""Spanish: see language.py for what each pattern is."""

from labkit.checks.report.languages.language import Language, MethodWords

SPANISH = Language(
    name="Spanish",
    report=r"informe|memoria|reporte|trabajo",
    introduction=r"introducci|motivaci|objetiv|antecedent|planteamient|propósito|presentaci|el problema|la tarea",
    abstract=r"abstract|resumen|síntesis",
    opening=r"\b(?:este|esta|el presente|la presente) (?:informe|trabajo|proyecto|memoria|práctica|estudio)"
    r"|\bel (?:objetivo|propósito) (?:de|es)\b|\b(?:queremos|hemos|he|vamos a) (?:estudia|analiza|examina|saber)\w*",
    questions=r"qué?|cómo|como|por qu|para qu|¿",
    familiar=r"el|la|los|las|que|es|con|por|de|una?|del|se|en|no|para",
    methods={
        "convolution": MethodWords(
            names=r"convoluc\w+|convolv\w+|convolut\w+",
            headings=r"capas? conv\w*",
            telling=r"filtr|núcleo|kernel|pesos?\b|píxel|pixel|canal|borde|rellen|paso\b|característic|desliz"
            r"|recorr|desplaz|compart|sesgo|bias|local|ventan|sum[ao]|imagen|imágen|producto|mapa",
            signs=r"filtr|kernel|píxel|pixel|pesos\b|canal|rellen|desliz|recorr|compart|sesgo|ventan",
        ),
        "max pooling": MethodWords(
            names=r"max\w{0,12}[\s-]{0,3}pool\w*|pool\w{0,12}(?=[^.]{0,60}\b(?:máxim|max|mayor))"
            r"|\b(?:máxim|mayor)[^.]{0,60}\bpool\w*|submuestre\w+|agrupa\w+ (?:por )?(?:el )?máxim\w+",
            headings=r"pool\w*|submuestre\w+|agrupa(?:ción|miento)",
            telling=r"máxim|mayor|más (?:grand|alt)|2 ?[x\u00d7] ?2|mitad|cuart|reduc|reduz|tamaño|desplaz|traslad"
            r"|traslaci|invarian|ventan|cuadr|bloque|muestre|resoluci|posici|trazo|lugar|\balto\b|ancho|altura"
            r"|cuatro|vecin|memoria|sensib",
            signs=r"máxim|mayor|2 ?[x\u00d7] ?2|mitad|cuart|cuadr|desplaz|ventan|traslaci",
        ),
        "ReLU": MethodWords(
            names=r"relus?\b|rectific\w+",
            headings=r"activaci\w*|no[\s-]?linea\w*",
            telling=r"cero|negativ|positiv|lineal|sigmoid|satur|gradient|desvanec|max ?\(|identi|activaci|umbral"
            r"|derivad|anul",
            signs=r"negativ|positiv|satur|desvanec|sigmoid|identidad|\bcero|lineal",
        ),
        "dropout": MethodWords(
            names=r"drop[\s-]?out",
            headings=r"regulariza\w+|sobreajust\w+",
            telling=r"azar|aleator|probabil|cero|mitad|conserv|manten|mantien|apag|desactiv|unidad|neuron"
            r"|sobreajust|overfit|entren|ensemble|confí|depend|adapt|divid|escal|regulariz|memori",
            signs=r"azar|aleator|probabilid|apag|desactiv|conserv|mantien|sobreajust|overfit|divid|entren",
        ),
        "softmax and cross-entropy": MethodWords(
            names=r"soft[\s-]?max|cross[\s-]{0,3}entrop\w*|entrop[ií]a cruzada",
            headings=r"salida|pérdida|costo?e?\b|clasifica\w+",
            telling=r"exponen|\bexp|probabil|logit|suma|distribuc|logaritm|\blog\b|pérdida|negativ|etiquet"
            r"|gradient|normaliz|clase|error|dígit|cifra|salida",
            signs=r"exponen|probabilid|distribuc|logaritm|logit|suma|negativ|pérdida",
        ),
    },
)
