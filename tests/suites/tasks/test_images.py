from __future__ import annotations

import errno
import hashlib
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torchvision.transforms.functional import pil_to_tensor

from suites.tasks import TASKS
from suites.tasks.digits import TASK as DIGITS
from suites.tasks.errors import DataError, DataMissing
from suites.tasks.examples import TensorExamples, digest
from suites.tasks.images import check_classes, mean_and_std, moments, stratified, tensor_task
from suites.tasks.task import Task
from suites.tasks.torchvision_sets import CIFAR10, CIFAR100, FASHION_MNIST
from tests.suites.tasks.loaded import image_input, pixels_of

SUBSET_FILE = Path("cifar100_subset", "cifar100_6000_1500.npz")
IMAGE_TASKS = ("digits", "fashion_mnist", "cifar10", "cifar100", "cifar100_subset", "tiny_imagenet")


@pytest.fixture
def data_root() -> Path:
    root = os.environ.get("VIO_BENCH_DATA")
    if not root:
        pytest.skip("VIO_BENCH_DATA names no data root")
    return Path(root)


@pytest.fixture
def fashion_files(data_root: Path) -> Path:
    """The folder that holds Fashion-MNIST's four .gz."""
    raw = data_root / "FashionMNIST" / "raw"
    if not all((raw / name).is_file() for name, _ in torchvision.datasets.FashionMNIST.resources):
        pytest.skip(f"no Fashion-MNIST (.gz) in {raw}")
    return raw


class TestShared:
    def test_a_share_of_every_class_is_held_out_and_nothing_is_lost(self) -> None:
        labels = torch.tensor([0] * 50 + [1] * 20 + [2] * 10)[torch.randperm(80)]
        kept, held = stratified(labels, 0.2)
        assert torch.bincount(labels[held]).tolist() == [10, 4, 2]
        assert sorted([*kept.tolist(), *held.tolist()]) == list(range(80))

    def test_the_only_example_of_a_class_stays_in_training(self) -> None:
        kept, held = stratified(torch.tensor([0, 0, 1]), 0.5)
        assert 2 in kept and len(held) == 1

    def test_mean_and_std_are_numpys(self) -> None:
        images = torch.randint(0, 256, (7, 3, 5, 4), dtype=torch.uint8)
        images[:, 1] //= 3
        mean, std = mean_and_std(moments(images), 7 * 5 * 4)
        values = images.numpy() / 255
        assert mean == pytest.approx(values.mean(axis=(0, 2, 3)))
        assert std == pytest.approx(values.std(axis=(0, 2, 3)))

    def test_a_constant_channel_has_a_std_that_can_be_divided_by(self) -> None:
        _, std = mean_and_std(moments(torch.full((2, 1, 4, 4), 9, dtype=torch.uint8)), 32)
        assert std[0] > 0

    @pytest.mark.parametrize(
        ("train", "test", "message"),
        [
            ([0, 0], [0], "two classes or more; found: 'cat'"),
            ([], [], "two classes or more; found: none"),
            ([0, 1], [0, 1, 2, 2], "2 test examples are of class 'owl', which training never saw"),
            ([0, 1], [0, 1], "class 'owl' has no training examples"),
            ([0, 1, 2], [0, 1], "class 'owl' has no test examples"),
            ([0, 1, 2], [0, 1, 3], "labels go from 0 to 3, but there are 3 classes"),
            ([0, 1, -1], [0, 1, 2], "labels go from -1 to 2"),
        ],
    )
    def test_classes_that_cannot_be_learnt_or_tested_are_named(
        self, train: list[int], test: list[int], message: str
    ) -> None:
        labels = [torch.tensor(part, dtype=torch.int64) for part in (train, test)]
        with pytest.raises(DataError, match=f"somewhere: .*{message}"):
            check_classes("somewhere", ("cat", "dog", "owl"), *labels)

    def test_training_images_that_stand_in_the_test_are_left_out_and_counted(self) -> None:
        train = TensorExamples(torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8), torch.arange(40) % 2)
        test = TensorExamples(torch.cat([train.inputs[[3, 8]], train.inputs[:2] ^ 1]), torch.tensor([1, 0, 0, 1]))
        data = tensor_task(DIGITS.info, "here", train, test, ("a", "b"), size=8, crop_padding=1, flip=False)
        assert len(data.train) + len(data.validation) == 38 and len(data.tests[8]) == 4
        assert len(set(pixels_of(data))) == 42
        assert data.notes == ("images left out of training or validation as exact copies of held-out ones: 2",)

    def test_a_repeated_image_is_never_both_learnt_and_validated_on(self) -> None:
        once = torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8)
        train = TensorExamples(torch.cat([once, once]), torch.arange(40) % 2)
        test = TensorExamples(once[:2] ^ 1, torch.tensor([0, 1]))
        data = tensor_task(DIGITS.info, "here", train, test, ("a", "b"), size=8, crop_padding=1, flip=False)
        learnt, held = (part.batch(torch.arange(len(part))).inputs for part in (data.train, data.validation))
        assert not {image.numpy().tobytes() for image in learnt} & {image.numpy().tobytes() for image in held}

    def test_a_digest_of_plain_strings_stays_and_takes_names_that_are_no_utf8(self) -> None:
        assert digest("cat", "Wörter") == hashlib.sha256("str 3 catstr 6 Wörter".encode()).hexdigest()[:16]
        assert digest(os.fsdecode(b"\xff")) == hashlib.sha256(b"str 1 \xff").hexdigest()[:16]


