"""The prompts: text files of the project's own, or of a domain's folder, known by their hash."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib import resources
from pathlib import Path

from prox_assets.errors import CatalogueError
from prox_assets.programs import Stage
from prox_assets.programs.rendering import prompt_text

VERSION = "1"
RUBRICS = ("educational", "format")
FAMILIES = ("navigation", "links", "footers")
_NAMES = (*RUBRICS, *FAMILIES, "rewrite")


@dataclass(frozen=True, slots=True)
class Prompts:
    """The text of each prompt by name; `{calls}` is what the registry says of the calls."""

    texts: Mapping[str, str]

    @classmethod
    def load(cls, folder: Path | None) -> "Prompts":
        """The project's prompts, those replaced that `folder` has a file `<name>.txt` for.

        Raises:
            CatalogueError: the folder is not there, or holds none of the prompts.
        """
        own = resources.files("prox_assets.teacher") / "prompts"
        texts = {name: (own / f"{name}.txt").read_text(encoding="utf-8") for name in _NAMES}
        if folder is not None:
            replaced = {name: folder / f"{name}.txt" for name in _NAMES if (folder / f"{name}.txt").is_file()}
            if not replaced:
                raise CatalogueError(
                    f"{folder} holds none of {', '.join(f'{name}.txt' for name in _NAMES)}; correct "
                    "teacher.prompts or leave it out."
                )
            texts |= {name: path.read_text(encoding="utf-8") for name, path in replaced.items()}
        calls = prompt_text(Stage.CHUNK)
        return cls({name: text.replace("{calls}", calls).strip() for name, text in texts.items()})

    def __getitem__(self, name: str) -> str:
        return self.texts[name]

    @property
    def hash(self) -> str:
        """Of all texts, the calls that they describe included."""
        joined = "\0".join(f"{name}\0{self.texts[name]}" for name in sorted(self.texts))
        return blake2b(f"{VERSION}\0{joined}".encode(), digest_size=8).hexdigest()
