"""Scenario spaces: factors, regions around a support, distances, covering designs, splits."""
