"""README tells what the code does."""

from __future__ import annotations

from iclight_workshop.tables import README, TABLES, renew_tables


def test_readmes_tables_are_the_codes() -> None:
    """`python -m iclight_workshop.tables` writes them."""
    text = README.read_text(encoding="utf-8")
    assert renew_tables(text) == text
    assert all(f"<!-- table: {name} -->" in text for name in TABLES)


def test_a_table_that_is_out_of_date_is_written_anew() -> None:
    text = "before\n<!-- table: settings -->\n| old |\n<!-- end of table -->\nafter"
    renewed = renew_tables(text)
    assert "| old |" not in renewed and "`light_denoise` | 0.1 to 1 |" in renewed
    assert renewed.startswith("before\n") and renewed.endswith("<!-- end of table -->\nafter")
