"""What a stream keeps is counted to the byte, its answer held against the whole's, and its step timed."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from torch import nn

import vio
from bench.plan import Options, make_plan, metrics_by_pass
from bench.probes import PROBES
from suites.suite_file import load_suite
from tests.bench.test_exports import kinds, read, subject_of
from vio.configs import load_config


class Sum(nn.Module):
    """A stream whose state is the sum so far."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sum(1)

    def init_state(self, batch: int) -> torch.Tensor:
        return torch.zeros(batch, 5)

    def prefill(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        state = state + x.sum(1)
        return state, state

    def step(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        state = state + x
        return state, state


class Forgets(Sum):
    def step(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x


class Sleeps(Sum):
    def step(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        time.sleep(0.005)
        return super().step(x, state)


class Looks(nn.Module):
    """Attention, causal or not, with heads whose keys are narrower than the values."""

    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.causal = causal

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        q, v = x[..., :2].unsqueeze(1), x.unsqueeze(1)
        return nn.functional.scaled_dot_product_attention(q, q, v, is_causal=self.causal).squeeze(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.forward_features(x).mean(1)


class Peeks(Looks):
    """Its attention is causal, but something else is not."""

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward_features(x) + x.mean(1, keepdim=True)


def _model(name: str, **config: Any) -> nn.Module:
    torch.manual_seed(0)
    return vio.create_model(name, **config).eval()


@pytest.mark.parametrize("length", [2, 40, 300])
def test_the_state_of_a_mamba_stream_is_its_closed_form_at_any_length(length: int) -> None:
    figures, found = read("streaming", _model("vio_seq_mamba"), torch.randn(1, length, 5))
    config: Any = load_config("vio_seq_mamba")
    inner, states, before = 2 * config.width, config.state_size, config.mamba_kernel - 1
    block = before * (inner + 2 * states) + states * inner  # windows of the convolutions, and the scan
    assert figures["state_bytes"] == 4 * (len(config.blocks) * block + config.width) + 8
    assert figures["streaming_error"] < 1e-5 and not found.warnings


@pytest.mark.parametrize("length", [40, 300])
def test_a_transformer_keeps_the_keys_and_values_of_every_token(length: int) -> None:
    figures, found = read("streaming", _model("vio_seq_attention"), torch.randn(2, length, 5))
    config: Any = load_config("vio_seq_attention")
    assert figures == dict.fromkeys(
        ("state_bytes", "cache_bytes"), 4 * 2 * length * 2 * config.width * len(config.blocks)
    )
    assert kinds(found) == {"streaming_error": "not_streamable"}


def test_a_hybrid_keeps_both() -> None:
    model, x = _model("vio_seq_hybrid"), torch.randn(1, 40, 5)
    figures, _ = read("streaming", model, x)
    cache = 4 * 40 * 2 * 128
    mamba = sum(4 * (3 * (256 + 2 * 32) + 32 * 256) for _ in range(2))
    assert figures == {"state_bytes": cache + mamba, "cache_bytes": cache}


def test_keys_and_values_are_counted_where_no_token_sees_a_later_one() -> None:
    figures, _ = read("streaming", Looks(causal=True), torch.randn(1, 30, 5))
    assert figures["cache_bytes"] == 4 * 30 * (2 + 5)
    for model in (Looks(causal=False), Peeks(causal=True)):
        figures, found = read("streaming", model, torch.randn(1, 30, 5))
        assert not figures and kinds(found) == dict.fromkeys(("streaming_error", "state_bytes"), "not_streamable")


def test_a_model_that_looks_ahead_has_no_stream() -> None:
    figures, found = read("streaming", _model("vio_dna"), torch.randn(1, 40, 5))
    assert not figures and "causal" in found.warnings[0].message
    figures, found = read("streaming", _model("vio_dna", causal=True), torch.randn(1, 40, 5))
    assert figures["state_bytes"] == 4 * (4 * 8 * 256 + 256) + 8 and figures["streaming_error"] < 1e-5


def test_images_are_not_streamed() -> None:
    for metric in ("streaming", "step_latency"):
        figures, found = read(metric, nn.Identity(), torch.zeros(1, 3, 16, 16))
        assert not figures and set(kinds(found).values()) == {"not_streamable"}


def test_a_stream_that_forgets_shows_a_large_error() -> None:
    x = torch.ones(1, 20, 5)
    assert read("streaming", Sum(), x)[0] == {"state_bytes": 20, "streaming_error": 0}
    assert read("streaming", Forgets(), x)[0]["streaming_error"] == pytest.approx(19 / 20)


def test_a_step_is_never_read_as_shorter_than_it_is() -> None:
    (reading,) = PROBES.load("step_latency").read(subject_of(Sleeps(), torch.ones(1, 9, 5))).readings
    assert reading.name == "step_latency" and not reading.exact and "after 9 tokens" in reading.method
    assert len(reading.samples) >= 3 and min(reading.samples) >= 0.005


def test_attention_has_no_step_to_time() -> None:
    figures, found = read("step_latency", _model("vio_seq_attention"), torch.randn(1, 10, 5))
    assert not figures and kinds(found) == {"step_latency": "not_streamable"}


@pytest.mark.parametrize("suite", ["capabilities", "params", "streaming", "training-memory"])
def test_the_suites_are_planned(suite: str) -> None:
    plan = make_plan(load_suite(suite), Options(threads=1))
    assert len(plan.cells) >= 11
    timed = metrics_by_pass(plan.suite.metrics).get("time")
    assert timed == (("latency", "step_latency") if suite == "streaming" else None)
