"""Data sets with their split, transform and training recipe: one file or entry a task."""

from __future__ import annotations

from baselines.registry import Registry

TASKS: Registry[object] = Registry("task", {})
