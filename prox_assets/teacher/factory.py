"""From a catalogue's teacher section to the teacher."""

from prox_assets import config
from prox_assets.teacher.interface import Teacher
from prox_assets.teacher.label_rule import LabelRule
from prox_assets.teacher.labels import LabelsTeacher
from prox_assets.teacher.rules import RulesTeacher


def open_teacher(section: config.RulesTeacher | config.LabelsTeacher) -> Teacher:
    """The teacher that a domain's catalogue section asks for."""
    if isinstance(section, config.LabelsTeacher):
        return LabelsTeacher(section.lines, section.documents, section.chunk_chars)
    rule = LabelRule(section.keep_educational, section.rescue_educational, section.rescue_format)
    return RulesTeacher(rule, section.chunk_chars)
