"""Hostile scripts, each named after what it tries, with the verdict it should get; for the proofs see attacks.py."""

from tests.submissions import hostile_forgery, hostile_processes, hostile_reach, hostile_texts

CASES = [*hostile_processes.ATTACKS, *hostile_reach.ATTACKS, *hostile_forgery.ATTACKS, *hostile_texts.ATTACKS]
