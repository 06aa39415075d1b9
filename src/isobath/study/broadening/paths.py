"""Where the files of a broadening lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from isobath.base.errors import InputError


@dataclass(frozen=True)
class Paths:
    """Files beside the training rows: `train.jsonl` has `test.jsonl`, any other NAME.jsonl has NAME.test.jsonl ..."""

    train: Path

    @classmethod
    def of(cls, out: str | Path) -> Paths:
        """The paths for `out`. Raises `InputError` for what is no .jsonl file."""
        path = Path(out)
        if path.suffix != ".jsonl" or path.is_dir():
            raise InputError(f"--out {str(out)!r}", "rows are written to one .jsonl file", "name it, say train.jsonl")
        return cls(path)

    @property
    def test(self) -> Path:
        """Test questions of all scenarios."""
        stem = self.train.stem
        return self.train.with_name("test.jsonl" if stem == "train" else f"{stem}.test.jsonl")

    @property
    def island(self) -> Path:
        """Questions of all scenarios where training data is."""
        stem = self.train.stem
        return self.train.with_name("island.jsonl" if stem == "train" else f"{stem}.island.jsonl")

    @property
    def card(self) -> Path:
        """The data card as Markdown."""
        return self.train.with_name(f"{self.train.stem}.card.md")

    @property
    def page(self) -> Path:
        """The data card as a page."""
        return self.train.with_name(f"{self.train.stem}.card.html")

    @property
    def landscape(self) -> Path:
        """Per scenario: rows and questions as one tagged file, and its space."""
        return self.train.with_name(f"{self.train.stem}.landscape")

    @property
    def state(self) -> Path:
        """What a run that is not finished goes on from, and what an endpoint answered."""
        return self.train.with_name(f"{self.train.stem}.broaden")

    @property
    def journal(self) -> Path:
        """An endpoint's answers."""
        return self.state / "answers.jsonl"

    @property
    def stamp(self) -> Path:
        """Which specification the state is of, and whether it is finished."""
        return self.state / "state.json"

    @property
    def written(self) -> tuple[Path, ...]:
        """Files a person is after."""
        return (self.train, self.test, self.island, self.card, self.page, self.landscape)
