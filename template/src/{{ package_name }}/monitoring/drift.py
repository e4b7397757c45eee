"""Drift: how far the distribution of a column has moved from the reference data."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import chi2_contingency, ks_2samp

from ..core.config import MonitoringConfig
from ..core.reference import (
    MISSING,
    CategoricalColumn,
    Column,
    Columns,
    NumericColumn,
    Reference,
    count_categories,
)
from ..core.rows import Array

# Shares below this count as this, because the PSI of an empty bin would be infinite.
MIN_SHARE = 1e-4
# The chi-square test takes five expected rows in each cell: Cochran (1954), Biometrics 10.
MIN_EXPECTED = 5


@dataclass(frozen=True)
class Drift:
    """A column of the current data compared with the reference data.

    Attributes:
        psi: Population stability index over the bins.
        test: The name of the test; `statistic` and `p_value` are its results.
        missing_reference: The share of missing values, as is `missing_current`.
        unseen: Categories that the reference data lack.
        bins: Labels of the bins; the shares of the rows in them follow.
    """

    name: str
    psi: float
    test: str
    statistic: float
    p_value: float
    missing_reference: float
    missing_current: float
    unseen: list[str]
    bins: list[str]
    reference_shares: list[float]
    current_shares: list[float]


@dataclass
class CurrentData:
    """The columns of current rows, collected batch by batch."""

    reference: Reference
    numbers: dict[str, list[Array]] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, columns: Columns) -> None:
        """Add rows, of which only the columns of the reference data are kept."""
        for name, column in self.reference.items():
            if isinstance(column, NumericColumn):
                values = np.array(columns[name], dtype=float)
                self.numbers.setdefault(name, []).append(values)
            else:
                counts = count_categories(columns[name])
                self.counts.setdefault(name, Counter()).update(counts)

    def compare(self) -> list[Drift]:
        """Compare each column, the largest PSI first."""
        drifts = [self.compare_column(name, column) for name, column in self.reference.items()]
        return sorted(drifts, key=lambda drift: -drift.psi)

    def compare_column(self, name: str, column: Column) -> Drift:
        """Compare one column by its kind."""
        if isinstance(column, CategoricalColumn):
            return compare_categories(name, column, self.counts[name])
        return compare_numbers(name, column, np.concatenate(self.numbers[name]))


def find_drifted(drifts: list[Drift], config: MonitoringConfig) -> list[Drift]:
    """The columns whose PSI is large, and whose test is significant after Bonferroni."""
    alpha = config.alpha / max(1, len(drifts))
    return [
        drift
        for drift in drifts
        if drift.psi > config.psi and drift.p_value < alpha and drift.name not in config.ignored
    ]


def compare_numbers(name: str, column: NumericColumn, current: Array) -> Drift:
    """PSI over the deciles of the reference data, and a Kolmogorov-Smirnov test.

    A missing value counts as less than all numbers, so that both measures see it.

    Args:
        name: The name of the column.
        column: The reference data.
        current: Numbers of shape (n,); NaN where a value is missing.
    """
    reference = as_numbers(column.values)
    # Six digits, as in the bundle: what was constant must stay so.
    current = as_numbers([float(f"{value:.6g}") for value in current])
    deciles = np.quantile(reference, np.arange(0.1, 1, 0.1), method="inverted_cdf")
    lowest = np.nextafter(reference.min(), -np.inf)
    edges = np.unique([lowest, *deciles])
    shares = [bin_shares(values, edges) for values in (reference, current)]
    test = ks_2samp(reference, current, method="asymp")
    return Drift(
        name=name,
        psi=stability_index(*shares),
        test="Kolmogorov-Smirnov",
        statistic=float(test.statistic),
        p_value=float(test.pvalue),
        missing_reference=float(np.mean(np.isneginf(reference))),
        missing_current=float(np.mean(np.isneginf(current))),
        unseen=[],
        bins=["lower or missing", *(f"to {edge:.3g}" for edge in edges[1:]), "higher"],
        reference_shares=shares[0].tolist(),
        current_shares=shares[1].tolist(),
    )


def as_numbers(values: Any) -> Array:
    """Floats, with minus infinity where a value is missing."""
    numbers = np.array(values, dtype=float)
    return np.where(np.isnan(numbers), -np.inf, numbers)


def bin_shares(values: Array, edges: Array) -> Array:
    """The share of the values in each bin."""
    bins = np.searchsorted(edges, values)
    return np.bincount(bins, minlength=len(edges) + 1) / len(values)


def compare_categories(name: str, column: CategoricalColumn, current: Counter[str]) -> Drift:
    """PSI and a chi-square test over the categories; rare ones are one bin."""
    reference = Counter(column.counts)
    n_reference, n_current = reference.total(), current.total()
    scale = min(1, n_current / n_reference)
    bins = [key for key, count in reference.items() if count * scale >= MIN_EXPECTED]
    counts = np.array([[both[key] for key in bins] for both in (reference, current)])
    others = np.array([n_reference, n_current]) - counts.sum(axis=1)
    if others.any():
        bins = [*bins, "others"]
        counts = np.column_stack([counts, others])
    test = chi2_contingency(counts, correction=False)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return Drift(
        name=name,
        psi=stability_index(shares[0], shares[1]),
        test="chi-square",
        statistic=float(test.statistic),
        p_value=float(test.pvalue),
        missing_reference=reference[MISSING] / n_reference,
        missing_current=current[MISSING] / n_current,
        unseen=sorted(current.keys() - reference.keys())[:5],
        bins=[key[:40] for key in bins],
        reference_shares=shares[0].tolist(),
        current_shares=shares[1].tolist(),
    )


def stability_index(reference: Array, current: Array) -> float:
    """Population stability index: Siddiqi (2006), Credit Risk Scorecards."""
    reference = np.maximum(reference, MIN_SHARE)
    current = np.maximum(current, MIN_SHARE)
    return float(np.sum((current - reference) * np.log(current / reference)))
