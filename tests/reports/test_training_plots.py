"""Curves of training, from what the cells kept of it."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from reports.figures import TRAINING as HEADING
from reports.figures import write_figures
from reports.plots.training import write_training_plots
from suites.history import HISTORY, Epoch, read_history
from suites.results import TRAINING
from suites.tasks.errors import DataError

LONG = "package.module.models:" + "a_factory_with_a_long_name_" * 4 + "end"


def texts(plot):
    return [text for text in ElementTree.parse(plot.svg).getroot().itertext() if text.strip()]


def line(epoch, *, seconds=2.0, **changes):
    told = {
        "epoch": epoch, "step": 10 * epoch, "loss": 2 / epoch, "train_accuracy": None,
        "validation_accuracy": 1 - 0.5 / epoch, "validation_loss": 1 + (epoch - 3) ** 2 / 10, "lr": 1e-3,
        "examples_per_second": 100.0, "seconds": seconds * epoch,
    }  # fmt: skip
    return json.dumps(told | changes) + "\n"


def keep(folder, record, text):
    path = folder / TRAINING / record.identity / HISTORY
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_history_without_validation_loss_is_read_and_a_torn_line_left_out(tmp_path):
    whole = json.loads(line(1))
    del whole["validation_loss"]
    (tmp_path / HISTORY).write_text(json.dumps(whole) + "\n" + line(2)[:40])
    (epoch,) = read_history(tmp_path)
    assert isinstance(epoch, Epoch) and epoch.validation_loss is None and epoch.seconds == 2.0
    assert read_history(tmp_path / "nowhere") == ()


def test_a_malformed_line_or_a_folder_in_its_place_is_named(tmp_path):
    (tmp_path / HISTORY).write_text(line(1) + '{"epoch": 0}\n')
    with pytest.raises(DataError, match=r"history\.jsonl:2: .*remove"):
        read_history(tmp_path)
    (tmp_path / "other" / HISTORY).mkdir(parents=True)
    with pytest.raises(DataError, match=r"can't read .*history\.jsonl"):
        read_history(tmp_path / "other")


@pytest.fixture(scope="module")
def trained(made, tmp_path_factory):
    """Two seeds of `a` and of a long name; `torn` has a broken history, `gone` none."""
    folder = tmp_path_factory.mktemp("trained")
    run = made.run("accuracy", "Who?", made.task_axes)
    run.tasks = [made.card()]
    for seed in (0, 1):
        for i, model in enumerate(("a", LONG, "torn", "gone")):
            record = run.learnt(made.task(model, seed), made.answers_with(0.9, 100, seed), family=model)
            text = "".join(line(epoch, seconds=2.0 + i) for epoch in range(1, 6))
            if model != "gone":
                keep(folder, record, "{}\n" if model == "torn" else text)
    run.save(folder)
    return run.results(folder)


@pytest.fixture(scope="module")
def plots(trained, tmp_path_factory):
    return write_training_plots(trained, tmp_path_factory.mktemp("plots"))


def test_accuracy_is_drawn_against_epochs_and_against_seconds(plots):
    accuracy = plots[0]
    said = texts(accuracy)
    assert {"epoch", "seconds of training, evaluation apart", "a"} <= set(said)
    assert "5 epochs, 10.0 s, median of 2 seeds" in said and "5 epochs, 15.0 s, median of 2 seeds" in said
    assert "no history of torn and gone" in said
    assert accuracy.shows == ("a", LONG) and "a 90.0 %" in accuracy.alt


def test_each_model_has_a_panel_with_both_losses(plots):
    loss = plots[1]
    said = texts(loss)
    assert "validation" in said and "kept" in said and "a" in said
    assert "training, augmented as the task allows, labels smoothed by 0.1" in said
    assert "seed 0 of each; no history of torn and gone" in said
    assert said.count("epoch") == 2
    assert "a training 2.00 to 0.40, validation 1.40 to 1.40" in loss.alt


def test_the_same_files_give_the_same_bytes(trained, plots, tmp_path):
    for first, second in zip(plots, write_training_plots(trained, tmp_path), strict=True):
        assert first.svg.read_bytes() == second.svg.read_bytes() and first.png.read_bytes() == second.png.read_bytes()


def test_one_model_of_one_epoch_and_no_evaluation_is_drawn(made, tmp_path):
    run = made.run("accuracy", "Who?", made.task_axes)
    record = run.learnt(made.task("only"), made.answers_with(0.9, 100))
    keep(tmp_path / "run", record, line(1, validation_accuracy=None, validation_loss=None))
    (plot,) = write_training_plots(run.results(run.save(tmp_path / "run")), tmp_path / "plots")
    assert "validation" not in texts(plot) and plot.title.startswith("Loss while learning")


def test_without_a_history_nothing_is_drawn(made, tmp_path, task_run):
    assert write_training_plots(task_run.results(tmp_path), tmp_path / "plots") == []
    assert HEADING not in write_figures(made.run().results(tmp_path), tmp_path / "plots")
    assert not (tmp_path / "plots").exists()
