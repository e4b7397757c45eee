"""Warnings about possible target leakage."""

from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

# A single field that is known before the target rarely predicts it this well.
MAX_SCORE = 0.9
# A numeric target with more values is predicted as a number, with fewer as classes.
MAX_CLASSES = 20
SMALL_TREE: dict[str, Any] = {"min_samples_leaf": 10, "max_leaf_nodes": 50, "random_state": 0}


def find_leakage(fields: pd.DataFrame, target: "pd.Series[Any]") -> list[str]:
    """Warnings about fields from which a small decision tree predicts the target alone.

    The score is R2 or ROC AUC, in two-fold cross-validation.
    """
    if target.nunique() < 2:
        return []
    fields = fields.sample(frac=1, random_state=0)
    target = target[fields.index]
    if is_numeric_dtype(target) and target.nunique() > MAX_CLASSES:
        tree, metric, scoring = DecisionTreeRegressor(**SMALL_TREE), "R2", "r2"
    else:
        tree, metric, scoring = DecisionTreeClassifier(**SMALL_TREE), "ROC AUC", "roc_auc_ovr"
        target = target.astype(str)
    warnings = []
    for name, column in fields.items():
        values = column if is_numeric_dtype(column) else pd.Series(pd.factorize(column)[0])
        score = cross_val_score(tree, values.to_frame(), target, scoring=scoring, cv=2).mean()
        if score > MAX_SCORE:
            warnings.append(
                f'Possible target leakage: "{name}" alone predicts the target '
                f"({metric} {score:.3f})."
            )
    return warnings
