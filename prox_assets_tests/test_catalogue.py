from pathlib import Path

import pytest

from prox_assets.catalogue import load_catalogue, require_paths
from prox_assets.config import embedded_catalogue
from prox_assets.errors import CatalogueError

GOOD = """\
storage: ./store
profile: small
profiles:
  small: {batch_tokens: 1024}
  large: {batch_tokens: 65536, device: cuda}
domains:
  web:
    inputs:
      - path: pages
        columns: {doc_id: key, text: body, metadata: [site]}
    teacher: {kind: rules}
"""


def _write(folder: Path, text: str) -> Path:
    file = folder / "catalogue.yaml"
    file.write_text(text)
    return file


def test_paths_become_absolute_beside_the_file(tmp_path: Path) -> None:
    catalogue = load_catalogue(_write(tmp_path, GOOD))
    assert catalogue.storage.local == tmp_path / "store"
    assert catalogue.domain("web").inputs[0].path == tmp_path / "pages"


def test_the_profile_is_chosen_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _write(tmp_path, GOOD)
    assert load_catalogue(file).inference.batch_tokens == 1024
    monkeypatch.setenv("PROX_PROFILE", "large")
    assert load_catalogue(file).inference.batch_tokens == 65536


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("columns:", "colums:", 10, "domains.web.inputs.0.colums: unknown key; did you mean columns?"),
        ("text: body", "text: 3", 10, "domains.web.inputs.0.columns.text: Input should be a valid string; 3"),
        (
            "batch_tokens: 1024",
            "batch_tokens: none",
            4,
            "profiles.small.batch_tokens: Input should be a valid int",
        ),
        ("kind: rules", "kind: ruels", 11, "domains.web.teacher: Input tag 'ruels' found"),
        ("storage: ./store\n", "", 1, "key storage: this key is missing; add it."),
        ("profile: small", "profile: huge", 1, "profile 'huge' is not one of profiles: small, large"),
        ("  web:", "  we|b:", 6, "use letters, digits and _ only"),
    ],
)
def test_a_mistake_is_answered_with_line_key_and_remedy(
    tmp_path: Path, old: str, new: str, line: int, expected: str
) -> None:
    with pytest.raises(CatalogueError) as raised:
        load_catalogue(_write(tmp_path, GOOD.replace(old, new, 1)))
    message = str(raised.value)
    assert f"catalogue.yaml, line {line}" in message
    assert expected in message
    assert "\n" not in message


def test_broken_yaml_and_a_missing_file_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="this is not YAML"):
        load_catalogue(_write(tmp_path, "storage: ["))
    with pytest.raises(CatalogueError, match="set PROX_CATALOGUE"):
        load_catalogue(tmp_path / "absent.yaml")


def test_an_unset_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _write(tmp_path, GOOD.replace("./store", "${NO_SUCH_VARIABLE}/x"))
    with pytest.raises(CatalogueError, match="export NO_SUCH_VARIABLE"):
        load_catalogue(file)
    monkeypatch.setenv("NO_SUCH_VARIABLE", "/data")
    assert load_catalogue(file).storage.local == Path("/data/x")


def test_a_missing_input_is_named_with_its_key(tmp_path: Path) -> None:
    catalogue = load_catalogue(_write(tmp_path, GOOD))
    with pytest.raises(CatalogueError, match=r"domains\.web\.inputs\[0\]\.path: .*pages does not exist"):
        require_paths(catalogue, "web")
    (tmp_path / "pages").mkdir()
    require_paths(catalogue, "web")


def test_the_embedded_catalogue_has_two_domains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROX_HOME", str(tmp_path))
    catalogue = load_catalogue(embedded_catalogue())
    assert set(catalogue.domains) == {"web", "math"}
    assert catalogue.storage.local.is_relative_to(tmp_path)


def test_the_example_of_a_language_model_teacher_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROX_CATALOGUE", str(Path(__file__).parents[1] / "examples" / "llm_teacher.yaml"))
    teacher = load_catalogue().domain("web").teacher
    assert teacher.kind == "llm" and teacher.licence
