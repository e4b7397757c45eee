"""The network, its parameters and its search space.

It adds up a vector for each word and pair of words. With a backbone in params.toml, an encoder of
the Hugging Face hub is trained further instead.
"""

from typing import Any

import torch
from optuna import Trial
from pydantic import Field
from torch import Tensor, nn

from .core.config import COMMAND, UserError
from .core.rows import Array, Features
from .features import BUCKETS, TOKENIZER
from .training.network import TrainingConfig, export_network, fit_network, predict_network

# As metrics.json names it.
FRAMEWORK = "pytorch"


class ModelConfig(TrainingConfig):
    """[model] in params.toml.

    Attributes:
        width: Length of a word's vector.
        backbone: Name or folder of an encoder; empty for none.
    """

    width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)
    backbone: str


class NgramEncoder(nn.Module):
    """The sum of the vectors of the ids, divided by the root of their number; id 0 is padding."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.vectors = nn.Embedding(BUCKETS + 1, width, padding_idx=0)
        # Small, so that a word which is rare in the training set changes little.
        self.vectors.weight.data *= 0.02

    def forward(self, ids: Tensor) -> Any:
        """Shape (n, width), from ids of shape (n, longest)."""
        n_ids = (ids > 0).sum(dim=1, keepdim=True).clamp(min=1)
        return self.vectors(ids).sum(dim=1) / n_ids.sqrt()


class PretrainedEncoder(nn.Module):
    """The mean of a backbone's vectors for the subwords of a text; id 0 is padding."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.encoder = load_encoder(name)
        self.width = self.encoder.config.hidden_size

    def forward(self, ids: Tensor) -> Any:
        """Shape (n, width), from ids of shape (n, longest)."""
        mask = (ids > 0).long()
        output = self.encoder(input_ids=(ids - 1).clamp(min=0), attention_mask=mask)
        total = (output.last_hidden_state * mask.unsqueeze(2)).sum(dim=1)
        return total / mask.sum(dim=1, keepdim=True)


class TextClassifier(nn.Module):
    """An encoder of the text, and a linear layer for the logits of the classes."""

    def __init__(self, config: ModelConfig, n_classes: int) -> None:
        super().__init__()
        backbone, width = config.backbone, config.width
        self.encoder = PretrainedEncoder(backbone) if backbone else NgramEncoder(width)
        self.dropout = nn.Dropout(config.dropout)
        self.linear = nn.Linear(self.encoder.width, n_classes)

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        """Logits of shape (n, classes)."""
        return self.linear(self.dropout(self.encoder(inputs["ids"])))


def load_encoder(name: str) -> Any:
    """Load an encoder from a folder, the hub or its cache; its tokenizer goes to TOKENIZER.

    Raises:
        UserError: The encoder cannot be loaded, or its tokenizer is new to features.py.
    """
    from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415 - takes seconds, rarely needed

    try:
        encoder = AutoModel.from_pretrained(name, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(name).backend_tokenizer.to_str()
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f'params.toml: backbone = "{name}" cannot be loaded: {reason}') from error
    if not TOKENIZER.is_file() or TOKENIZER.read_text(encoding="utf-8") != tokenizer:
        TOKENIZER.write_text(tokenizer, encoding="utf-8")
        raise UserError(f"{TOKENIZER} is now the tokenizer of {name}; run `{COMMAND} train` again.")
    return encoder


def search_space(trial: Trial) -> dict[str, Any]:
    """Suggest values of ModelConfig, for `tune`; a backbone needs learning rates near 5e-5."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 5e-4, 2e-2, log=True),
        "width": trial.suggest_int("width", 4, 64, log=True),
        "dropout": trial.suggest_float("dropout", 0, 0.6),
    }


def fit(config: ModelConfig, features: Features, y: Array, seed: int) -> nn.Module:
    """Fit on the training set; `y` of shape (n,) holds the index of each row's class.

    Raises:
        UserError: The backbone cannot be loaded, or features.py has another tokenizer.
    """
    if TOKENIZER.is_file() and not config.backbone:
        raise UserError(f"Delete {TOKENIZER}, or name its backbone in params.toml.")
    torch.manual_seed(seed)
    network = TextClassifier(config, int(y.max()) + 1)
    inputs = {"ids": features["ids"]}
    fit_network(network, inputs, y, nn.functional.cross_entropy, config, seed)
    return nn.Sequential(network, nn.Softmax(dim=1))


def predict(model: nn.Module, features: Features) -> Array:
    """Probabilities of shape (n, classes)."""
    return predict_network(model, {"ids": features["ids"]})


def to_onnx(model: nn.Module, features: Features) -> bytes:
    """The model in ONNX: its input is named as the feature, its last output is `predict`'s."""
    onnx = export_network(model, {"ids": features["ids"]})
    return bytes(onnx.SerializeToString())
