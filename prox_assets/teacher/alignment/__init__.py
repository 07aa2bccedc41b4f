"""From a teacher's rewrite of a chunk to the program that makes the rewrite of the chunk.

program = program_from_rewrite(text, chunk, rewrite)
"""

from prox_assets.teacher.alignment.program import Alignment, aligned_program, program_from_rewrite

__all__ = ["Alignment", "aligned_program", "program_from_rewrite"]
