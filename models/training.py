"""What the training scripts share: data splits, spiking layers, weight quantization, the training loop, saving."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from nmc.models.data import CALIBRATION_SAMPLES, digits

BATCH_SIZE = 64

Augmentation = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Split:
    """Training and test samples: `x` float32 with the batch first, `y` int64 class numbers."""

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor

    def validation(self, fraction: float = 0.25, seed: int = 0) -> "Split":
        """Split the training samples again, so that choices can be made without the test samples."""
        chosen = train_test_split(
            self.train_x.numpy(),
            self.train_y.numpy(),
            test_size=fraction,
            random_state=seed,
            stratify=self.train_y.numpy(),
        )
        train_x, test_x, train_y, test_y = (torch.from_numpy(part) for part in chosen)
        return Split(train_x, train_y, test_x, test_y)


@dataclass(frozen=True)
class Recipe:
    """How `fit` trains: epochs in all, how many of the last see quantized weights, and the optimizer's settings.

    `levels` is how many steps from zero the quantized weights have: 127 for 8 bits; fewer make a hardier network.
    """

    epochs: int
    quantized_epochs: int
    learning_rate: float
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    levels: int = 127


def digits_split() -> Split:
    """Return the scikit-learn digits as [N, 1, 8, 8] in 0..1 (multiples of 1/16), 360 of them for the test."""
    parts = digits()

    def pixels(flat: np.ndarray) -> Tensor:
        return torch.from_numpy(flat.reshape(-1, 1, 8, 8)).float()

    return Split(
        pixels(parts.train_x), torch.from_numpy(parts.train_y), pixels(parts.test_x), torch.from_numpy(parts.test_y)
    )


def jitter_images(images: Tensor, rotation: float = 0.15, zoom: float = 0.1, shift: float = 0.12) -> Tensor:
    """Rotate (radians), scale and move (half widths) each image of [N, 1, H, W] a little; grey levels stay n/16."""
    count = len(images)
    angle = rotation * (2 * torch.rand(count) - 1)
    scale = 1 + zoom * (2 * torch.rand(count) - 1)
    move = shift * (2 * torch.rand(count, 2) - 1)
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    rows = torch.stack([cosine, -sine, move[:, 0], sine, cosine, move[:, 1]], dim=1)
    grid = functional.affine_grid(rows.view(count, 2, 3), list(images.shape), align_corners=False)
    return (functional.grid_sample(images, grid, align_corners=False) * 16).round() / 16


def spike(distance: Tensor, slope: float = 5.0) -> Tensor:
    """Return 1 where the distance to threshold is positive, with the gradient of a fast sigmoid.

    The gradient is 1 / (1 + slope * |distance|)**2 (Zenke & Ganguli, SuperSpike, Neural Computation 2018).
    """
    sigmoid = distance / (1 + slope * distance.abs())
    return (distance > 0).to(distance.dtype) + (sigmoid - sigmoid.detach())


def lif(
    currents: Tensor, decay: float, threshold: float = 1.0, recurrent: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """Run leaky integrate-and-fire neurons over currents [T, ...] and return their spikes.

    v = decay * v + x; spike where v > threshold; v = 0 where spiked. With `recurrent`, x also holds what it makes
    of the spikes of the step before.
    """
    voltage = spikes = torch.zeros_like(currents[0])
    history = []
    for current in currents:
        if recurrent is not None:
            current = current + recurrent(spikes)
        voltage = decay * voltage + current
        spikes = spike(voltage - threshold)
        voltage = voltage * (1 - spikes.detach())
        history.append(spikes)
    return torch.stack(history)


def leaky_integrator(currents: Tensor, decay: float) -> Tensor:
    """Run v = decay * v + x over currents [T, ...] and return v at every step."""
    voltage = torch.zeros_like(currents[0])
    history = []
    for current in currents:
        voltage = decay * voltage + current
        history.append(voltage)
    return torch.stack(history)


def rate_encode(values: Tensor, steps: int) -> Tensor:
    """Present held values in 0..1 for `steps` steps as evenly spaced spikes [T, ...]: a += x; spike where a >= 1."""
    charge = torch.zeros_like(values)
    history = []
    for _ in range(steps):
        charge = charge + values
        spikes = (charge >= 1).to(values.dtype)
        charge = charge - spikes
        history.append(spikes)
    return torch.stack(history)


def over_steps(layer: Callable[[Tensor], Tensor], sequence: Tensor) -> Tensor:
    """Apply a layer without memory to all steps of a sequence [T, N, ...] at once."""
    outputs = layer(sequence.flatten(0, 1))
    return outputs.reshape(sequence.shape[:2] + outputs.shape[1:])


def quantized_weights(model: nn.Module, levels: int = 127) -> dict[str, Tensor]:
    """Return the parameters with each weight array rounded to -levels..levels steps of one scale per array.

    Vectors (biases, normalization) stay as they are. The gradient passes through the rounding unchanged.
    """

    def rounded(weight: Tensor) -> Tensor:
        step = weight.detach().abs().max() / levels
        return weight + ((weight / step).round() * step - weight).detach()

    return {name: rounded(p) if p.ndim > 1 else p for name, p in model.named_parameters()}


def fit(model: nn.Module, x: Tensor, y: Tensor, recipe: Recipe, augment: Augmentation) -> None:
    """Train a classifier in place with AdamW, a one-cycle learning rate and label smoothing.

    In the last `recipe.quantized_epochs`, every other batch sees quantized weights, so that the network does not
    depend on what rounding removes.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    batches = -(-len(x) // BATCH_SIZE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=recipe.learning_rate, total_steps=recipe.epochs * batches
    )
    model.train()
    for epoch in range(recipe.epochs):
        quantize = epoch >= recipe.epochs - recipe.quantized_epochs
        for number, batch in enumerate(torch.split(torch.randperm(len(x)), BATCH_SIZE)):
            weights: dict[str, Tensor] = dict(model.named_parameters())
            if quantize and number % 2:
                weights = quantized_weights(model, recipe.levels)
            logits = functional_call(model, weights, (augment(x[batch]),))
            loss = functional.cross_entropy(logits, y[batch], label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    model.eval()


@torch.no_grad()
def report(model: nn.Module, x: Tensor, y: Tensor, part: str) -> None:
    """Print the accuracy with float weights and with 8-bit weights, and how often the two name the same class."""
    exact = model(x).argmax(1)
    rounded = functional_call(model, quantized_weights(model), (x,)).argmax(1)

    def percent(right: Tensor) -> str:
        return f"{100 * right.double().mean().item():.2f} % ({int(right.sum())}/{len(right)})"

    print(f"{part} accuracy: {percent(exact == y)}")
    print(f"{part} accuracy, 8-bit weights: {percent(rounded == y)}; same class: {percent(exact == rounded)}")


def save(folder: Path, model: nn.Module, split: Split, with_train: bool = False) -> None:
    """Write weights.safetensors, test.npz and calibration.npz (128 training samples) into a folder.

    `with_train`: and train.npz, all of them.
    """
    arrays: Mapping[str, Tensor] = {
        name: value.contiguous() for name, value in model.state_dict().items() if value.is_floating_point()
    }
    save_file(dict(arrays), folder / "weights.safetensors")
    chosen = np.random.default_rng(0).permutation(len(split.train_x))[:CALIBRATION_SAMPLES]
    for name, x, y in (
        ("test", split.test_x, split.test_y),
        ("calibration", split.train_x[chosen], split.train_y[chosen]),
        ("train", split.train_x, split.train_y),
    ):
        if name != "train" or with_train:
            np.savez_compressed(folder / f"{name}.npz", x=x.numpy(), y=y.numpy())


def main(
    build: Callable[[], nn.Module], split: Split, recipe: Recipe, augment: Augmentation, folder: Path, seed: int = 0,
    with_train: bool = False,
) -> None:
    """Train on the whole training split, print the test accuracy and save; or, with --validate, only try it out."""
    options = argparse.ArgumentParser()
    options.add_argument(
        "--validate", action="store_true", help="hold out a quarter of the training split, score that, save nothing"
    )
    options.add_argument("--seed", type=int, default=seed)
    chosen = options.parse_args()
    part = "test"
    if chosen.validate:
        split, part = split.validation(seed=chosen.seed), "validation"
    torch.manual_seed(chosen.seed)
    torch.set_num_threads(1)
    model = build()
    fit(model, split.train_x, split.train_y, recipe, augment)
    report(model, split.test_x, split.test_y, part)
    if not chosen.validate:
        save(folder, model, split, with_train)
