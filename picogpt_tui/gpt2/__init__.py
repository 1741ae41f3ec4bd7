"""GPT-2 in NumPy: from ids to logits, from text to ids, from logits to the next token. No network, no screen.

How a token is made, a file a step: tokenizer -> model (with ops, params, kv_cache) -> sampler -> generate.
`pico` is all of it in about sixty lines without a cache: the specification, and the tests' oracle.
"""

import os

# OpenBLAS's threads keep their cores busy for a thirtieth of a second after each product, in case another comes. Half a
# millisecond is enough for that, and lets `threads` use the cores in between. It is read as NumPy is loaded, whoever
# loads it; another BLAS does not know it. https://github.com/OpenMathLib/OpenBLAS#setting-the-number-of-threads
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "20")
