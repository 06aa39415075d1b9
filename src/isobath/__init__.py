"""Isobath: chart and control how language models generalise beyond their training data."""
