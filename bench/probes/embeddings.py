"""Embeddings: how well the features of the trained model serve by themselves, without its own classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.job import Findings, Pass, Told
from bench.probes.task_data import load_planned, task_of
from suites.record import MeasurementWarning

if TYPE_CHECKING:
    from torch import nn

    from bench.subject import Subject
    from suites.tasks.task import TaskData

_METHOD = "share of test examples, by features of {count:,} training examples: {how}"


class EmbeddingsProbe:
    """Reads the model that the metric `accuracy` has left in the cell's folder."""

    run_in: Pass = "train"

    def read(self, subject: Subject) -> Findings:
        """``knn_accuracy`` and ``linear_probe_accuracy``, shares of the test examples.

        Neither, and a warning, where each place of a sequence has a label, or the model gives no features.
        """
        from bench import model_folder

        cell = subject.job.cell
        data = load_planned(task_of(cell, "embeddings"))
        if data.train.labels().ndim > 1:
            return _no_figure(f"{data.info.name} has a label at each place, so no embedding of a whole sequence")
        folder = model_folder.locate(Path(subject.job.folder))
        _, model = model_folder.load(folder, user_model=cell.model)
        if not (hasattr(model, "forward_features") and hasattr(model, "forward_head")):
            return _no_figure(f"'{cell.model}' has no forward_features and forward_head, as timm's models have")
        return _figures(model, data, subject)


def _figures(model: nn.Module, data: TaskData, subject: Subject) -> Findings:
    import torch

    from bench.embeddings import chosen, features, linear_probe, nearest_neighbours

    device, test = subject.device.torch_name, next(iter(data.tests.values()))
    indices = chosen(len(data.train))
    subject.tell(Told("features of the training examples", 0.0))
    known, labels = features(model, data.train, indices, data.input, device), data.train.labels()[indices].numpy()
    subject.tell(Told("features of the test examples", 0.5))
    asked = features(model, test, torch.arange(len(test)), data.input, device)
    subject.tell(Told("linear probe", 0.8))
    voted = nearest_neighbours(known, labels, asked, len(data.classes))
    separated, converged = linear_probe(known, labels, asked)

    found, right = Findings(), test.labels().numpy()
    method = _METHOD.format(count=len(labels), how="vote of the 20 nearest by cosine (arXiv 1805.01978)")
    found.share("knn_accuracy", int((voted == right).sum()), len(right), method)
    method = _METHOD.format(count=len(labels), how="logistic regression")
    found.share("linear_probe_accuracy", int((separated == right).sum()), len(right), method)
    if not converged:
        found.warnings.append(
            _warning(
                "not_converged",
                "linear_probe_accuracy",
                "the linear probe has not converged",
                "read it as a lower bound",
            )
        )
    return found


def _no_figure(reason: str) -> Findings:
    advice = "leave the metric 'embeddings' out of this suite"
    return Findings(warnings=[_warning("no_embedding", "embeddings", f"no figure: {reason}", advice)])


def _warning(kind: str, metric: str, message: str, advice: str) -> MeasurementWarning:
    return MeasurementWarning(kind=kind, metric=metric, message=message, evidence={}, advice=advice)


PROBE = EmbeddingsProbe()
