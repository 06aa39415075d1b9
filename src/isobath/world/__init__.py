"""Embedded worlds: generated text with known facts, the bases pretrained on it, and their GPEs."""
