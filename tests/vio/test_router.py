"""The router: whom it picks, how it learns, and that what it leaves out is as if it were not there."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vio.attention import SelfAttention
from vio.mamba_block import MambaBlock
from vio.router import RoutedBlock, TokenRouter
from vio.scan import ssd
from vio.tokens import length_mask
from vio.transformer_block import TransformerBlock


def rows(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def routed(share: float, **options: object) -> RoutedBlock:
    torch.manual_seed(0)
    return RoutedBlock(TransformerBlock(16, 8, **options), 16, share).double()


@torch.no_grad()
@given(length=st.integers(1, 40), share=st.floats(0.01, 1.0), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_it_picks_the_highest_scores_in_their_order(length, share, seed):
    torch.manual_seed(seed)
    router, x = TokenRouter(4, share).double(), rows(2, length, 4, seed=seed)
    tokens, index, weight = router(x)
    count = router.count(length)
    assert share * length - 1e-4 < count < share * length + 1  # rounded up, but 7 % of 100 tokens are 7
    assert index.shape == (2, count) and weight.shape == (2, count, 1)
    scores = (x @ router.score.weight.T + router.score.bias).squeeze(2)
    for i in range(2):
        want = sorted(range(length), key=lambda place: -scores[i, place])[:count]
        assert index[i].tolist() == sorted(want)
        torch.testing.assert_close(tokens[i], x[i, sorted(want)])
        torch.testing.assert_close(weight[i, :, 0], torch.sigmoid(scores[i, sorted(want)]))


@torch.no_grad()
def test_only_the_picked_tokens_change():
    block, x = routed(0.3), rows(2, 10, 16)
    index = block.router(x).places
    changed = (block(x) - x).abs().amax(2) > 1e-6
    assert changed.sum(1).tolist() == [3, 3] and changed.gather(1, index).all()


@torch.no_grad()
def test_a_routed_block_of_all_tokens_is_the_dense_block():
    """At full weight; at any other it is that much of what the dense block adds."""
    block, x = routed(1.0), rows(2, 10, 16)
    dense = block.block(x)
    weight = torch.sigmoid(block.router.score(x))
    torch.testing.assert_close(block(x), x + weight * (dense - x))
    block.router.score.bias.fill_(50.0)
    torch.testing.assert_close(block(x), dense)


@torch.no_grad()
def test_attention_on_a_budget_of_all_tokens_is_full_attention():
    few, full = SelfAttention(16, 8, budget=1.0).double(), SelfAttention(16, 8).double()
    full.load_state_dict({name: value for name, value in few.state_dict().items() if "router" not in name})
    few.router.score.bias.fill_(50.0)
    x = rows(2, 9, 16)
    torch.testing.assert_close(few(x), full(x))


@torch.no_grad()
def test_attention_on_a_budget_is_attention_of_the_picked():
    few, full = SelfAttention(16, 8, budget=0.4).double(), SelfAttention(16, 8).double()
    full.load_state_dict({name: value for name, value in few.state_dict().items() if "router" not in name})
    x = rows(1, 10, 16)
    tokens, index, weight = few.router(x)
    want = torch.zeros_like(x)
    want[0, index[0]] = (full(tokens) * weight)[0]
    torch.testing.assert_close(few(x), want)


@torch.no_grad()
@given(length=st.integers(1, 90), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_to_skip_a_scan_is_to_leave_the_state_as_it_is(length, seed):
    """A scan of the picked tokens alone is the whole scan with step size 0, decay 1 and input 0, for the others."""
    generator = torch.Generator().manual_seed(seed)
    x, b, c = (torch.randn(1, length, *s, generator=generator, dtype=torch.float64) for s in ((2, 3), (4,), (4,)))
    log_decay = -torch.rand(1, length, 2, generator=generator, dtype=torch.float64)
    keep = torch.rand(length, generator=generator) < 0.5
    keep[-1] = True
    want, want_state = ssd(x[:, keep], log_decay[:, keep], b[:, keep], c[:, keep])
    gone = ~keep[:, None]
    y, state = ssd(x.masked_fill(gone[..., None], 0.0), log_decay.masked_fill(gone, 0.0), b, c)
    torch.testing.assert_close(y[:, keep], want)
    torch.testing.assert_close(state, want_state)


@torch.no_grad()
def test_a_mamba_block_given_the_picked_alone_scans_as_with_the_others_masked():
    torch.manual_seed(0)
    block = MambaBlock(16, head_width=8, state_size=4, kernel=1).double()
    x, keep = rows(1, 12, 16), torch.arange(12) % 3 > 0
    torch.testing.assert_close(block(x, keep[None])[:, keep], block(x[:, keep]))


@pytest.mark.parametrize("make", [lambda: routed(0.5), lambda: TransformerBlock(16, 8, budget=0.5).double()])
def test_the_router_learns(make):
    block, x = make(), rows(2, 10, 16)
    block(x).square().sum().backward()
    (router,) = (module for module in block.modules() if isinstance(module, TokenRouter))
    assert router.score.weight.grad.abs().min() > 0 and router.score.bias.grad.abs().min() > 0


def test_the_router_learns_to_pick_the_tokens_that_matter():
    """Half of the tokens carry a mark; only a block that sees them can turn their sign, as the target asks."""
    torch.manual_seed(0)
    block = RoutedBlock(Lined(), 8, 0.5)
    optimizer = torch.optim.Adam(block.parameters(), lr=0.05)
    generator = torch.Generator().manual_seed(0)
    for _ in range(150):
        x = torch.randn(8, 16, 8, generator=generator)
        marked = torch.rand(8, 16, generator=generator).argsort(1) < 8
        x[..., 0] = marked.float() * 2 - 1
        target = torch.where(marked.unsqueeze(2), -x, x)
        loss = (block(x) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    picked = torch.zeros(8, 16, dtype=torch.bool).scatter(1, block.router(x).places, True)
    assert (picked == marked).float().mean() > 0.95


class Lined(nn.Module):
    """A linear map as a block."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return x + self.map(x)


