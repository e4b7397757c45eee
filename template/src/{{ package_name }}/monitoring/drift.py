"""Drift: how far the distribution of a column has moved from the reference data."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from ..core.config import MonitoringConfig
from ..core.reference import ReferenceColumn
from ..core.rows import IntArray


@dataclass(frozen=True)
class Drift:
    """A column of the current data compared with the reference data.

    Attributes:
        psi: Population stability index: Siddiqi (2006), Credit Risk Scorecards.
        p_value: The probability of a PSI at least as large without drift.
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

    A column has drifted if its PSI is above the limit and significant (Bonferroni).

    Args:
        reference: From the bundle.
        current: The current number of rows in each bin.
        config: The limits.
    """
    drifts = []
    for name, current_counts in current.items():
        counts = np.array([reference[name].counts, current_counts])
        reference_shares, current_shares = counts / counts.sum(axis=1, keepdims=True)
        psi, p_value = stability_index(counts)
        is_significant = p_value < config.alpha / len(reference)
        drift = Drift(
            name=name,
            psi=psi,
            p_value=p_value,
            bins=reference[name].bins,
            reference=reference_shares.tolist(),
            current=current_shares.tolist(),
            drifted=psi > config.psi and is_significant and name not in config.ignored,
        )
        drifts.append(drift)
    return sorted(drifts, key=lambda drift: -drift.psi)


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
