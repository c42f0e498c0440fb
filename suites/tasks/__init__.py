"""The tasks by name. A new task is one new file, or an entry in the file of its kind, and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baselines.registry import Registry

if TYPE_CHECKING:
    from suites.tasks.task import Task

TASKS: Registry[Task] = Registry(
    "task",
    {
        "digits": "suites.tasks.digits:TASK",
        "fashion_mnist": "suites.tasks.torchvision_sets:FASHION_MNIST",
        "cifar10": "suites.tasks.torchvision_sets:CIFAR10",
        "cifar100": "suites.tasks.torchvision_sets:CIFAR100",
        "cifar100_subset": "suites.tasks.cifar100_subset:TASK",
        "tiny_imagenet": "suites.tasks.image_folder:TINY_IMAGENET",
        "mqar": "suites.tasks.mqar:TASK",
        "selective_copying": "suites.tasks.selective_copying:TASK",
        "induction_heads": "suites.tasks.induction_heads:TASK",
        "listops": "suites.tasks.listops:TASK",
        "pathfinder": "suites.tasks.pathfinder:TASK",
        "gene_type": "suites.tasks.gene_type:TASK",
        "gue_prom_300_tata": "suites.tasks.gue:PROM_300_TATA",
        "gue_prom_core_all": "suites.tasks.gue:PROM_CORE_ALL",
        "gue_tf_0": "suites.tasks.gue:TF_0",
        "gue_splice": "suites.tasks.gue:SPLICE",
        "ncrna": "suites.tasks.ncrna:TASK",
    },
)
