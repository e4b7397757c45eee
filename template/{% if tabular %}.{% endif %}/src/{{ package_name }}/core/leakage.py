"""Warnings about possible target leakage."""

from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

# A single field that is known before the target rarely predicts it this well.
MAX_SCORE = 0.9
# Nor does it give more of the skill that all fields have together, if they have that much.
MAX_SHARE, MIN_SKILL = 0.9, 0.1
# A numeric target with more values is predicted as a number, with fewer as classes.
MAX_CLASSES = 20
SMALL_TREE: dict[str, Any] = {"min_samples_leaf": 10, "max_leaf_nodes": 50, "random_state": 0}


def find_leakage(fields: pd.DataFrame, target: "pd.Series[Any]") -> dict[str, str]:
    """Warnings about fields from which a small decision tree predicts the target alone.

    The score is R2 or ROC AUC, in two-fold cross-validation; skill is its excess over the score of
    a constant prediction.

    Returns:
        By name: `leakage_` and the field.
    """
    if target.nunique() < 2:
        return {}
    fields = fields.sample(frac=1, random_state=0)
    target = target[fields.index]
    if is_numeric_dtype(target) and target.nunique() > MAX_CLASSES:
        tree, metric, scoring, constant = DecisionTreeRegressor(**SMALL_TREE), "R2", "r2", 0.0
    else:
        tree, metric, scoring, constant = (
            DecisionTreeClassifier(**SMALL_TREE),
            "ROC AUC",
            "roc_auc_ovr",
            0.5,
        )
        target = target.astype(str)

    def score(columns: pd.DataFrame) -> float:
        return float(cross_val_score(tree, columns, target, scoring=scoring, cv=2).mean())

    numbers = fields.apply(to_numbers)
    skill = max(MIN_SKILL, score(numbers) - constant)
    warnings = {}
    for name in numbers:
        alone = score(numbers[[name]])
        if alone > MAX_SCORE or alone - constant > MAX_SHARE * skill:
            warnings[f"leakage_{name}"] = (
                f'Possible target leakage: "{name}" alone predicts the target nearly as well as '
                f"all fields ({metric} {alone:.3f})."
            )
    return warnings


def to_numbers(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """The column as it is, or a number for each category."""
    if is_numeric_dtype(column):
        return column
    return pd.Series(pd.factorize(column)[0], column.index)