@torch.no_grad()
def test_padding_is_picked_last():
    block = routed(0.5)
    mask = length_mask(torch.tensor([3, 8]), 8)
    x = torch.where(mask.unsqueeze(2), rows(2, 8, 16), 1e3 * rows(2, 8, 16, seed=1))
    assert block.router(x, mask).places[0, :3].tolist() == [0, 1, 2]
    assert torch.equal(block(x, mask)[0, 3:], x[0, 3:])
    other = block(x.masked_fill(~mask.unsqueeze(2), -7.0), mask)
    torch.testing.assert_close(block(x, mask)[0, :3], other[0, :3])


@torch.no_grad()
def test_a_token_of_nan_stays_visible():
    block, x = routed(0.3), rows(1, 10, 16)
    x[0, 4] = torch.nan
    assert 4 in block.router(x).places[0] and block(x)[0, 4].isnan().all()


@pytest.mark.parametrize(("share", "length", "count"), [(0.07, 100, 7), (0.5, 3, 2), (1 / 3, 3, 1), (1e-3, 5, 1)])
def test_a_share_is_rounded_up_but_not_by_its_own_rounding(share, length, count):
    assert TokenRouter(4, share).count(length) == count


@torch.no_grad()
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("block", [routed(0.5), TransformerBlock(16, 8, budget=0.5).double()])
def test_a_trace_picks_the_right_number_at_another_length(block):
    traced = torch.jit.trace(block, rows(2, 10, 16))
    for length in (3, 23):
        x = rows(1, length, 16, seed=1)
        torch.testing.assert_close(traced(x), block(x))


@pytest.mark.parametrize("share", [0.0, 1e-9, -0.5, 1.01, float("nan")])
def test_an_unusable_share_is_explained(share):
    with pytest.raises(ValueError, match="share must be above 0 and at most 1"):
        TokenRouter(4, share)


def test_a_routed_block_is_exported_with_a_free_batch():
    block, x = routed(0.5), rows(2, 10, 16)
    program = torch.export.export(block, (x,), dynamic_shapes={"x": {0: torch.export.Dim("batch", min=1, max=8)}})
    for batch in (1, 5):
        x = rows(batch, 10, 16, seed=1)
        torch.testing.assert_close(program.module()(x), block(x))
