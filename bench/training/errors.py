"""What can go wrong while a model learns."""

from __future__ import annotations


class NotFinite(ArithmeticError):
    """A loss or a logit that is no number any more; the message says where, and what may help."""
