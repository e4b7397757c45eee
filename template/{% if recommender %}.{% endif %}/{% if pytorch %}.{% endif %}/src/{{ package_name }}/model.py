"""The network, what comes before it in ONNX, its parameters and its search space.

A linear denoising autoencoder of users' likes: H. Steck (2020), Autoencoders that don't overfit
towards the Identity, NeurIPS. It reconstructs all likes of a user from a random part of them, by
way of a vector of taste. What users liked lately is added, because tastes and items change.
"""

from typing import Any

import numpy as np
import torch
from onnx import ModelProto, helper, parser
from optuna import Trial
from pydantic import Field
from torch import Tensor, nn

from .core.metrics import (
    MASKED,
    build_catalogue,
    item_matrix,
    recent_popularity,
    user_likes,
)
from .core.rows import Array, Features
from .training.network import (
    OPSET,
    TrainingConfig,
    export_network,
    fit_network,
    join_graphs,
    predict_network,
)

Model = tuple[list[str], nn.Module]

# As metrics.json names it.
FRAMEWORK = "pytorch"


class ModelConfig(TrainingConfig):
    """[model] in params.toml."""

    width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)
    half_life: float = Field(gt=0)
    popularity_weight: float = Field(ge=0)


class Autoencoder(nn.Module):
    """Reconstructs likes, of shape (n, items), from those that the dropout leaves.

    It starts from the principal components, which reconstruct best where nothing is left out.
    """

    def __init__(self, config: ModelConfig, in_likes: Array) -> None:
        super().__init__()
        components = torch.linalg.svd(torch.tensor(in_likes), full_matrices=False).Vh
        components = components[: config.width]
        width, n_items = components.shape
        self.dropout = config.dropout
        self.encoder = nn.Linear(n_items, width, bias=False)
        self.decoder = nn.Linear(width, n_items, bias=False)
        self.encoder.weight = nn.Parameter(components.clone())
        self.decoder.weight = nn.Parameter(components.T.clone())

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        """Shape (n, items)."""
        # For early stopping too: without noise, the best reconstruction is a copy.
        noisy = nn.functional.dropout(inputs["likes"], self.dropout)
        return self.decoder(self.encoder(noisy))


class Recommender(nn.Module):
    """A score for each item, MASKED where the history holds it."""

    def __init__(self, autoencoder: Autoencoder, popularity: Array) -> None:
        super().__init__()
        self.encoder = autoencoder.encoder
        self.decoder = autoencoder.decoder
        self.register_buffer("popularity", torch.tensor(popularity, dtype=torch.float32))

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        """Shape (n, items)."""
        likes = inputs["likes"]
        # Otherwise popularity would have less weight for users with a long history.
        length = likes.sum(dim=1, keepdim=True).clamp_min(1).sqrt()
        taste = self.decoder(self.encoder(likes)) / length
        return (taste + self.popularity).masked_fill(likes > 0, MASKED)


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 3e-3, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1, log=True),
        "width": trial.suggest_int("width", 16, 256, log=True),
        "dropout": trial.suggest_float("dropout", 0.3, 0.9),
        "half_life": trial.suggest_float("half_life", 5, 200, log=True),
        "popularity_weight": trial.suggest_float("popularity_weight", 0.5, 50, log=True),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> Model:
    """Fit on the training set; `y` holds the items of each user's last session."""
    likes = user_likes(features, y)
    items = build_catalogue(likes)
    in_likes = item_matrix(likes, items).astype(np.float32)
    torch.manual_seed(seed)
    autoencoder = Autoencoder(config, in_likes)
    loss = nn.functional.mse_loss
    fit_network(autoencoder, {"likes": in_likes}, in_likes, loss, config, seed)
    popularity = config.popularity_weight * recent_popularity(in_likes, config.half_life)
    return items, Recommender(autoencoder, popularity)


def build_inputs(items: list[str], features: Features) -> Features:
    """Whether each item is in the history: shape (n, items)."""
    return {"likes": item_matrix(features["history"], items).astype(np.float32)}


def predict(model: Model, features: Features) -> Array:
    """Scores of shape (n, items)."""
    items, network = model
    return predict_network(network, build_inputs(items, features))


def to_onnx(model: Model, features: Features) -> bytes:
    """The model in ONNX: its input is named as the feature, its last output is `predict`'s."""
    items, network = model
    onnx = export_network(network, build_inputs(items, features))
    return join_graphs(inputs_to_onnx(items), onnx, "likes")


def inputs_to_onnx(items: list[str]) -> ModelProto:
    """build_inputs() in ONNX."""
    n_items = len(items)
    onnx = parser.parse_model(f"""
    <ir_version: 10, opset_import: ["": {OPSET}, "ai.onnx.ml": 4]>
    encode (string[n, longest] history) => (float[n, items] likes)
    <
        int64[1] zero = {{0}}, int64[1] one = {{1}}, int64[1] n_items = {{{n_items}}},
        int64[1] n_columns = {{{n_items + 1}}}, float liked = {{1}}
    > {{
        indices = ai.onnx.ml.LabelEncoder <default_int64 = {n_items}> (history)
        shape = Shape (history)
        n = Shape <end = 1> (history)
        ones = Expand (liked, shape)
        size = Concat <axis = 0> (n, n_columns)
        empty = ConstantOfShape (size)
        scattered = ScatterElements <axis = 1> (empty, indices, ones)
        likes = Slice (scattered, zero, n_items, one)
    }}""")
    encoding = {"keys_strings": items, "values_int64s": range(n_items)}
    attributes = [helper.make_attribute(name, value) for name, value in encoding.items()]
    onnx.graph.node[0].attribute.extend(attributes)
    return onnx
