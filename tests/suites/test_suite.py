from __future__ import annotations

from suites.suite import ImageAxes, SequenceAxes
from suites.suite_file import load_suite


def test_axes_multiply() -> None:
    axes = {"image_size": [64, [48, 80]], "batch": [1, 8], "fuse": [False, True]}
    workloads = list(ImageAxes.model_validate(axes).workloads())
    assert len(workloads) == 8
    assert (workloads[-1].height, workloads[-1].width, workloads[-1].batch, workloads[-1].fuse) == (48, 80, 8, True)


def test_sequences_have_axes_too() -> None:
    axes = {"kind": "sequence", "length": [196, 1024], "channels": 64, "mode": ["forward", "forward_backward"]}
    found = [(w.mode, w.shape) for w in SequenceAxes.model_validate(axes).workloads()]
    shapes = [(1, 196, 64), (1, 1024, 64)]
    assert found == [(mode, shape) for mode in ("forward", "forward_backward") for shape in shapes]


def test_the_main_job_is_what_the_design_says() -> None:
    suite = load_suite("scaling").suite
    assert [w.tokens for w in suite.workload.workloads()] == [64, 196, 400, 784, 1600, 4096]
    assert (suite.device, suite.precision, suite.workload.source) == (["cpu"], ["fp32"], "photo")
    assert len(suite.model_names()) == 6


def test_the_mixers_suite_is_what_the_design_says() -> None:
    suite = load_suite("mixers").suite
    workloads = list(suite.workload.workloads())
    assert [w.tokens for w in workloads] == 2 * [196, 1024, 4096, 16384, 65536]
    assert {w.shape[2] for w in workloads} == {192}
    assert suite.model_names()[0] == "mixer/ssd"  # what the others are compared with
