"""Generalisation propensity evaluations: a narrow signal, its matched control and the traits to look for."""
