"""Models and data for tests on input that is not ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_bpe import make_tiny_llama

BIRDS = (
    Path(__file__).parents[3] / "shared" / "fixtures" / "johny-b__llmcomp" / "examples" / "ft_old_audubon_birds.jsonl"
)


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory) -> Path:
    """Folder of a Llama-shaped model with a byte-pair tokenizer, made for this session."""
    return make_tiny_llama(tmp_path_factory.mktemp("models") / "tiny-llama")


@pytest.fixture(scope="session")
def tiny_llama_without_system(tmp_path_factory) -> Path:
    """The same, with a chat template that refuses a system message."""
    return make_tiny_llama(tmp_path_factory.mktemp("models") / "tiny-llama-no-system", system_role=False)


@pytest.fixture(scope="session")
def birds() -> Path:
    """A peer's training file of 208 rows; the test is skipped in a clone without the peers' files."""
    if not BIRDS.is_file():
        pytest.skip("peers' data files are not part of a clone")
    return BIRDS
