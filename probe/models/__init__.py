"""Models to probe: local models, servers, and demo models.

    with open_model("ladder:ladder-80k-s0") as model: ...

REF is `ladder:<name>` (shipped), a local folder or a hub id (transformers),
`openai:<model>@<base_url>` (any server with OpenAI's API), or `demo:echo`,
`demo:oracle:<error_rate>:<seed>`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from probe.models.base import (
    Decoding,
    Model,
    ModelError,
    ModelFacts,
    Prompt,
    Reply,
    StoppedError,
    Token,
)

LADDER_FOLDER = Path(__file__).resolve().parent.parent / "ladder" / "weights"
LOCAL_PACKAGES = ("torch", "transformers", "tokenizers", "safetensors")
"""Packages that local models need: the extra `probe` of pyproject.toml."""

__all__ = [
    "LADDER_FOLDER",
    "Decoding",
    "Model",
    "ModelError",
    "ModelFacts",
    "Prompt",
    "Reply",
    "StoppedError",
    "Token",
    "ladder_names",
    "missing_packages",
    "open_model",
]


def open_model(ref: str, *, device: str | None = None, dtype: str | None = None) -> Model:
    """Open a model by its REF.

    Args:
        device: cuda | mps | cpu; None: the best available. For local models only.
        dtype: float32 | bfloat16 | float16; None: chosen for device and model. For local models
            only.

    Raises:
        ModelError: it does not exist, cannot be loaded, or the machine does not meet its
        requirements.
    """
    if ref.startswith("demo:"):
        from probe.models.demo import open_demo

        return open_demo(ref)
    if ref.startswith("openai:"):
        from probe.models.openai_server import open_server

        return open_server(ref)
    missing = missing_packages()
    if missing:
        raise ModelError(missing)
    try:
        from probe.models.hf import LocalModel
    except ImportError as cause:
        raise ModelError(
            f"{ref} is a local model, and torch or transformers cannot be imported here ({cause})."
            " Install the versions in requirements.txt, or probe a server with"
            " openai:<model>@<base_url>."
        ) from cause
    if ref.startswith("ladder:"):
        return LocalModel(str(_ladder_folder(ref)), ref=ref, device=device, dtype=dtype)
    return LocalModel(ref, ref=ref, device=device, dtype=dtype)


def missing_packages() -> str:
    """One sentence with the packages to install before local models can be opened; empty when none
    is missing. Does not import them.
    """
    missing = [name for name in LOCAL_PACKAGES if find_spec(name) is None]
    if not missing:
        return ""
    return (
        f"The ladder and other local models need {', '.join(missing)}, which"
        f" {'is' if len(missing) == 1 else 'are'} not installed: run `make app` in a checkout, or"
        ' install the wheel again with its extra (pip install "FILE.whl[probe]"); servers and demo'
        " models work without them."
    )


def ladder_names() -> list[str]:
    """Names of the shipped models, in the order of the ladder (by size on disk)."""
    files = {
        folder.name: folder / "model.safetensors"
        for folder in LADDER_FOLDER.glob("*")
        if (folder / "model.safetensors").is_file()
    }
    return sorted(files, key=lambda name: (files[name].stat().st_size, name))


def _ladder_folder(ref: str) -> Path:
    wanted = ref.removeprefix("ladder:")
    names = ladder_names()
    for name in (wanted, f"ladder-{wanted}", f"ladder-{wanted}-s0"):
        if name in names:
            return LADDER_FOLDER / name
    raise ModelError(
        f"The ladder has no model '{wanted}'. Its models are:"
        f" {', '.join(names) or 'none (`make ladder` trains them)'}."
    )
