"""Numbers from transformers and tokenizers, and the script that makes them."""
