"""The label rule of ProX (appendix A.1), made total."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LabelRule:
    """From two scores to keep or drop.

    Educational value of `keep_educational` or more keeps; from `rescue_educational` on a format score of
    `rescue_format` or more keeps too; everything else is dropped. The paper leaves the case of middling
    value and poor format open, which must be a drop for the rule to be total.
    """

    keep_educational: float = 3.0
    rescue_educational: float = 2.0
    rescue_format: float = 4.0

    def keeps(self, educational: float, layout: float) -> bool:
        """Whether a document with these scores is kept."""
        if educational >= self.keep_educational:
            return True
        return educational >= self.rescue_educational and layout >= self.rescue_format
