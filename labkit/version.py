"""The kit's version, which both commands show and which records hold; pyproject.toml has the same (a test)."""

VERSION = "1.0.0"
NAME = "mnist-lab-kit"
