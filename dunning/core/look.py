"""How a creditor looks to its debtors: its logo, and one colour that people with weak eyes can still read."""

import re
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _

from dunning.core import audit, documents
from dunning.core.errors import DomainError
from dunning.core.models import OrganizationProfile

LARGEST_LOGO: Final = 200 * 1024  # bytes: it is loaded on old telephones
LEAST_CONTRAST: Final = 4.5  # WCAG 2.2, 1.4.3: text of usual size
PAPER: Final = "#f8f5ef"
"""What links stand on, in static/css/tokens.css; white letters stand on the colour itself."""
_PICTURES: Final = ((b"\x89PNG\r\n\x1a\n", "image/png", "logo.png"), (b"\xff\xd8\xff", "image/jpeg", "logo.jpg"))


def change_look(*, accent_colour: str, logo: bytes | None, keep_logo: bool = True, actor: str, now: datetime) -> list[str]:
    """Set the colour (#rrggbb, or "" for the product's own) and, when given, the logo; what changed. Without one and without `keep_logo`
    the logo is taken away.

    Raises DomainError naming the field: a colour on which white cannot be read, or which cannot be read on paper; a logo that is no PNG
    or JPEG, or too large. Nothing is written then.
    """
    colour = accent_colour.strip().lower()
    if colour and not re.fullmatch(r"#[0-9a-f]{6}", colour):
        raise DomainError(_("Write the colour as six hexadecimal digits after a #, such as #1f3f77."), field="accent_colour")
    if colour and min(contrast(colour, "#ffffff"), contrast(colour, PAPER)) < LEAST_CONTRAST:
        raise DomainError(
            _("This colour is too light: white letters on it, and links in it, could not be read by everybody. Choose a darker one."),
            field="accent_colour",
        )
    profile = OrganizationProfile.objects.select_for_update(no_key=True).get()
    changed = ["accent_colour"] if colour != profile.accent_colour else []
    profile.accent_colour = colour
    if logo is not None:
        media_type, filename = _kind_of(logo)
        profile.logo = documents.store(content=logo, media_type=media_type, filename=filename, now=now)
        changed.append("logo")
    elif not keep_logo and profile.logo_id is not None:
        profile.logo = None
        changed.append("logo")
    if changed:
        profile.save(update_fields=changed)
        body = {"colour": colour, "logo": profile.logo.sha256 if profile.logo is not None else ""}
        audit.record(actor=actor, action="organization.look_changed", target=profile, body=body, now=now)
    return changed


def _kind_of(logo: bytes) -> tuple[str, str]:
    if len(logo) > LARGEST_LOGO:
        raise DomainError(_("The logo is larger than 200 kB: send a smaller picture."), field="logo")
    for start, media_type, filename in _PICTURES:
        if logo.startswith(start):
            return media_type, filename
    raise DomainError(_("The logo must be a PNG or JPEG picture."), field="logo")


def contrast(one: str, other: str) -> float:
    """The contrast of two colours #rrggbb, from 1 (none) to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[start : start + 2], 16) / 255) for start in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def deeper(colour: str) -> str:
    """The colour under a pointer: a fifth darker."""
    return "#" + "".join(f"{int(colour[start : start + 2], 16) * 4 // 5:02x}" for start in (1, 3, 5))
