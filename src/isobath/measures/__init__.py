"""Measures of a model beyond its answers: hidden states, distances of texts, readouts of factors."""
