"""Responses, judgements and scores: three layers, so that a new threshold re-scores for free."""
