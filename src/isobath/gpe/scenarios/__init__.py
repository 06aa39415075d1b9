"""Scenarios: a factor space with a rule, and how a point of it is put into words."""
