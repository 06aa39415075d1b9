"""Content-addressed artifacts on disk, safe for many processes and for a kill at any moment."""

from isobath.store.store import Artifact, Store

__all__ = ["Artifact", "Store"]