class TestEveryTask:
    @pytest.mark.parametrize("name", IMAGE_TASKS)
    def test_says_what_it_is(self, name: str) -> None:
        info = TASKS.load(name).info
        assert info.name == name and info.kind == "image" and 0 < info.baseline.accuracy < 1

    @pytest.mark.parametrize("name", [name for name in IMAGE_TASKS if name != "digits"])
    def test_missing_data_say_where_they_belong_and_how_large_they_are(self, name: str, tmp_path: Path) -> None:
        task = TASKS.load(name)
        with pytest.raises(DataMissing, match=rf"'{name}'.*{tmp_path}.*\d+ MB"):
            task.load(tmp_path, 32)
        with pytest.raises(DataMissing, match=rf"'{name}'.*VIO_BENCH_DATA.*\d+ MB"):
            task.load(None, 32)

    @pytest.mark.parametrize("name", [name for name in IMAGE_TASKS if name != "digits"])
    def test_a_data_root_that_cannot_be_looked_into_is_named(self, name: str, tmp_path: Path) -> None:
        root = tmp_path / ("n" * 300)  # the system refuses it, as it does a closed one to all but root
        with pytest.raises(DataError, match=f"^{root}/.*: can't be read .File name too long"):
            TASKS.load(name).load(root, 32)

    @pytest.mark.parametrize("name", IMAGE_TASKS)
    def test_sizes_that_make_no_sense_are_refused(self, name: str, tmp_path: Path) -> None:
        task: Task = TASKS.load(name)
        with pytest.raises(DataError, match="can't be 0 px"):
            task.load(tmp_path, 0)
        with pytest.raises(DataError, match=r"not at \[64\]"):
            task.load(tmp_path, 32, test_sizes=(32, 64))

    @pytest.mark.parametrize("task", [FASHION_MNIST, CIFAR10, CIFAR100])
    def test_the_command_that_fetches_names_torchvisions_class(self, task: Any, tmp_path: Path) -> None:
        with pytest.raises(DataMissing, match=rf"{task.dataset}\('{tmp_path}', download=True\)"):
            task.load(tmp_path, 32)


class TestDigits:
    def test_are_scikit_learns_each_once(self) -> None:
        data = DIGITS.load(None, 32)
        splits = (data.train, data.validation, data.tests[32])
        assert [len(split) for split in splits] == [1295, 143, 359]
        ours = torch.cat([split.batch(torch.arange(len(split))).inputs for split in splits]).squeeze(1)
        labels = torch.cat([split.labels() for split in splits])
        back = (ours.double() * 16 / 255).round()
        bundled = load_digits()
        found = {(image.numpy().tobytes(), int(label)) for image, label in zip(back, labels, strict=True)}
        assert found == {
            (image.tobytes(), int(label)) for image, label in zip(bundled.images, bundled.target, strict=True)
        }

    def test_the_test_has_a_fifth_of_every_class(self) -> None:
        counts = torch.bincount(DIGITS.load(None, 32).tests[32].labels())
        whole = np.bincount(load_digits().target)
        assert counts.tolist() == [round(0.2 * count) for count in whole]

    def test_the_split_is_the_same_for_every_seed_and_size(self) -> None:
        first, second = DIGITS.load(None, 32, seed=0), DIGITS.load(None, 16, seed=7)
        assert first.digest == second.digest and pixels_of(first) == pixels_of(second)

    def test_the_baseline_is_what_scikit_learn_reaches(self) -> None:
        data = DIGITS.load(None, 32)

        def flat(split: Any) -> np.ndarray[Any, Any]:
            return split.batch(torch.arange(len(split))).inputs.flatten(1).numpy() / 255

        model = LogisticRegression(max_iter=1000).fit(flat(data.train), data.train.labels())
        reached = model.score(flat(data.tests[32]), data.tests[32].labels())
        assert reached == pytest.approx(DIGITS.info.baseline.accuracy, abs=0.003)


