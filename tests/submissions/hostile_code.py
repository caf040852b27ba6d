"""Hostile scripts, each named after what it tries, with the verdict it should get; for the proofs see attacks.py."""

from tests.submissions import hostile_forgery, hostile_graphs, hostile_processes, hostile_reach, hostile_texts

MODULES = hostile_processes, hostile_reach, hostile_graphs, hostile_forgery, hostile_texts
CASES = [case for module in MODULES for case in module.ATTACKS]
