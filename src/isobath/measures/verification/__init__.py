"""Verification of drafts, every reject with its reason (docs/broadening/verification.md)."""
