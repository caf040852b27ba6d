"""The words with which reports call the networks, and what they say about a number: patterns, in lower case.

In English, Italian, German, Spanish and French, whatever the class writes in: a network's name in a language that was
not expected is still its name.
"""

import re

from labkit.networks import TITLES

NETWORKS = tuple(TITLES)
_ONE_TO_THREE = {1: r"(?:1|i|one|uno|eins|un)", 2: r"(?:2|ii|two|due|zwei|dos|deux)"}
_ONE_TO_THREE[3] = r"(?:3|iii|three|tre|drei|tres|trois)"
_KIND = (
    r"(?:sub)?models?|modell[oi]?|modelos?|mod[eè]les?|net(?:work)?s?|netz(?:werk)?|ret[ei]|red|r[ée]seau"
    r"|ablation|ablazione"
    r"|ablaci[óo]n|variante?|модель|сеть|模型|网络|version|case|config(?:uration)?|experiment|cnn|script|ablated"
)
_NUMBER_SIGN = r"(?:(?:no|nr|nro|n[uú]m)(?![a-z])\.?|n\.?\s?[°º]\.?|n\.o(?![a-z])\.?|n\.|n(?=\s?\d)|number|№|#)"
_FIRST = {
    1: r"(?:first|1(?:st|\.?[aª]|[eè]?re|\.)|prim[ao]|erste[nr]?|premi[eè]re?|primera?)",
    2: r"(?:second|2(?:nd|\.?[aª]|[eè]me|e|de|\.)|second[ao]|zweite[nr]?|deuxi[eè]me|seconde|segunda?)",
    3: r"(?:third|3(?:rd|\.?[aª]|[eè]me|e|\.)|terz[ao]|dritte[nr]?|troisi[eè]me|tercera?)",
}
_CONVOLUTION = r"(?:conv(?:ol\w*)?\.?|faltung\w*)"
_DENSE = (
    r"(?:fully[\s-]*connected|dense|fc(?:[\s_-]?1(?![\d.,]))?|relu)(?:[\s-]+(?:relu[\s-]+)?(?:layer|stage|part"
    r"|schicht))?|couche (?:dense|(?:enti[eè]rement|totalement|compl[eè]tement"
    r"|pleinement) connect[ée]e|fc\b|fully[\s-]connected)|capa (?:densa|(?:totalmente"
    r"|completamente) conectada|fc\b|fully[\s-]connected)|(?:livello |strato )?(?:(?:completamente|totalmente"
    r"|pienamente) connesso|denso)|(?:livello|strato) (?:dense|fc\b|fully[\s-]connected)"
    r"|voll(?:st[äa]ndig)?[\s-]?(?:verbunden|vernetzt|verkn[üu]pft)\w*(?: schicht)?|dichte schicht"
)
_LAYER = r"(?:layers?|livello|strato|schicht|capa|couche)"
WITHOUT = (
    r"(?:without|w/o|no|minus|less|except|removing|removed:?|remove"
    r"|senza|togliendo|rimuovendo|eliminando|ohne|sans|en (?:enlevant|supprimant|retirant)|sin|quitando|suprimiendo"
    r"|dropping|ablating|lacking|-)"
)
_GONE = (
    r"(?:removed|ablated|dropped|missing|gone|taken out|left out|deleted|omitted|out|rimoss[ao]|tolt[ao]|eliminat[ao]"
    r"|entfernt|weggelassen|gestrichen|eliminada|quitada|suprimida|supprim[ée]e|enlev[ée]e|retir[ée]e)"
)
_THE = r"\s*(?:(?:the|il|la|lo|die|den|der|le|les|el|its) |l['\u2019]\s?)?"


