"""The languages in which reports are read: the words by which a program knows their parts and what they explain.

A module for each; assignment.toml names those that a class writes in. What a report is checked for is the same in all
of them: the five methods of the lecture, an introduction, and that its words are words at all. Another language is
another module of the same form, and a line in SHIPPED.
"""

from collections.abc import Iterable

from labkit.checks.report.languages.english import ENGLISH
from labkit.checks.report.languages.french import FRENCH
from labkit.checks.report.languages.german import GERMAN
from labkit.checks.report.languages.italian import ITALIAN
from labkit.checks.report.languages.language import METHODS, Language, MethodWords
from labkit.checks.report.languages.spanish import SPANISH

__all__ = ["METHODS", "SHIPPED", "Language", "MethodWords", "any_of", "chosen"]

SHIPPED = {language.name: language for language in (ENGLISH, ITALIAN, GERMAN, SPANISH, FRENCH)}


def chosen(names: Iterable[str] = tuple(SHIPPED)) -> tuple[Language, ...]:
    """Return the languages of these names, all without any; raise KeyError for one that is not SHIPPED."""
    return tuple(SHIPPED[name] for name in names)


def any_of(patterns: Iterable[str]) -> str:
    """Return the pattern of what any of these patterns finds."""
    return "|".join(patterns)
