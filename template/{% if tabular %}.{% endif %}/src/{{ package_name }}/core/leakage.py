"""Warnings about possible target leakage."""

import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

# A single field that is known before the target rarely predicts it this well.
MAX_BALANCED_ACCURACY = 0.98


def find_leakage(fields: pd.DataFrame, target: "pd.Series[float]") -> list[str]:
    """Warnings about fields from which a small decision tree predicts the target alone."""
    if target.nunique() < 2:
        return []
    if is_numeric_dtype(target) and target.nunique() > 20:
        target = pd.qcut(target, 10, labels=False, duplicates="drop")
    warnings = []
    for name in fields:
        score = single_field_score(fields[name], target)
        if score > MAX_BALANCED_ACCURACY:
            warnings.append(
                f'Possible target leakage: "{name}" alone predicts the target '
                f"(balanced accuracy {score:.3f})."
            )
    return warnings


def single_field_score(column: "pd.Series[float]", target: "pd.Series[float]") -> float:
    """Balanced accuracy of a small tree on one field, in two-fold cross-validation."""
    values = column if is_numeric_dtype(column) else pd.Series(pd.factorize(column)[0])
    return float(
        cross_val_score(
            DecisionTreeClassifier(max_leaf_nodes=50),
            values.to_frame(),
            target,
            scoring="balanced_accuracy",
            cv=2,
        ).mean()
    )
