"""Train cartpole by the cross-entropy method: no gradients, only the returns of episodes."""

from pathlib import Path

import gymnasium
import numpy as np
from numpy.typing import NDArray

from nmc.models.data import some, write_samples, write_weights

Floats = NDArray[np.float64]

ENVIRONMENT = "CartPole-v1"
HIDDEN = 16
POPULATION, ELITE, GENERATIONS = 64, 8, 40
EPISODES, CONFIRMED = 8, 256
"""How many episodes score a candidate, and how many the mean of the last population."""
SPREAD, SPREAD_KEPT = 1.0, 0.02
"""The standard deviation of the first population, and what is added to that of the elite so that search goes on."""
BLUR = 0.02
"""The standard deviation of noise on what a candidate sees, so that it does not live on what 8 bits cannot tell."""
SEED = 0
SHAPES = {
    "hidden.weight": (HIDDEN, 4), "hidden.bias": (HIDDEN,), "action.weight": (2, HIDDEN), "action.bias": (2,),
}  # fmt: skip


def arrays(genomes: Floats) -> dict[str, Floats]:
    """The arrays of networks from their genomes [networks, numbers], each [networks, *shape]."""
    ends = np.cumsum([int(np.prod(shape)) for shape in SHAPES.values()])
    parts = np.split(genomes, ends[:-1], axis=1)
    return {name: part.reshape(-1, *shape) for (name, shape), part in zip(SHAPES.items(), parts, strict=True)}


def actions(genomes: Floats, states: Floats) -> NDArray[np.intp]:
    """What each network does in each of its episodes: states [networks, episodes, 4], actions [networks, episodes]."""
    net = arrays(genomes)
    hidden = np.maximum(np.einsum("nei,nhi->neh", states, net["hidden.weight"]) + net["hidden.bias"][:, None], 0)
    values: Floats = np.einsum("neh,nah->nea", hidden, net["action.weight"]) + net["action.bias"][:, None]
    chosen: NDArray[np.intp] = values.argmax(axis=-1)
    return chosen


def fitness(genomes: Floats, episodes: int, seed: int, blur: float = 0.0) -> tuple[Floats, Floats]:
    """The mean return of each network, and the states it saw while its pole stood: [steps, networks, episodes, 4].

    The return is less by up to one a step for what is off the centre, so that the best are not all alike.
    """
    count = len(genomes) * episodes
    environment = gymnasium.make_vec(ENVIRONMENT, num_envs=count, vectorization_mode="vector_entry_point")
    states, _ = environment.reset(seed=seed)
    noise = np.random.default_rng(seed)
    standing, total, seen = np.ones(count, bool), np.zeros(count), []
    while standing.any():
        seen.append(np.where(standing[:, None], states, np.nan).reshape(len(genomes), episodes, 4))
        states, reward, fallen, late, _ = environment.step(
            actions(genomes, seen[-1] + blur * noise.standard_normal(seen[-1].shape)).ravel()
        )
        total += standing * (reward - np.minimum(np.abs(states) @ [0.2, 0.0, 2.0, 0.0], 0.5))
        standing &= ~(fallen | late)
    return total.reshape(len(genomes), episodes).mean(axis=1), np.array(seen)


def evolve(seed: int) -> Floats:
    """The genome that the search comes to (de Boer et al., Annals of Operations Research 134, 2005)."""
    generator = np.random.default_rng(seed)
    mean, spread = np.zeros(sum(int(np.prod(shape)) for shape in SHAPES.values())), SPREAD
    for generation in range(GENERATIONS):
        genomes = mean + spread * generator.standard_normal((POPULATION, len(mean)))
        scores, _ = fitness(genomes, EPISODES, 1000 * seed + generation, BLUR)
        elite = genomes[np.argsort(scores)[-ELITE:]]
        mean, spread = elite.mean(axis=0), elite.std(axis=0) + SPREAD_KEPT
        print(f"generation {generation}: {scores.mean():.1f} on average, {scores.max():.1f} the best")
    return mean


if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    genome = evolve(SEED)[None]
    score, states = fitness(genome, CONFIRMED, seed=999)
    print(f"the mean network: {score[0]:.1f}, {len(states)} steps")
    visited = states.reshape(-1, 4)
    write_samples(folder, "calibration", some(visited[np.isfinite(visited).all(axis=1)], 512))
    write_weights(folder, {name: array[0] for name, array in arrays(genome).items()})
