"""Yours: the network, and its search space.

Strings and missing values are scikit-learn's part; the network takes the columns that it makes.
"""

from typing import Any

from optuna import Trial
from pydantic import Field
from skl2onnx import to_onnx as convert
from sklearn.compose import ColumnTransformer
from torch import Tensor, nn

from .columns import as_frame, fit_columns, transform
from .inputs import Array, Inputs
from .training import OPSET, Training, export_network, predict_network, train_network

Model = tuple[ColumnTransformer, nn.Sequential]


class Params(Training):
    """[model] in params.toml."""

    width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)
    min_frequency: int = Field(ge=1)


class Network(nn.Module):
    """One hidden layer; the output is a score for each class."""

    def __init__(self, params: Params, columns: int, classes: int) -> None:
        super().__init__()
        hidden = [nn.Linear(columns, params.width), nn.ReLU(), nn.Dropout(params.dropout)]
        self.layers = nn.Sequential(*hidden, nn.Linear(params.width, classes))

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        return self.layers(inputs["columns"])


def search_space(trial: Trial) -> dict[str, Any]:
    """One point of the space that `tune` searches."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1, log=True),
        "width": trial.suggest_int("width", 8, 256, log=True),
        "dropout": trial.suggest_float("dropout", 0, 0.5),
    }


def fit(params: Params, inputs: Inputs, target: Array, seed: int) -> Model:
    """Learn from the training part alone; `target` holds the index of each row's class."""
    columns = fit_columns(inputs, params.min_frequency)
    made = transform(columns, inputs)
    shape = made["columns"].shape[1], int(target.max()) + 1
    network = train_network(
        lambda: nn.Sequential(Network(params, *shape), nn.Softmax(1)),
        made,
        target,
        nn.functional.cross_entropy,
        params,
        seed,
    )
    return columns, network


def predict(model: Model, inputs: Inputs) -> Array:
    """Probabilities of shape (n, classes)."""
    columns, network = model
    return predict_network(network, transform(columns, inputs))


def to_onnx(model: Model, inputs: Inputs) -> bytes:
    """The model in ONNX; its last output is what `predict` returns."""
    columns, network = model
    first = convert(columns, as_frame(inputs)[:1], target_opset=OPSET)
    return export_network(network, transform(columns, inputs), first)
