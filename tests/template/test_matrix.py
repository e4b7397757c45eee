"""The matrix is what the questionnaire itself accepts, no more and no less."""

import itertools
from pathlib import Path

import pytest

from scaffold import ScaffoldError, combinations, render
from scaffold.template.questions import questionnaire
from support.combinations import SUPPORTED

VARIANTS = list(questionnaire()["variant"]["choices"].values())
FRAMEWORKS = ["sklearn", "pytorch", "lightgbm", "keras", "spark", "unknown"]


@pytest.mark.parametrize(
    ("variant", "framework"), list(itertools.product([*VARIANTS, "unknown"], FRAMEWORKS))
)
def test_copier_and_matrix_agree(
    template: Path, tmp_path: Path, variant: str, framework: str
) -> None:
    answers = {"variant": variant, "framework": framework}
    if (variant, framework) in SUPPORTED:
        render(tmp_path / "project", answers, template=template)
        return
    with pytest.raises(ScaffoldError, match=r"variant|framework"):
        render(tmp_path / "project", answers, template=template)
    assert not (tmp_path / "project").exists()


def test_every_variant_has_a_combination() -> None:
    assert {variant for variant, _ in SUPPORTED} == set(VARIANTS)
    assert {"tabular-classification", "tabular-regression"} <= set(VARIANTS)


def test_the_first_choice_is_the_default() -> None:
    assert combinations()[0].id == "tabular-classification-sklearn"
