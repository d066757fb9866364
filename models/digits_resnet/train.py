"""Train digits-resnet: a residual network of ten convolutions on the scikit-learn digits."""

from pathlib import Path

from torch import Tensor, nn

from nmc.models.training import Recipe, digits_split, jitter_images, main

RECIPE = Recipe(epochs=80, quantized_epochs=20, learning_rate=0.004, weight_decay=0.02)


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        self.short = nn.Conv2d(channels, out, 1, stride=stride, bias=False) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's activations [N, out, H / stride, W / stride]."""
        inner = self.norm1(self.conv1(x)).relu()
        y: Tensor = (self.norm2(self.conv2(inner)) + self.short(x)).relu()
        return y


class DigitsResNet(nn.Module):
    """A stem, four blocks (16 to 32 channels), the mean over all places, a linear layer: [N, 1, 8, 8] -> [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.block1 = Block(16, 16)
        self.block2 = Block(16, 32, stride=2)
        self.block3 = Block(32, 32)
        self.block4 = Block(32, 32)
        self.fc = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Return the class scores of images."""
        x = self.norm(self.stem(images)).relu()
        for block in (self.block1, self.block2, self.block3, self.block4):
            x = block(x)
        scores: Tensor = self.fc(x.mean(dim=(2, 3)))
        return scores


if __name__ == "__main__":
    main(DigitsResNet, digits_split(), RECIPE, jitter_images, Path(__file__).resolve().parent)
