"""Non-causal single-pass form: all tokens write to one state, and all read it back. No scan, no order.

The idea is that of VSSD's NC-SSD (Shi et al., arXiv 2407.18559: without causality the decay becomes a weight of the
token, and all tokens share one hidden state) and of EfficientViM's HSM-SSD (Lee et al., arXiv 2411.15241: that state,
small as it is, is where channels can be mixed cheaply):

    h = sum_t exp(log_weight_t) b_t x_t^T        y_t = c_t^T h

Letters:
    B  batch          L  tokens, in any order        H  heads        P  channels a head        N  state size a channel
"""

from __future__ import annotations

import torch
from torch import Tensor

from vio.scan.checks import check_input, check_shape, check_state_size, full_precision, scan_dtype

LOG_WEIGHT_MAX = 30.0
"""Largest log weight, exp(30) = 1e13; more is clamped to this. It leaves 3e25 of float32's range to the inputs."""


def ssd_noncausal(x: Tensor, log_weight: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Pool all tokens into one state a head and read it at every token.

    Costs 2 B L N H P MACs: writing and reading. Without gradients it holds at most
    B (3 L H P + 2 L H + 2 N H P) numbers beside float32 arguments.

    Nothing is normalised: a weighted mean over the tokens, whose size does not grow with L, takes
    `log_weight = F.log_softmax(scores, dim=1)`. A log weight of -inf leaves a token out.

    Args:
        x: inputs, (B, L, H, P), any floating dtype.
        log_weight: log of the weight of each token in each head, (B, L, H), clamped to at most LOG_WEIGHT_MAX.
        b: input vectors shared by the heads, (B, L, N).
        c: output vectors shared by the heads, (B, L, N).

    Returns:
        y, (B, L, H, P) in x's dtype, and the state, (B, H, N, P) in float32 (float64 for float64).

    Raises:
        ValueError: an argument has the wrong shape or dtype, or is empty or too long.
    """
    batch, length, heads, channels = check_input("x", x, "batch, length, heads, channels")
    check_shape("log_weight", log_weight, (batch, length, heads))
    size = check_state_size("b", b, "batch, length, state size")
    check_shape("b", b, (batch, length, size))
    check_shape("c", c, (batch, length, size))

    dtype = scan_dtype(x)
    with full_precision(x.device.type):
        weight = log_weight.to(dtype).clamp(max=LOG_WEIGHT_MAX).exp()  # (B, L, H)
        u = (x.to(dtype) * weight.unsqueeze(-1)).reshape(batch, length, heads * channels)  # (B, L, H P)
        state = torch.bmm(b.to(dtype).transpose(1, 2), u)  # (B, N, H P)
        y = torch.bmm(c.to(dtype), state)  # (B, L, H P)
        state = state.reshape(batch, size, heads, channels).transpose(1, 2)  # (B, H, N, P)
        return y.reshape(batch, length, heads, channels).to(x.dtype), state.contiguous()
