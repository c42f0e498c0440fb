"""Pathfinder: do two marked ends belong to one dashed path, among other paths, or to two?

After Linsley et al. ("Learning long-range spatial dependencies with horizontal gated recurrent units", 2018), whose
generator long-range-arena ran at 32 x 32 pixels; these are its images of intermediate difficulty
(`curv_contour_length_9`; in the hard set paths have 14 dashes, for which the clean gaps below leave too little room).
Restated from there: two paths of `DASHES` dashes grow in turn from two places `SEED_DISTANCE` pixels apart in the
middle of the image, each turn drawn in proportion to the squared cosine of its angle; shorter paths of
`DISTRACTOR_DASHES` and then single dashes fill what room is left; discs mark where one of the two paths begins and
where the same or the other ends; half of the images are 'joined'.

Differences, all of which make it cleaner, so that scores can't be set beside published ones:

- a dash is 3 pixels in one of 16 directions and the gap to the next is one pixel; theirs are anti-aliased lines at
  any angle;
- pixels of two paths are at least 3 apart in x or in y, where those of one path are at most 2 apart, so that every
  image can be decided for certain; theirs come closer and can touch;
- discs are at least `DISC_DISTANCE` apart, so that they never touch;
- 5,000 training images instead of 160,000.

Images grow a few thousand at a time, so that generating is array arithmetic; an image whose paths run out of room is
thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suites.tasks.errors import DataError
from suites.tasks.generated import SplitSizes, assemble
from suites.tasks.task import Baseline, SequenceInput, TaskData, TaskInfo

SIDE = 32
DASHES, SEED_DISTANCE, DISC_DISTANCE = 9, 7, 5
DISTRACTORS, DISTRACTOR_DASHES, SINGLES = 6, 3, 16
APART = 3
DASH_GREY, DISC_GREY = 191, 255
COUNTS = SplitSizes(train=5_000, validation=1_000, test=1_000)
_IMAGES = 4096  # grown at a time
_PLACES = 16  # tried for the start of a distractor
_FRAME = 4  # taken pixels around an image: no step leaves them, so that none needs a test of bounds

INFO = TaskInfo(
    name="pathfinder",
    kind="sequence",
    about="are two marked ends joined by one dashed path? 32 x 32 pixels, row by row",
    source="generated after Linsley et al. 2018 and long-range-arena's 32 x 32 images; the file says how it differs",
    licence="none needed: generated",
    split=str(COUNTS),
    leaks="repeats between and within splits are left out",
    sizes=(SIDE * SIDE,),
    baseline=Baseline(
        "distance between the discs, best threshold", 0.537, "measured on the test of seed 0; chance is 0.5"
    ),
)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RING = np.array([(y, x) for y in range(-2, 3) for x in range(-2, 3) if max(abs(y), abs(x)) == 2])
"""The vectors that go 2 pixels in y or in x, (16, 2): the directions of dashes, and of the gap before each."""
DASH = np.stack([0 * RING, np.fix(RING / 2).astype(np.int64), RING], axis=1)
"""A dash's pixels from its first one on, by direction: (16, 3, 2)."""
NEAR = np.array([(y, x) for y in range(1 - APART, APART) for x in range(1 - APART, APART)])
"""The pixels that a pixel keeps other paths away from, itself included: (25, 2)."""


