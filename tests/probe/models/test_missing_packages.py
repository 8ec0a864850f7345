"""What is said where torch and transformers are not installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from probe.models import ModelError, missing_packages, open_model


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where the dashboard alone is installed."""
    absent = ("torch", "transformers")
    monkeypatch.setattr(
        "probe.models.find_spec", lambda name: None if name in absent else find_spec(name)
    )


def test_nothing_is_missing_where_everything_is_installed() -> None:
    assert missing_packages() == ""


@pytest.mark.parametrize("ref", ["ladder:ladder-1k-s0", "org/model", "/no/folder"])
def test_a_local_model_names_what_is_missing_and_how_to_install_it(
    ref: str, without_torch: None
) -> None:
    with pytest.raises(ModelError) as told:
        open_model(ref)
    assert str(told.value) == missing_packages()
    assert "need torch, transformers, which are not installed" in str(told.value)
    assert "`make app`" in str(told.value) and "[probe]" in str(told.value)
    assert missing_packages().count(". ") == 0  # one sentence


def test_models_that_need_neither_open_as_before(without_torch: None) -> None:
    with open_model("demo:echo") as model:
        assert model.name == "demo:echo"
    open_model("openai:model@http://127.0.0.1:1/v1").close()