def _target(n: int) -> str:
    """Return the pattern of what the ablation of this number removes."""
    if n == 3:
        return rf"(?:{_FIRST[3]} {_LAYER}|{_LAYER} 3|{_DENSE})"
    layer = rf"{_FIRST[n]} (?:{_CONVOLUTION}(?: {_LAYER})?|{_LAYER}(?: (?:d[ei] )?{_CONVOLUTION})?(?! of the)|one\b)"
    return rf"(?:{layer}|{_CONVOLUTION}(?:[\s_-]?{_LAYER})?[\s_-]?{n}\b|{_LAYER} {n}\b)"


def _names(n: int) -> str:
    number = _ONE_TO_THREE[n]
    return "|".join(
        (
            rf"\b(?:{_KIND})[\s_]{{0,2}}-?(?:{_NUMBER_SIGN})?[\s_]{{0,2}}{number}(?![\w%]|[.,]\d)",
            rf"(?<![a-z]){_NUMBER_SIGN}\s{{0,2}}{n}(?![\w%]|[.,]\d)",
            rf"(?<![\w.,])m[\s_-]?{n}(?![\w%]|[.,]\d)",
            rf"(?<![\w-]){WITHOUT}{_THE}{_target(n)}",
            rf"\b{_FIRST[n]} (?:ablation|variant|reduced (?:model|network))\b",
            rf"\b{_target(n)}(?: (?:is|was|are|were|has been))?\s{_GONE}\b",
        )
    )


