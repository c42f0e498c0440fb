"""What models of images and of sequences share: a pool, a linear classifier, and what training asks of them."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from vio.configs import override
from vio.configs.base import ModelConfig
from vio.latent_readout import LatentReadout
from vio.pretrained import Pretrained


class Classifier(Pretrained):
    """Features, pooled and classified. A subclass makes what gives the features, and then calls `build_head`.

    Args:
        config: what the model is made of.
        num_features: channels that the classifier sees.
    """

    def __init__(self, config: ModelConfig, num_features: int) -> None:
        super().__init__()
        self.config = config
        self.num_classes = config.num_classes
        self.global_pool = config.global_pool
        self.num_features = self.head_hidden_size = num_features
        self.grad_checkpointing = False

    def build_head(self) -> None:
        """A fresh pool and classifier beside the other parameters, and in their mode."""
        self.pool = self._beside(LatentReadout(self.num_features) if self.global_pool == "latent" else nn.Identity())
        self.fc = self._fresh_classifier()

    def get_classifier(self) -> nn.Module:
        """The linear layer behind the pooled features; an identity when there are no classes."""
        return self.fc

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the classifier by a fresh one; 0 classes for none, so that the model returns its features."""
        pool = self.global_pool if global_pool is None else global_pool
        self.config = override(self.config, num_classes=num_classes, global_pool=pool)
        changed = pool != self.global_pool
        self.num_classes, self.global_pool = num_classes, pool
        if changed:
            self.build_head()
        else:
            self.fc = self._fresh_classifier()

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Compute the inner tensors of stem and blocks again in the backward pass instead of keeping them."""
        self.grad_checkpointing = enable

    def no_weight_decay(self) -> set[str]:
        """Parameters that an optimizer should not decay: all but the weights of linear maps and convolutions."""
        return {
            f"{module_name}.{name}" if module_name else name
            for module_name, module in self.named_modules()
            for name, _ in module.named_parameters(recurse=False)
            if not (name == "weight" and isinstance(module, (nn.Linear, _ConvNd)))
        }

    def _fresh_classifier(self) -> nn.Module:
        if self.num_classes == 0:
            return self._beside(nn.Identity())
        fc = nn.Linear(self.num_features, self.num_classes)
        nn.init.trunc_normal_(fc.weight, std=0.02)
        nn.init.zeros_(fc.bias)
        return self._beside(fc)

    def _beside(self, module: nn.Module) -> nn.Module:
        like: Tensor = next(self.parameters())
        return module.to(like.device, like.dtype).train(self.training)
