"""Chance that can be repeated: what a failed test drew, it prints."""

import os
import secrets
from random import Random


def drawn_anew() -> Random:
    """Other draws in each run; the same as in an earlier one with its HELIOGRAPH_TEST_SEED."""
    seed = int(os.environ.get("HELIOGRAPH_TEST_SEED") or secrets.randbits(32))
    print(f"HELIOGRAPH_TEST_SEED={seed}")  # noqa: T201  # pytest shows it with the failure
    return Random(seed)