class TestFashionMnist:
    def test_from_gz_it_is_what_torchvision_reads_from_a_copy(self, fashion_files: Path, tmp_path: Path) -> None:
        root = fashion_files.parents[1]
        before = sorted(fashion_files.iterdir())
        if any(not path.suffix for path in before):
            pytest.skip(f"{fashion_files} holds unpacked files too")
        data = FASHION_MNIST.load(root, 32)
        assert sorted(fashion_files.iterdir()) == before, "nothing is written beside the data"

        shutil.copytree(fashion_files, tmp_path / "FashionMNIST" / "raw")
        FASHION_MNIST.download(tmp_path)  # nothing to do
        assert not list((tmp_path / "FashionMNIST" / "raw").glob("*-ubyte"))
        train, test = (torchvision.datasets.FashionMNIST(tmp_path, train=part, download=True) for part in (True, False))
        ours = data.tests[32].batch(torch.arange(10_000))
        assert torch.equal(ours.inputs.squeeze(1), test.data) and torch.equal(ours.labels, test.targets)
        kept, held = stratified(train.targets, 0.1)
        for split, indices in ((data.train, kept), (data.validation, held)):
            mine = split.batch(torch.arange(len(split)))
            assert torch.equal(mine.inputs.squeeze(1), train.data[indices])
            assert torch.equal(mine.labels, train.targets[indices])
        assert data.classes == tuple(train.classes)
        assert FASHION_MNIST.load(tmp_path, 32).digest == data.digest, "unpacked or not, the examples are the same"

    def test_a_gz_that_is_not_the_published_one_is_named(self, fashion_files: Path, tmp_path: Path) -> None:
        raw = tmp_path / "FashionMNIST" / "raw"
        shutil.copytree(fashion_files, raw)
        victim = raw / "t10k-labels-idx1-ubyte.gz"
        victim.chmod(0o644)
        victim.write_bytes(victim.read_bytes()[:-1])
        with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz.*md5"):
            FASHION_MNIST.load(tmp_path, 32)

    def test_a_truncated_unpacked_file_is_an_error_of_the_data(self, tmp_path: Path) -> None:
        raw = tmp_path / "FashionMNIST" / "raw"
        raw.mkdir(parents=True)
        for name, _ in torchvision.datasets.FashionMNIST.resources:
            (raw / name).with_suffix("").write_bytes(b"\0\0\x08\x01\0\0\0\x09123")
        with pytest.raises(DataError, match=f"{raw} can't be read"):
            FASHION_MNIST.load(tmp_path, 32)

    def test_a_download_that_fails_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [(tmp_path / "nowhere").as_uri() + "/"])
        with pytest.raises(DataError, match=r"'fashion_mnist': download to .* failed"):
            FASHION_MNIST.download(tmp_path)


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with a CIFAR-10 of 60 + 10 images of noise, and torchvision told their md5 sums."""
    published = torchvision.datasets.CIFAR10
    folder = tmp_path / published.base_folder
    folder.mkdir()
    noise = np.random.default_rng(0)

    def put(name: str, content: object) -> list[str]:
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    def batch(name: str, count: int) -> list[str]:
        data = noise.integers(0, 256, (count, 3072), dtype=np.uint8)
        return put(name, {"data": data, "labels": [i % 10 for i in range(count)]})

    names, md5 = put("batches.meta", {"label_names": [f"class {i}" for i in range(10)]})
    monkeypatch.setattr(published, "train_list", [batch("data_batch_1", 40), batch("data_batch_2", 20)])
    monkeypatch.setattr(published, "test_list", [batch("test_batch", 10)])
    monkeypatch.setattr(published, "meta", {"filename": names, "key": "label_names", "md5": md5})
    return tmp_path


class TestCifar:
    def test_is_what_torchvision_reads(self, cifar: Path) -> None:
        data = CIFAR10.load(cifar, 32)
        theirs = torchvision.datasets.CIFAR10(cifar, train=False)
        ours = data.tests[32].batch(torch.arange(10))
        assert torch.equal(ours.inputs, torch.stack([pil_to_tensor(image) for image, _ in theirs]))
        assert ours.labels.tolist() == theirs.targets and data.classes == tuple(theirs.classes)
        assert (len(data.train), len(data.validation)) == (50, 10)
        assert image_input(data).flip and image_input(data).crop_padding == 4

    def test_a_corrupt_batch_is_named(self, cifar: Path) -> None:
        (cifar / "cifar-10-batches-py" / "data_batch_2").write_bytes(b"noise")
        with pytest.raises(DataError, match=r"data_batch_2 can't be read \(their md5"):
            CIFAR10.load(cifar, 32)

    def test_a_batch_that_cannot_be_opened_is_named(self, cifar: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(path: Path, md5: str) -> bool:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

        (cifar / "cifar-10-batches-py" / "data_batch_1").write_bytes(b"noise")
        monkeypatch.setattr(torchvision.datasets.utils, "check_integrity", refuse)
        with pytest.raises(DataError, match=r"data_batch_1: can't be read .Permission denied"):
            CIFAR10.load(cifar, 32)

    def test_a_batch_that_is_not_there_is_missing(self, cifar: Path) -> None:
        (cifar / "cifar-10-batches-py" / "test_batch").unlink()
        with pytest.raises(DataMissing, match=r"no .*test_batch; get it with --download"):
            CIFAR10.load(cifar, 32)


@pytest.fixture
def put_subset(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small npz in the subset's layout, some arrays replaced or (None) left out; returns the data root."""

    def put(**replaced: Any) -> Path:
        noise = np.random.default_rng(0)
        arrays = {
            "x_train": noise.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8),
            "y_train": np.arange(20, dtype=np.uint8) % 2,
            "x_test": noise.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8),
            "y_test": np.arange(4, dtype=np.uint8) % 2,
            "classes": np.array(["apple", "baby"]),
        } | replaced
        path = tmp_path / SUBSET_FILE
        path.parent.mkdir(exist_ok=True)
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
        return tmp_path

    return put


