"""Warnings about possible target leakage."""

import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

# A single field that is known before the target rarely predicts it this well.
MAX_SCORE = 0.9
# A numeric target with more values is predicted as a number, with fewer as classes.
MAX_CLASSES = 20


def find_leakage(fields: pd.DataFrame, target: "pd.Series[float]") -> list[str]:
    """Warnings about fields from which a small decision tree predicts the target alone."""
    if target.nunique() < 2:
        return []
    is_number = is_numeric_dtype(target) and target.nunique() > MAX_CLASSES
    metric = "R2" if is_number else "ROC AUC"
    warnings = []
    for name in fields:
        score = single_field_score(fields[name], target, is_number=is_number)
        if score > MAX_SCORE:
            warnings.append(
                f'Possible target leakage: "{name}" alone predicts the target '
                f"({metric} {score:.3f})."
            )
    return warnings


def single_field_score(
    column: "pd.Series[float]", target: "pd.Series[float]", *, is_number: bool
) -> float:
    """R2 or ROC AUC of a small tree on one field, in two-fold cross-validation."""
    values = column if is_numeric_dtype(column) else pd.Series(pd.factorize(column)[0])
    model, scoring, split = DecisionTreeClassifier, "roc_auc_ovr", StratifiedKFold
    if is_number:
        model, scoring, split = DecisionTreeRegressor, "r2", KFold
    return float(
        cross_val_score(
            model(min_samples_leaf=10, max_leaf_nodes=50),
            values.to_frame(),
            target if is_number else target.astype(str),
            scoring=scoring,
            cv=split(2, shuffle=True, random_state=0),
        ).mean()
    )
