"""VIO-1D: sequences by gated convolutions, state-space blocks and attention; in a stream where all of it is causal."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vio.blocks import GatedConvBlock, ParallelBlock, Streamed, scale_residuals
from vio.classifier import Classifier
from vio.configs.sequence import MAMBA_EXPANSION, VIO1DConfig
from vio.mamba_block import MambaBlock
from vio.tokens import check_mask, check_not_empty, check_state, new_state, without_padding
from vio.training import recomputed
from vio.transformer_block import TransformerBlock


class VIO1DState(NamedTuple):
    """All that a `VIO1D` keeps of the tokens before: as many bytes after a million tokens as after one."""

    blocks: tuple[Any, ...]
    """State of each block."""
    mean: Tensor
    """Mean of the features so far, (B, width), float32."""
    length: Tensor
    """Number of tokens so far, (), int64."""


class VIO1D(Classifier):
    """Classifier and feature extractor of sequences of any length.

    `vio_dna` is the model of the VIO-DNA document: a projection of one-hot bases, four gated convolution blocks, the
    mean over the places and a linear classifier.

    Inputs are (B, L, in_chans) numbers, or (B, L) whole numbers where the configuration has a `vocab_size`; a number
    outside of the vocabulary is torch's IndexError. With a mask, (B, L) booleans that are True for real tokens, what
    stands elsewhere is not read, and padding at the end or the start changes nothing: its length can't be learnt. Each
    sequence needs a real token. NaN in a real token makes all outputs NaN that depend on the token, and with a mamba
    block the earlier ones of its chunk.

    Raises:
        ValueError: in a forward, for an input of another rank, dtype or number of channels, without a sequence or a
            token, or for a mask of another shape; in a stream, also for a state of another model or batch size, and
            from `init_state` for a model that can't be streamed.
    """

    config: VIO1DConfig

    def __init__(self, config: VIO1DConfig) -> None:
        super().__init__(config, config.width)
        self.embed: nn.Module = (
            nn.Linear(config.in_chans, config.width)
            if config.vocab_size is None
            else nn.Embedding(config.vocab_size, config.width)
        )
        self.blocks = nn.ModuleList()
        for kind in config.blocks:
            turns = sum(isinstance(module, MambaBlock) for module in self.blocks.modules())
            self.blocks.append(_block(kind, config, reverse=not config.causal and turns % 2 == 1))
        self.norm = nn.LayerNorm(config.width)
        scale_residuals(self)
        self.build_head()

    def forward_features(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Features of each token, (B, L, num_features)."""
        self._check_input(x, mask)
        if mask is not None:
            x = x.masked_fill(~mask if x.ndim == 2 else ~mask.unsqueeze(2), 0)
        x = self.embed(x)  # (B, L, C)
        for block in self.blocks:
            recompute = self.grad_checkpointing and torch.is_grad_enabled()
            x = recomputed(block, x, mask) if recompute else block(x, mask)
        y: Tensor = self.norm(x)
        return y

    def forward_head(self, x: Tensor, mask: Tensor | None = None, pre_logits: bool = False) -> Tensor:
        """Pool the features of the real tokens and classify them; with `pre_logits` stop before the classifier."""
        if self.global_pool == "avg":
            x = masked_mean(x, mask)  # (B, C)
        elif self.global_pool == "last":
            x = last_token(x, mask)  # (B, C)
        elif self.global_pool == "latent":
            x = self.pool(x, mask)  # (B, C)
        return x if pre_logits else self.fc(x)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits, (B, num_classes), or without a pool (B, L, num_classes); features when there is no classifier."""
        return self.forward_head(self.forward_features(x, mask), mask)

    def init_state(self, batch: int) -> VIO1DState:
        """State before the first token of each of `batch` sequences."""
        if not self.config.causal:
            raise ValueError("causal: only a model whose configuration says 'causal: true' can be streamed")
        if self.global_pool == "latent":
            raise ValueError("global_pool: 'latent' asks all tokens at once; a stream needs 'avg', 'last' or ''")
        states = tuple(block.init_state(batch) for block in self._streamed())
        mean = new_state((batch, self.num_features), self.norm.weight)
        return VIO1DState(states, mean, torch.zeros((), dtype=torch.int64, device=mean.device))

    def prefill(self, x: Tensor, state: VIO1DState) -> tuple[Tensor, VIO1DState]:
        """Go on from a state by (B, L, ...) tokens.

        Returns:
            What `forward` gives for all tokens so far, or without a pool for these ones; and the state after them.
        """
        self._check_input(x, None)
        self._check_state(state, x.shape[0])
        x = self.embed(x)  # (B, L, C)
        states = []
        for block, before in zip(self._streamed(), state.blocks, strict=True):
            x, after = block.prefill(x, before)
            states.append(after)
        x = self.norm(x)
        length = state.length + x.shape[1]
        mean = state.mean + (x - state.mean.unsqueeze(1)).sum(1) / length
        return self._answer(x, x[:, -1], mean), VIO1DState(tuple(states), mean, length)

    def step(self, x: Tensor, state: VIO1DState) -> tuple[Tensor, VIO1DState]:
        """Go on from a state by one token, (B, in_chans) numbers or (B,) whole numbers; returns (B, num_classes)."""
        if x.ndim == 0:
            raise ValueError("x must be one token a sequence, got a single number")
        self._check_input(x.unsqueeze(1), None)
        self._check_state(state, x.shape[0])
        x = self.embed(x)  # (B, C)
        states = []
        for block, before in zip(self._streamed(), state.blocks, strict=True):
            x, after = block.step(x, before)
            states.append(after)
        x = self.norm(x)
        length = state.length + 1
        mean = state.mean + (x - state.mean) / length
        return self._answer(x, x, mean), VIO1DState(tuple(states), mean, length)

    def _answer(self, each: Tensor, last: Tensor, mean: Tensor) -> Tensor:
        pooled = {"avg": mean.to(each.dtype), "last": last, "": each}[self.global_pool]
        y: Tensor = self.fc(pooled)
        return y

    def _streamed(self) -> list[Streamed]:
        streamed: list[Streamed] = [block for block in self.blocks if isinstance(block, Streamed)]
        if len(streamed) < len(self.blocks):
            raise ValueError("blocks: attention keeps every token, so it has no state of constant size to stream with")
        return streamed

    def _check_input(self, x: Tensor, mask: Tensor | None) -> None:
        if self.config.vocab_size is not None:
            if x.ndim != 2 or x.dtype not in (torch.int32, torch.int64):
                raise ValueError(f"x must be whole numbers (batch, length), got {x.dtype} of shape {tuple(x.shape)}")
        elif x.ndim != 3 or x.shape[2] != self.config.in_chans or not x.is_floating_point():
            chans = self.config.in_chans
            raise ValueError(
                f"x must be floating-point (batch, length, {chans}), got {x.dtype} of shape {tuple(x.shape)}"
            )
        check_not_empty(x)
        if mask is not None:
            check_mask(mask, x)

    def _check_state(self, state: VIO1DState, batch: int) -> None:
        if not isinstance(state, VIO1DState) or len(state.blocks) != len(self.blocks):
            raise ValueError("state must come from this model's init_state, prefill or step")
        if not isinstance(state.mean, Tensor) or not isinstance(state.length, Tensor):
            raise ValueError("state must hold tensors: mean and length come from init_state, prefill or step")
        check_state("state.mean", state.mean, (batch, self.num_features), self.norm.weight)
        if state.length.shape != () or state.length.dtype != torch.int64:
            raise ValueError(f"state.length must be one int64 number, got {state.length}")


def masked_mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """Mean of (B, L, C) over the tokens where the mask (B, L) is True: (B, C)."""
    if mask is None:
        return x.mean(1)
    return without_padding(x, mask).sum(1) / mask.sum(1, keepdim=True)


def last_token(x: Tensor, mask: Tensor | None) -> Tensor:
    """The last of (B, L, C) where the mask (B, L) is True: (B, C)."""
    if mask is None:
        return x[:, -1]
    places = torch.arange(x.shape[1], device=x.device)
    last = (places * mask).amax(1)  # (B,)
    return x.gather(1, last[:, None, None].expand(-1, 1, x.shape[2])).squeeze(1)


def _block(kind: str, config: VIO1DConfig, *, reverse: bool) -> nn.Module:
    if kind == "gated_conv":
        return GatedConvBlock(config.width, kernel=config.kernel, causal=config.causal)
    if kind == "mamba":
        return MambaBlock(
            config.width,
            head_width=config.head_width,
            state_size=config.state_size,
            kernel=config.mamba_kernel,
            expansion=MAMBA_EXPANSION,
            reverse=reverse,
        )
    if kind == "transformer":
        return TransformerBlock(
            config.width,
            config.head_width,
            expansion=config.expansion,
            window=config.window,
            causal=config.causal,
            rotary=True,
        )
    pair = (_block(branch, config, reverse=reverse) for branch in ("mamba", "transformer"))
    return ParallelBlock(*pair)
