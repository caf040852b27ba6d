"""English: see language.py for what each pattern is."""

from labkit.checks.report.languages.language import Language, MethodWords

ENGLISH = Language(
    name="English",
    report=r"report|write[ _-]?up",
    introduction=r"introd|motivation|overview|background|purpose|aims?\b|goals?\b|objecti|the task",
    abstract=r"abstract|summary",
    opening=r"\b(?:this|our|my|the) (?:report|paper|text|project|work|assignment|study|essay)\b"
    r"|\b(?:aim|goal|purpose|question) (?:of|is)\b"
    r"|\b(?:i|we) (?:want|wanted|look|looked|study|studied|ask|asked|investigate\w*|examine\w*)\b",
    questions=r"what|how|why",
    familiar=r"the|and|of|is|are|that|with|for|it|this",
    methods={
        "convolution": MethodWords(
            names=r"convol\w+",
            headings=r"conv\.?[\s-]?(?:layers?|nets?)",
            telling=r"filter|kernel|weight|pixel|channel|padd|stride|feature|slid|shared?|bias|local|patch|window"
            r"|sum\b|summ|multipl|edge|image",
            signs=r"filter|kernel|pixel|weights|channel|padd|slid|shared?\b|bias",
        ),
        "max pooling": MethodWords(
            names=r"max\w{0,12}[\s-]{0,3}pool\w*|pool\w{0,12}(?=[^.]{0,60}\b(?:max|larg|bigg|highe))"
            r"|\b(?:maxim|larg|bigg|highe)[^.]{0,60}\bpool\w*|subsampl\w+",
            headings=r"pool\w*|(?:sub|down)[\s-]?sampl\w+",
            telling=r"largest|maxim|highest|biggest|2 ?[x\u00d7] ?2|half|halv|quarter|shrink|reduc|size|shift"
            r"|translat|invarian|window|square|block|tile|sampl|resolution|stroke|position|place|cheap|smaller"
            r"|fewer|four\b|width|height|neighbo|sensitiv|memory|14 ?[x\u00d7] ?14|7 ?[x\u00d7] ?7",
            signs=r"largest|maxim|highest|biggest|2 ?[x\u00d7] ?2|halve|quarter|square|tile|block|shift|moves"
            r"|window",
        ),
        "ReLU": MethodWords(
            names=r"relus?\b|rectif\w+",
            headings=r"activations?|non[\s-]?linear\w*",
            telling=r"zero|negativ|positiv|linear|sigmoid|saturat|gradient|vanish|max ?\(|identi|activation"
            r"|threshold|larger",
            signs=r"negativ|positiv|saturat|vanish|sigmoid|identity|zero|larger of|linear map",
        ),
        "dropout": MethodWords(
            names=r"drop[\s-]?out",
            headings=r"regulari[sz]\w+|over-?fitting",
            telling=r"random|chance|probabil|zero|half|keep|kept|units?\b|neuron|overfit|train|ensemble|rely|adapt"
            r"|divid|scal|regulari|switch|turned off|by heart|memori",
            signs=r"random|chance|coin|probabilit|zero|switch\w* off|turn\w* off|kept|keep|overfit|by heart"
            r"|divided|rely|adapt",
        ),
        "softmax and cross-entropy": MethodWords(
            names=r"soft[\s-]?max|cross[\s-]{0,3}entrop\w*",
            headings=r"output|loss|cost function|classifi\w+",
            telling=r"exp|probabil|logit|sum|distribut|logarithm|\blog\b|loss|negativ|label|gradient|normali|class"
            r"|mistake",
            signs=r"exponential|to the power|probabilit|distribution|logarithm|\blog\b|logits|sum\b|negative|minus",
        ),
    },
)
