"""What identifies a company or a person, checked and put in one form. Pure: no query, no network.

Every function takes what a person typed or a file held, returns "" for blank, and raises DomainError with the field's name and a sentence
that says what to do. The tables of telephone numbers are imported where they are asked for: most processes never do (5 MB).
"""

import re
from functools import lru_cache

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from stdnum import bic as stdnum_bic
from stdnum import iban as stdnum_iban
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError as InvalidNumber
from stdnum.fr import siren as fr_siren
from stdnum.fr import siret as fr_siret

from customers.enums import CustomerKind
from dunning.core.errors import DomainError

_COUNTRY = re.compile(r"[A-Z]{2}")
_FRENCH_VAT = re.compile(r"FR[0-9A-Z]{2}[0-9]{9}")


def _bare(text: str) -> str:
    return re.sub(r"[\s.\-]+", "", text).upper()


def clean_siren(text: str) -> str:
    """Nine digits whose Luhn key is right."""
    bare = _bare(text)
    if not bare:
        return ""
    try:
        return str(fr_siren.validate(bare))
    except InvalidNumber:
        raise DomainError(_("“%s” is not a SIREN: nine digits with a right key.") % text.strip(), code="bad_siren", field="siren") from None


def clean_siret(text: str) -> str:
    """Fourteen digits whose Luhn key is right (La Poste's own rule included)."""
    bare = _bare(text)
    if not bare:
        return ""
    try:
        return str(fr_siret.validate(bare))
    except InvalidNumber:
        raise DomainError(
            _("“%s” is not a SIRET: fourteen digits with a right key.") % text.strip(), code="bad_siret", field="siret"
        ) from None


def clean_vat_number(text: str) -> str:
    """An intra-community VAT number with its country's letters and key; other countries' are kept as 4 to 20 letters and digits."""
    bare = _bare(text)
    if not bare:
        return ""
    wrong = DomainError(
        _("“%s” is not a VAT number: it starts with its country's letters, such as FR66999999014.") % text.strip(),
        code="bad_vat_number",
        field="vat_number",
    )
    known = bare[:2].lower() in eu_vat.MEMBER_STATES or bare[:2] == "EL"
    if known:
        try:
            return str(eu_vat.validate(bare))
        except InvalidNumber:
            raise wrong from None
    if not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{2,18}", bare):
        raise wrong
    return bare


def clean_iban(text: str, field: str = "iban") -> str:
    """An IBAN without spaces whose key is right."""
    bare = _bare(text)
    if not bare:
        return ""
    try:
        return str(stdnum_iban.validate(bare))
    except InvalidNumber:
        raise DomainError(_("“%s” is not a valid IBAN: check it letter by letter.") % text.strip(), code="bad_iban", field=field) from None


def clean_bic(text: str, field: str = "bic") -> str:
    """A BIC of 8 or 11 characters."""
    bare = _bare(text)
    if bare and not stdnum_bic.is_valid(bare):
        raise DomainError(
            _("“%s” is not a BIC: it has 8 or 11 letters and figures, and may be left blank.") % text.strip(), code="bad_bic", field=field
        )
    return bare


def clean_email(text: str) -> str:
    """An address, its domain in lower case."""
    bare = text.strip()
    if not bare:
        return ""
    try:
        validate_email(bare)
    except ValidationError:
        raise DomainError(_("“%s” is not an e-mail address.") % bare, code="bad_email", field="email") from None
    name, _at, domain = bare.rpartition("@")
    return f"{name}@{domain.lower()}"


def clean_phone(text: str, country: str = "FR") -> str:
    """A number in E.164, read with the customer's country: "01 99 00 12 34" in FR → "+33199001234"."""
    import phonenumbers

    bare = text.strip()
    if not bare:
        return ""
    wrong = DomainError(
        _("“%s” is not a telephone number; write it with its country code, such as +33 1 99 00 12 34.") % bare,
        code="bad_phone",
        field="phone",
    )
    try:
        number = phonenumbers.parse(bare, country)
    except phonenumbers.NumberParseException:
        raise wrong from None
    # "Possible", not "valid": ranges kept for fiction and ranges opened after this library's release must pass.
    if not phonenumbers.is_possible_number(number):
        raise wrong
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def is_mobile(phone: str) -> bool:
    """Whether a text message can reach this E.164 number, as far as its range tells (France: 06 and 07)."""
    if phone.startswith("+33"):
        return phone[3:4] in ("6", "7")
    import phonenumbers

    try:
        kind = phonenumbers.number_type(phonenumbers.parse(phone, None))
    except phonenumbers.NumberParseException:
        return False
    return kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


@lru_cache(maxsize=4096)
def phone_place(phone: str) -> tuple[str, tuple[str, ...]]:
    """The country (ISO 3166) of an E.164 number and the time zones it may be in, by its range; ("", ()) when the number does not say."""
    import phonenumbers
    from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

    try:
        number = phonenumbers.parse(phone, None)
    except phonenumbers.NumberParseException:
        return "", ()
    country = phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(number.country_code or 0)
    zones = tuple(zone for zone in time_zones_for_number(number) if zone != UNKNOWN_TIMEZONE)
    return (country if country in phonenumbers.SUPPORTED_REGIONS else ""), zones


def clean_country(text: str) -> str:
    """Two capital letters of ISO 3166; blank is FR."""
    bare = text.strip().upper() or "FR"
    if bare == "FR":
        return bare
    import phonenumbers

    if not _COUNTRY.fullmatch(bare) or bare not in phonenumbers.SUPPORTED_REGIONS:
        raise DomainError(_("“%s” is not a country: write two letters, such as FR.") % text.strip(), code="bad_country", field="country")
    return bare


def siren_of(siret: str, vat_number: str) -> str:
    """The SIREN that a SIRET or a French VAT number contains, or ""."""
    if siret:
        return siret[:9]
    return vat_number[4:] if _FRENCH_VAT.fullmatch(vat_number) else ""


def propose_kind(siren: str, vat_number: str) -> CustomerKind:
    """What the identifiers suggest: SIRENs beginning with 1 or 2 belong to public bodies (INSEE); none at all says nothing (rule 11)."""
    if siren[:1] in ("1", "2"):
        return CustomerKind.PUBLIC
    return CustomerKind.BUSINESS if siren or vat_number else CustomerKind.UNKNOWN
