"""What ``vio-bench show`` prints for a person."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table


def tables(figures: dict[str, Any]) -> list[Table | str]:
    """The figures and the layers of a model, from what ``bench.show.describe`` found."""
    title = f"{figures['model']} at {figures['workload']}"
    head = Table(title=escape(title), show_header=False, title_justify="left")
    head.add_column()
    head.add_column(justify="right")
    head.add_column()
    size_class = figures["size_class"] or "no size class"
    for row in (
        ("params", f"{figures['params']:,}", f"family {figures['family']}, {size_class}"),
        ("MACs", f"{figures['macs'] / 1e9:.3f} G", figures["macs_method"]),
        ("FLOPs", f"{figures['flops'] / 1e9:.3f} G", "2 a MAC"),
        (
            "MACs cover",
            f"{figures['macs_coverage']:.1%}",
            "of the arithmetic, at one operation an element for the rest",
        ),
        ("tensor peak", f"{figures['peak_tensor_bytes'] / 2**20:.2f} MiB", "activations alive at once, weights apart"),
        ("weights", f"{figures['weight_bytes'] / 2**20:.2f} MiB", f"{figures['buffers']:,} values in buffers"),
    ):
        head.add_row(*(escape(cell) for cell in row))
    layers = Table(title="layers", title_justify="left")
    for name, justify in (("layer", "left"), ("type", "left"), ("params", "right"), ("MACs", "right")):
        layers.add_column(name, justify=justify)  # type: ignore[arg-type]
    for layer in figures["layers"]:
        name = "  " * (layer["depth"] - 1) + escape(layer["name"])
        layers.add_row(name, escape(layer["type"]), f"{layer['params']:,}", f"{layer['macs'] / 1e6:,.1f} M")
    warnings = [f"! {escape(warning['message'])}: {escape(warning['advice'])}" for warning in figures["warnings"]]
    return [head, layers, *warnings]
