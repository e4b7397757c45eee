"""What a project with PyTorch needs beside what one with scikit-learn has."""

import math

FRAMEWORKS = SKLEARN, PYTORCH = "sklearn", "pytorch"
# The batches of an epoch, where the size of a batch is within its limits.
N_BATCHES = 60
MIN_BATCH_SIZE, MAX_BATCH_SIZE = 16, 512


def batch_size(n_rows: int) -> int:
    """A power of two, so that few rows make many steps and many rows not too many."""
    exponent = round(math.log2(max(1, n_rows / N_BATCHES)))
    return min(max(1 << exponent, MIN_BATCH_SIZE), MAX_BATCH_SIZE)
