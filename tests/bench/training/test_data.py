from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.training.augment import mix, other_strands, reverse_complement, shift_and_flip
from bench.training.data import Order, generator, pictures, ready
from suites.tasks.task import IGNORED, Batch, ImageInput
from tests.bench.training.tasks import sequences

PAIRS = str.maketrans("ACGTN", "TGCAN")


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**62))
@settings(deadline=None, max_examples=30)
def test_an_epoch_has_each_example_at_most_once_and_depends_on_seed_and_number_alone(
    count: int, batch: int, seed: int
) -> None:
    order = Order(count, batch, seed)
    steps = order.steps_per_epoch
    epoch = torch.cat([order.of_step(step) for step in range(steps, 2 * steps)])
    assert len(epoch) == steps * min(batch, count)
    assert len(set(epoch.tolist())) == len(epoch) > count - batch
    assert torch.equal(Order(count, batch, seed).of_step(2 * steps - 1), order.of_step(2 * steps - 1))
    assert [order.ends_epoch(step) for step in range(steps)] == [False] * (steps - 1) + [True]


def test_seeds_and_epochs_have_orders_of_their_own() -> None:
    orders = [Order(50, 50, seed).of_step(epoch).tolist() for seed in (0, 1, 2**32) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 6  # torch itself takes 2**32 for 0


def test_pictures_are_resized_and_brought_to_scale() -> None:
    images = torch.zeros(2, 3, 10, 20, dtype=torch.uint8)
    images[1] = 255
    form = ImageInput(3, 8, (0.1, 0.2, 0.5), (0.5, 0.5, 0.25), crop_padding=2, flip=True)
    shown = pictures(Batch(images, torch.zeros(2)), form).inputs
    assert shown.shape == (2, 3, 8, 8)
    expected = torch.tensor([[-0.2, -0.4, -2.0], [1.8, 1.6, 2.0]])
    torch.testing.assert_close(shown, expected[:, :, None, None].expand(2, 3, 8, 8))


def test_pictures_move_by_whole_pixels_and_are_mirrored() -> None:
    images = torch.randint(0, 256, (200, 2, 6, 6), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    moved = shift_and_flip(images, 1, True, generator(0, "varied", 3))
    assert torch.equal(moved, shift_and_flip(images, 1, True, generator(0, "varied", 3)))
    assert not torch.equal(moved, shift_and_flip(images, 1, True, generator(0, "varied", 4)))
    edged = torch.nn.functional.pad(images.float(), (1, 1, 1, 1), mode="replicate").to(torch.uint8)
    seen: set[tuple[tuple[int, int], bool]] = set()
    for image, after in zip(edged, moved, strict=True):
        cuts = {(down, right): image[:, down : down + 6, right : right + 6] for down in range(3) for right in range(3)}
        ways = {(where, False) for where, cut in cuts.items() if torch.equal(after, cut)}
        ways |= {(where, True) for where, cut in cuts.items() if torch.equal(after, cut.flip(2))}
        assert len(ways) == 1
        seen |= ways
    assert len(seen) == 18
    still = shift_and_flip(images, 0, False, generator(0, "varied", 3))
    assert torch.equal(still, images)


def _text(batch: Batch, row: int) -> str:
    real = batch.mask[row] if batch.mask is not None else slice(None)
    return "".join("ACGTN"[int(base)] for base in batch.inputs[row][real].argmax(1))


def test_the_other_strand_is_read_backwards_with_bases_paired() -> None:
    batch = sequences(40).train.batch(torch.arange(40))
    batch.inputs[:, 0] = torch.eye(5)[4]  # an N, which pairs with itself
    other = reverse_complement(batch)
    assert other.mask is not None
    assert torch.equal(other.mask, batch.mask), "padding stays at the end"
    for row in range(40):
        assert _text(other, row) == _text(batch, row).translate(PAIRS)[::-1]
    assert not other.inputs[~other.mask].any()
    halves = other_strands(batch, generator(0, "varied", 0))
    turned = [torch.equal(halves.inputs[row], other.inputs[row]) for row in range(40)]
    assert all(turned[row] or torch.equal(halves.inputs[row], batch.inputs[row]) for row in range(40))
    assert 8 < sum(turned) < 32


def test_labels_of_places_turn_with_their_places() -> None:
    inputs = torch.eye(5)[torch.tensor([[0, 1, 2, 3]])]
    mask = torch.tensor([[True, True, True, False]])
    other = reverse_complement(Batch(inputs * mask[:, :, None], torch.tensor([[7, 8, 9, IGNORED]]), mask))
    assert other.labels.tolist() == [[9, 8, 7, IGNORED]]
    assert _text(other, 0) == "CGT"


@pytest.mark.parametrize("wanted", [False, True])
def test_only_tasks_that_say_so_are_read_from_the_other_strand(wanted: bool) -> None:
    data = sequences(40, reverse_complement=wanted)
    everything = torch.arange(40)
    plain = ready(data.train, everything, data.input, torch.device("cpu"))
    varied = ready(data.train, everything, data.input, torch.device("cpu"), generator(0, "varied", 0))
    assert torch.equal(plain.inputs, data.train.batch(everything).inputs)
    assert torch.equal(varied.inputs, plain.inputs) is not wanted


def test_mixup_blends_pictures_as_it_blends_labels() -> None:
    images = torch.eye(4)[:, :, None, None]  # picture i has all of its light in channel i
    blended, targets = mix(images, torch.arange(4), 4, alpha=1.0, smoothing=0.0, varied=generator(0, "varied", 0))
    torch.testing.assert_close(blended[:, :, 0, 0], targets)
    share = targets[0, 0]
    assert 0.01 < share < 0.99
    _, smoothed = mix(images, torch.arange(4), 4, alpha=1.0, smoothing=0.2, varied=generator(0, "varied", 0))
    torch.testing.assert_close(smoothed, 0.8 * targets + 0.05)
