"""Engines: where jobs run. An engine decides nothing about an answer, so none enters a fingerprint."""
