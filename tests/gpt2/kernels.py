"""Kernels that are not numba's: none at all, or one whose answers are known."""

from __future__ import annotations

from types import ModuleType

import pytest

from picogpt_tui.gpt2 import int8, int8_block
from picogpt_tui.gpt2.int8_kernel import Compiled, Kernel, Product


def refuse() -> Compiled:
    raise ImportError("it is not installed")


def absent_kernel() -> Kernel:
    """What it is where numba is not installed; nobody knows yet."""
    return Kernel(refuse, lambda: None)


def compiled(product: Product) -> Compiled:
    """One that multiplies so, and knows no blocks."""
    return Compiled(product, lambda *args: pytest.fail("a block was asked for"))


def use_kernel(patch: pytest.MonkeyPatch, kernel: Kernel, *others: ModuleType) -> Kernel:
    """Let the model, and other modules, find this one."""
    for module in (int8, int8_block, *others):
        patch.setattr(module, "KERNEL", kernel)
    return kernel
