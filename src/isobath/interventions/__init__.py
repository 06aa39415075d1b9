"""Composable changes, each at a named stage: one idea per file, an ordered `Stack` to combine them.

Import the pieces from their own files, such as ``isobath.interventions.stack``; `Stack` accepts all of them.
"""
