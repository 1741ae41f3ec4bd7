"""GPT-2 in NumPy: from ids to logits, from text to ids, from logits to the next token. No network, no screen.

How a token is made, a file a step: tokenizer -> model (with ops, params, kv_cache) -> sampler -> generate.
`pico` is all of it in about sixty lines without a cache: the specification, and the tests' oracle.
"""
