"""The documents tell what the code does, and what came of its runs."""

from __future__ import annotations

from iclight_workshop.tables import DOCUMENTS, TABLES, renew_tables


def test_the_documents_tables_are_the_codes() -> None:
    """`python -m iclight_workshop.tables` writes them."""
    texts = [document.read_text(encoding="utf-8") for document in DOCUMENTS]
    assert [renew_tables(text) for text in texts] == texts
    assert all(any(f"<!-- table: {name} -->" in text for text in texts) for name in TABLES)


def test_a_table_that_is_out_of_date_is_written_anew() -> None:
    text = "before\n<!-- table: settings -->\n| old |\n<!-- end of table -->\nafter"
    renewed = renew_tables(text)
    assert "| old |" not in renewed and "`light_denoise` | 0.1 to 1 |" in renewed
    assert renewed.startswith("before\n") and renewed.endswith("<!-- end of table -->\nafter")
