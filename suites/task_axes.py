"""The axes of a suite that trains: tasks, sizes and the recipe; and what a plan keeps of the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from suites.recipe import Recipe
from suites.schema import Strict
from suites.task_workload import TaskWorkload
from suites.terms import Layout, Positive


class TaskAxes(Strict):
    """The axes whose product are the workloads of a suite of tasks."""

    kind: Literal["task"]
    """What the input is."""
    task: Annotated[list[str], Field(min_length=1)]
    """Tasks by name."""
    input_size: list[Positive] = []
    """Sides in pixels, or lengths in tokens; each task's own default where none is named."""
    test_sizes: list[Positive] = []
    """Further lengths that models of sequences are tested on."""
    batch: Positive = 1
    """Examples in the forward that is timed."""
    layout: Layout = "contiguous"
    """Memory format where it is timed."""
    recipe: Recipe
    """How every model is trained."""

    def workloads(self) -> Iterator[TaskWorkload]:
        """Every task at every size, tasks outermost. Loads the data; raises what `Task.load` raises."""
        from suites.tasks.loading import find_task

        for name in self.task:
            for size in self.input_size or find_task(name).info.sizes[:1]:
                yield self._workload(name, size)

    def _workload(self, name: str, size: int) -> TaskWorkload:
        from suites.tasks.loading import load_task
        from suites.tasks.task import ImageInput

        tests = tuple(length for length in self.test_sizes if length != size)
        data = load_task(name, size, tests)
        reads = data.input
        image = isinstance(reads, ImageInput)
        return TaskWorkload(
            task=name,
            reads="image" if image else "sequence",
            input_size=size,
            channels=reads.channels,
            vocabulary=None if isinstance(reads, ImageInput) else reads.vocabulary,
            classes=len(data.classes),
            pooling="avg" if isinstance(reads, ImageInput) else reads.pooling,
            test_sizes=[] if image else list(tests),
            batch=self.batch,
            layout=self.layout,
            data=data.digest,
            recipe=self.recipe,
        )


class SimpleModel(Strict):
    """What models are held against."""

    name: str
    """What it is, in a few words."""
    accuracy: float
    """Share of right answers on the same test examples."""
    source: str
    """How that figure was obtained."""


class TaskCard(Strict):
    """What a plan keeps of the data of one workload, so that a report can say it without them."""

    task: str
    """The task's name."""
    input_size: int
    """Side in pixels, or length in tokens."""
    about: str
    """What it asks."""
    licence: str
    """Licence of the data."""
    split: str
    """What is trained, validated and tested on."""
    leaks: str
    """What was removed so that nothing of the test is known beforehand."""
    train: int
    """Examples to learn from."""
    validation: int
    """Examples to choose the learning rate and the epoch on."""
    test: int
    """Examples that are scored."""
    classes: list[str]
    """Names of the classes by index."""
    notes: list[str]
    """What was found while loading."""
    baseline: str
    """The simple model that stands beside."""
    baseline_accuracy: float
    """Its share of right answers on the same test examples."""
    baseline_source: str
    """How that figure was obtained."""
    shortcut: SimpleModel | None = None
    """What tells something without the content, such as the length alone; None where nothing does."""

    @property
    def simple(self) -> dict[str, SimpleModel]:
        """What stands beside the models: the `baseline`, and the `shortcut` where there is one."""
        baseline = SimpleModel(name=self.baseline, accuracy=self.baseline_accuracy, source=self.baseline_source)
        return {"baseline": baseline} | ({"shortcut": self.shortcut} if self.shortcut else {})


def card(workload: TaskWorkload) -> TaskCard:
    """The card of the data that a workload has loaded."""
    from suites.tasks.loading import load_task

    data = load_task(workload.task, workload.input_size, tuple(workload.test_sizes))
    info, shortcut = data.info, data.shortcut()
    return TaskCard(
        task=workload.task,
        input_size=workload.input_size,
        about=info.about,
        licence=info.licence,
        split=info.split,
        leaks=info.leaks,
        train=len(data.train),
        validation=len(data.validation),
        test=len(data.tests[workload.input_size]),
        classes=list(data.classes),
        notes=list(data.notes),
        baseline=info.baseline.name,
        baseline_accuracy=info.baseline.accuracy,
        baseline_source=info.baseline.source,
        shortcut=SimpleModel(**vars(shortcut)) if shortcut else None,
    )
