"""What the hosts' tables make of a run's report."""

from __future__ import annotations

from xml.etree import ElementTree

from iclight_workshop.hosts import summarise, summarise_neighbours


def report(*tests: str) -> ElementTree.Element:
    """As pytest's `--junitxml` writes it."""
    return ElementTree.fromstring(f"<testsuites><testsuite>{''.join(tests)}</testsuite></testsuites>")


def case(name: str, inside: str = "", **figures: float) -> str:
    """One test, and what it has noted."""
    noted = "".join(f'<property name="figure" value="{name}: {kind} {value}"/>' for kind, value in figures.items())
    inside = f"<properties>{noted}</properties>{inside}"
    return f'<testcase classname="tests.contract.test_figures" name="{name}">{inside}</testcase>'


def test_a_cell_counts_what_passed_and_failed_and_leaves_out_what_was_skipped() -> None:
    summary = summarise(
        report(
            case("test_condition_and_unet[forge-fbc]", c_concat=3e-6, UNet=1e-6),
            case("test_condition_and_unet[forge-fbc-plain]", "<failure/>", c_concat=4e-6),
            case("test_condition_and_unet[forge-fbc-mirrored]", "<skipped/>"),
            case("test_wrong_request[forge-a wrong light]"),
        )
    )
    assert summary["cells"]["fbc"] == [1, 1]
    assert summary["cells"]["refusals"] == [1, 0]
    assert summary["cells"]["hires"] == [0, 0]
    assert summary["figures"]["c_concat"] == 4e-6 and summary["figures"]["UNet"] == 1e-6
    assert summary["failed"] == ["tests/contract/test_figures.py::test_condition_and_unet[forge-fbc-plain]"]

    again = summarise(report(case("test_condition_and_unet[forge-fbc-plain]", c_concat=5e-6)), summary)
    assert again["cells"]["fbc"] == [2, 0] and again["cells"]["refusals"] == [1, 0]
    assert again["failed"] == [] and again["figures"]["c_concat"] == 5e-6


def test_a_neighbour_has_its_figures_or_what_came_of_it() -> None:
    found = summarise_neighbours(
        report(
            case("test_neighbour[LoRA]", c_concat=1e-6),
            case("test_neighbour[SAG]", "<failure/>"),
            case("test_neighbour[FreeU]", "<skipped/>"),
            case("test_neighbour[Refiner]"),
            case("test_something_else"),
        )
    )
    assert found == {"LoRA": {"c_concat": 1e-6}, "SAG": "failed", "Refiner": "refused, by name"}
