"""Small real models to probe: randomly initialised, saved as a person would have them, with the
ladder's tokenizer.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TEMPLATE = (
    "{% for turn in messages %}{% if turn.role == 'user' %}{{ turn.content }}{% else %} {{"
    " turn.content }}{% endif %}{% endfor %}="
)


def make_model(folder: Path, *, template: str | None = None, seed: int = 0) -> Path:
    """Write a Llama of 5,872 parameters that babbles in the compact form and ends some of its
    replies.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from probe.ladder.compact import END, TOKEN_IDS, VOCABULARY, write_tokenizer

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        initializer_range=0.6,
        bos_token_id=None,
        pad_token_id=0,
        eos_token_id=TOKEN_IDS[END],
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    write_tokenizer(folder)
    if template is not None:
        stated = folder / "tokenizer_config.json"
        stated.write_text(json.dumps(json.loads(stated.read_text()) | {"chat_template": template}))
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model without a chat template."""
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the same model with a chat template, which adds the compact form's `=`."""
    return make_model(tmp_path_factory.mktemp("models") / "tiny-chat", template=TEMPLATE)
