"""Right solutions written differently: all with full marks, because a false negative is as bad as a false positive."""

from tests.submissions import Case

CASES = [Case("reference_solutions", "hands in the kit's own solutions", "correct")]
