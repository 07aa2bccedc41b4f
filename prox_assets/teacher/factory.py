"""From a catalogue's teacher section to the teacher."""

from collections.abc import Callable
from pathlib import Path

from prox_assets import config
from prox_assets.teacher.interface import LabelRule, Teacher
from prox_assets.teacher.labels import LabelsTeacher
from prox_assets.teacher.llm import open_llm_teacher
from prox_assets.teacher.rules.judging import Corpus
from prox_assets.teacher.rules.teacher import RulesTeacher

CACHE_FOLDER = "teacher_cache"
Report = Callable[[str], None]
Section = config.RulesTeacherSection | config.LabelsTeacherSection | config.LlmTeacherSection


def open_teacher(
    section: Section,
    domain_folder: Path,
    report: Report = print,
    run: int = 0,
    corpus: Corpus | None = None,
) -> Teacher:
    """The teacher that a domain's catalogue section asks for; the rules count repeated lines in `corpus`.

    A language model's answers are kept below `domain_folder`, where the section names no other place;
    `report` is told now and then how far the asking is. Another `run` of a language model asks it again.
    """
    if isinstance(section, config.LlmTeacherSection):
        return open_llm_teacher(section, domain_folder / CACHE_FOLDER, report, run)
    if isinstance(section, config.LabelsTeacherSection):
        return LabelsTeacher(section.lines, section.documents, section.chunk_chars, report)
    rule = LabelRule(section.keep_educational, section.rescue_educational, section.rescue_format)
    return RulesTeacher(rule, section.chunk_chars, corpus)
