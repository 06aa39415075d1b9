"""Broadening: from key decisions and a budget to a verified training set with its data card."""
