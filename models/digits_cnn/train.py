"""Train digits-cnn: a convolutional network with batch normalization on the scikit-learn digits."""

from pathlib import Path

from torch import Tensor, nn

from nmc.models.training import Recipe, digits_split, jitter_images, main

RECIPE = Recipe(epochs=120, quantized_epochs=30, learning_rate=0.005, weight_decay=0.02)


class DigitsCNN(nn.Module):
    """Three convolutions (16, 32, 32 channels), average pooling and a linear layer: [N, 1, 8, 8] -> [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(32)
        self.conv3 = nn.Conv2d(32, 32, 3, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(32)
        self.pool = nn.AvgPool2d(2)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(128, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Return the class scores of images."""
        x = self.norm1(self.conv1(images)).relu()
        x = self.norm2(self.conv2(x)).relu()
        x = self.norm3(self.conv3(x)).relu()
        scores: Tensor = self.fc(self.dropout(self.pool(x).flatten(1)))
        return scores


if __name__ == "__main__":
    main(DigitsCNN, digits_split(), RECIPE, jitter_images, Path(__file__).resolve().parent, with_train=True)
