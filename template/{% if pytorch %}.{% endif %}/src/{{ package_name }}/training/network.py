"""Networks of PyTorch: training with early stopping and checkpoints, prediction, export."""

import logging
import math
import sys
import warnings
from collections.abc import Callable
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from statistics import fmean
from typing import Any

import mlflow
import numpy as np
import torch
from onnx import ModelProto, compose
from pydantic import Field
from torch import Tensor
from torch.nn import Module
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR

from ..core.bundle import code_key
from ..core.config import Config, UserError
from ..core.files import sha256, write_atomic
from ..core.rows import Array, Features

BatchLoss = Callable[[Array], Tensor]
State = dict[str, Any]
CHECKPOINT = Path("data/checkpoint.pt")
PREDICT_BATCH_SIZE = 4096
OPSET = 20  # of ONNX; graphs that are joined must have the same
logging.getLogger("torch.onnx").setLevel(logging.ERROR)


class TrainingConfig(Config):
    """The keys of [model] in params.toml that all networks share.

    Attributes:
        early_stopping_fraction: Fraction of the training set on which early stopping measures.
        patience: Epochs without improvement after which training stops.
    """

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    early_stopping_fraction: float = Field(gt=0, lt=0.5)
    patience: int = Field(ge=1)


def fit_network(
    network: Module,
    features: Features,
    y: Array,
    loss: Callable[[Tensor, Tensor], Tensor],
    config: TrainingConfig,
    seed: int,
) -> None:
    """Train in place; the network ends on the CPU with the weights of its best epoch.

    An interrupted run resumes after its last complete epoch and ends with the same weights.

    Args:
        network: Takes a dictionary of tensors, named as the features.
        features: The training set; arrays of numbers only.
        y: The target, in the type that `loss` needs.
        loss: A function of the network's output and the target.
        config: Batches, optimizer and early stopping.
        seed: For the order of rows and the dropout of each epoch. The network's own weights must be
            seeded before; then the same seed gives the same weights on the same device.

    Raises:
        UserError: The loss is not finite.
    """
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    origin = f"{code_key()} {config} {seed} {device}"
    key = sha256(to_bytes([origin, network.state_dict(), features, y]))
    target = torch.tensor(y, device=device)
    n_valid = max(1, round(len(y) * config.early_stopping_fraction))
    train_rows, valid_rows = np.split(torch.randperm(len(y)).numpy(), [-n_valid])

    network.to(device)
    optimizer = AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    scheduler = CosineAnnealingLR(optimizer, config.epochs)
    parts: State = {"network": network, "optimizer": optimizer, "scheduler": scheduler}
    state = load_checkpoint(key)
    best: State = {"epoch": 0, "loss": math.inf}
    if state:
        best = state["best"]
        for name, part in parts.items():
            part.load_state_dict(state[name])

    def batch_loss(rows: Array) -> Tensor:
        return loss(forward(network, features, rows), target[rows])

    for epoch in range(scheduler.last_epoch + 1, config.epochs + 1):
        if epoch > best["epoch"] + config.patience:
            break
        # A seed for each epoch, so that a checkpoint need not hold the generators' states.
        torch.manual_seed(seed + epoch)
        network.train()
        losses = []
        shuffled = train_rows[torch.randperm(len(train_rows))]
        for rows in split_batches(shuffled, config.batch_size):
            value = batch_loss(rows)
            optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call] # torch does not annotate it
            optimizer.step()
            losses.append(value.item())
        scheduler.step()
        batches = split_batches(valid_rows, config.batch_size)
        valid_loss = evaluate_loss(network, batch_loss, batches)
        log_epoch(epoch, fmean(losses), valid_loss)
        if valid_loss < best["loss"]:
            weights = deepcopy(network.state_dict())
            best = {"epoch": epoch, "loss": valid_loss, "weights": weights}
        state = {name: part.state_dict() for name, part in parts.items()}
        save_checkpoint({**state, "best": best}, key)

    network.load_state_dict(best["weights"])
    network.cpu()
    CHECKPOINT.unlink(missing_ok=True)


