"""The LLM teacher: rubrics and programs asked of a language model, cached, budgeted, and validated."""

from prox_assets.teacher.llm.asking import AnnotationEstimate
from prox_assets.teacher.llm.teacher import LlmTeacher, open_llm_teacher

__all__ = ["AnnotationEstimate", "LlmTeacher", "open_llm_teacher"]
