"""The checks of the assignment, one source for students' tests and for grading."""