@dataclass(frozen=True)
class Pathfinder:
    """The task."""

    info: TaskInfo = INFO

    def load(self, root: Path | None, size: int, *, test_sizes: Sequence[int] = (), seed: int = 0) -> TaskData:  # noqa: ARG002
        """Generate it."""
        return assemble(
            self.info,
            self.draw,
            COUNTS,
            ("apart", "joined"),
            SequenceInput(length=size, vocabulary=256, pooling="avg"),
            test_sizes=test_sizes,
            seed=seed,
        )

    def draw(self, count: int, length: int, seed: int) -> tuple[Tensor, Tensor]:
        """Grey levels (N, 1024), row by row, and labels (N,): 1 where the marked ends are joined."""
        if length != SIDE * SIDE:
            raise DataError(
                f"{self.info.name}: images have {SIDE} x {SIDE} pixels: take {SIDE * SIDE} tokens, not {length}"
            )
        generator = np.random.default_rng(seed)
        images, labels, have = [], [], 0
        while have < count:
            grown, joined = make_images(generator)
            images.append(grown)
            labels.append(joined)
            have += len(grown)
        tokens = np.concatenate(images)[:count].reshape(-1, length)
        return torch.from_numpy(tokens), torch.from_numpy(np.concatenate(labels)[:count])


def make_images(generator: np.random.Generator) -> tuple[NDArray[np.uint8], Ints]:
    """Some images (N, SIDE, SIDE) and whether the marked ends are joined (N,)."""
    taken, targets = _targets(generator)
    origin = generator.integers(0, 2, size=len(targets))
    joined = generator.integers(0, 2, size=len(targets))
    every = np.arange(len(targets))
    discs = np.stack([targets[every, origin, 0, 0], targets[every, origin ^ joined ^ 1, -1, -1]], axis=1)  # (N, 2, 2)
    distinct = np.abs(discs[:, 0] - discs[:, 1]).max(axis=1) >= DISC_DISTANCE
    taken, targets, discs, joined = taken[distinct], targets[distinct], discs[distinct], joined[distinct]
    images = np.zeros((len(targets), SIDE, SIDE), dtype=np.uint8)
    _paint(images, targets, DASH_GREY)
    for dashes in [DISTRACTOR_DASHES] * DISTRACTORS + [1] * SINGLES:
        _add_distractor(generator, taken, images, dashes)
    around = np.array([(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)])  # a disc of radius 1.5
    _paint(images, discs[:, :, None] + around, DISC_GREY)
    return images, joined


def _targets(generator: np.random.Generator) -> tuple[Bools, Ints]:
    """Images with two long paths: what is taken, (N, 1, S, S), and the paths' pixels, (N, 2, DASHES, 3, 2)."""
    taken = np.ones((_IMAGES, 2, SIDE + 2 * _FRAME, SIDE + 2 * _FRAME), dtype=np.bool_)
    taken[:, :, _FRAME + 1 : -_FRAME - 1, _FRAME + 1 : -_FRAME - 1] = False  # a pixel at the edge stays empty
    angle = generator.random(_IMAGES) * 2 * np.pi
    first = generator.integers(2 * SEED_DISTANCE, SIDE - 2 * SEED_DISTANCE, size=(_IMAGES, 2))
    second = first + np.rint(SEED_DISTANCE * np.stack([np.sin(angle), np.cos(angle)], axis=1)).astype(np.int64)
    directions = generator.integers(0, len(RING), size=(_IMAGES, 2))
    starts = np.stack([first, second], axis=1)[:, :, None] + DASH[directions]
    grown = grow(generator, taken, starts, directions, DASHES)
    return grown.taken[:, :1] | grown.taken[:, 1:], grown.paths


def _add_distractor(generator: np.random.Generator, taken: Bools, images: NDArray[np.uint8], dashes: int) -> None:
    """Put one more path of so many dashes on each image that has room where it is tried."""
    count = len(images)
    places = generator.integers(1, SIDE - 1, size=(count, _PLACES, 2))
    directions = generator.integers(0, len(RING), size=(count, _PLACES))
    tried = places[:, :, None] + DASH[directions]  # (N, places, 3, 2)
    fits = _free(taken[:, 0], tried)
    best, every = fits.argmax(axis=1), np.arange(count)
    room = every[fits[every, best]]
    starts = tried[room, best[room]][:, None]
    grown = grow(generator, taken[room], starts, directions[room, best[room]][:, None], dashes)
    done = room[grown.images]
    taken[done] = grown.taken
    kept = images[done]
    _paint(kept, grown.paths, DASH_GREY)
    images[done] = kept


