"""Train digits-bayes by Bayes by Backprop, and the same network by plain backprop, with several seeds of each."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import nmc
from nmc.bayes.quality import Quality
from nmc.bayes.scores import calibration_error, negative_log_likelihood, softmax
from nmc.frontends.weights import as_bytes
from nmc.models.data import CALIBRATION_SAMPLES, Classes, Floats, digits, write_samples, write_weights

INPUTS, HIDDEN, CLASSES = 64, 64, 10
SEEDS = range(5)
SHIPPED = 0
TARGETS = ("cpu", "loihi-sim")
DRAWS = 16
EPOCHS, BATCH, LEARNING_RATE = 200, 64, 0.003
KL_WEIGHT = 0.01
FIRST_RHO = -4.0

Arrays = dict[str, Floats]


class Uncertain(nn.Module):
    """A linear layer whose weights are normal: means `weight`, deviations softplus(rho); the bias is a number."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / inputs**0.5)
        self.rho = nn.Parameter(torch.full((outputs, inputs), FIRST_RHO))
        self.bias = nn.Parameter(torch.zeros(outputs))

    @property
    def std(self) -> Tensor:
        """The deviations, [outputs, inputs]."""
        return functional.softplus(self.rho)

    def forward(self, x: Tensor) -> Tensor:
        """Draw sums for every sample, not weights for the batch: the same law, less noise in the gradient.

        The local reparameterization of Kingma et al. 2015, arXiv:1506.02557, equation 6.
        """
        mean = functional.linear(x, self.weight, self.bias)
        variance = functional.linear(x**2, self.std**2)
        return mean + (variance + 1e-12).sqrt() * torch.randn_like(mean)

    def divergence(self) -> Tensor:
        """The divergence KL(weights | standard normal prior), in nats."""
        return 0.5 * (self.std**2 + self.weight**2 - 1 - 2 * self.std.log()).sum()


