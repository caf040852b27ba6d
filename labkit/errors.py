"""The errors of the kit that a person can do something about; their texts are fit for a student to read."""


class DataError(Exception):
    """Data is missing, damaged or not what was asked for.

    The text names the file, what is wrong with it, and what to do next; it is fit for a student to read.
    """


class LabError(Exception):
    """A failure of a lab script that a student can mend: the text says what was wrong and what to do next."""
