import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649

from invoices.references import core_of, creditor_reference, find_references, is_valid_reference, normalise_reference, printed_reference

VECTORS = {
    "539007547034": "RF18539007547034",
    "AB2G5": "RF68AB2G5",
    "1234512345": "RF451234512345",
    "FA202600042": "RF39FA202600042",
    "FA-2026-00042": "RF39FA202600042",
    "fa/2026 00042": "RF39FA202600042",
}


@pytest.mark.parametrize(("number", "reference"), VECTORS.items())
def test_check_digits(number: str, reference: str) -> None:
    assert creditor_reference(number) == reference
    assert is_valid_reference(reference)


@pytest.mark.parametrize("number", ["", "---", "É12", "FA 2026 n°42", "A" * 22, "12€", "٣٤"])
def test_a_number_that_would_lose_characters_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="cannot become a payment reference"):
        creditor_reference(number)


@pytest.mark.parametrize(
    "reference",
    ["RF38FA202600042", "RF39FA202600024", "RF39", "RF", "", "FR39FA202600042", "rf39fa202600042", "RF39 FA20 2600 042", "RF00" + "A" * 22],
)
def test_wrong_references(reference: str) -> None:
    assert not is_valid_reference(reference)


def test_what_people_type_is_normalised() -> None:
    assert normalise_reference(" rf39 fa20\u00a02600 042 ") == "RF39FA202600042"
    assert printed_reference("RF39FA202600042") == "RF39 FA20 2600 042"
    with pytest.raises(ValueError, match="is not a creditor reference"):
        normalise_reference("RF39 FA20 2600 043")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("RF39FA202600042", ("RF39FA202600042",)),
        ("VIR SEPA RECU /REF RF39FA202600042/ MERCI", ("RF39FA202600042",)),
        ("virement rf39 fa20 2600 042 merci", ("RF39FA202600042",)),
        ("RF39 FA20 2600 042\nRF68AB2G5 et RF18539007547034", ("RF39FA202600042", "RF68AB2G5", "RF18539007547034")),
        ("RF39FA202600042 RF39FA202600042", ("RF39FA202600042",)),
        ("RF38FA202600042", ()),
        ("XRF39FA202600042", ()),
        ("facture FA-2026-00042", ()),
        ("", ()),
    ],
)
def test_references_are_found_in_a_transfers_text(text: str, found: tuple[str, ...]) -> None:
    assert find_references(text) == found


CORES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=21)


@given(CORES)
def test_an_independent_library_agrees(core: str) -> None:
    reference = creditor_reference(core)
    assert iso11649.is_valid(reference)
    assert len(reference) <= 25
    assert normalise_reference(printed_reference(reference).lower()) == reference
    assert reference in find_references(f"VIR {printed_reference(reference)} MERCI")


@given(CORES, st.integers(0, 20), st.integers(0, 25))
def test_one_mistyped_character_is_always_noticed(core: str, place: int, shift: int) -> None:
    """A letter for another, a figure for another: ISO 7064 promises no more, for a letter counts as two figures (BJP5 and BJPB agree)."""
    place %= len(core)
    alike = string.digits if core[place].isdigit() else string.ascii_uppercase
    mistyped = core[:place] + alike[(alike.index(core[place]) + shift) % len(alike)] + core[place + 1 :]
    assert is_valid_reference(creditor_reference(core)[:4] + mistyped) == (mistyped == core)


@given(CORES)
def test_a_core_is_its_own_core(core: str) -> None:
    assert core_of(core) == core
