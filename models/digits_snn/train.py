"""Train digits-snn: a convolutional spiking network on rate-coded scikit-learn digits."""

from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional

from nmc.models.training import (
    Recipe,
    digits_split,
    jitter_images,
    leaky_integrator,
    lif,
    main,
    over_steps,
    rate_encode,
)

STEPS = 16
HIDDEN_DECAY = 3686 / 4096
OUTPUT_DECAY = 3891 / 4096
RECIPE = Recipe(epochs=100, quantized_epochs=30, learning_rate=0.005)


class DigitsSNN(nn.Module):
    """Two spiking convolutions (16, 32 channels), sum pooling and a leaky readout: [N, 1, 8, 8] -> [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False)
        self.out = nn.Linear(128, 10, bias=False)
        self.dropout = nn.Dropout(0.2)

    def forward(self, images: Tensor) -> Tensor:
        """Return the membrane voltages of the ten output neurons after the last step."""
        spikes = rate_encode(images, STEPS)
        spikes = lif(over_steps(self.conv1, spikes), HIDDEN_DECAY)
        spikes = lif(over_steps(self.conv2, spikes), HIDDEN_DECAY)
        pooled = over_steps(lambda x: 4 * functional.avg_pool2d(x, 2), spikes).flatten(2)
        return leaky_integrator(self.out(self.dropout(pooled)), OUTPUT_DECAY)[-1]


if __name__ == "__main__":
    main(DigitsSNN, digits_split(), RECIPE, jitter_images, Path(__file__).resolve().parent)