class TestCifar100Subset:
    task: Task = TASKS.load("cifar100_subset")

    def test_images_keep_their_places_and_labels(self, put_subset: Callable[..., Path]) -> None:
        root = put_subset()
        data = self.task.load(root, 32)
        with np.load(root / SUBSET_FILE) as stored:
            ours = data.tests[32].batch(torch.tensor([2, 0]))
            for image, index in zip(ours.inputs, (2, 0), strict=True):
                assert torch.equal(image, pil_to_tensor(Image.fromarray(stored["x_test"][index])))
            assert ours.labels.tolist() == [0, 0]
        assert data.classes == ("apple", "baby")

    def test_the_real_one_has_its_hundred_classes(self, data_root: Path) -> None:
        if not (data_root / SUBSET_FILE).is_file():
            pytest.skip(f"no {data_root / SUBSET_FILE}")
        data = self.task.load(data_root, 32)
        assert torch.bincount(data.train.labels()).tolist() == [54] * 100
        assert torch.bincount(data.validation.labels()).tolist() == [6] * 100
        assert torch.bincount(data.tests[32].labels()).tolist() == [15] * 100

    @pytest.mark.parametrize(
        ("replaced", "message"),
        [
            ({"y_test": None}, "y_test"),
            ({"x_train": np.zeros((20, 32, 32, 3))}, "x_train is float64"),
            ({"x_test": np.zeros((4, 32, 32), dtype=np.uint8)}, r"x_test is uint8 \(4, 32, 32\)"),
            ({"y_train": np.zeros(19, dtype=np.uint8)}, "y_train .* must be 20 whole numbers"),
            ({"y_train": np.zeros(20, dtype=np.uint8)}, "two classes or more; found: 'apple'"),
            ({"y_test": np.full(4, 2, dtype=np.uint8)}, "labels go from 0 to 2"),
            ({"classes": np.array([{"un": "pickled"}], dtype=object)}, "not a readable .npz"),
            ({"classes": np.array("apple")}, r"classes is <U5 \(\); it must be a row of names"),
        ],
    )
    def test_bad_arrays_are_named(
        self, put_subset: Callable[..., Path], replaced: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(DataError, match=rf"{SUBSET_FILE.name}.*{message}"):
            self.task.load(put_subset(**replaced), 32)

    @pytest.mark.parametrize("content", [b"", b"no archive", b"PK\3\4 no more", pickle.dumps([1])])
    def test_a_file_that_is_no_npz_is_named(self, put_subset: Callable[..., Path], content: bytes) -> None:
        root = put_subset()
        (root / SUBSET_FILE).write_bytes(content)
        with pytest.raises(DataError, match=f"{SUBSET_FILE.name}: not a readable .npz .damaged, or no archive"):
            self.task.load(root, 32)

    @pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
    def test_a_damaged_file_is_named(self, put_subset: Callable[..., Path], compression: int) -> None:
        path = put_subset() / SUBSET_FILE
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        assert len(self.task.load(path.parents[1], 32).tests[32]) == 4
        damaged = bytearray(path.read_bytes())
        damaged[200:240] = bytes(40)  # within the first member
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"not a readable \.npz"):
            self.task.load(path.parents[1], 32)

    def test_a_truncated_file_is_named(self, put_subset: Callable[..., Path]) -> None:
        root = put_subset()
        whole = (root / SUBSET_FILE).read_bytes()
        (root / SUBSET_FILE).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match=r"not a readable .npz"):
            self.task.load(root, 32)
