"""Every scan says which argument is wrong, and nothing is scanned."""

from __future__ import annotations

import pytest
import torch

from tests.vio.scan_reference import selective_arguments, ssd_arguments
from vio.scan import MAX_CHUNK, selective_scan, selective_step, ssd, ssd_noncausal, ssd_step


def forms():
    """Each form with arguments that fit, by name."""
    x, log_decay, b, c = ssd_arguments(dtype=torch.float32)
    ssd_state = torch.zeros(2, 3, 5, 4)
    u, dt, A, B, C, D = selective_arguments(dtype=torch.float32)
    state = torch.zeros(2, 6, 4)
    return {
        "ssd": (ssd, {"x": x, "log_decay": log_decay, "b": b, "c": c, "state": ssd_state}),
        "ssd_step": (
            ssd_step,
            {"x": x[:, 0], "log_decay": log_decay[:, 0], "b": b[:, 0], "c": c[:, 0], "state": ssd_state},
        ),
        "ssd_noncausal": (ssd_noncausal, {"x": x, "log_weight": log_decay, "b": b, "c": c}),
        "selective_scan": (selective_scan, {"x": u, "dt": dt, "A": A, "B": B, "C": C, "D": D, "state": state}),
        "selective_step": (
            selective_step,
            {"x": u[:, 0], "dt": dt[:, 0], "A": A, "B": B[:, 0], "C": C[:, 0], "D": D, "state": state},
        ),
    }


CASES = [(form, name) for form, (_, args) in forms().items() for name in args]


@pytest.mark.parametrize(("form", "name"), CASES)
def test_a_wrong_argument_is_named(form, name):
    scan, args = forms()[form]
    scan(**args)
    good = args[name]
    wrong = {
        "another axis": good.unsqueeze(-1),
        "an axis less": good[0],
        "an axis too long": torch.cat([good, good], -1) if name != "x" else good[..., 0],
        "integers": good.long(),
        "complex": good.to(torch.complex64),
    }
    for tensor in wrong.values():
        with pytest.raises(ValueError, match=r"\b(x|log_decay|log_weight|b|c|state|dt|A|B|C|D) (must|has)") as caught:
            scan(**{**args, name: tensor})
        # the state size is read from b or A: where that changes, it is another argument that no longer fits
        assert str(caught.value).startswith(f"{name} ") or (name in "bA" and tensor is wrong["an axis too long"])


@pytest.mark.parametrize(("form", "name"), [case for case in CASES if case[1] == "state"])
def test_a_state_of_another_batch_or_precision_is_refused(form, name):
    scan, args = forms()[form]
    with pytest.raises(ValueError, match=r"^state must have shape"):
        scan(**{**args, name: torch.cat([args[name]] * 2)})
    with pytest.raises(ValueError, match=r"^state must be float32 or float64, got torch.bfloat16"):
        scan(**{**args, name: args[name].bfloat16()})


@pytest.mark.parametrize("form", forms())
def test_nothing_to_scan_is_an_error(form):
    scan, args = forms()[form]
    per_token = {name: value for name, value in args.items() if name not in ("A", "D")}
    with pytest.raises(ValueError, match=r"^x has batch 0: "):
        scan(**{**args, **{name: value[:0] for name, value in per_token.items()}})
    if not form.endswith("_step"):
        with pytest.raises(ValueError, match=r"^x has length 0: "):
            scan(**{**args, **{name: value if name == "state" else value[:, :0] for name, value in per_token.items()}})


@pytest.mark.parametrize(("scan", "axes"), [(ssd, 4), (ssd_noncausal, 4), (selective_scan, 3)])
def test_a_length_beyond_int32_is_refused_before_it_is_touched(scan, axes):
    x = torch.zeros(1).expand(1, 2**31, *[1] * (axes - 2))  # one number, seen 2**31 times
    others = [torch.zeros(1)] * (4 if scan is selective_scan else 3)
    with pytest.raises(ValueError, match=r"^x has length 2147483648: at most 2147483647"):
        scan(x, *others)


@pytest.mark.parametrize("chunk", [0, -1, MAX_CHUNK + 1])
def test_a_chunk_out_of_range_is_refused(chunk):
    with pytest.raises(ValueError, match=rf"^chunk must be between 1 and {MAX_CHUNK}, got {chunk}"):
        ssd(*ssd_arguments(), chunk=chunk)
