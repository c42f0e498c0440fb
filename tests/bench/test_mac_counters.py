from __future__ import annotations

import csv
from pathlib import Path

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F

from bench.mac_counters import count_by_dispatcher, count_by_fvcore
from tests.bench.models.hostile import ElementwiseScan

PUBLISHED = list(csv.DictReader((Path(__file__).parent / "data" / "timm_published.csv").open()))


def _both(model: nn.Module, example: torch.Tensor) -> tuple[int, int]:
    return count_by_dispatcher(model.eval(), example).macs, count_by_fvcore(model.eval(), example)


class Attention(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(x, x[..., :7, :], x[..., :7, :])


@pytest.mark.parametrize(
    ("model", "shape", "macs"),
    [
        (nn.Linear(30, 50), (4, 30), 4 * 30 * 50),
        (nn.Conv2d(6, 10, 3, padding=1, groups=2), (2, 6, 8, 9), 2 * 10 * 8 * 9 * 3 * 9),
        (nn.Conv2d(6, 6, 5, stride=2, groups=6), (1, 6, 21, 21), 6 * 9 * 9 * 25),
        (Attention(), (2, 3, 11, 16), 2 * 3 * 11 * 7 * (16 + 16)),
    ],
)
def test_both_counters_agree_with_the_closed_form(model: nn.Module, shape: tuple[int, ...], macs: int) -> None:
    assert _both(model, torch.randn(shape)) == (macs, macs)


def test_attention_is_counted_where_a_model_must_really_run() -> None:
    class ReadsAValue(Attention):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.sum().item() < 1e9  # impossible on meta tensors
            return super().forward(x)

    count = count_by_dispatcher(ReadsAValue(), torch.randn(2, 3, 11, 16))
    assert (count.on, count.macs) == ("cpu", 2 * 3 * 11 * 7 * 32)


class _InPlace(nn.Module):
    """Each of its products is added to something in place: operators of their own to both counters."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left, right = x.new_ones(4, 5, 6), x.new_ones(4, 6, 7)
        total = x.new_zeros(4, 5, 7).baddbmm_(left, right).sum(0)  # 4 * 5 * 6 * 7
        return total.addmm_(left[0], right[0])  # 5 * 6 * 7


def test_a_product_in_place_is_counted() -> None:
    macs = 4 * 5 * 6 * 7 + 5 * 6 * 7
    count = count_by_dispatcher(_InPlace(), torch.ones(1))
    assert (count.macs, count_by_fvcore(_InPlace(), torch.ones(1))) == (macs, macs)
    assert not {"baddbmm_", "addmm_"} & set(count.uncounted)


def test_a_scan_of_elementwise_operators_is_a_gap_not_a_bargain() -> None:
    count = count_by_dispatcher(ElementwiseScan(), torch.randn(1, 3, 64, 64))
    assert count.macs == 3 * 5
    assert count.coverage < 0.01
    assert count.uncounted["mul"] == 2 * 64 * 3 * 64  # two products a row, 3 x 64 elements each


def test_moving_data_costs_no_coverage() -> None:
    class Shuffle(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x.flip(0), x.clone()], 0)[:2] @ x.T

    assert count_by_dispatcher(Shuffle(), torch.randn(64, 64)).coverage == 1


def test_grouped_queries_are_counted_by_the_query_heads() -> None:
    class Grouped(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.scaled_dot_product_attention(x, x[:, :2], x[:, :2], enable_gqa=True)

    assert count_by_fvcore(Grouped(), torch.randn(1, 8, 11, 16)) == 8 * 11 * 11 * 32


def test_a_whole_encoder_layer_in_one_operator_is_still_counted() -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
            self.shift = [torch.ones(1)]  # not registered: it can't run on meta tensors

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x + self.shift[0])

    count = count_by_dispatcher(Encoder().eval(), torch.randn(2, 10, 32))
    attention, linear = 2 * 10 * 10 * 32 * 2, 2 * 10 * (4 * 32 * 32 + 2 * 32 * 64)
    assert (count.on, count.macs, count.opaque) == ("cpu", attention + linear, [])


def test_counting_leaves_nothing_in_the_model() -> None:
    class Cache(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if not hasattr(self, "kept"):
                self.kept = torch.ones_like(x)
            return x @ self.kept.T

    model, example = Cache(), torch.randn(4, 4)
    assert count_by_dispatcher(model, example).macs == 64
    assert model(example).device.type == "cpu"


def test_an_operator_from_outside_pytorch_is_named() -> None:
    with torch.library._scoped_library("vio_test", "DEF") as library:
        library.define("mystery(Tensor x) -> Tensor")
        library.impl("mystery", lambda x: x.clone(), "CompositeExplicitAutograd")

        class Mystery(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return torch.ops.vio_test.mystery(x)

        assert count_by_dispatcher(Mystery(), torch.randn(2, 3)).opaque == ["vio_test::mystery"]


def test_the_table_of_published_figures_is_broad_enough() -> None:
    assert len(PUBLISHED) >= 20
    assert {"224", "384"} <= {row["image_size"] for row in PUBLISHED}
    for family in ("vit_", "resnet", "convnext", "mambaout"):
        assert sum(row["model"].startswith(family) for row in PUBLISHED) >= 4, family


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: f"{row['model']}-{row['image_size']}")
def test_params_and_macs_are_those_that_timm_publishes(row: dict[str, str]) -> None:
    size = int(row["image_size"])
    sized = {"img_size": size} if "vit" in row["model"] or "deit" in row["model"] else {}
    with torch.device("meta"):
        model = timm.create_model(row["model"], **sized).eval()
    params = sum(p.numel() for p in model.parameters())
    decimals = len(row["params_m"].partition(".")[2])
    assert round(params / 1e6, decimals) == float(row["params_m"])
    macs = count_by_dispatcher(model, torch.empty(1, 3, size, size, device="meta")).macs
    assert macs / 1e9 == pytest.approx(float(row["gmacs"]), rel=0.015)


@pytest.mark.parametrize(
    "name", ["vit_tiny_patch16_224", "resnet10t", "convnext_atto", "mambaout_femto", "efficientvim_m1"]
)
def test_the_counters_agree_on_every_family(name: str) -> None:
    ours, other = _both(timm.create_model(name), torch.randn(2, 3, 224, 224))
    assert ours == pytest.approx(other, rel=0.001)


def test_attention_of_a_vit_at_1024_px_is_most_of_its_macs() -> None:
    with torch.device("meta"):
        model = timm.create_model("vit_tiny_patch16_224", img_size=1024).eval()
    macs = count_by_dispatcher(model, torch.empty(1, 3, 1024, 1024, device="meta")).macs
    tokens, width, depth = 64 * 64 + 1, 192, 12
    attention = depth * 2 * tokens**2 * width
    linear = depth * 12 * tokens * width**2 + (tokens - 1) * 16 * 16 * 3 * width + 1000 * width
    assert macs == attention + linear
