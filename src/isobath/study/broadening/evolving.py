"""Evolution of the points that coverage does not need: towards combinations that are still rare."""

from __future__ import annotations
