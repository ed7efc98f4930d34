"""The demonstration: Menuiserie Exemplaire SAS, its two hundred customers, and a year of its life that ends today."""

from datetime import date, datetime, timedelta
from typing import Any, Final

from customers.models import Customer, CustomerGroup
from customers.services import ContactFields, add_contacts, create_customers
from dunning.core.models import Organization, User
from dunning.core.services import create_organization, switch_supervision
from dunning.core.tenancy import tenant
from scenarios.context import local_date
from scenarios.models import DailyRun
from scenarios.services.setup import set_up_organization
from scenarios.simulation.book import OPEN
from scenarios.simulation.cast import Character, cast
from scenarios.simulation.people import People
from scenarios.simulation.player import Played, play
from scenarios.simulation.stories import Stories, story_cast, tie_together
from scenarios.simulation.trade import Trade

SLUG: Final = "menuiserie-exemplaire"
NAME: Final = "Menuiserie Exemplaire SAS"
OWNER: Final = "demo@menuiserie-exemplaire.example"
ACTOR: Final = "demo"
YEAR: Final = timedelta(days=365)
SUPERVISED: Final = 10  # business days from today: the departure board waits for its reader

PROFILE: Final[dict[str, Any]] = {
    "legal_name": NAME,
    "legal_form": "SAS",
    "share_capital": "50\u202f000\u00a0€",
    "siren": "999999014",
    "siret": "99999901400015",
    "rcs_city": "Lyon",
    "vat_number": "FR66999999014",
    "address_line1": "14 rue des Copeaux",
    "postal_code": "69007",
    "city": "Lyon",
    "country": "FR",
    "phone": "01 99 00 12 34",
    "email": "comptabilite@menuiserie-exemplaire.example",
    "account_holder": NAME,
    "iban": "FR2099999000010000000001A82",
    "bank_name": "Banque de l’Exemple",
    "sender_name": "Claire Petit",
    "sender_email": "comptabilite@menuiserie-exemplaire.example",
    "reply_to": "comptabilite@menuiserie-exemplaire.example",
    "sms_sender": "MENUISERIE",
    "signatory_name": "Claire Petit",
    "signatory_title": "Responsable du recouvrement",
    "signatory_phone": "01 99 00 12 35",
    "supervised_until": None,
}


class DemoLife:
    """The trade in the morning, the people at work."""

    def __init__(self, organization: Organization, board_day: date) -> None:
        with tenant(organization):
            self.trade = Trade()
        self.people = People(self.trade, organization)
        self.stories = Stories(self.trade, board_day)

    def morning(self, today: date, now: datetime) -> None:
        self.trade.receive(today, now)
        self.trade.issue(today, now)
        self.stories.morning(today, now)

    def at_work(self, today: date, now: datetime) -> None:
        self.people.spend(today, now)
        self.stories.at_work(today, now)


def exists() -> Organization | None:
    """The demonstration's organization, if it was prepared."""
    return Organization.objects.filter(slug=SLUG).first()


def prepare(*, now: datetime) -> tuple[Organization, User, str]:
    """Create the organization, its plans and texts and its customers; the password is empty when they exist already."""
    organization = exists()
    if organization is not None:
        return organization, User.objects.get(email=OWNER), ""
    new = create_organization(
        slug=SLUG, name=NAME, owner_email=OWNER, owner_name="Claire Petit", actor=ACTOR, now=now, is_demo=True, **PROFILE
    )
    set_up_organization(organization=new.organization, actor=ACTOR, now=now)
    today = local_date(new.organization, now)
    with tenant(new.organization):
        create_cast([*cast(), *story_cast()], new.owner, today, now)
        tie_together(today=today, now=now)
    return new.organization, new.owner, new.password


def create_cast(characters: list[Character], owner: User, today: date, now: datetime) -> None:
    """These customers with their contacts, looked after by `owner`."""
    groups = {group.key: group for group in CustomerGroup.objects.all()}
    rows: list[Any] = [_row(character, groups[character.group], owner) for character in characters]
    customers = create_customers(rows=rows, actor=ACTOR, today=today, now=now)
    # A person confirmed these kinds when the accounts were opened: public bodies and consumers have no VAT number to prove it.
    Customer.objects.filter(pk__in=[customer.pk for customer in customers]).update(kind_confirmed_at=now)
    chains: dict[Customer, list[ContactFields]] = {
        customer: [{"name": who.name, "role": who.role, "email": who.email, "phone": who.phone} for who in character.people]
        for character, customer in zip(characters, customers, strict=True)
    }
    add_contacts(chains=chains, actor=ACTOR, today=today, now=now)


def _row(character: Character, group: CustomerGroup, owner: User) -> dict[str, Any]:
    line, postal_code, city = character.address
    days, end_of_month = character.terms
    return {
        "number": character.number,
        "name": character.name,
        "kind": character.kind,
        "legal_form": character.legal_form,
        "siren": character.siren,
        "language": character.language,
        "group": group,
        "account_owner": owner,
        "address_line1": line,
        "postal_code": postal_code,
        "city": city,
        "registered_line1": line,
        "registered_postal_code": postal_code,
        "registered_city": city,
        "legal_representative": character.representative,
        "payment_means": character.means,
        "payment_days": days,
        "payment_end_of_month": end_of_month,
    }


def is_behind(organization: Organization, today: date) -> bool:
    """Whether days are left to play."""
    with tenant(organization):
        last = DailyRun.objects.order_by("-local_date").values_list("local_date", flat=True).first()
    return last is None or last < today


def live(*, organization: Organization, now: datetime, on_day: Any = None) -> Played | None:
    """Play the year up to today, or the days missed since; None when the life is up to date.

    The messages of the last business day wait on the departure board, so that there is something to read and to approve.
    """
    today = local_date(organization, now)
    if not is_behind(organization, today):
        return None
    with tenant(organization):
        last = DailyRun.objects.order_by("-local_date").values_list("local_date", flat=True).first()
        switch_supervision(until=None, actor=ACTOR, now=now)
    first = today - YEAR if last is None else last + timedelta(days=1)
    board_day = OPEN.roll_back(today)
    life = DemoLife(organization, board_day)
    played = Played()
    if first < board_day:
        played = play(organization=organization, first=first, last=board_day - timedelta(days=1), life=life, on_day=on_day)
    with tenant(organization):
        switch_supervision(until=OPEN.add_business_days(today, SUPERVISED), actor=ACTOR, now=now)
    rest = play(organization=organization, first=max(first, board_day), last=today, life=life, on_day=on_day)
    return played.joined(rest)
