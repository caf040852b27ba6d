"""Trains the full network and its three ablations over several seeds, and says what each layer was worth.

    python compare.py                      5 seeds of each, about 6 minutes on two cores; then look into results/
    python compare.py --help               all flags

The study is in labkit/study/.
"""
# ruff: noqa: E402

from labkit import notebook, startup

startup.check("numpy", "tqdm", "tensorflow", "matplotlib", "scipy", "msgspec")

from labkit.study.command_line import main

if __name__ == "__main__":
    notebook.stop(notebook.call(main))
