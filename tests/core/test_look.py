"""A creditor's logo and colour: readable by everybody, and never anything that could run."""

from datetime import UTC, datetime

import pytest

from dunning.core.errors import DomainError
from dunning.core.look import change_look, contrast, deeper
from dunning.core.models import AuditEvent, OrganizationProfile
from dunning.core.tenancy import tenant
from tests.factories import make_organization

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 10, 2, 10, tzinfo=UTC)
ACTOR = "user:x"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#1f3f77", "#1f3f77") == 1
    assert deeper("#1f3f77") == "#18325f"


def test_a_colour_and_a_logo_are_kept_and_taken_away() -> None:
    with tenant(make_organization()):
        assert change_look(accent_colour=" #7A1F1F ", logo=PNG, actor=ACTOR, now=NOW) == ["accent_colour", "logo"]
        profile = OrganizationProfile.objects.get()
        assert profile.logo is not None
        assert (profile.accent_colour, profile.logo.media_type, profile.logo.filename) == ("#7a1f1f", "image/png", "logo.png")
        assert change_look(accent_colour="#7a1f1f", logo=None, actor=ACTOR, now=NOW) == []
        assert change_look(accent_colour="", logo=None, keep_logo=False, actor=ACTOR, now=NOW) == ["accent_colour", "logo"]
        profile.refresh_from_db()
        assert (profile.accent_colour, profile.logo) == ("", None)
    with tenant(profile.organization):
        assert AuditEvent.objects.filter(action="organization.look_changed").count() == 2


@pytest.mark.parametrize(
    ("colour", "logo", "field", "sentence"),
    [
        ("#ffcc00", None, "accent_colour", "too light"),
        ("#777777", None, "accent_colour", "too light"),
        ("red", None, "accent_colour", "six hexadecimal digits"),
        ("#12345g", None, "accent_colour", "six hexadecimal digits"),
        ("#1f3f77;}body{display:none", None, "accent_colour", "six hexadecimal digits"),
        ("", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "logo", "PNG or JPEG"),
        ("", b"GIF89a", "logo", "PNG or JPEG"),
        ("", PNG + b"0" * 200 * 1024, "logo", "larger than 200 kB"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(colour: str, logo: bytes | None, field: str, sentence: str) -> None:
    with tenant(make_organization()):
        with pytest.raises(DomainError, match=sentence) as refusal:
            change_look(accent_colour=colour, logo=logo, actor=ACTOR, now=NOW)
        assert refusal.value.field == field
        profile = OrganizationProfile.objects.get()
        assert (profile.accent_colour, profile.logo) == ("", None)
