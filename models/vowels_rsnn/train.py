"""Train vowels-rsnn: a recurrent spiking network that tells nine speakers apart by how they say two vowels.

The recordings come with the package aeon, of which only the data files are read.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from nmc.models.training import Recipe, Split, leaky_integrator, lif, main, over_steps

STEPS = 29
CHANNELS = 12
HIDDEN = 128
HIDDEN_DECAY = 3686 / 4096
OUTPUT_DECAY = 3993 / 4096
RECIPE = Recipe(epochs=200, quantized_epochs=60, learning_rate=0.002, levels=31)


def read_recordings(part: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Return one part ("TRAIN" or "TEST"): sequences [T, 12] of 7 to 29 steps, and speaker numbers from 0."""
    package = find_spec("aeon")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("The recordings are part of the package aeon: pip install --no-deps aeon")
    folder = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "JapaneseVowels"
    lines = (folder / f"JapaneseVowels_{part}.ts").read_text().splitlines()
    sequences, speakers = [], []
    for line in lines[lines.index("@data") + 1 :]:
        *channels, speaker = line.split(":")
        sequences.append(np.array([[float(value) for value in channel.split(",")] for channel in channels]).T)
        speakers.append(int(speaker) - 1)
    return sequences, np.array(speakers, dtype=np.int64)


def vowels_split() -> Split:
    """Return the official split as [N, 29, 12] in -1..1 (multiples of 1/128), zeros after the end of a recording."""
    train, train_speakers = read_recordings("TRAIN")
    test, test_speakers = read_recordings("TEST")
    frames = np.concatenate(train)
    mean, spread = frames.mean(axis=0), 3 * frames.std(axis=0)

    def padded(sequences: list[np.ndarray]) -> Tensor:
        batch = np.zeros((len(sequences), STEPS, CHANNELS), dtype=np.float32)
        for row, sequence in zip(batch, sequences, strict=True):
            row[: len(sequence)] = np.clip(np.round((sequence - mean) / spread * 128), -128, 127) / 128
        return torch.from_numpy(batch)

    return Split(padded(train), torch.from_numpy(train_speakers), padded(test), torch.from_numpy(test_speakers))


def jitter_recordings(batch: Tensor, noise: float = 0.1, offset: float = 0.1) -> Tensor:
    """Add noise to the steps of each recording, and an offset to its channels; the padding stays zero."""
    spoken = (batch != 0).any(dim=2, keepdim=True)
    change = noise * torch.randn_like(batch) + offset * torch.randn(len(batch), 1, CHANNELS)
    return batch + spoken * change


class VowelsRSNN(nn.Module):
    """One recurrent spiking layer of 128 neurons and a leaky readout: [N, T, 12] -> [N, 9]."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(CHANNELS, HIDDEN, bias=False)
        self.rec = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.out = nn.Linear(HIDDEN, 9, bias=False)
        self.dropout = nn.Dropout(0.3)
        nn.init.normal_(self.fc1.weight, std=0.5)
        nn.init.normal_(self.rec.weight, std=0.2 * HIDDEN**-0.5)

    def forward(self, recordings: Tensor) -> Tensor:
        """Return the membrane voltages of the nine output neurons, averaged over the steps."""
        currents = over_steps(self.fc1, recordings.transpose(0, 1))
        spikes = lif(currents, HIDDEN_DECAY, recurrent=self.rec)
        return leaky_integrator(self.out(self.dropout(spikes)), OUTPUT_DECAY).mean(dim=0)


if __name__ == "__main__":
    main(VowelsRSNN, vowels_split(), RECIPE, jitter_recordings, Path(__file__).resolve().parent)
