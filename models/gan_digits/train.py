"""Train gan-digits: a Wasserstein GAN with gradient penalty (Gulrajani et al., arXiv:1704.00028) on the digits."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import nmc
from nmc.datasets import score, test_data
from nmc.model import Model
from nmc.models.data import digits, write_samples, write_weights
from nmc.nodes.parameters import initial_arrays
from nmc.reference import run

LATENT = 16
ROUNDS = 4000
CRITIC_STEPS = 2
BATCH_SIZE = 64
PENALTY = 10.0
LEARNING_RATE = 1e-3
SAMPLES = 500


class Generator(nn.Module):
    """16 random numbers -> 128 -> 128 -> 64 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(LATENT, 128), nn.Linear(128, 128), nn.Linear(128, 64)

    def forward(self, latent: Tensor) -> Tensor:
        """Return images [N, 64] in 0..1."""
        pixels: Tensor = self.fc3(self.fc2(self.fc1(latent).relu()).relu()).sigmoid()
        return pixels


def penalty(critic: nn.Module, real: Tensor, made: Tensor) -> Tensor:
    """Return how far the critic's slope is from 1, at random places between real and made images."""
    between = torch.lerp(real, made, torch.rand(len(real), 1)).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.norm(dim=1) - 1) ** 2).mean()


def fit(generator: Generator, x: Tensor) -> None:
    """Train the generator in place on images [N, 64]."""
    first, second = (nn.Sequential(nn.Linear(size, 256), nn.LeakyReLU(0.2)) for size in (64, 256))
    critic = nn.Sequential(first, second, nn.Linear(256, 1))
    settings = {"lr": LEARNING_RATE, "betas": (0.5, 0.9)}
    of_generator = torch.optim.Adam(generator.parameters(), **settings)
    of_critic = torch.optim.Adam(critic.parameters(), **settings)
    for _ in range(ROUNDS):
        for _ in range(CRITIC_STEPS):
            real = x[torch.randint(len(x), (BATCH_SIZE,))]
            with torch.no_grad():
                made = generator(torch.randn(BATCH_SIZE, LATENT))
            of_critic.zero_grad()
            gap = critic(made).mean() - critic(real).mean()
            torch.autograd.backward(gap + PENALTY * penalty(critic, real, made))
            of_critic.step()
        of_generator.zero_grad()
        torch.autograd.backward(-critic(generator(torch.randn(BATCH_SIZE, LATENT))).mean())
        of_generator.step()


def quality(model: Model) -> float:
    """Return the inception score of what a model makes of its test data."""
    data = test_data(model)
    assert model.task is not None
    return score(model.task, run(model, data.x)[model.graph.outputs[0]], data.y)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    folder = Path(__file__).resolve().parent
    data = digits()
    rng = np.random.default_rng(0)
    write_samples(folder, "test", rng.standard_normal((SAMPLES, LATENT)))
    write_samples(folder, "calibration", rng.standard_normal((128, LATENT)))
    untrained = nmc.load(folder, untrained=True)
    before = untrained.with_(untrained.graph, initial_arrays(untrained.graph, seed=0))
    assert before.task is not None
    generator = Generator()
    fit(generator, torch.from_numpy(data.train_x).float())
    write_weights(folder, {name: p.detach().numpy() for name, p in generator.named_parameters()})
    real = data.test_x.reshape(-1, 1, 8, 8)
    print(f"inception score: {quality(before):.2f} before training, {quality(nmc.load(folder)):.2f} after;"
          f" {score(before.task, real, np.zeros((len(real), 0))):.2f} of the test images")
