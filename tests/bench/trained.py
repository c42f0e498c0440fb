"""Small trained models, each made once a test session."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from baselines import catalogue
from baselines.catalogue import Head
from bench import model_folder
from bench.cell_process import work
from bench.job import Job, Outcome
from bench.training.evaluate import evaluate
from suites.cell import Cell, identity
from suites.estimate import share
from suites.predictions import Predictions
from suites.protocol import Protocol
from suites.recipe import Recipe
from suites.task_axes import TaskAxes
from suites.task_workload import TaskWorkload
from suites.tasks.generated import TokenExamples
from suites.tasks.listops import INFO, TOKENS
from suites.tasks.loading import load_task
from suites.tasks.sequence_files import sequence_csv
from suites.tasks.task import Batch, SequenceInput, TaskData

SMALL = {"width": 16, "blocks": ["gated_conv"]}
THIN = {
    "stages": [{"width": width, "blocks": ["dense"]} for width in (8, 16, 16)]
    + [{"width": 32, "blocks": ["conv", "attention"]}],
    "num_features": 64,
}
RECIPE = Recipe(steps=3, batch=16, lr_grid=(1e-3,))


@dataclass(frozen=True)
class Learnt:
    folder: Path
    """Of the model."""
    cell: Cell
    data: TaskData
    answers: Predictions
    """To the test examples, as the trainer's own evaluation gives them."""
    outcome: Outcome | None = None


def cell_of(model: str, task: str, size: int, **config: Any) -> Cell:
    """The cell that a plan makes."""
    (workload,) = TaskAxes(kind="task", task=[task], input_size=[size], recipe=RECIPE).workloads()
    return planned(model, workload, config)


def train_job(cell: Cell, folder: Path, *metrics: str) -> Job:
    return Job(cell, "train", metrics, Protocol(), 0.0, 0, check_output=False, folder=str(folder))


@cache
def digits(base: Path) -> Learnt:
    """`vio_nano` after three steps on digits, by the probes themselves."""
    from suites.predictions import load_predictions, predictions_file

    cell = cell_of("vio_nano", "digits", 32, **THIN)
    folder = base / "learnt" / "training" / identity(cell)
    outcome = work(train_job(cell, folder, "accuracy", "embeddings"))
    assert outcome.reason is None, outcome.log
    answers = load_predictions(predictions_file(folder, 32))
    return Learnt(folder / "model", cell, load_task("digits", 32), answers, outcome)


@cache
def dna(base: Path) -> Learnt:
    """A small VIO1D with fresh weights, on a CSV file of sequences of 30 to 80 bases, read at 64."""
    drawn = random.Random(0)
    rows = ["sequence,label"]
    for index in range(120):
        letters = "AACGT" if index % 2 else "ACCGG"
        rows.append("".join(drawn.choices(letters, k=drawn.randint(30, 80))) + f",{'weak' if index % 2 else 'strong'}")
    path = base / "genes.csv"
    path.write_text("\n".join(rows) + "\n")
    data = sequence_csv(path).load(None, 64)
    return _fresh(base / "dna" / "model", planned("vio_dna", _workload(data), SMALL), data)


@cache
def tokens(base: Path) -> Learnt:
    """A small VIO1D with fresh weights, on padded whole numbers."""
    numbers = torch.Generator().manual_seed(0)
    inputs = torch.randint(1, len(TOKENS), (40, 32), generator=numbers)
    lengths = torch.randint(9, 33, (40, 1), generator=numbers)
    inputs = torch.where(torch.arange(32) < lengths, inputs, 0)
    examples = TokenExamples(inputs, torch.randint(10, (40,), generator=numbers), padding=0)
    form = SequenceInput(length=32, vocabulary=len(TOKENS), pooling="avg")
    data = TaskData(INFO, examples, examples, {32: examples}, tuple("0123456789"), form, digest="0" * 16)
    return _fresh(base / "tokens" / "model", planned("vio_seq_mamba", _workload(data), SMALL), data)


def pixels(learnt: Learnt, count: int | None = None) -> list[np.ndarray[Any, Any]]:
    """The first test images of digits, or all: (32, 32) uint8 each."""
    test = learnt.data.tests[32]
    return list(test.batch(torch.arange(count or len(test))).inputs[:, 0].numpy())


def _workload(data: TaskData) -> TaskWorkload:
    assert isinstance(data.input, SequenceInput)
    return TaskWorkload(
        task=data.info.name,
        reads="sequence",
        input_size=data.input.length,
        channels=data.input.channels,
        vocabulary=data.input.vocabulary,
        classes=len(data.classes),
        pooling=data.input.pooling,
        test_sizes=[],
        data=data.digest,
        recipe=RECIPE,
    )


def planned(model: str, workload: TaskWorkload, config: dict[str, Any]) -> Cell:
    head = Head(workload.classes, workload.channels, workload.vocabulary, workload.pooling)
    config_of_task = catalogue.task_config(catalogue.find(model), workload.shape, head)
    return Cell(model=model, config={**config_of_task, **config}, workload=workload, device="cpu", threads=1)


def fresh(cell: Cell) -> nn.Module:
    """A model without training, whose answers still differ from input to input."""
    torch.manual_seed(0)
    model = catalogue.build(catalogue.find(cell.model), cell.config)
    with torch.no_grad():
        model.get_classifier().weight.mul_(50)  # type: ignore[operator]
    return model


@torch.no_grad()
def _centre(model: nn.Module, batch: Batch) -> None:
    """Set the classifier's bias so that no class is the answer to all."""
    logits = model(batch.inputs, batch.mask)  # (B, classes)
    model.get_classifier().bias.sub_(logits.median(0).values)  # type: ignore[operator]


def _fresh(folder: Path, cell: Cell, data: TaskData) -> Learnt:
    model, test = fresh(cell), next(iter(data.tests.values()))
    _centre(model, test.batch(torch.arange(len(test))))
    answers = evaluate(model, test, data.input, len(data.classes))
    accuracy = share(float(answers.correct.sum()), len(answers.labels), "1", "counted")
    model_folder.write(folder, model, cell, data, accuracy)
    return Learnt(folder, cell, data, answers)
