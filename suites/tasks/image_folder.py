"""Images in folders, a folder a class: any path, and Tiny ImageNet in the layout it is published in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from suites.tasks.errors import DataError, DataMissing
from suites.tasks.examples import digest
from suites.tasks.image_files import Survey, named, survey
from suites.tasks.image_layouts import Layout, class_folders, tiny_imagenet_folders
from suites.tasks.images import (
    VALIDATION,
    check_classes,
    check_request,
    copies_note,
    data_root,
    mean_and_std,
    stratified,
)
from suites.tasks.paths import expanded, reachable, shown
from suites.tasks.task import Baseline, ImageInput, TaskData, TaskInfo

_TEST = 0.2
"""Share of each class in training that is held out for the test where there is no folder for it."""


@dataclass(frozen=True)
class ImageFolderTask:
    """A folder with `train/<class>/<image>`, and `val/` and `test/` likewise where they exist."""

    info: TaskInfo
    folder: Path
    flip: bool = True
    """Whether training may mirror images."""

    def load(self, root: Path | None, size: int, *, test_sizes: Sequence[int] = (), seed: int = 0) -> TaskData:  # noqa: ARG002
        """As `Task.load`; needs no data root. Every image is decoded once, to find those that can't be."""
        check_request(self.info, size, test_sizes)
        with reachable(self.folder):
            if not self.folder.is_dir():
                raise DataMissing(f"task '{shown(self.info.name)}': no folder {shown(self.folder)}. {self.info.obtain}")
            layout = class_folders(self.folder)
        return _task_data(self.info, layout, size, self.flip)


@dataclass(frozen=True)
class TinyImageNetTask:
    """Tiny ImageNet as its .zip unpacks; its official validation split is the test, as its test has no labels."""

    info: TaskInfo

    def load(self, root: Path | None, size: int, *, test_sizes: Sequence[int] = (), seed: int = 0) -> TaskData:  # noqa: ARG002
        """As `Task.load`."""
        check_request(self.info, size, test_sizes)
        base = data_root(self.info, root) / "tiny-imagenet-200"
        with reachable(base):
            if not base.is_dir():
                raise DataMissing(f"task '{self.info.name}': no folder {base}. {self.info.obtain}")
            layout = tiny_imagenet_folders(base)
        return _task_data(self.info, layout, size, flip=True)


def image_folder(path: str | Path) -> ImageFolderTask:
    """The task of any folder of images; its name is `image_folder:` and the path.

    Raises:
        DataMissing: the path begins with a user's home folder, and there is no such user.
    """
    name = f"image_folder:{path}"
    info = TaskInfo(
        name=name,
        kind="image",
        about="images in a folder a class, decoded as they are needed; training mirrors them",
        source=str(path),
        licence="its owner's",
        split=(
            "train/, val/ and test/; without test/ val/ is the test, without both 20 % of each class in train/; "
            "without a val/ to validate on, 10 % of each class in train/"
        ),
        leaks="training and validation images with an exact copy on the other side or in the test",
        sizes=(224, 64, 96, 128, 160, 256, 384),
        baseline=Baseline("most frequent class", 0.0, "counted when the folder is read"),
        obtain="Give a folder that has train/<class>/<image>, and perhaps val/ and test/ likewise",
    )
    return ImageFolderTask(info, expanded(path))


TINY_IMAGENET = TinyImageNetTask(
    TaskInfo(
        name="tiny_imagenet",
        kind="image",
        about="photographs, 64 x 64 colour, 200 classes",
        source="Tiny ImageNet (Stanford CS231n), a part of ImageNet",
        licence="ImageNet's terms: research and education, not for commerce",
        split="official: 100,000, of which 10 % of each class validate; the official validation's 10,000 are the test",
        leaks="training images with an exact copy in validation or test",
        sizes=(64, 32, 96, 128),
        baseline=Baseline("one class always", 0.005, "exact: the test has 50 images of each class"),
        obtain="Get http://cs231n.stanford.edu/tiny-imagenet-200.zip (248 MB) and unpack it in the data root",
    )
)


def _task_data(info: TaskInfo, layout: Layout, size: int, flip: bool) -> TaskData:
    """Read every file once, hold out what has no folder, and leave out copies."""
    train, validation, test = (survey(listed or [], size) for listed in (layout.train, layout.validation, layout.test))
    bad = named("images left out that can't be decoded", [*train.bad, *validation.bad, *test.bad])
    left_out = (*layout.left_out, *bad)
    if layout.test is None:
        train, test = _hold_out(train, _TEST)
    where = shown(layout.base)
    _check(where, layout.classes, train, test, left_out)
    before = len(train) + len(validation)
    train, validation = train.without(test), validation.without(test)
    if layout.validation is None:
        train, validation = _hold_out(train, VALIDATION)
    train = train.without(validation)
    removed = before - len(train) - len(validation)
    _check(f"{where} (without {removed} copies)", layout.classes, train, test, left_out)
    if not len(validation):
        lacking = f"{where}: nothing to validate on; training needs two images or more of some class"
        raise DataError("; ".join([lacking, *left_out]))
    mean, std = mean_and_std(train.sums.sum(0), len(train) * size * size)
    splits = (train, validation, test)
    return TaskData(
        info=replace(info, baseline=_majority(info.baseline, train, test)),
        train=train.files,
        validation=validation.files,
        tests={size: test.files},
        classes=layout.classes,
        input=ImageInput(3, size, mean, std, crop_padding=size // 8, flip=flip),
        digest=digest(str(size), *layout.classes, *(split.contents(layout.base) for split in splits)),
        notes=(*layout.left_out, *layout.notes, *bad, *copies_note(removed)),
    )


def _check(where: str, classes: Sequence[str], train: Survey, test: Survey, left_out: Sequence[str]) -> None:
    """As `check_classes`; the error also says what was left out, as that may be why there are too few."""
    try:
        check_classes(where, classes, train.files.labels(), test.files.labels())
    except DataError as error:
        raise DataError("; ".join([str(error), *left_out])) from error


def _hold_out(whole: Survey, share: float) -> tuple[Survey, Survey]:
    """What stays and what is held out of a split."""
    kept, held = stratified(whole.files.labels(), share)
    return whole.subset(kept.tolist()), whole.subset(held.tolist())


def _majority(given: Baseline, train: Survey, test: Survey) -> Baseline:
    """The given baseline; or where it has no figure, how often training's most frequent class is right in the test."""
    if given.accuracy:
        return given
    most_frequent = train.files.labels().mode().values
    share = (test.files.labels() == most_frequent).double().mean()
    return Baseline("most frequent class", float(share), "counted on this split")