_FULL = (
    r"\b(?:m[ _-]?)?full\b|\bdeep[ _-]?mnist\b|\bdeep\b(?=[\s:=|-]{1,4}(?:9\d[.,%]|[01]?[.,]9))"
    r"|\bdeep (?:convolutional )?(?:neural )?network|\b(?:complet[aoe]?|compl[eè]te"
    r"|original[e]?|originale[rs]?)\b"
    r"(?![- ](?:paper|images?|data|size|recipe))|\bbase[\s-]?line\b|\b(?:whole|entire|intact|unablated"
    r"|unmodified|unchanged|reference)"
    r" (?:model|network|net|cnn)|\bvollst[äa]ndige?[nrs]?\b|\bkomplett\w{0,2}\b"
    rf"|\b(?:{_KIND}) (?:(?:d[ei] |d['\u2019] ?)?(?:base|partenza|riferimento|r[ée]f[ée]ren(?:ce|cia)|partida|d[ée]part"
    r"|origine?n?)|int(?:era|ero|act)|enter[ao]|enti[eè]re?)\b"
    r"|\b(?:ganze|gesamte|volle)[ns]? (?:netz|modell)\w*"
    r"|\b(?:gesamt|original|ausgangs|referenz|basis)(?:netz|modell)\w*"
    r"|\ball (?:of )?(?:the |its )?layers|\btutti gli strati|\balle schichten|\btodas las capas|\btoutes les couches"
    r"|\bnone removed|\bnothing removed|\bnichts entfernt|\bkeine (?:schicht )?entfernt"
    r"|\baucune (?:couche )?(?:supprim|enlev|retir)\w+"
    r"|\bnessun[oa]? (?:strato )?(?:rimoss|tolt|eliminat)[oa]|\bninguna (?:capa )?(?:eliminada|quitada|suprimida)"
    r"|\b(?:reference|r[ée]f[ée]rence|referenz|referencia|riferimento|unmodified|unver[äa]ndert)\b(?=[\s:=|-]{1,4}[.\d])"
    r"|\bwithout (?:any )?(?:ablation|removal)\b|\bvolledige?\b|\bполная\b|完整|原始"  # noqa: RUF001  # Cyrillic is meant
    r"|\bno (?:layers? )?(?:ablation|removal|removed)\b|\b(?:none|nothing)\b(?=\s*(?:\d|$))"
    rf"|\b(?:{_KIND})[\s_]{{0,2}}-?(?:{_NUMBER_SIGN})?[\s_]{{0,2}}0(?![\w%]|[.,]\d)|(?<![\w.,])(?:m"
    rf"|#)[\s_-]?0(?![\w%]|[.,]\d)"
)
NAMES = re.compile(
    "|".join(f"(?P<{name}>{words})" for name, words in zip(NETWORKS, (_FULL, *map(_names, (1, 2, 3))), strict=True))
)
TARGETS = re.compile(  # in a table of what was removed
    "|".join(f"(?P<{NETWORKS[n]}>{_target(n)})" for n in (1, 2, 3)) + rf"|(?P<{NETWORKS[0]}>(?:none|nothing|-)(?=\s))"
)
REMOVED = re.compile(
    r"\b(?:removed|ablated|removal|without|left out|missing|rimoss\w+|tolt[oai]|entfernt\w*|senza|ohne|quitad\w+"
    r"|eliminad\w+|sans|supprim\w+|enlev\w+|retir\w+)\b"
)
OF_ALL = re.compile(r"\b([5-9])[.,' ]?(\d{3})\s?(?:/|of|out of|su|von|de|sur)\s?(?:the |all )?10[.,' ]?000\b")
BARE_CNN = re.compile(r"(?:the )?(?:cnn|convnet)\b(?![_-]?\d)")  # the full network, where others are called CNN-1
AND_MORE = re.compile(rf"\b(?:{_KIND})\b[\s_]*(?:{_NUMBER_SIGN})?[\s_]*1\s+2\s+3\b")  # a head: model 1 2 3
OF_IMAGES = (
    r"[\s,]{0,3}\(?\s?(?:out )?(?:of|su|von|sur|de|/)\s?(?:the |all )?10[.,' ]?000\b"
    r"(?:(?: test)? (?:images|digits|immagini|bilder))?\)?"
)
_READ = r"(?: read| classified| recogni[sz]ed)?(?:(?: test)? (?:images|digits))?"
_ON = (
    r"(?:(?:,? \(?(?:on|of|in|during|sul|sui|sulle|di|auf|im|beim|bei|en|con|sur|de|sobre)"
    r"|,? sull['\u2019]| d['\u2019])"
    r"(?: ?(?:[ld]['\u2019])?[a-zéáíó]+){0,3}? ?(?:[ld]['\u2019])?"
)
_ON_TEST = rf"{_ON}(?:test\w*|prueba\w*)(?: (?:set|images|data))?\)?|,? \((?:test|prueba)\w*\))"
_ON_TRAINING = rf"{_ON}(?:l['\u2019])?(?:training\w*|addestramento|entrenamiento|entra[îi]nement|apprentissage))"
_ON_VALIDATION = rf"{_ON}(?:la )?valid(?:ation\w*|azione|aci[óo]n|ierung\w*))"
_ACCURACY = (
    r"(?:accura(?:cy|tezza|cies)|\bacc\b|genauigkeit|pr[ée]cisione?|exactitude?|precisi[óo]n|justesse|aciertos?\b"
    r"|esattezza|treffer(?:quote|rate))"
)
_COLUMNS = {  # what a table's head says about a column
    "loss": r"(?:(?:test|val(?:idation)?|train(?:ing)?) )?"
    r"(?:loss|cross[ -]entropy|verlust|perdita)\b(?! (?:of|di|an)\b)",
    "training": rf"{_ACCURACY}{_ON_TRAINING}|trainings?-?genauigkeit"
    r"|train(?:ing)?(?=,? (?:test|val\w*)\b)|(?<=test )train(?:ing)?$"
    r"|(?<!di )(?<!de )(?<!d['\u2019])\b(?:addestramento|entrenamiento|entra[îi]nement|apprentissage)\b"
    r"|trainings?(?:daten|menge|bilder)"
    rf"|{_ACCURACY} (?:training|addestramento|entrenamiento|entra[îi]nement|apprentissage)\b"
    r"|train(?:ing)? (?:set )?(?:acc\w*|accuracy|score|set|images)|train\.? acc\w*|accuratezza (?:di"
    r"|sul) (?:training|addestramento)",
    "validation": rf"{_ACCURACY}{_ON_VALIDATION}|(?:validation|valid|val|dev)\.? ?(?:acc\w*|accuracy|set)?"
    r"|validazione|validaci[óo]n|validierung\w*|validations?genauigkeit",
    "elsewhere": r"\b(?:expected|lecture|published|attes[oi]|erwartet|attendue?|esperad[oa])\b"
    rf"(?: (?:test )?{_ACCURACY})?",
    "seconds": r"(?:training|training time|train|time|zeit|tempo|dauer|seconds)[^a-z0-9]{0,3}\(?(?:s\b|sec\w*"
    r"|min\b)\)?|\b(?:training )?time\b"
    r"|\bseconds\b|\btempo\b|\btemps\b|\btiempo\b|\bdur[ée]e\b|\bdurata\b|\bduraci[óo]n\b|\btrainings?zeit\b|\blaufzeit\b|\bsekunden\b|\bsecondi\b",
    "difference": r"\bdifference\b(?:, points)?|\bdiff\b|\bdelta\b|Δ|\bdrop\b|\bchange\b|\bloss of accuracy\b"
    r"|\bdifferenza\b|\bdifferenz\b|\bdiff[ée]rence\b|\bdiferencia\b|\b[ée]cart\b|\bscarto\b|\bunterschied\b|\bvs\.?\b",
    "wrong": r"\b(?:test )?(?:(?:wrong(?:ly)?|incorrect(?:ly)?|mistakes|missed|misread|falsche?|sbagliat[ei])\b"
    rf"{_READ}(?:{OF_IMAGES})?|(?:misclassif\w+|errors?|errori|fehler|erreurs)\b{_READ}{OF_IMAGES})",
    "error": r"(?:test[\s-]?)?(?:error(?: rate)?s?|err\b|errore?|tasso d(?:i |['\u2019] ?)errore|fehler(?:rate|quote)?"
    rf"|tasa de errores|erreurs?|misclassif\w+)(?:{_ON_TEST})?",
    "counts": rf"(?:right|correct|hits|richtige?|corrett[ei]|aciertos)(?:ly)?{_READ}(?:{OF_IMAGES})?|{OF_IMAGES}",
    "parameters": r"\bpar[aá]m(?:eter|etri|etros|\u00e8tres)?s?\b|\bweights\b|\bgewichte\b|\bpes[io]s?\b|\bpoids\b",
    "seeds": r"\bseeds\b|\bruns\b|\bn\b(?! [.°º\d])",
    "one seed": r"\b(?:seed|run|trial|prova|esecuzione|lauf|durchlauf|semilla|ejecuci[óo]n|graine|essai) ?#?\d\b"
    r"|\bs\d\b",
    "p": r"\bp(?:[- ]value)?\b|\bsignifican\w+",
    "spread": r"\bstd\b|\bs\.?d\.?\b|\bstandard deviation\b|\bspread\b|\b\u03c3|\bmin\b|\bmax\b|\bleast\b"
    r"|\bmost\b|\blowest\b|\bhighest\b",
    "mean": r"\b(?:mean|average|avg|media|mittel(?:wert)?|moyenne|median)\b(?: (?:of )?(?:test )?acc\w*)?",
    "test": rf"{_ACCURACY} (?:test|prueba)\b|"
    r"accura(?:cy|tezza|cies),? \(?(?:sul|sui|on|of|in) (?:the |dati di |mnist )?test\w*"
    r"|test(?:ing)?[- ](?:set )?(?:acc\w*|score)(?: on mnist)?|accuracy on (?:the )?test\w*|acc\w* \(test\)"
    rf"|{_ACCURACY}{_ON_TEST}|test-?(?:genauigkeit|daten|menge|bilder)|\bprueba\b|test\b(?! error| err)",
    "accuracy": rf"{_ACCURACY}|\b(?:measured|mine|ours|gemessen|misurat[oa]|mesur[ée]e?|medid[oa])\b(?: {_ACCURACY})?",
}
HEAD = re.compile("|".join(f"(?P<c{n}>{words})" for n, words in enumerate(_COLUMNS.values())))
KINDS = list(_COLUMNS)
NOT_TEST = re.compile(
    r"\((?:train(?:ing)?|validation)\)|^[^:]{0,20}: ?(?:train(?:ing)?|validation)\.?$|"
    r"\b(?:training|train|validation|val)[- ](?:set|acc\w*|images?|data|digits|score)|accuracy (?:on|of) the training"
    rf"|{_ACCURACY}(?:{_ON_TRAINING}|{_ON_VALIDATION})|\b(?:trainings?|validierungs?|validations?)-?(?:genauigkeit|daten|bilder)"
)
OTHER_IMAGES = re.compile(  # that the label of a row begins with
    r"[\W_]*(?:train|addestramento|entrenamiento|l?['\u2019]?entra[îi]nement|l?['\u2019]?apprentissage|val(?:id\w*|\.)?\b|time\b"
    r"|tempo\b|zeit\b|dauer\b|cpu\b|duration\b|memory\b)"
)
TEST = re.compile(r"\btest|\bprueba")
_TABLE = r"(?:table|tab\.?|tbl\.?|tabelle|[üu]bersicht|tabella|prospetto|tabla|cuadro|tableau|tabel)"
_SAYS = (  # of what a table says, a sentence tells
    r"(?:and|or|is|was|are|has|had|in|below|above|shows?|lists?|gives?|reports?|compares?|contains?|presents?"
    r"|summari[sz]es?|zeigt|listet|enth[äa]lt|fasst|mostra|riporta|elenca|riassume|muestra|recoge|resume|montre|donne"
    r"|pr[ée]sente|e|y|et|und)\b"
)
CAPTION = (
    re.compile(  # with a number, and a sign or no sentence behind it; as LaTeX and Markdown have it; not a sentence
        rf"[\W_]{{0,3}}{_TABLE}(?:\s*(?:{_NUMBER_SIGN}\s?)?(?:[a-z]?\d{{1,2}}[a-z]?|[ivx]{{1,4}})(?:\s*[.:,)|-]|\s*$"
        rf"|\s(?:\([^()]{{0,20}}\)|(?!{_SAYS})[^\s.]))|\s*[:.])|\\caption\b|:\s(?=[^\W\d])"
    )
)
SYNTHETIC = re.compile(
    r"\b(?:synthetic|sint[eé]tic|synthetisch|synth[ée]tique|k[üu]nstlich|artificial (?:digits|images|data)|artificiali"
    r"|generated (?:digits|images)|cifre generate|fashion[- ]mnist)"
)
MNIST = re.compile(r"(?<!deep )(?<!fashion[- ])(?<!not )\bmnist\b(?!-like)")
_SOURCE = r"(?:hand-?out|assignment|lecture|readme|template|slides|paper|documentation|instructions)"
ELSEWHERE = re.compile(  # what a network ought to have, and has not been seen to have
    rf"\b(?:according to (?:the |your |this )?{_SOURCE}|{_SOURCE}(?:'s)? (?:says|states|reports|promises|gives|claims)"
    r"|should (?:have|reach|get|achieve)|expected? (?:\w+ ){1,4}to (?:have|reach|get|achieve))\b"
)
ERROR = re.compile(_COLUMNS["error"])
WRONGLY = re.compile(
    r"\b(?:wrong|incorrect|misclassif|misread|misrecogni|mistake|errors?\b|missed|unrecogni|not recogni|sbagli|errat"
    r"|errori|falsch|fehler|erreurs)"
)
RIGHTLY = re.compile(r"\b(?:correct|right|hits|recogni|richtig|corrett)")
IMAGES = re.compile(r"(?<![\w.,+-])(?:\d[.,']?\d{3}|\d{2,3})(?!\w|\s?%|[.,']\d)")
