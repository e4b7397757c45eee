"""Drift: how far the distribution of a column has moved from the reference data."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2_contingency

from ..core.config import MonitoringConfig
from ..core.reference import ReferenceColumn
from ..core.rows import Array, IntArray

# The PSI of an empty bin would be infinite.
MIN_SHARE = 1e-4
# The chi-square test takes five expected rows in each cell: Cochran (1954), Biometrics 10.
MIN_EXPECTED = 5


@dataclass(frozen=True)
class Drift:
    """A column of the current data compared with the reference data.

    Attributes:
        psi: Population stability index.
        p_value: Of a chi-square test of the same bins.
        reference: The share of the reference rows in each bin, as is `current`.
    """

    name: str
    psi: float
    p_value: float
    bins: list[str]
    reference: list[float]
    current: list[float]
    drifted: bool


def measure_drift(
    reference: dict[str, ReferenceColumn], current: dict[str, IntArray], config: MonitoringConfig
) -> list[Drift]:
    """Compare each column, the largest PSI first; an empty list where all rows were refused.

    A column has drifted if its PSI is above the limit and its test is significant (Bonferroni).

    Args:
        reference: From the bundle.
        current: The current number of rows in each bin.
        config: The limits.
    """
    alpha = config.alpha / len(reference)
    drifts = []
    for name, rows in current.items():
        column = reference[name]
        counts = np.array([column.counts, rows])
        reference_shares, current_shares = counts / counts.sum(axis=1, keepdims=True)
        psi = stability_index(reference_shares, current_shares)
        p_value = chi_square_p_value(counts)
        exceeds_limits = psi > config.psi and p_value < alpha
        drifts.append(
            Drift(
                name=name,
                psi=psi,
                p_value=p_value,
                bins=column.bins,
                reference=reference_shares.tolist(),
                current=current_shares.tolist(),
                drifted=exceeds_limits and name not in config.ignored,
            )
        )
    return sorted(drifts, key=lambda drift: -drift.psi)


def stability_index(reference: Array, current: Array) -> float:
    """Population stability index of two distributions: Siddiqi (2006), Credit Risk Scorecards."""
    reference, current = np.maximum(reference, MIN_SHARE), np.maximum(current, MIN_SHARE)
    return float(np.sum((current - reference) * np.log(current / reference)))


def chi_square_p_value(counts: IntArray) -> float:
    """Chi-square test that both rows of `counts` have one distribution; small bins are merged."""
    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / counts.sum()
    is_small = expected < MIN_EXPECTED
    merged = np.column_stack([counts[:, ~is_small], counts[:, is_small].sum(axis=1)])
    merged = merged[:, merged.sum(axis=0) > 0]
    return float(chi2_contingency(merged, correction=False).pvalue)
