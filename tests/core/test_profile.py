"""The creditor's identity: entered once, checked at the door, every change kept."""

import re
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from dunning.core.errors import DomainError
from dunning.core.identity import update_profile
from dunning.core.models import AuditEvent, OrganizationProfile
from dunning.core.services import create_organization
from dunning.core.tenancy import tenant
from tests.factories import make_organization

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 10, 1, 7, 30, tzinfo=UTC)


def test_a_new_organization_writes_from_its_owners_address() -> None:
    new = create_organization(slug="atelier", name="Atelier SAS", owner_email="Claire@Atelier.example", actor="test", now=MORNING)
    with tenant(new.organization):
        profile = OrganizationProfile.objects.get()
    assert (profile.sender_name, profile.sender_email, profile.reply_to) == (
        "Atelier SAS",
        "claire@atelier.example",
        "claire@atelier.example",
    )


def test_a_first_iban_is_compacted_and_its_entry_is_kept() -> None:
    organization = make_organization(iban="", bic="")
    with tenant(organization):
        changed = update_profile(actor="user:claire", now=MORNING, iban="fr76 3000 6000 0112 3456 7890 189", city="Lyon")
        assert changed == ["iban"]
    with tenant(organization):
        assert OrganizationProfile.objects.get().iban == "FR7630006000011234567890189"
        event = AuditEvent.objects.get(action="organization.profile_changed")
        assert event.body["before"] == {"iban": ""}


@pytest.mark.parametrize(("field", "value"), [("iban", "FR7630006000011234567890189"), ("bic", "AGRIFRPP"), ("account_holder", "Mallory")])
def test_an_account_on_file_is_not_replaced_by_one_person(field: str, value: str) -> None:
    organization = make_organization()
    with tenant(organization), pytest.raises(DomainError) as refusal:
        update_profile(actor="user:claire", now=MORNING, city="Paris", **{field: value})
    assert (refusal.value.code, refusal.value.field) == ("takes_two_people", field)
    with tenant(organization):
        profile = OrganizationProfile.objects.get()
        assert (profile.iban, profile.bic, profile.city) == ("FR2099999000010000000001A82", "EXMPFRPPXXX", "Lyon")


@pytest.mark.parametrize(
    ("field", "value"), [("iban", "FR7630006000011234567890188"), ("siren", "123456789"), ("sender_email", "nobody"), ("password", "x")]
)
def test_a_wrong_value_is_refused_by_name_and_nothing_changes(field: str, value: str) -> None:
    organization = make_organization()
    with tenant(organization), pytest.raises(DomainError) as refusal:
        update_profile(actor="user:claire", now=MORNING, city="Paris", **{field: value})
    assert refusal.value.field == field
    with tenant(organization):
        assert OrganizationProfile.objects.get().city == "Lyon"


def test_the_command_shows_what_changed_and_refuses_in_one_sentence() -> None:
    make_organization(slug="atelier")
    out = StringIO()
    call_command("profile", "--organization", "atelier", "city=Paris", stdout=out)
    assert out.getvalue() == "city: Paris\nledger_gate: True\nsupervised_until: None\n"
    with pytest.raises(CommandError, match="IBAN"):
        call_command("profile", "--organization", "atelier", "iban=FR00", stdout=out)


def test_the_ledger_gate_is_switched_by_a_person_and_the_trail_says_so() -> None:
    organization = make_organization(slug="atelier")
    call_command("profile", "--organization", "atelier", "--ledger-gate", "off", stdout=StringIO())
    with tenant(organization):
        assert OrganizationProfile.objects.get().ledger_gate is False
        assert AuditEvent.objects.get(action="organization.ledger_gate").body == {"enabled": False}


def test_sending_hours_end_after_they_begin() -> None:
    organization = make_organization()
    with tenant(organization), pytest.raises(DomainError) as refusal:
        update_profile(actor="user:claire", now=MORNING, window_start="18:00", window_end="09:00")
    assert refusal.value.field == "window_end"
    with tenant(organization):
        assert OrganizationProfile.objects.get().window_start.hour == 9


def test_the_command_moves_the_clock_and_refuses_a_zone_that_is_none() -> None:
    organization = make_organization()
    output = StringIO()
    call_command("profile", organization=organization.slug, timezone="Pacific/Auckland", run_hour=5, stdout=output)
    assert "timezone: Pacific/Auckland\nrun_hour: 5" in output.getvalue()
    with pytest.raises(CommandError, match="Mars"):
        call_command("profile", organization=organization.slug, timezone="Europe/Mars")
    organization.refresh_from_db()
    assert (organization.timezone, organization.run_hour) == ("Pacific/Auckland", 5)
    with tenant(organization):
        assert AuditEvent.objects.filter(action="organization.clock_changed").count() == 1


def test_the_command_sets_the_penalty_clause_the_figures_and_supervision() -> None:
    organization = make_organization(slug="atelier")
    out = StringIO()
    call_command(
        "profile", "--organization", "atelier", "penalty_mode=contract_legal_x", "penalty_value=3", "promise_max_days=45", stdout=out
    )
    assert "penalty_mode: contract_legal_x\npenalty_value: 3" in out.getvalue()
    for wrong in ("penalty_value=2", "promise_share_percent=0", "residue_percent=1.5", "formal_notice_days=15"):
        with pytest.raises(CommandError):
            call_command("profile", "--organization", "atelier", wrong, stdout=out)
    call_command("profile", "--organization", "atelier", "--supervised-until", "off", stdout=out)
    with tenant(organization):
        profile = OrganizationProfile.objects.get()
    assert (profile.penalty_value, profile.promise_max_days, profile.supervised_until) == (3, 45, None)
    call_command("profile", "--organization", "atelier", "penalty_mode=default_ecb10", stdout=out)
    with tenant(organization):
        assert OrganizationProfile.objects.get().penalty_value is None


def test_every_setting_can_be_changed_by_somebody_and_is_read_somewhere() -> None:
    """A column of the profile that no service writes is a promise to nobody; one that nothing reads is a promise not kept."""
    root = Path(__file__).parents[2]
    folders = ("dunning", "customers", "invoices", "notifications", "scenarios", "templates")
    sources = {path: path.read_text() for folder in folders for path in (root / folder).rglob("*") if path.suffix in (".py", ".html")}
    kept = {path: text for path, text in sources.items() if path.name != "profile.py" and "migrations" not in path.parts}
    core = "".join(text for path, text in kept.items() if path.is_relative_to(root / "dunning/core"))
    for field in OrganizationProfile._meta.get_fields():
        if field.name in ("id", "organization"):
            continue
        assert re.search(rf"\b{field.name}\b", core) or re.search(rf"\.update\({field.name}=", "".join(kept.values())), field.name
        read = "".join(text for path, text in kept.items() if path.name not in ("identity.py", "services.py", "chasing.py"))
        assert re.search(rf"\b{field.name}\b", read), field.name
