"""How a network is trained, asked and exported; model.py says what it is made of."""

import logging
import math
import sys
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import mlflow
import torch
from onnx import ModelProto, compose
from pydantic import Field
from torch import Tensor, nn, optim

from .files import hash_of, write_whole
from .inputs import Array, Inputs
from .settings import Section, UserError

Build = Callable[[], nn.Sequential]
Loss = Callable[[Tensor, Tensor], Any]
CHECKPOINT = Path("data/checkpoint.pt")
OPSET = 20  # of ONNX: models that are joined must have the same
for noisy in ("torch.onnx", "onnxscript", "onnx_ir"):
    logging.getLogger(noisy).setLevel(logging.ERROR)


class Training(Section):
    """What [model] says of training; the Params of model.py add what the network is made of."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    held_out: float = Field(gt=0, lt=0.5)  # the share of rows that say which epoch is the best
    hold_last: bool = False  # the last rows, in place of random ones
    patience: int = Field(ge=1)  # how many epochs may follow the best


def train_network(
    build: Build, inputs: Inputs, target: Array, loss: Loss, params: Training, seed: int
) -> nn.Sequential:
    """What `build` gives, at its best: a network of the dict of inputs, then what is answered.

    An interrupted run goes on after its last whole epoch, and ends with the same weights.
    """
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    half = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    served, data, truth = build(), tensors(inputs), tensors({"": target})[""]
    order = torch.arange(len(truth)) if params.hold_last else torch.randperm(len(truth))
    rows, held = order.tensor_split([-max(1, round(len(truth) * params.held_out))])
    # Another network, code, parameter, seed, device or row is another run.
    code = Path(__file__).with_name("model.py").read_text("utf-8")
    about = f"{served} {code} {params!r} {seed} {device} {torch.__version__}".encode()
    arrays = [*served.state_dict().values(), *data.values(), truth]
    run = hash_of(about + b"".join(values.numpy().tobytes() for values in arrays)).encode()
    network = served[0].to(device)
    adam = optim.AdamW(network.parameters(), params.learning_rate, weight_decay=params.weight_decay)
    schedule = optim.lr_scheduler.CosineAnnealingLR(adam, params.epochs)
    parts: list[Any] = [network, adam, schedule]

    def mean_loss(rows: Tensor, *, learn: bool) -> float:
        total = 0.0
        network.train(learn)
        # No batch is smaller than asked for: from a single row, batch norm could learn nothing.
        for some in rows.tensor_split(max(1, len(rows) // params.batch_size)):
            batch = {name: values[some].to(device) for name, values in data.items()}
            with torch.set_grad_enabled(learn), half:
                value = loss(network(batch).float(), truth[some].to(device))
            if learn:
                adam.zero_grad()
                value.backward()
                adam.step()
            total += value.item() * len(some) / len(rows)
        return total

    states, best, curve = load_checkpoint(run)
    for part, state in zip(parts, states, strict=False):
        part.load_state_dict(state)
    while len(curve) < params.epochs and (not curve or min(curve) in curve[-params.patience :]):
        # An epoch draws by a seed of its own, so that no state of a generator must be kept.
        torch.manual_seed(seed + 1 + len(curve))
        learned = mean_loss(rows[torch.randperm(len(rows))], learn=True)
        schedule.step()
        curve.append(mean_loss(held, learn=False))
        said = f"loss {learned:.4f}, held out {curve[-1]:.4f}"
        sys.stderr.write(f"epoch {len(curve)} of {params.epochs}: {said}\n")
        if not math.isfinite(learned + curve[-1]):
            raise UserError("The loss is no number any more; lower learning_rate in params.toml.")
        if mlflow.active_run():
            mlflow.log_metrics({"loss": learned, "loss_held_out": curve[-1]}, step=len(curve))
        if curve[-1] == min(curve):
            best = {name: values.cpu().clone() for name, values in network.state_dict().items()}
        torch.save(([part.state_dict() for part in parts], best, curve), kept := BytesIO())
        write_whole(CHECKPOINT, hash_of(run + kept.getvalue()).encode() + kept.getvalue())
    network.load_state_dict(best)
    CHECKPOINT.unlink(missing_ok=True)
    return served.cpu().eval()  # a GPU rounds otherwise than what is exported will


def load_checkpoint(run: bytes) -> Any:
    """The states, best weights and losses kept of this run, which its first characters name."""
    content = CHECKPOINT.read_bytes() if CHECKPOINT.is_file() else b""
    if content[:64] == hash_of(run + content[64:]).encode():
        return torch.load(BytesIO(content[64:]), weights_only=True)
    if content:
        sys.stderr.write(f"{CHECKPOINT} is damaged or of another run; training starts anew.\n")
    return [], {}, []


def tensors(inputs: Inputs) -> dict[str, Tensor]:
    """All but strings; numbers with a point become float32."""
    kept = {name: torch.tensor(v) for name, v in inputs.items() if v.dtype.kind != "U"}
    return {name: v.float() if v.is_floating_point() else v for name, v in kept.items()}


def predict_network(served: nn.Sequential, inputs: Inputs) -> Array:
    data = tensors(inputs)
    batches = zip(*(torch.split(values, 4096) for values in data.values()), strict=True)
    with torch.inference_mode():
        return torch.cat([served(dict(zip(data, batch, strict=True))) for batch in batches]).numpy()


def export_network(served: nn.Sequential, inputs: Inputs, first: ModelProto | None = None) -> bytes:
    """The network in ONNX, for any number of rows; the output of `first` is its only input."""
    # Two rows, because an axis of length one would be taken for a constant.
    example = {name: values[:2] for name, values in tensors(inputs).items()}
    shapes = ({name: {0: "rows"} for name in example},)
    options: Any = {"input_names": list(example), "opset_version": OPSET, "verbose": False}
    with warnings.catch_warnings(action="ignore"):
        program: Any = torch.onnx.export(served, (example, {}), dynamic_shapes=shapes, **options)
    model = program.model_proto
    for node in model.graph.node:
        node.ClearField("metadata_props")  # it names files of this machine
    if first:
        joint = first.graph.output[0]
        joint.type.tensor_type.ClearField("shape")  # skl2onnx miscounts grouped categories
        model.ir_version = first.ir_version
        model = compose.merge_models(first, model, [(joint.name, *example)], prefix2="network_")
    return bytes(model.SerializeToString())
