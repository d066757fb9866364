"""Train xor-backprop: backpropagation through two layers of sigmoids, in NumPy alone."""

from pathlib import Path

import numpy as np

from nmc.models.data import write_samples, write_weights

ITERATIONS = 60_000
X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=np.float64)
"""Two bits, and a 1 in place of a bias."""
Y = np.array([[0], [1], [1], [0]], dtype=np.float64)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-x)))


def trained(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights [3, 4] and [4, 1] after gradient descent on the squared error, at a rate of 1."""
    rng = np.random.default_rng(seed)
    first, second = 2 * rng.random((3, 4)) - 1, 2 * rng.random((4, 1)) - 1
    for _ in range(ITERATIONS):
        hidden = sigmoid(X @ first)
        output = sigmoid(hidden @ second)
        output_delta = (Y - output) * output * (1 - output)
        hidden_delta = output_delta @ second.T * hidden * (1 - hidden)
        second += hidden.T @ output_delta
        first += X.T @ hidden_delta
    return first, second


if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    first, second = trained()
    error = np.abs(sigmoid(sigmoid(X @ first) @ second) - Y).mean()
    print(f"mean absolute error {error:.5f}")
    write_weights(folder, {"hidden": first.T, "output": second.T})
    write_samples(folder, "test", X, Y)
