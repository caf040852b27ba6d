"""The errors of the kit that a person can do something about; their texts are fit for a student to read."""


class KitError(Exception):
    """Something that a person can do something about: the text says what was wrong, with the value, and what to do."""


class DataError(KitError):
    """Data is missing, damaged or not what was asked for.

    The text names the file, what is wrong with it, and what to do next; it is fit for a student to read.
    """


class RecordError(KitError):
    """A record is not of its form; the text says in which place, in words for whoever writes the kit."""
