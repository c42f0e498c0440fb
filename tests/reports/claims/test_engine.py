"""Verdicts from records: what decides, what is left open, and what is never used as a number."""

from __future__ import annotations

import json

import pytest

from reports.claims.documents import load_document
from reports.claims.engine import judge_document, judge_documents
from reports.claims.evidence import Evidence
from reports.claims.judgement import plain
from reports.claims.kinds import KINDS
from reports.claims.terminal import claim_tables, verdicts_in_short

VIO, VIT, RESNET = "vio_tiny", "vit_tiny_patch16_224", "resnet10t"
SIZES = (128, 224, 448, 1024)


def claim(kind, **fields):
    given = {
        "id": fields.pop("id", "any"),
        "sentence": "Any.",
        "kind": kind,
        "command": "vio-bench run --suite scaling",
    }
    return KINDS.load(kind).form.model_validate(given | fields)


def faster(**fields):
    return claim(
        "ratio", **{"metric": "latency", "ours": {"model": VIO}, "theirs": {"model": VIT}, "at_most": 1} | fields
    )


def judged(run, *claims, folder=None):
    results = run.results(folder) if folder else run.results()
    found = judge_document(claims, Evidence(results))
    return found[0] if len(found) == 1 else found


@pytest.fixture
def sweep(made):
    """A linear and a quadratic model at four sizes, equal at 224 px."""

    def make(skip=(), noise=0.01, **sides):
        run, seed = made.run(), 0
        for size in SIZES:
            tokens = (size // 16) ** 2
            for model, seconds in ((VIO, tokens / 196), (VIT, (tokens / 196) ** 2)):
                seed += 1
                if (model, size) in skip:
                    run.add(made.cell(model, size), status="timeout", reason="no answer within 300 s", family="any")
                    continue
                latency = made.noisy(0.01 * seconds, seed, processes=4, noise=noise)
                figures = {"latency": latency, "params": made.count(3e6), "peak_tensor_bytes": made.count(tokens, "B")}
                run.add(made.cell(model, size), figures, family=model[:3])
        return run

    return make


def test_a_ratio_rests_on_pairs_of_equal_size_and_shows_its_weakest(sweep):
    found = judged(sweep(), faster(at={"height": {"at_least": 448}}))
    assert (found.verdict, len(found.parts), len(found.cells)) == ("supported", 2, 4)
    assert found.effect.startswith("0.248 (0.247–0.250) of the latency at 448 px; at best 0.0478")
    assert found.low < found.value < found.high and found.p_holm == found.p < 0.001
    assert found.counted == "samples" and found.n == 4 * 48


def test_one_size_that_goes_the_other_way_refutes(sweep):
    found = judged(sweep(), faster())
    assert found.verdict == "refuted"
    assert found.why == "the opposite was measured at 128 px; claimed is at most 1"
    assert found.value == pytest.approx(196 / 64, rel=0.05)


def test_what_failed_is_no_number_but_the_reason(sweep):
    long = {"height": {"at_least": 448}}
    found = judged(sweep(skip=[(VIT, 1024)]), faster(at=long))
    assert found.verdict == "inconclusive"
    assert found.why == (
        "holds where it could be measured, but vit_tiny_patch16_224 at 1024 px ended as timeout: no answer within 300 s"
    )
    assert judged(sweep(skip=[(VIT, 1024)]), faster(at={"height": [224, 1024]})).verdict == "inconclusive"
    assert judged(sweep(skip=[(VIT, 1024)]), faster()).verdict == "refuted"  # what was measured refutes all the same
    nothing = judged(sweep(skip=[(VIT, 448), (VIT, 1024)]), faster(at=long))
    assert (nothing.verdict, nothing.value, nothing.cells) == ("untested", None, ())
    assert "ended as timeout" in nothing.why


def test_an_unstable_timing_decides_nothing_but_its_params_count(made):
    run = made.run()
    figures = {"latency": made.noisy(0.01, 1), "params": made.count(3e6)}
    run.add(made.cell(VIO), figures, status="unstable", reason="interval of 60 %")
    run.add(made.cell(VIT), {"latency": made.noisy(0.02, 2), "params": made.count(6e6)})
    time, params = judged(run, faster(), faster(id="params", metric="params"))
    assert (time.verdict, params.verdict) == ("untested", "supported")
    assert "vio_tiny at 224 px ended as unstable" in time.why
    assert (params.effect, params.p, params.counted, params.n) == ("0.50 of the params", None, "figures", 2)


def test_a_cell_that_has_not_been_run_yet_is_a_reason(made):
    run = made.run()
    run.add(made.cell(VIO), {"latency": made.noisy(0.01, 1)})
    run.plan(made.cell(VIT))
    assert judged(run, faster()).why == "vit_tiny_patch16_224 at 224 px has not been run"


def test_only_what_was_timed_side_by_side_has_a_ratio_of_times(made):
    run = made.run()
    run.add(made.cell(VIO), {"latency": made.noisy(0.01, 1), "params": made.count(3e6)})
    run.add(made.cell(VIT), {"latency": made.noisy(0.02, 2), "params": made.count(6e6)}, session=2)
    time, params = judged(run, faster(), faster(id="params", metric="params"))
    assert (time.verdict, params.verdict) == ("untested", "supported")
    assert time.why == "vio_tiny and vit_tiny_patch16_224 were not timed side by side at 224 px"


def test_like_is_compared_with_like_unless_the_sides_differ_in_it(made):
    run = made.run()
    for fuse in (False, True):
        for model, seconds in ((VIO, 0.01), (VIT, 0.02)):
            run.add(made.cell(model, fuse=fuse), {"latency": made.noisy(seconds / (1 + fuse), 1)}, family=model[:3])
    both = judged(run, faster())
    assert (len(both.parts), both.value) == (2, pytest.approx(0.5, rel=0.05))
    tuned = judged(run, faster(ours={"model": VIO, "fuse": True}, theirs={"model": VIO, "fuse": False}))
    assert (len(tuned.parts), tuned.value) == (1, pytest.approx(0.5, rel=0.05))
    crossed = judged(run, faster(ours={"model": VIO, "fuse": True}, theirs={"model": VIT, "fuse": False}))
    assert (len(crossed.parts), crossed.value) == (1, pytest.approx(0.25, rel=0.05))


def test_families_are_compared_within_a_size_class(made):
    run = made.run()
    for size_class, scale in (("tiny", 1), ("small", 4)):
        for family, params in (("vio", 3e6), ("vit", 6e6)):
            model = f"{family}_{size_class}"
            figures = {"params": made.count(scale * params)}
            run.add(made.cell(model), figures, family=family, size_class=size_class)
    found = judged(run, faster(metric="params", ours={"family": "vio"}, theirs={"family": "vit"}))
    assert (found.verdict, found.effect, len(found.parts)) == ("supported", "0.50 of the params", 2)


def test_it_must_hold_against_each_of_several_sides(made):
    run = made.run()
    for model, seconds in ((VIO, 0.01), (VIT, 0.02), (RESNET, 0.005)):
        run.add(made.cell(model), {"latency": made.noisy(seconds, 1)})
    against_both = faster(theirs=[{"model": VIT}, {"model": RESNET}])
    assert judged(run, against_both).why == (
        "the opposite was measured at vio_tiny against resnet10t; claimed is at most 1"
    )
    missing = judged(run, faster(theirs=[{"model": VIT}, {"model": "resnet18"}]))
    assert (missing.verdict, missing.why) == (
        "inconclusive", "holds where it could be measured, but this run has no resnet18; did you mean resnet10t?",
    )  # fmt: skip


def test_a_difference_within_the_margin_decides_nothing_however_sure(made):
    run = made.run()
    run.add(made.cell(VIO), {"params": made.count(98)})
    run.add(made.cell(VIT), {"params": made.count(100)})
    assert judged(run, faster(metric="params")).why == "within the margin of 5.0 %"
    assert judged(run, faster(metric="params", margin=0.01)).verdict == "supported"
    assert judged(run, faster(metric="params", margin=0)).verdict == "supported"


def test_one_process_says_nothing_unless_the_claim_says_what_to_assume(made):
    run = made.run()
    for model, seconds in ((VIO, 0.01), (VIT, 0.02)):
        run.add(made.cell(model), {"latency": made.noisy(seconds, 1, processes=1)})
    alone, assumed = judged(run, faster(), faster(id="assumed", spread=0.1))
    assert alone.verdict == "inconclusive" and "from one process only" in alone.why
    assert assumed.verdict == "supported" and "a spread of 10 % between processes is assumed" in assumed.warnings[0]
    assert judged(run, faster(spread=0.5)).verdict == "inconclusive"


def test_seeds_of_a_training_are_its_processes(made):
    run = made.run(workload=made.task_axes)
    for seed in range(3):
        run.learnt(made.task(VIO, seed), made.answers_with(0.9, seed=seed), family="vio")
    within = claim("bound", metric="train_time", ours={"model": VIO}, at_most=120)
    found = judged(run, within)
    assert (found.verdict, found.n, len(found.cells)) == ("supported", 3, 3)
    run.plan(made.task(VIO, 3), "vio")
    assert judged(run, within).warnings == ("1 of 4 seeds without a figure",)


def test_one_length_has_no_exponent_and_no_crossing(made):
    run = made.run()
    for model in (VIO, VIT):
        run.add(made.cell(model), {"latency": made.noisy(0.01, 1)})
    linear = claim("exponent", metric="latency", ours={"model": VIO}, at_most=1.2)
    ahead = claim("crossover", id="b", metric="latency", ours={"model": VIO}, theirs={"model": VIT})
    slope, crossing = judged(run, linear, ahead)
    assert (slope.verdict, slope.why) == (
        "untested",
        "vio_tiny has one length only (196 tokens): no exponent can be fitted",
    )
    assert (crossing.verdict, crossing.why) == (
        "untested",
        "vio_tiny has one length only (224 px): no crossing to find",
    )


def test_exponents_and_crossings_of_a_sweep(sweep):
    linear = claim("exponent", metric="latency", ours={"model": [VIO, VIT]}, at_most=1.2, margin=0.1)
    memory = claim("exponent", id="b", metric="peak_tensor_bytes", ours={"model": VIO}, at_most=0.1)
    ahead = claim("crossover", id="c", metric="latency", ours={"model": VIO}, theirs={"model": VIT}, by=400)
    sooner = claim("crossover", id="d", metric="latency", ours={"model": VIO}, theirs={"model": VIT}, by=100)
    never = claim("crossover", id="e", metric="latency", ours={"model": VIT}, theirs={"model": VIO})
    found = judged(sweep(), linear, memory, ahead, sooner, never)
    assert [one.verdict for one in found] == ["refuted", "refuted", "supported", "refuted", "refuted"]
    assert found[0].why == "the opposite was measured at vit_tiny_patch16_224; claimed is at most 1.2"
    assert found[0].value == pytest.approx(2, abs=0.05) and found[1].effect == "exponent 1.00 from 784 to 4,096 tokens"
    assert found[2].low < 196 < found[2].high and found[2].value == pytest.approx(196, rel=0.05)
    assert found[2].effect.startswith("ahead from 1") and len(found[2].cells) == 8
    assert found[4].effect.startswith("not up to 4,096 tokens: there 2") and found[4].value is None


def test_a_bound_is_in_the_figures_own_unit(sweep):
    params = claim("bound", metric="params", ours={"model": VIO}, about=3.1e6)
    off = claim("bound", id="b", metric="params", ours={"model": VIO}, about=3.3e6)
    quick = claim("bound", id="c", metric="latency", ours={"model": VIO}, at={"height": 224}, at_most=0.0333)
    slow = claim("bound", id="d", metric="latency", ours={"model": VIO}, at={"height": 1024}, at_most=0.0333)
    found = judged(sweep(), params, off, quick, slow)
    assert [one.verdict for one in found] == ["supported", "refuted", "supported", "refuted"]
    assert found[1].why.endswith("claimed is about 3.30 M") and found[1].effect == "3.00 M"
    assert found[2].effect.endswith(" ms)") and found[2].why.endswith("claimed is at most 33.3 ms")


def test_accuracy_is_compared_on_the_same_examples(task_run, tmp_path):
    folder = task_run.save(tmp_path / "run")
    sides = {"ours": {"model": VIO}, "theirs": {"model": RESNET}, "at": {"task": "digits"}}
    found = judged(
        task_run,
        claim("superiority", **sides),
        claim("non_inferiority", id="b", **sides | {"theirs": {"model": VIT}}, margin=0.05),
        claim("superiority", id="c", **sides | {"ours": {"model": RESNET}, "theirs": {"model": VIO}}),
        claim("superiority", id="d", **sides | {"theirs": {"model": "convnext_femto"}}),
        claim("bound", id="e", metric="accuracy", ours={"model": VIO}, at_least=0.9),
        folder=folder,
    )
    assert [one.verdict for one in found] == ["supported", "supported", "refuted", "untested", "supported"]
    assert found[0].effect.startswith("+16.0 (") and found[0].counted == "answers" and found[0].n == 1200
    assert found[1].value == pytest.approx(0.01) and found[2].value == pytest.approx(-0.16)
    assert "convnext_femto at 32 px ended as timeout" in found[3].why
    assert found[4].effect.startswith("96.2 % (")
    gone = judged(task_run, claim("superiority", **sides))  # the folder of this one does not exist
    assert (gone.verdict, gone.warnings) == (
        "untested",
        (),
    ) and "answers to the test examples are not there" in gone.why


def test_a_capability_is_refuted_by_a_try_that_failed_at_exactly_that(made):
    run = made.run()
    gap = made.warning("export_failed", "onnx_error", "torch.onnx gave up at node 7")
    run.add(made.cell(VIO), {"onnx_error": made.count(2e-6)}, family="vio")
    run.add(made.cell(VIT), {"params": made.count(5e6)}, warnings=[gap])
    run.add(made.cell(RESNET), status="oom", reason="out of memory")
    run.add(made.cell("slow"), status="timeout", reason="no answer")

    def exports(model, **fields):
        return claim("capability", **{"metric": "onnx_error", "ours": {"model": model}, "at_most": 1e-4} | fields)

    def runs(model):
        return claim("capability", ours={"model": model})

    assert judged(run, exports(VIO)).effect == "error in ONNX 2.0e-06"
    assert judged(run, exports(VIO, at_most=1e-6)).verdict == "refuted"
    failed = judged(run, exports([VIO, VIT]))
    assert (failed.verdict, failed.value) == ("refuted", None)
    assert "torch.onnx gave up at node 7" in failed.effect
    assert judged(run, exports(RESNET)).verdict == "untested"  # it failed at something else
    assert judged(run, exports([VIO, RESNET])).verdict == "inconclusive"
    assert [judged(run, runs(model)).verdict for model in (VIO, RESNET, "slow")] == ["supported", "refuted", "untested"]


def test_cells_whose_run_measures_other_things_have_no_part(made):
    run = made.run()
    run.add(made.cell(VIO), {"latency": made.noisy(0.01, 1)})
    found = judged(run, claim("capability", metric="onnx_error", ours={"model": VIO}))
    assert (found.verdict, found.why) == ("untested", "this run measured no error in ONNX of model vio_tiny")


def test_warnings_of_the_cells_come_with_the_verdict(made):
    run = made.run()
    gap = made.warning(message="MACs cover 61 % of the arithmetic")
    run.add(made.cell(VIO), {"macs": made.count(1e9)}, warnings=[gap])
    run.add(made.cell(VIT), {"macs": made.count(2e9)}, warnings=[gap])
    found = judged(run, faster(metric="macs"))
    assert found.warnings == ("macs_gap: MACs cover 61 % of the arithmetic (and in 1 other cell)",)


def test_what_noise_may_account_for_is_left_open_and_more_so_among_many(made):
    def verdicts(others):
        run = made.run()
        run.add(made.cell(VIO), {"latency": made.noisy(0.01, 3, processes=4, noise=0.08)})
        run.add(made.cell(VIT), {"latency": made.noisy(0.0108, 4, processes=4, noise=0.08)})
        many = [faster(id=f"c{i}", margin=0.05) for i in range(others + 1)]
        found = judge_document(many, Evidence(run.results()))
        return found[0]

    alone, among = verdicts(0), verdicts(30)
    assert (alone.verdict, among.verdict) == ("supported", "inconclusive")
    assert among.p == alone.p and among.p_holm == pytest.approx(31 * alone.p)
    assert among.why.startswith("noise may account for it: p = ") and among.why.endswith("over 31 tests")


def test_documents_are_judged_apart_and_in_order_and_the_same_each_time(sweep, tmp_path):
    entry = (
        "- {{id: {id}, sentence: 'Any <b>.', kind: ratio, metric: latency, ours: {{model: vio_tiny}}, "
        "theirs: {{model: vit_tiny_patch16_224}}, at: {{height: 1024}}, at_most: 1, command: c}}"
    )
    paths = []
    for name in ("b", "a"):
        paths.append(tmp_path / f"{name}.yaml")
        claims = "\n".join(entry.format(id=f"{name}-{i}") for i in range(2))
        paths[-1].write_text(f"document: {name}\ntitle: '{name} [x](http://y)'\nclaims:\n{claims}\n")
    results = sweep().results()

    def judge():
        return judge_documents([load_document(path) for path in paths], results)

    found = judge()
    assert [one.claim.id for one in found] == ["b-0", "b-1", "a-0", "a-1"]
    assert all(one.p_holm == pytest.approx(2 * one.p) for one in found)  # over two tests, not four
    said = [plain(one) for one in found]
    assert json.loads(json.dumps(said, allow_nan=False)) == said == [plain(one) for one in judge()]
    assert verdicts_in_short(found) == "4 supported"
    assert len(claim_tables(found)) == 2
