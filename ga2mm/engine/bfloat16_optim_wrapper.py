"""Mixed precision training on any device."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from mmengine.optim import OptimWrapper
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ga2mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Runs the forward pass in bfloat16, also on the CPU, which MMEngine's AmpOptimWrapper does not support.

    On the CPU it uses the unfused (math) attention kernel: in bfloat16 the backward pass of PyTorch's fused
    kernel is several times slower there than in float32.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Enable autocast on the device of the model's parameters."""
        device = next(model.parameters()).device.type
        attention = sdpa_kernel(SDPBackend.MATH) if device == 'cpu' else nullcontext()
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16), attention:
            yield
