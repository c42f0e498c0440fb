"""What keeps a verdict open or weakens it: values that nobody ran, noise that nobody knows, and one training alone."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from pydantic import ValidationError
from rich.console import Console

from reports.accuracy.seeds import over_seeds
from reports.claims import against_number
from reports.claims.engine import judge_document
from reports.claims.evidence import Evidence
from reports.claims.judgement import Judgement
from reports.claims.kinds import KINDS
from reports.claims.terminal import claim_tables
from suites.estimate import sampled, share
from suites.record import Status

VIO, VIT = "vio_tiny", "vit_tiny_patch16_224"


def claim(kind, **fields):
    given = {"id": "any", "sentence": "Any.", "kind": kind, "command": "vio-bench run --suite scaling"}
    return KINDS.load(kind).form.model_validate(given | fields)


def judged(run, *claims, folder=None):
    found = judge_document(claims, Evidence(run.results(folder) if folder else run.results()))
    return found[0] if len(found) == 1 else found


@pytest.fixture
def swept(made):
    """Params and a linear latency of one model at some lengths, or of several."""

    def make(*sizes, models=(VIO,), latency=True):
        run = made.run()
        for seed, size in enumerate(sizes):
            tokens = (size // 16) ** 2
            for number, model in enumerate(models):
                timed = {"latency": made.noisy(1e-4 * tokens ** (1 + number), seed)} if latency else {}
                run.add(made.cell(model, size), {"params": made.count(3e6), **timed}, family=model[:3])
        return run

    return make


def test_a_value_that_was_listed_and_not_run_is_a_gap_whichever_field_lists_it(swept):
    small = {"metric": "params", "at_most": 4e6}
    run = swept(128, 224)
    sizes, why = {"height": [128, 448]}, "this run has no cell with model vio_tiny, height 448"
    for fields in ({"ours": {"model": VIO}, "at": sizes}, {"ours": {"model": VIO, **sizes}}):
        found = judged(run, claim("bound", **small, **fields))
        assert found.verdict == "inconclusive" and found.why == f"holds where it could be measured, but {why}"
    assert judged(run, claim("bound", **small, ours={"model": VIO}, at={"height": [128, 224]})).verdict == "supported"
    runs = claim("capability", ours={"model": [VIO, VIT]})
    assert "this run has no vit_tiny_patch16_224" in judged(run, runs).why


def test_a_value_that_was_run_with_other_figures_is_a_gap_too(made):
    run = made.run()
    run.add(made.cell(VIO, 128), {"onnx_error": made.count(1e-6)})
    run.add(made.sequence(VIT, 64), {"latency": made.noisy(0.01, 1)})
    exports = claim("capability", metric="onnx_error", ours={"model": [VIO, VIT]}, at_most=1e-4)
    assert judged(run, exports).why.endswith("this run measured no error in ONNX of model vit_tiny_patch16_224")


def test_a_model_of_one_length_is_a_gap_in_exponents_and_crossings(swept, made):
    run = swept(128, 224, 448)
    run.add(made.cell(VIT), {"latency": made.noisy(0.01, 1)})
    found = judged(run, claim("exponent", metric="latency", ours={"model": [VIO, VIT]}, at_most=1.2))
    assert found.verdict == "inconclusive" and "vit_tiny_patch16_224 has one length only (196 tokens)" in found.why
    run = swept(128, 448, models=(VIO, VIT))
    for model, seconds in ((VIO, 0.01), ("resnet10t", 0.02)):
        run.add(made.cell(model, 224), {"latency": made.noisy(seconds, 1)})
    ahead = claim("crossover", metric="latency", ours={"model": VIO}, theirs=[{"model": VIT}, {"model": "resnet10t"}])
    assert "vio_tiny has one length only (224 px): no crossing to find" in judged(run, ahead).why


def test_an_exponent_rests_on_the_lengths_that_it_was_fitted_to_and_names_what_has_no_logarithm(swept, made):
    run = swept(128, 224, 448, 1024)
    linear = claim("exponent", metric="latency", ours={"model": VIO}, at_most=1.2)
    found = judged(run, linear)
    assert found.effect.endswith("from 784 to 4,096 tokens") and (len(found.cells), found.n) == (2, 2 * 36)
    run.add(made.cell(VIO, 320), {"latency": sampled([[0.0], [0.1], [0.1]], "s", "any")})
    assert "latency of vio_tiny at 320 px is not above 0: it has no exponent" in judged(run, linear).why


def test_two_shapes_of_one_length_are_not_drawn_as_one(swept, made):
    run = swept(128, 448, models=(VIO, VIT))
    for model in (VIO, VIT):
        run.add(made.cell(model, (64, 256)), {"latency": made.noisy(0.01, 3)}, family=model[:3])
    ahead = claim("crossover", metric="latency", ours={"model": VIO}, theirs={"model": VIT})
    assert "at 64x256 px is left out: 128 px has as many tokens" in judged(run, ahead).why


def test_a_noisy_figure_with_a_zero_in_it_is_not_taken_for_an_exact_one(made):
    run = made.run()
    run.add(made.cell(VIO), {"latency": sampled([[0.0], [0.0], [9.0]], "s", "any")})
    run.add(made.cell(VIT), {"latency": made.noisy(0.01, 1)})
    of = {"metric": "latency", "at_most": 1}
    zero = judged(run, claim("bound", **of, ours={"model": VIO}))
    assert (zero.verdict, zero.low) == ("inconclusive", None) and "not above 0 in every process" in zero.why
    none = judged(run, claim("bound", metric="latency", at_most=0, ours={"model": VIT}))
    assert none.verdict == "inconclusive" and "can't be set against 0" in none.why


def of_ten(right, claimed, sign, margin=0.0, examples=10):
    return against_number.share_outcome(over_seeds([share(right, examples, "1", "any")]), claimed, sign, margin)


def test_about_a_share_near_1_needs_as_much_noise_known_as_any_other():
    few, many = of_ten(10, 0.99, 0, 0.02), of_ten(9950, 0.99, 0, 0.02, examples=10_000)
    assert few.leaning == "supported" and few.p > 0.5 and few.problem == ""
    assert many.leaning == "supported" and many.p < 1e-6
    assert of_ten(9, 0.01, 0, 0.02).leaning == "refuted"


def test_all_or_nothing_can_be_disproved_by_a_sample_and_not_shown():
    assert of_ten(10, 1.0, 1).problem == "no sample can show 100 %" and of_ten(0, 0.0, -1).problem
    assert of_ten(9, 1.0, 1).leaning == "refuted" and not of_ten(9, 1.0, 1).problem


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ({"at_least": 81}, "accuracy is a share from 0 to 1: 81 is none"),
        ({"about": -0.1}, "is a share from 0 to 1"),
        ({"at_most": 1}, "every share is at most 100 %"),
        ({"about": 0.5, "margin": 0.6}, "every share is about 50 %"),
    ],
)
def test_a_bound_that_no_share_can_break_or_keep_is_refused(bounds, said):
    with pytest.raises(ValidationError, match=said):
        claim("bound", metric="accuracy", ours={"model": VIO}, **bounds)


def test_a_try_that_failed_is_not_hidden_by_another_run_that_got_it_done(made):
    run = made.run()
    run.add(made.cell(VIO), {"onnx_error": made.count(1e-6)})
    failed = made.warning("export_failed", "onnx_error", "torch.onnx gave up")
    evidence = Evidence(run.results())
    (cell,) = evidence.cells
    later = cell.record.model_copy(update={"estimates": {}, "warnings": [failed], "status": Status.OK})
    exports = claim("capability", metric="onnx_error", ours={"model": VIO}, at_most=1e-4)
    assert judge_document([exports], evidence)[0].verdict == "supported"
    for record, other in ((later, cell.record), (cell.record, later)):
        evidence.__dict__["cells"] = [replace(cell, record=record, repeats=(other,))]
        (found,) = judge_document([exports], evidence)
        assert found.verdict == "refuted" and "torch.onnx gave up" in found.effect


@pytest.fixture
def trained(made, tmp_path):
    """Two models that learnt digits, with so many seeds; the folder that holds their answers."""

    def make(seeds, **changes):
        run = made.run("accuracy", workload=made.task_axes)
        for seed in range(seeds):
            for model, right in ((VIO, 0.95), (VIT, 0.7)):
                run.learnt(made.task(model, seed, **changes), made.answers_with(right, seed=seed), family=model[:3])
        return run, run.save(tmp_path / str(seeds))

    return make


def test_a_verdict_by_one_training_says_so_where_the_verdict_is(trained):
    sides = {"ours": {"model": VIO}, "theirs": {"model": VIT}}
    claims = [
        claim("superiority", **sides),
        claim("bound", id="b", metric="accuracy", ours={"model": VIO}, at_least=0.9),
        claim("bound", id="c", metric="accuracy", ours={"model": VIO}, about=0.5),
    ]
    run, folder = trained(1)
    more, exact, other = judged(run, *claims, folder=folder)
    assert more.verdict == "supported" and more.why.endswith("; by one training a side")
    assert exact.verdict == "supported" and exact.why.endswith("; by one training")
    assert other.why.startswith("another figure was measured; claimed is about 50 %")
    run, folder = trained(3)
    assert not any("training" in found.why for found in judged(run, *claims, folder=folder))


def test_recipes_that_differ_and_suites_that_nobody_asked_for_are_warnings(trained, made):
    accurate = {"metric": "accuracy", "ours": {"model": VIO}, "at_least": 0.9}
    run, _ = trained(3)
    of_it = claim("bound", **accurate | {"command": "vio-bench run --suite accuracy --model vio_tiny"})
    assert judged(run, of_it).warnings == ()
    asked = claim("bound", **accurate | {"command": "vio-bench run --suite accuracy-full"})
    said = "learnt in the suite accuracy, not in accuracy-full, which is what the command runs"
    assert judged(run, asked).warnings == (said,)
    assert judged(run, claim("bound", metric="params", ours={"model": VIO}, at_most=1e7)).warnings == ()
    run.learnt(made.task(VIO, 0, data="f" * 16), made.answers_with(0.95), family="vio")
    assert any("digits was learnt in 2 ways" in warning for warning in judged(run, of_it).warnings)


def test_the_terminal_says_why_nothing_was_tested_and_keeps_ids_whole():
    ids = [f"a-rather-long-id-of-a-claim-that-is-copied-from-here-{i}" for i in range(4)]
    same = [
        claim("untestable", id=ids[0], why="no such data", command="none"),
        claim("untestable", id=ids[1], why="no such data", command="none"),
        claim("untestable", id=ids[2], why="no such machine", command="vio-bench list"),
    ]
    found = [Judgement(one, "untested", one.why) for one in same]
    found.append(Judgement(claim("untestable", id=ids[3], why="any"), "refuted", "the opposite was measured", "9 ms"))
    console = Console(width=100, file=io.StringIO())
    for table in claim_tables(found):
        console.print(table)
    said = " ".join(console.file.getvalue().split())
    assert all(one in said for one in ids)
    assert f"untested: {ids[0]}, {ids[1]}: no such data untested:" in said  # no command, so none is named
    assert said.endswith(f"{ids[2]}: no such machine; to test: vio-bench list")
