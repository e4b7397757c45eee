"""Drift: how far the distribution of a column has moved from the reference data."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, norm

from ..core.config import MonitoringConfig
from ..core.reference import ReferenceColumn
from ..core.rows import Array, IntArray


@dataclass(frozen=True)
class Drift:
    """A column of the current data compared with the reference data.

    Attributes:
        psi: Population stability index: Siddiqi (2006), Credit Risk Scorecards.
        p_value: The probability of a PSI at least as large without drift.
        mean: Of the current values; 0 for a category.
        mean_shift: Difference of the means in standard deviations of the reference data; None for
            a category.
        mean_p_value: The probability of a difference at least as large without drift.
        reference: The share of the reference rows in each bin, as is `current`.
    """

    name: str
    psi: float
    p_value: float
    mean: float
    mean_shift: float | None
    mean_p_value: float
    bins: list[str]
    reference: list[float]
    current: list[float]
    drifted: bool


def measure_drift(
    reference: dict[str, ReferenceColumn],
    counts: Mapping[str, IntArray],
    sums: Mapping[str, Array],
    config: MonitoringConfig,
) -> list[Drift]:
    """Compare each column, those that have drifted first; an empty list if all rows were refused.

    A column has drifted if its PSI or the shift of its mean is above the limit and significant
    (Bonferroni over both tests of all columns). Significance alone would find any difference in
    many rows, and a limit alone would find chance in few.

    Args:
        reference: From the bundle.
        counts: The current number of rows in each bin.
        sums: For columns of numbers, as shift_of_mean() takes them.
        config: The limits.
    """
    level = config.alpha / (2 * len(reference))
    drifts = []
    for name, current_counts in counts.items():
        both_counts = np.array([reference[name].counts, current_counts])
        reference_shares, current_shares = both_counts / both_counts.sum(axis=1, keepdims=True)
        psi, p_value = stability_index(both_counts)
        mean_shift, mean_p_value = None, 1.0
        if name in sums:
            mean_shift, mean_p_value = shift_of_mean(sums[name], sum(reference[name].counts[:-1]))
        is_moved = psi > config.psi and p_value < level
        is_shifted = abs(mean_shift or 0) > config.mean_shift and mean_p_value < level
        drift = Drift(
            name=name,
            psi=psi,
            p_value=p_value,
            mean=reference[name].mean + (mean_shift or 0) * reference[name].std,
            mean_shift=mean_shift,
            mean_p_value=mean_p_value,
            bins=reference[name].bins,
            reference=reference_shares.tolist(),
            current=current_shares.tolist(),
            drifted=(is_moved or is_shifted) and name not in config.ignored,
        )
        drifts.append(drift)
    return sorted(drifts, key=lambda drift: (not drift.drifted, -drift.psi))


def shift_of_mean(sums: Array, n_reference: int) -> tuple[float, float]:
    """The mean of standardised values, and its p-value (z test).

    Args:
        sums: The number of the values, their sum and the sum of their squares.
        n_reference: The number of values that the reference mean is of; it has an error, too.
    """
    n_current, total, squares = sums
    if not n_current:
        return 0.0, 1.0
    shift = total / n_current
    # At least that of the reference, which is 1: few rows of a column with outliers often hold
    # none of these, and then mean and variance are both too low.
    variance = max(1, squares / n_current - shift**2)
    standard_error = np.sqrt(variance / n_current + 1 / n_reference)
    return float(shift), float(2 * norm.sf(abs(shift) / standard_error))


def stability_index(counts: IntArray) -> tuple[float, float]:
    """PSI of the two rows of `counts`, and its p-value.

    Without drift the PSI, divided by the sum of 1 / rows, has a chi-square distribution: Yurdakul
    and Naranjo (2020), Journal of Risk Model Validation 14.
    """
    # Half a row more in each bin, because the PSI of an empty one would be infinite.
    smoothed = counts + 0.5
    reference, current = smoothed / smoothed.sum(axis=1, keepdims=True)
    psi = np.sum((current - reference) * np.log(current / reference))
    scale = np.sum(1 / counts.sum(axis=1))
    return float(psi), float(chi2.sf(psi / scale, df=len(reference) - 1))
