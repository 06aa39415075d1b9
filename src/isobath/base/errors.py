"""Errors that name the bad value, the rule it broke and the remedy. All are picklable, so they cross processes."""

from __future__ import annotations


class IsobathError(Exception):
    """Root of every error this package raises on purpose. Catch it to catch them all."""


class InputError(IsobathError, ValueError):
    """A value from outside (study file, data file, flag) that breaks a rule.

    `what` names the bad value, `rule` says what would be accepted, `remedy` what to do,
    `place` where it stands (``file:line`` for files).
    """

    def __init__(self, what: str, rule: str = "", remedy: str = "", place: str = "") -> None:
        super().__init__(what, rule, remedy, place)
        self.what, self.rule, self.remedy, self.place = what, rule, remedy, place

    def __str__(self) -> str:
        head = f"{self.place}: {self.what}" if self.place else self.what
        parts = [head, f"Rule: {self.rule}" if self.rule else "", f"Remedy: {self.remedy}" if self.remedy else ""]
        return " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts if part)


class IdentityError(IsobathError, TypeError):
    """A value that cannot enter a fingerprint because it has no canonical JSON form."""


class StoreError(IsobathError, OSError):
    """The store could not read or write an artifact (full disk, permissions, corrupt folder)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class TrainingError(IsobathError, RuntimeError):
    """A training run that cannot go on, such as a loss that is not finite."""


class TemplateError(IsobathError, ValueError):
    """A chat template that cannot express what a condition or a training row needs."""
