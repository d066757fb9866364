"""Train digits-bayes by Bayes by Backprop, and the same network by plain backprop, with several seeds of each."""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nmc.bayes.scores import calibration_error, negative_log_likelihood, softmax
from nmc.frontends.weights import as_bytes
from nmc.models.data import CALIBRATION_SAMPLES, Classes, Floats, digits, write_samples, write_weights

INPUTS, HIDDEN, CLASSES = 64, 64, 10
SEEDS = range(5)
DRAWS = 16
EPOCHS, BATCH, LEARNING_RATE = 200, 64, 0.003
KL_WEIGHT, PRIOR_STD = 0.01, 1.0
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

    def divergence(self, prior_std: float) -> Tensor:
        """The divergence KL(weights | normal prior of mean 0), in nats."""
        ratio = (self.std**2 + self.weight**2) / prior_std**2
        return 0.5 * (ratio - 1 - (self.std / prior_std).log() * 2).sum()


def fit(layers: nn.Sequential, x: Tensor, y: Tensor, kl_weight: float, prior_std: float) -> None:
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
                loss = loss + weight * layer.divergence(prior_std)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        schedule.step()


def trained(bayesian: bool, seed: int, x: Floats, y: Classes, kl_weight: float, prior_std: float) -> Arrays:
    """Train a network of either sort; give its arrays by name, deviations among them."""
    torch.manual_seed(seed)
    layer = Uncertain if bayesian else nn.Linear
    layers = nn.Sequential(layer(INPUTS, HIDDEN), nn.ReLU(), layer(HIDDEN, CLASSES))
    fit(layers, torch.from_numpy(x).float(), torch.from_numpy(y), kl_weight, prior_std)
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


def best(networks: list[Arrays], draws: int, x: Floats, y: Classes) -> int:
    """Return which of the networks has the least negative log-likelihood on samples that none was trained on."""
    losses = [negative_log_likelihood(probabilities(arrays, x, draws), y) for arrays in networks]
    return int(np.argmin(losses))


def report(what: str, found: Iterable[Floats], y: Classes) -> None:
    """Print accuracy, negative log-likelihood and calibration error of each seed, and their means."""
    rows = [
        (float(np.mean(p.argmax(axis=1) == y)), negative_log_likelihood(p, y), calibration_error(p, y)) for p in found
    ]
    print(what)
    for name, column in zip(("accuracy", "NLL", "ECE"), zip(*rows, strict=True), strict=True):
        print(f"  {name}: {', '.join(f'{value:.4f}' for value in column)}; mean {np.mean(column):.4f}", flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument(
        "--validate", action="store_true", help="score settings on the held-out calibration images, save nothing"
    )
    folder = Path(__file__).resolve().parent
    torch.set_num_threads(1)
    data = digits()
    order = np.random.default_rng(0).permutation(len(data.train_x))
    held_out, rest = order[:CALIBRATION_SAMPLES], order[CALIBRATION_SAMPLES:]
    x, y = data.train_x[rest], data.train_y[rest]
    seen, known = data.train_x[held_out], data.train_y[held_out]
    if options.parse_args().validate:
        for prior_std in (0.3, 1.0):
            for kl_weight in (0.1, 0.03, 0.01, 0.003):
                tried = (trained(True, seed, x, y, kl_weight, prior_std) for seed in SEEDS[:3])
                found = [probabilities(arrays, seen, DRAWS) for arrays in tried]
                report(f"prior {prior_std}, divergence x {kl_weight}", found, known)
        raise SystemExit
    point = [trained(False, seed, x, y, 0.0, 1.0) for seed in SEEDS]
    bayes = [trained(True, seed, x, y, KL_WEIGHT, PRIOR_STD) for seed in SEEDS]
    report("plain backprop", [probabilities(arrays, data.test_x, 0) for arrays in point], data.test_y)
    report("means of the distributions", [probabilities(arrays, data.test_x, 0) for arrays in bayes], data.test_y)
    report(f"{DRAWS} draws", [probabilities(arrays, data.test_x, DRAWS) for arrays in bayes], data.test_y)
    likeliest, plain = best(bayes, DRAWS, seen, known), best(point, 0, seen, known)
    print(f"kept, by held-out NLL: seed {likeliest} of the distributions, seed {plain} of plain backprop")
    write_weights(folder, bayes[likeliest])
    single = {name: array.astype(np.float32) for name, array in point[plain].items()}
    (folder / "point.safetensors").write_bytes(as_bytes(single))
    write_samples(folder, "test", data.test_x, data.test_y)
    write_samples(folder, "calibration", data.train_x[held_out], data.train_y[held_out])