def split_batches(rows: Array, batch_size: int) -> list[Array]:
    """Batches of at least `batch_size` rows, or one of all rows; no batch is a single row."""
    return np.array_split(rows, max(1, len(rows) // batch_size))


def evaluate_loss(network: Module, batch_loss: BatchLoss, batches: list[Array]) -> float:
    """The mean loss, without training."""
    network.eval()
    with torch.no_grad():
        return fmean(batch_loss(rows).item() for rows in batches)


def forward(network: Module, features: Features, rows: Array) -> Any:
    """The network's output for some rows, in mixed precision on an NVIDIA GPU."""
    device = next(network.parameters()).device
    batch = {name: torch.tensor(v[rows], device=device) for name, v in features.items()}
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        return network(batch).float()


def log_epoch(epoch: int, train_loss: float, valid_loss: float) -> None:
    """Log to stderr and to the active MLflow run.

    Raises:
        UserError: A loss is not finite.
    """
    if not math.isfinite(train_loss + valid_loss):
        raise UserError("The loss is not finite; use a lower learning_rate in params.toml.")
    losses = f"loss {train_loss:.4f}, early stopping loss {valid_loss:.4f}"
    sys.stderr.write(f"epoch {epoch}: {losses}\n")
    if mlflow.active_run():
        logged = {"train_loss": train_loss, "early_stopping_loss": valid_loss}
        mlflow.log_metrics(logged, step=epoch)


def to_bytes(content: Any) -> bytes:
    """What torch.save writes."""
    buffer = BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def save_checkpoint(state: State, key: str) -> None:
    """Write the state after an epoch, behind a digest of it and the key.

    Args:
        state: The best epoch, and the states of network, optimizer and scheduler.
        key: A hash of all that determines the weights.
    """
    content = to_bytes(state)
    write_atomic(CHECKPOINT, sha256(key.encode() + content).encode() + content)


def load_checkpoint(key: str) -> State:
    """What save_checkpoint() wrote last, with the same key; empty where there is none."""
    stored = CHECKPOINT.read_bytes() if CHECKPOINT.is_file() else b""
    digest, content = stored[:64], stored[64:]
    if digest == sha256(key.encode() + content).encode():
        state: State = torch.load(BytesIO(content), weights_only=True)
        return state
    if stored:
        sys.stderr.write(f"{CHECKPOINT} is damaged or of another run; training restarts.\n")
    return {}


def predict_network(network: Module, features: Features) -> Array:
    """The network's output for every row."""
    network.eval()
    n_rows = len(next(iter(features.values())))
    batches = split_batches(np.arange(n_rows), PREDICT_BATCH_SIZE)
    with torch.inference_mode():
        return np.concatenate([forward(network, features, rows).numpy() for rows in batches])


def export_network(network: Module, features: Features) -> ModelProto:
    """The network in ONNX, for any number of rows; its inputs are named as the features."""
    # Two rows, because the exporter takes an axis of length one for a constant.
    example = {name: torch.tensor(values[:2]) for name, values in features.items()}
    with warnings.catch_warnings(action="ignore"):
        program: Any = torch.onnx.export(
            network.eval(),
            (example, {}),
            input_names=list(example),
            dynamic_shapes=({name: {0: "rows"} for name in example},),
            opset_version=OPSET,
            verbose=False,
        )
    model: ModelProto = program.model_proto
    for node in model.graph.node:
        node.ClearField("metadata_props")  # paths of this machine
    return model


def join_graphs(first: ModelProto, second: ModelProto, name: str) -> bytes:
    """One ONNX graph, in which the output of `first` is the input `name` of `second`."""
    first = compose.add_prefix(first, "first_", rename_inputs=False)
    second.ir_version = first.ir_version
    joined = compose.merge_models(first, second, [(first.graph.output[0].name, name)])
    return bytes(joined.SerializeToString())
