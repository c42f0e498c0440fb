"""`vio` needs torch and PyYAML and nothing else, says nothing when it is imported, and compiles nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import vio

_ALONE = """
import re, sys, warnings
from importlib import metadata
from pathlib import Path

ROOT = Path(sys.argv[1])

def needed(package):
    # The distributions that a package says it needs, and what those need.
    found, left = set(), [package]
    while left:
        name = re.sub("[-_.]+", "-", left.pop()).lower()
        if name in found:
            continue
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another platform
            continue
        found.add(name)
        left += [re.match("[A-Za-z0-9_.-]+", r)[0] for r in requirements if "extra ==" not in r]
    return found

ALLOWED = needed("torch") | needed("pyyaml")
OWNERS = {module: {re.sub("[-_.]+", "-", d).lower() for d in owners}
          for module, owners in metadata.packages_distributions().items()}
refused = set()

class OnlyTorchAndYaml:
    # A finder that does not see what other distributions have brought.
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top != "vio" and top in OWNERS and not OWNERS[top] & ALLOWED:
            refused.add(top)
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path[:] = [OnlyTorchAndYaml(finder) for finder in sys.meta_path if hasattr(finder, "find_spec")]
sys.path[:] = [str(ROOT), *(p for p in sys.path if p and Path(p).resolve() != ROOT)]
warnings.simplefilter("ignore")
import torch  # without numpy it warns of that itself
assert "numpy" in refused, "the test refuses nothing"
before = set(sys.modules)

warnings.resetwarnings()
warnings.simplefilter("error")
import vio
from vio.configs import ARCHITECTURES, load_attribute
for architecture in ARCHITECTURES.values():
    load_attribute(architecture.config), load_attribute(architecture.model)
for name in vio.__all__:
    getattr(vio, name)
compilers = {"torch._dynamo", "torch._inductor", "torch.utils.cpp_extension", "triton"} & (set(sys.modules) - before)
assert not compilers, compilers
for name in vio.list_models():
    with torch.device("meta"):
        vio.create_model(name, num_classes=2)
model = vio.create_model("vio_nano", num_classes=2).eval()
assert model.fuse()(torch.zeros(1, 3, 32, 32)).shape == (1, 2)
vio.create_model("vio_nano", features_only=True)

ours = {n for n, m in sys.modules.items() if n.partition(".")[0] in ("bench", "baselines", "suites", "reports")}
assert not ours, ours
print("alone")
"""


def test_vio_runs_with_torch_and_yaml_alone():
    root = Path(vio.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", _ALONE, str(root)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout == "alone\n", done.stderr
    assert done.stderr == ""
