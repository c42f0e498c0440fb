"""The stem: its size, and its pieces that nobody sees."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vio.stem
from bench.tensor_memory import peak_tensor_bytes
from tests.vio.models import lively
from vio.fusion import fuse
from vio.stem import Stem


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (35, 1)])
def test_a_stem_has_a_quarter_of_the_rows_and_columns(size):
    assert Stem(3, 8)(torch.randn(2, 3, *size)).shape == (2, 8, -(-size[0] // 4), -(-size[1] // 4))


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 5),
    height=st.integers(1, 90),
    width=st.integers(1, 40),
    rows=st.integers(1, 30),
    elements=st.integers(1, 4000),
    fused=st.booleans(),
)
def test_a_stem_in_pieces_is_the_stem(batch, height, width, rows, elements, fused):
    stem = lively(Stem(3, 8))
    if fused:
        fuse(stem)
    x = torch.randn(batch, 3, height, width)
    whole = stem(x).detach()  # gradients are recorded: no pieces
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(vio.stem, "BAND_ROWS", rows)
        patch.setattr(vio.stem, "BATCH_ELEMENTS", elements)
        torch.testing.assert_close(stem(x), whole)


def test_a_stem_in_pieces_never_holds_its_maps_whole():
    stem, x = Stem(3, 24).eval(), torch.randn(1, 3, 1024, 1024)
    with torch.no_grad():
        peak = peak_tensor_bytes(lambda: stem(x), [x, *stem.state_dict().values()])
    assert peak < 4 * 24 * 512 * 512 * 3 / 4  # of one map at stride 2; there are two
