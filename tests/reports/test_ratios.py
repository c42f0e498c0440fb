"""Ratios: only between cells timed side by side, like with like, and as sure as they say."""

from __future__ import annotations

import numpy
import pytest

from reports.answers import answers
from reports.ratios import lead, ratio, references
from suites.estimate import sampled

VIT, RESNET = "vit_tiny_patch16_224", "resnet10t"


def by_label(run):
    return {f"{a.series}@{a.size}": a for a in answers(run.results())}


def test_a_ratio_is_of_two_figures_of_one_block(made):
    run = made.run()
    run.add(made.cell(VIT), {"latency": made.noisy(0.02, 1)})
    run.add(made.cell(RESNET), {"latency": made.noisy(0.01, 2)}, family="resnet")
    cells = by_label(run)
    found = ratio(cells[f"{RESNET}@224"], cells[f"{VIT}@224"], "latency")
    assert found.low < 0.5 < found.high
    assert found.value == pytest.approx(0.5, rel=0.02)
    assert found.differs


def test_no_ratio_across_sizes_sessions_or_without_a_figure(made):
    run = made.run()
    run.add(made.cell(VIT), {"latency": made.noisy(0.02, 1)})
    run.add(made.cell(RESNET), {"latency": made.noisy(0.01, 2)}, family="resnet", session=2)
    run.add(made.cell(RESNET, 448), {"latency": made.noisy(0.03, 3)}, family="resnet")
    run.add(made.cell("convnext_femto"), status="oom", reason="out of memory", family="convnext")
    cells, vit = by_label(run), by_label(run)[f"{VIT}@224"]
    assert ratio(cells[f"{RESNET}@224"], vit, "latency") is None
    assert ratio(cells[f"{RESNET}@448"], vit, "latency") is None
    assert ratio(cells["convnext_femto@224"], vit, "latency") is None
    assert references(list(cells.values())).keys() & {cells[f"{RESNET}@224"].planned.identity} == set()


@pytest.mark.parametrize("status", ["error", "timeout", "unstable"])
def test_what_a_failed_cell_had_read_leads_nothing_and_is_no_reference(made, status):
    run = made.run()
    run.add(made.cell(VIT), {"latency": made.noisy(0.001, 1)}, status=status, reason="in its third process")
    for seed, model in enumerate((RESNET, "convnext_femto"), 2):
        run.add(made.cell(model), {"latency": made.noisy(0.01 * seed, seed)}, family="cnn")
    group = answers(run.results())
    assert ratio(group[1], group[0], "latency") is None
    assert references(group) == {}
    found = lead(group)
    assert found is not None and found.best.series == RESNET


def test_tuned_is_compared_with_tuned_and_a_class_with_its_own_vit(made):
    run = made.run()
    for fuse in (False, True):
        for model, family, size_class in (
            ("resnet50", "resnet", "small"), (RESNET, "resnet", "tiny"),
            (VIT, "vit", "tiny"), ("vit_small", "vit", "small"),
        ):  # fmt: skip
            run.add(made.cell(model, fuse=fuse), {"latency": made.noisy(0.01, 1)}, family=family, size_class=size_class)
    group = answers(run.results())
    compared = references(group)
    said = {a.series: compared[a.planned.identity].series for a in group}
    assert said[RESNET] == VIT
    assert said[f"{RESNET} + fused"] == f"{VIT} + fused"
    assert said["resnet50 + fused"] == "vit_small + fused"
    assert said[VIT] == VIT


def test_without_a_vit_the_first_model_is_the_reference(made):
    run = made.run()
    for model in ("convnext_femto", RESNET):
        run.add(made.cell(model), {"latency": made.noisy(0.01, 1)}, family=model)
    assert {a.series for a in references(answers(run.results())).values()} == {"convnext_femto"}


def test_nobody_leads_whom_the_noise_hides(made):
    def leader(second):
        run = made.run()
        run.add(made.cell(VIT), {"latency": made.noisy(second, 1, noise=0.05)})
        run.add(made.cell(RESNET), {"latency": made.noisy(0.01, 2, noise=0.05)}, family="resnet")
        return lead(answers(run.results()))

    clear, hidden = leader(0.02), leader(0.0101)
    assert (clear.best.series, clear.level) == (RESNET, [])
    assert len(hidden.level) == 1


def test_equal_models_are_told_apart_no_more_often_than_allowed(made):
    """Five models of the same speed: some other excluded from the lead in at most about 5 % of runs."""
    rng, wrong, trials = numpy.random.default_rng(7), 0, 300
    for _ in range(trials):
        run = made.run()
        for index in range(5):
            samples = (0.01 * (1 + rng.normal(0, 0.02, (3, 1)) + rng.normal(0, 0.02, (3, 8)))).tolist()
            run.add(made.cell(f"model{index}"), {"latency": sampled(samples, "s", "")}, family="vit")
        # the least of five is itself chosen by noise, so this is harder than one comparison fixed beforehand
        wrong += len(lead(answers(run.results())).level) < 4
    assert wrong / trials < 0.10
