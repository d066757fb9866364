"""Train vae-digits: a variational autoencoder (Kingma & Welling, arXiv:1312.6114) of scikit-learn digits."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nmc.datasets import score
from nmc.metrics import root_mean_squared_error
from nmc.model import Task
from nmc.models.data import digits, some, write_samples, write_weights

CODE = 10
EPOCHS = 400
LEARNING_RATE = 0.002
BATCH_SIZE = 64


class VAE(nn.Module):
    """64 -> 128 -> mean and log variance of 10 numbers -> 128 -> 64."""

    def __init__(self) -> None:
        super().__init__()
        self.enc1, self.mean, self.spread = nn.Linear(64, 128), nn.Linear(128, CODE), nn.Linear(128, CODE)
        self.dec1, self.dec2 = nn.Linear(CODE, 128), nn.Linear(128, 64)

    def loss(self, images: Tensor) -> Tensor:
        """Return the negative evidence lower bound of an image, with pixels as probabilities."""
        hidden = self.enc1(images).relu()
        mean, log_variance = self.mean(hidden), self.spread(hidden)
        code = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        missed = functional.binary_cross_entropy_with_logits(self.logits(code), images, reduction="none").sum(1)
        divergence = (mean**2 + log_variance.exp() - log_variance - 1).sum(1) / 2
        return torch.mean(missed + divergence)

    def logits(self, code: Tensor) -> Tensor:
        """Return the pixels of codes before the sigmoid."""
        pixels: Tensor = self.dec2(self.dec1(code).relu())
        return pixels

    def forward(self, images: Tensor) -> Tensor:
        """Return images as they come back from the mean of their code."""
        return self.logits(self.mean(self.enc1(images).relu())).sigmoid()


def fit(vae: VAE, x: Tensor) -> None:
    """Train the autoencoder in place on images [N, 64]."""
    optimizer = torch.optim.Adam(vae.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.split(torch.randperm(len(x)), BATCH_SIZE):
            optimizer.zero_grad()
            torch.autograd.backward(vae.loss(x[batch]))
            optimizer.step()
        schedule.step()


def principal_error(train: np.ndarray, test: np.ndarray) -> float:
    """Return the error of as many principal components as the code has numbers, for comparison."""
    mean = train.mean(axis=0)
    components = np.linalg.svd(train - mean, full_matrices=False)[2][:CODE]
    return root_mean_squared_error(mean + (test - mean) @ components.T @ components, test)


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(__file__).resolve().parent
    data = digits()
    torch.manual_seed(0)
    vae = VAE()
    fit(vae, torch.from_numpy(data.train_x).float())
    with torch.no_grad():
        found = vae(torch.from_numpy(data.test_x).float()).double().numpy()
        drawn = vae.logits(torch.randn(500, CODE, generator=torch.Generator().manual_seed(1))).sigmoid()
    print(f"test error {root_mean_squared_error(found, data.test_x):.4f}; the mean image"
          f" {root_mean_squared_error(np.broadcast_to(data.train_x.mean(axis=0), found.shape), data.test_x):.4f};"
          f" {CODE} principal components {principal_error(data.train_x, data.test_x):.4f}")
    judged = Task("generation", "inception-score", judge="digits-cnn")
    for what, images in (("drawn from the code", drawn.double().numpy()), ("test images", data.test_x)):
        images = images.reshape(-1, 1, 8, 8)
        print(f"inception score of {what}: {score(judged, images, np.zeros((len(images), 0))):.2f}")
    arrays = {name: p.detach().numpy() for name, p in vae.named_parameters() if not name.startswith("spread")}
    write_weights(folder, arrays)
    write_samples(folder, "test", data.test_x, data.test_x.astype(np.float32))
    write_samples(folder, "calibration", some(data.train_x))
