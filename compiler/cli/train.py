"""nmc train: weights for a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import MODEL, progress
from nmc.report.printing import say


def command(
    model: Annotated[str, MODEL],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write the trained model to.")],
    method: Annotated[
        str, typer.Option("--method", "-m", help="How to train: backprop, synthetic-gradients or es.")
    ] = "backprop",
    seed: Annotated[int, typer.Option(min=0, help="Of the first weights and of the order of samples.")] = 0,
    epochs: Annotated[int, typer.Option(min=1, help="How often every sample is seen.")] = 60,
    lr: Annotated[float, typer.Option("--lr", help="The learning rate at the start; it falls to 0.")] = 0.003,
    batch: Annotated[int, typer.Option(min=1, help="Samples of a step.")] = 64,
    fine_tune: Annotated[bool, typer.Option("--fine-tune", help="Start from the model's own weights.")] = False,
) -> None:
    """Train a model on its task's training data, and score it on its test data."""
    from nmc import api
    from nmc.datasets import score, test_data
    from nmc.reference import run
    from nmc.report.scores import shown
    from nmc.training import TrainingOptions

    options = TrainingOptions(seed, epochs, lr, batch, fine_tune)
    with progress(f"training {Path(model).name}") as tell:
        done = api.train(
            model, output, method, options=options,
            progress=lambda epoch, of, loss: tell(f"loss {loss:.4g}", epoch, of),
        )  # fmt: skip
    say(f"{done.model.name}: loss {done.losses[0]:.4g} in epoch 1, {done.losses[-1]:.4g} in epoch {epochs}")
    if (task := done.model.task) is not None and task.test is not None:
        data = test_data(done.model)
        value = score(task, run(done.model, data.x)[done.model.graph.outputs[0]], data.y)
        say(f"{task.metric} on {len(data.x)} samples of {data.name}: {shown(task.metric, value)}")
    say(f"written: {output}")
