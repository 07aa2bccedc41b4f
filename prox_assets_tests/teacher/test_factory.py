from pathlib import Path

from prox_assets import config
from prox_assets.teacher.factory import open_teacher
from prox_assets.teacher.interface import Teacher
from prox_assets_tests.teacher.seeds import seed_table


def test_thresholds_of_the_catalogue_decide() -> None:
    seeds = seed_table({"d": "It is a fine day today, and we all like it very much.\n" * 3})
    lenient = open_teacher(config.RulesTeacherSection(kind="rules", keep_educational=0), Path())
    strict = open_teacher(
        config.RulesTeacherSection(kind="rules", keep_educational=6, rescue_educational=6), Path()
    )
    assert lenient.annotate_documents(seeds)["keep"].to_pylist() == [True]
    assert strict.annotate_documents(seeds)["keep"].to_pylist() == [False]


def test_the_kind_decides(tmp_path: Path) -> None:
    labels: Teacher = open_teacher(
        config.LabelsTeacherSection(kind="labels", lines=tmp_path / "x.parquet"), tmp_path
    )
    assert labels.name == "labels"
