"""What a language consists of, for the checks of a report."""

from dataclasses import dataclass

METHODS = ("convolution", "max pooling", "ReLU", "dropout", "softmax and cross-entropy")  # of the lecture


@dataclass(frozen=True)
class MethodWords:
    """How a language speaks of a method; all are patterns, found in any case, also within words.

    `names` are the method's own names. `headings` stand above its explanation without naming it. `telling` are words of
    which an explanation has some, `signs` those that hardly any other part of a report has.
    """

    names: str
    headings: str
    telling: str
    signs: str


@dataclass(frozen=True)
class Language:
    """The words of a language; all but `name` are patterns.

    `name` is what assignment.toml calls it. `report` is what a report's file is called, without accents. `introduction`
    begins the heading of one, `abstract` that of a summary at the beginning. `opening` is what a text says of itself in
    its first words. `questions` begin a question. `familiar` are words that every text of the language has.
    """

    name: str
    report: str
    introduction: str
    abstract: str
    opening: str
    questions: str
    familiar: str
    methods: dict[str, MethodWords]
