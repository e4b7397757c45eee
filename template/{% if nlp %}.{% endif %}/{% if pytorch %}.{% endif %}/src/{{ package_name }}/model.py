"""Yours: the network, and its search space.

What it knows of each word and pair of words is added up. With a backbone in params.toml, a sentence
model from the Hugging Face hub is trained further instead.
"""

from typing import Any

from optuna import Trial
from pydantic import Field
from torch import Tensor, nn

from .inputs import Array, Inputs
from .prepare import BUCKETS, TOKENIZER
from .settings import COMMAND, UserError
from .training import Training, export_network, predict_network, train_network


class Params(Training):
    """[model] in params.toml."""

    width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)
    backbone: str


class Words(nn.Module):
    """A vector for each word; the first stays zero, for where no word is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width, self.table = width, nn.Embedding(BUCKETS + 1, width, padding_idx=0)
        # Small, so that words which training hardly holds say hardly anything.
        self.table.weight.data *= 0.02

    def forward(self, ids: Tensor) -> Any:
        return self.table(ids).sum(1) / ((ids > 0).sum(1, keepdim=True) + 1).sqrt()


class Sentence(nn.Module):
    """The mean of what a sentence model says of the pieces of a text."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.encoder = load_encoder(name)
        self.width = self.encoder.config.hidden_size

    def forward(self, ids: Tensor) -> Any:
        mask = (ids > 0).long()
        said = self.encoder(input_ids=(ids - 1).clamp(min=0), attention_mask=mask)
        return (said.last_hidden_state * mask.unsqueeze(2)).sum(1) / mask.sum(1, keepdim=True)


class Network(nn.Module):
    """A text as one vector, and from that a score for each class."""

    def __init__(self, params: Params, classes: int) -> None:
        super().__init__()
        self.text = Sentence(params.backbone) if params.backbone else Words(params.width)
        self.scores = nn.Sequential(nn.Dropout(params.dropout), nn.Linear(self.text.width, classes))

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        return self.scores(self.text(inputs["ids"]))


def load_encoder(name: str) -> Any:
    """From a folder, the hub or its cache; the tokenizer goes where prepare.py looks for it."""
    from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415 - seconds, and seldom needed

    try:
        encoder = AutoModel.from_pretrained(name, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(name).backend_tokenizer.to_str()
    except (OSError, ValueError) as error:
        reason = f"is no folder, not cached, nor to be had from the hub: {error}".splitlines()[0]
        raise UserError(f'params.toml: the backbone "{name}" {reason}') from error
    if not TOKENIZER.is_file() or TOKENIZER.read_text(encoding="utf-8") != tokenizer:
        TOKENIZER.write_text(tokenizer, encoding="utf-8")
        raise UserError(f"{TOKENIZER} is that of {name} now; run `{COMMAND} train` again.")
    return encoder


def search_space(trial: Trial) -> dict[str, Any]:
    """One point of the space that `tune` searches; a backbone needs learning rates about 5e-5."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 5e-4, 2e-2, log=True),
        "width": trial.suggest_int("width", 4, 64, log=True),
        "dropout": trial.suggest_float("dropout", 0, 0.6),
    }


def fit(params: Params, inputs: Inputs, target: Array, seed: int) -> nn.Sequential:
    """Learn from the training part alone; `target` holds the index of each row's class."""
    if TOKENIZER.is_file() and not params.backbone:
        raise UserError(f"Delete {TOKENIZER}, or name the backbone whose it is in params.toml.")
    classes, loss = int(target.max()) + 1, nn.functional.cross_entropy

    def build() -> nn.Sequential:
        return nn.Sequential(Network(params, classes), nn.Softmax(1))

    return train_network(build, {"ids": inputs["ids"]}, target, loss, params, seed)


def predict(model: nn.Sequential, inputs: Inputs) -> Array:
    """Probabilities of shape (n, classes)."""
    return predict_network(model, {"ids": inputs["ids"]})


def to_onnx(model: nn.Sequential, inputs: Inputs) -> bytes:
    """The model in ONNX; its last output is what `predict` returns."""
    return export_network(model, {"ids": inputs["ids"]})