def fit(layers: nn.Sequential, x: Tensor, y: Tensor, kl_weight: float) -> None:
    """Train by Adam and a falling rate; uncertain layers by the bound of Blundell et al. 2015, its divergence weighed.

    The weight of the divergence rises from 0 over the first quarter, so that the means find their place first.
    """
    optimizer = torch.optim.Adam(layers.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    uncertain = [layer for layer in layers if isinstance(layer, Uncertain)]
    for epoch in range(EPOCHS):
        weight = kl_weight * min(1.0, 4 * epoch / EPOCHS) / len(x)
        for batch in torch.split(torch.randperm(len(x)), BATCH):
            loss = functional.cross_entropy(layers(x[batch]), y[batch])
            for layer in uncertain:
                loss = loss + weight * layer.divergence()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        schedule.step()


def trained(bayesian: bool, seed: int, x: Floats, y: Classes, kl_weight: float = KL_WEIGHT) -> Arrays:
    """Train a network of either sort; give its arrays by name, deviations among them."""
    torch.manual_seed(seed)
    layer = Uncertain if bayesian else nn.Linear
    layers = nn.Sequential(layer(INPUTS, HIDDEN), nn.ReLU(), layer(HIDDEN, CLASSES))
    fit(layers, torch.from_numpy(x).float(), torch.from_numpy(y), kl_weight)
    arrays: Arrays = {}
    for name, part in (("fc1", layers[0]), ("logits", layers[2])):
        arrays |= {f"{name}.weight": _numbers(part.weight), f"{name}.bias": _numbers(part.bias)}
        if isinstance(part, Uncertain):
            arrays[f"{name}.weight.std"] = _numbers(part.std)
    return arrays


def _numbers(values: Tensor | nn.Module) -> Floats:
    assert isinstance(values, Tensor)
    return np.asarray(values.detach().numpy(), dtype=np.float64)


def probabilities(arrays: Arrays, x: Floats, draws: int) -> Floats:
    """Return the mean over draws of the class probabilities, [samples, classes]; no draws: those of the means."""
    rng = np.random.default_rng(0)

    def weight(name: str) -> Floats:
        mean = arrays[f"{name}.weight"]
        return mean + arrays[f"{name}.weight.std"] * rng.standard_normal(mean.shape) if draws else mean

    found = []
    for _ in range(max(draws, 1)):
        hidden = np.maximum(x @ weight("fc1").T + arrays["fc1.bias"], 0)
        found.append(softmax(hidden @ weight("logits").T + arrays["logits.bias"]))
    mean: Floats = np.mean(found, axis=0)
    return mean


def report(what: str, found: Iterable[Floats], y: Classes) -> None:
    """Print accuracy, negative log-likelihood and calibration error of each seed, and their means."""
    rows = [
        (float(np.mean(p.argmax(axis=1) == y)), negative_log_likelihood(p, y), calibration_error(p, y)) for p in found
    ]
    print(what)
    for name, column in zip(("accuracy", "NLL", "ECE"), zip(*rows, strict=True), strict=True):
        print(f"  {name}: {', '.join(f'{value:.4f}' for value in column)}; mean {np.mean(column):.4f}", flush=True)


def qualities(folder: Path, arrays: Arrays, target: str) -> tuple[Quality, Quality]:
    """Measure a trained network on a target, with draws and with its mean weights; the same where nothing deviates."""
    single = {name: array.astype(np.float32) for name, array in arrays.items()}
    weights = {name: array for name, array in single.items() if not name.endswith(".std")}
    spread = {name: single.get(f"{name}.std", 0 * array) for name, array in weights.items()}
    model = replace(nmc.load(folder, untrained=True), weights=weights, deviations=spread)
    row = nmc.uncertainty(model, [target], draws=DRAWS if "fc1.weight.std" in arrays else 1)[target]
    assert row.drawn is not None and row.point is not None, row.refusal
    return row.drawn, row.point


def compare(what: str, found: Sequence[Quality]) -> None:
    """Print what each seed's network is worth on a target, and the means."""
    columns = {
        "accuracy": [one.accuracy for one in found],
        "NLL": [one.negative_log_likelihood for one in found],
        "ECE": [one.calibration_error for one in found],
        **{f"AUROC, {name}": [one.unknown[name].auroc for one in found] for name in found[0].unknown},
    }
    print(what)
    for name, column in columns.items():
        print(f"  {name}: {', '.join(f'{value:.4f}' for value in column)}; mean {np.mean(column):.4f}", flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--validate", action="store_true", help="score settings on the held-out images, save nothing")
    folder = Path(__file__).resolve().parent
    torch.set_num_threads(1)
    data = digits()
    order = np.random.default_rng(0).permutation(len(data.train_x))
    held_out, rest = order[:CALIBRATION_SAMPLES], order[CALIBRATION_SAMPLES:]
    x, y, seen, known = data.train_x[rest], data.train_y[rest], data.train_x[held_out], data.train_y[held_out]
    if options.parse_args().validate:
        report("plain backprop", [probabilities(trained(False, seed, x, y), seen, 0) for seed in SEEDS[:3]], known)
        for kl_weight in (0.1, 0.03, 0.01):
            tried = [trained(True, seed, x, y, kl_weight) for seed in SEEDS[:3]]
            report(f"divergence x {kl_weight}", [probabilities(arrays, seen, DRAWS) for arrays in tried], known)
        raise SystemExit
    point = [trained(False, seed, x, y) for seed in SEEDS]
    bayes = [trained(True, seed, x, y) for seed in SEEDS]
    write_weights(folder, bayes[SHIPPED])
    single = {name: array.astype(np.float32) for name, array in point[SHIPPED].items()}
    (folder / "point.safetensors").write_bytes(as_bytes(single))
    write_samples(folder, "test", data.test_x, data.test_y)
    write_samples(folder, "calibration", seen, known)
    for target in TARGETS:
        plain = [qualities(folder, arrays, target)[1] for arrays in point]
        drawn, means = zip(*(qualities(folder, arrays, target) for arrays in bayes), strict=True)
        compare(f"{target}, plain backprop", plain)
        compare(f"{target}, means of the distributions", means)
        compare(f"{target}, {DRAWS} draws", drawn)
