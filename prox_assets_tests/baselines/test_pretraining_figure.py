from xml.etree import ElementTree

from prox_assets.baselines.pretraining import ComparisonResult, PretrainingRun, comparison_svg
from prox_assets.baselines.pretraining_model import PretrainingSettings


def run(corpus: str, seed: int, bits: float) -> PretrainingRun:
    return PretrainingRun(corpus, seed, (5.0, 4.0, 3.5), bits, 768, 768, 1.0)


COMPARISON = ComparisonResult(
    PretrainingSettings(steps=3, seeds=(0, 1), batch_tokens=256),
    parameters=1_000,
    reference_tokens=300,
    reference_characters=1_200,
    runs=(
        run("raw", 0, 2.5),
        run("raw", 1, 2.6),
        run("refined & <kept>", 0, 2.25),
        run("refined & <kept>", 1, 2.35),
    ),
)


def test_the_figure_names_corpora_means_and_differences() -> None:
    root = ElementTree.fromstring(comparison_svg(COMPARISON))
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"raw", "refined & <kept>", "2.550", "2.300 (-0.250)", "Training loss"} <= texts


def test_the_figure_takes_the_colours_of_its_page() -> None:
    svg = comparison_svg(COMPARISON)
    assert svg.startswith("<svg")
    assert "currentColor" in svg
    assert not any(
        f"{name}: {colour}" in svg for name in ("fill", "stroke") for colour in ("#000000", "#ffffff")
    )


def test_the_same_comparison_gives_the_same_figure() -> None:
    assert comparison_svg(COMPARISON) == comparison_svg(COMPARISON)