class Grown(NamedTuple):
    """The images on which every path found room for all its dashes."""

    images: Ints
    """Which they are of those that were given, (M,)."""
    taken: Bools
    """What further paths have to keep off, by path, (M, P, S, S)."""
    paths: Ints
    """Pixels, (M, P, dashes, 3, 2)."""


def grow(generator: np.random.Generator, taken: Bools, starts: Ints, directions: Ints, dashes: int) -> Grown:
    """Grow paths in turn, a dash at a time, from their first dashes.

    Args:
        generator: what to draw from.
        taken: what each path has to keep off, (N, P, S, S) with a frame; it is written to.
        starts: pixels of the first dashes, (N, P, 3, 2).
        directions: of the first dashes, (N, P).
        dashes: of a whole path.
    """
    weights = _turn_weights()
    count, several = directions.shape
    paths = starts[:, :, None].repeat(dashes, axis=2)
    images, directions, alive = np.arange(count), directions.copy(), np.ones(count, dtype=np.bool_)
    for path in range(several):
        alive &= _free(taken[:, path], starts[:, path, None])[:, 0]
        _take_from_others(taken, path, starts[:, path])
    for dash in range(1, dashes):
        images, taken, paths, directions = images[alive], taken[alive], paths[alive], directions[alive]
        alive = np.ones(len(images), dtype=np.bool_)
        for path in range(several):
            last = paths[:, path, dash - 1]
            options = (last[:, 2, None] + RING)[:, :, None] + DASH  # (N, 16, 3, 2)
            odds = np.where(_free(taken[:, path], options), weights[directions[:, path]], 0).cumsum(axis=1)
            alive &= odds[:, -1] > 0
            pick = (odds > odds[:, -1:] * generator.random((len(images), 1))).argmax(axis=1)
            chosen = np.where(alive[:, None, None], options[np.arange(len(images)), pick], last)
            _take(taken[:, path], last)  # only now: a dash begins next to the last one of its own path
            _take_from_others(taken, path, chosen)
            directions[:, path], paths[:, path, dash] = pick, chosen
    for path in range(several):
        _take(taken[:, path], paths[:, path, -1])
    return Grown(images[alive], taken[alive], paths[alive])


def _turn_weights() -> NDArray[np.float64]:
    """How likely each direction follows each, (16, 16): the squared cosine of the turn, none from a right angle on."""
    angles = np.arctan2(RING[:, 0], RING[:, 1])
    cosine = np.cos(angles[:, None] - angles).round(6)  # a right angle is no matter of the last bit
    return np.asarray(np.maximum(cosine, 0) ** 2)


def _free(taken: Bools, dashes: Ints) -> Bools:
    """Whether each of the dashes (N, K, 3, 2) is off what is taken, (N, S, S): (N, K)."""
    image = np.arange(len(taken))[:, None, None]
    return np.asarray(~taken[image, dashes[..., 0] + _FRAME, dashes[..., 1] + _FRAME].any(axis=2))


def _take(taken: Bools, dash: Ints) -> None:
    """Keep others off the surroundings of a dash, (N, 3, 2), in `taken`, (N, S, S)."""
    near = dash[:, :, None] + NEAR + _FRAME
    taken[np.arange(len(taken))[:, None, None], near[..., 0], near[..., 1]] = True


def _take_from_others(taken: Bools, path: int, dash: Ints) -> None:
    """Keep every path but this one off a dash of it."""
    for other in range(taken.shape[1]):
        if other != path:
            _take(taken[:, other], dash)


def _paint(images: NDArray[np.uint8], pixels: Ints, grey: int) -> None:
    """Set each image's pixels, (N, ..., 2), to a grey level."""
    image = np.arange(len(images)).reshape(-1, *[1] * (pixels.ndim - 2))
    images[image, pixels[..., 0], pixels[..., 1]] = grey


TASK = Pathfinder()
