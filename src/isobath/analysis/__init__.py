"""Rows in, estimates out. The claim names the replicate, the question is the cluster. Never imports torch."""
