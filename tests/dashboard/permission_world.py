"""Something behind every address of the dashboard: the world of the API's tests, and what only people make."""

from datetime import timedelta
from typing import Any, Final

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, reverse

from customers.models import Contact, Customer
from dunning.core import documents, notices, people
from dunning.core.api_keys import list_api_keys
from dunning.core.enums import Channel, NoticeKind, NoticeTopic, Role
from dunning.core.models import BankDetailsChange, Document, ManyAct, Membership, Notice, Organization, OrganizationProfile, User
from dunning.core.tenancy import tenant
from dunning.core.tokens import new_id
from dunning.dashboard.urls import urlpatterns
from invoices.enums import ActKind, ActSource, ImportKind
from invoices.models import DebtorAct, Declaration, DeclarationFile, ImportBatch, ImportFile, Installment, PaymentPlan
from notifications import cards
from notifications.enums import EventState, MessageState, ProofKind
from notifications.models import Attachment, InboundEvent, InboundFile, InboundMessage, Message, ProofFile, ProviderAccount
from scenarios.enums import Phase
from scenarios.models import Action, ActionPlan, Commitment
from scenarios.services.asking import ask_for_hold
from scenarios.services.mandates import draft_mandate, sign_mandate
from scenarios.services.other_contact import name_other
from scenarios.services.plan_drafts import begin_draft, draft_content
from tests.api.conftest import ACTOR, NOW, NOWHERE
from tests.api.world import TODAY, World, inhabit
from tests.dashboard.conftest import sign_in
from tests.notifications.mailroom import write
from tests.scenarios.road import pdf

ROLES: Final = (Role.OWNER, Role.ADMIN, Role.COLLECTOR, Role.SALES, Role.VIEWER)
WHO: Final[dict[str, Any]] = {"actor": ACTOR, "now": NOW}
KINDS: Final = {  # what the id of an address is of, by how the address begins; the longest beginning counts
    "tasks/<uuid:pk>/named": "named",
    "calls": "tasks",
    "calls/confirm": "messages",
    "items": "installments",
    "said": "acts",
    "customers/<uuid:pk>/insolvency/end": "insolvent",
    "customers/<uuid:pk>/insolvency/split": "insolvent",
    "imports/loads": "batches",
    "instalments": "agreements",
    "plans/drafts": "drafts",
    "messages/<uuid:pk>/settle": "doubtful",
    "messages/<uuid:pk>/html": "sent",
    "messages/<uuid:pk>/answer": "sent",
    "messages/<uuid:pk>/page": "sent",
    "messages/<uuid:pk>/letter": "letters",
    "messages/inbox": "replies",
    "messages/inbox/<uuid:pk>/join": "nobodys",
    "messages/inbox/calls": "calls_in_trouble",
    "settings/members": "members",
    "settings/members/invitations": "invitations",
    "settings/webhooks": "webhooks",
    "settings/api-keys": "api_keys",
    "settings/bank": "bank_changes",
}
PARTS: Final = {  # what one address alone needs
    "report": {"key": "ageing"},
    "report_drawing": {"key": "ageing"},
    "sending_way": {"key": "smtp"},
    "text_letter": {"key": "r1_letter", "channel": "letter"},
}
WORDS: Final = {"subject": "Votre facture", "body": "Bonjour", "phase": str(int(Phase.FRIENDLY)), "seen": "0"}


def patterns() -> dict[str, URLPattern]:
    """The addresses of the dashboard by name; of two with one name, the shorter."""
    return {str(pattern.name): pattern for pattern in reversed(urlpatterns)}


def address(pattern: URLPattern, ids: dict[str, str], *, nowhere: bool = False) -> str:
    """That address in that world, or (`nowhere`) of a record that does not exist."""
    route, name = str(pattern.pattern), str(pattern.name)
    kind = KINDS.get(max((start for start in KINDS if route.startswith(start)), key=len, default=""), route.partition("/")[0])
    known = {
        "pk": NOWHERE if nowhere else ids.get(kind, ""),
        "file": ids.get(f"files of {kind}", ""),
        "delivery": ids["webhook-deliveries"],
        "token": ids.get(f"token of {name}", ids["token"]),
        "step": "addresses",
        "key": ids["step"] if kind == "drafts" else "r1",
        "channel": "email",
        "language": "fr",
        "number": "1",
        "part": "cheques",
        **PARTS.get(name, {}),
    }
    return reverse(f"dashboard:{name}", kwargs={argument: known[argument] for argument in pattern.pattern.converters})


def typed(name: str, world: World) -> dict[str, str]:
    """What is sent to a door: nothing, except to those that would answer "unknown" to an empty form."""
    texts = {"text_rendering": WORDS, "text_letter": WORDS}
    return {"switch_organization": {"organization": str(world.organization.pk)}, **texts}.get(name, {})


def staff(organization: Organization) -> dict[str, Client]:
    """Somebody of every role, signed in."""
    return {role: sign_in(organization, role, f"{role}@atelier.example") for role in ROLES}


def furnish(organization: Organization, owner: Client) -> World:
    """An organization with something behind every address, committed; its first customer is looked after by the one in sales."""
    world = inhabit(organization)
    with tenant(organization):
        Customer.objects.filter(number="C1").update(account_owner=User.objects.get(email="sales@atelier.example"))
        world.ids |= _of_the_ledger(world) | _of_messages(world) | _of_plans(world)
        world.ids |= _of_people(organization)
    world.ids |= _by_its_owner(world, owner)
    return world


def _of_people(organization: Organization) -> dict[str, str]:
    """What one person is told and may end, and nobody else."""
    ids = {}
    for member in Membership.objects.filter(organization=organization, user__email__in=[f"{role}@atelier.example" for role in ROLES]):
        notice = Notice.objects.create(membership=member, kind=NoticeKind.TASK, topic=NoticeTopic.DAY, key="once", at=NOW)
        ids[f"notices of {member.role}"] = str(notice.pk)
        ids["token of digest_stop"] = notices.stop_address(member).rstrip("/").rpartition("/")[2]
    return ids


def _paper() -> Document:
    return documents.store(content=pdf("preuve"), media_type="application/pdf", filename="preuve.pdf", now=NOW)


def _of_the_ledger(world: World) -> dict[str, str]:
    customer = Customer.objects.get(pk=world.ids["customers"])
    contact = Contact.objects.filter(customer=customer).exclude(email="").first()
    item = Installment.objects.get(pk=world.ids["installments"])
    assert contact is not None
    said = Declaration.objects.create(
        customer=customer,
        contact=contact,
        nonce="once",
        action="accepted",
        language="en",
        wording="Accepted",
        wording_sha256="0" * 64,
        at=NOW,
        link_id=new_id(),
    )
    file = DeclarationFile.objects.create(declaration=said, document=_paper(), filename="bon.pdf")
    act = DebtorAct.objects.create(
        customer=customer,
        installment=item,
        kind=ActKind.ACCEPTED,
        source=ActSource.PORTAL,
        at=NOW,
        actor=f"contact:{contact.pk}",
        declaration=said,
    )
    batch = ImportBatch.objects.create(kind=ImportKind.OPEN_ITEMS, filename="a.csv", sha256="0" * 64, actor=ACTOR, loaded_at=NOW)
    named = name_other(
        contact=contact, items=[item.pk], message_id=None, name="Paul", email="paul@gmail.example", role="accounting", today=TODAY, **WHO
    )
    cards.set_up(api_key=f"sk_test_{'x' * 24}", signing_secret=f"whsec_{'x' * 24}", **WHO)
    OrganizationProfile.objects.update(mandate_scheme="core", creditor_identifier="FR72ZZZ123456")
    other = Customer.objects.get(number="D0")
    paper = draft_mandate(customer=other, iban="FR7630006000011234567890189", holder="Durand", language="en", today=TODAY)
    mandate = sign_mandate(customer=other, draft=paper, sha256=paper.sha256, name="Anne", today=TODAY, **WHO)
    sent = Message.objects.filter(state=MessageState.ACCEPTED).exclude(link_digest="").first()
    assert named.task is not None and sent is not None
    asked = ask_for_hold(customer=customer, ends_on=TODAY + timedelta(days=5), reason="New buyer", today=TODAY, **WHO)
    found = {
        "requests": asked,
        "acts": act,
        "files of acts": file,
        "batches": batch,
        "named": named.task,
        "mandates": mandate,
        "sent": sent,
    }
    return {name: str(row.pk) for name, row in found.items()}


def _of_messages(world: World) -> dict[str, str]:
    letter = Message.objects.get(pk=world.ids["letters"])
    proof = ProofFile.objects.create(message=letter, document=_paper(), kind=ProofKind.DEPOSIT, added_at=NOW, added_by=ACTOR)
    said = {"channel": Channel.EMAIL, "kind": "human", "sender": "x@elsewhere.example", "said": "Bonjour", "text": "Bonjour"}
    reply = InboundMessage.objects.create(event_id=new_id(), customer=letter.customer, received_at=NOW, **said)
    nobodys = InboundMessage.objects.create(event_id=new_id(), received_at=NOW, **said)
    file = InboundFile.objects.create(inbound=reply, document=_paper(), filename="bon.pdf")
    account = ProviderAccount.objects.get(channel=Channel.EMAIL, is_active=True)
    state = {"state": EventState.UNREADABLE, "error": "It is no JSON", "due_at": NOW, "received_at": NOW}
    event = InboundEvent.objects.create(account_id=account.pk, kind="post_office", key="k", body=b"{", **state)
    attached = Attachment.objects.create(message_id=world.ids["messages"], document=_paper(), filename="FA-1.pdf")
    doubtful = write(letter.customer, planned_on=TODAY, state=MessageState.UNPROVEN)
    found = {
        "files of letters": proof,
        "replies": reply,
        "nobodys": nobodys,
        "files of replies": file,
        "calls_in_trouble": event,
        "files of messages": attached,
        "doubtful": doubtful,
    }
    return {name: str(row.pk) for name, row in found.items()}


def _of_plans(world: World) -> dict[str, str]:
    plan = ActionPlan.objects.get(key="standard")
    action = Action.objects.exclude(installment=None).first()
    assert action is not None and action.installment is not None
    announced = Commitment.objects.create(
        installment=action.installment,
        customer=action.installment.customer,
        consequence="penalties",
        announced_by=action,
        announced_on=TODAY,
        due_on=TODAY + timedelta(days=8),
        plan=plan,
        step_key="r2",
    )
    draft = begin_draft(plan=plan, **WHO)
    step = draft_content(draft).steps[0].key
    return {"commitments": str(announced.pk), "drafts": str(draft.pk), "plans": str(plan.pk), "step": step}


def _by_its_owner(world: World, owner: Client) -> dict[str, str]:
    """What is quickest made on screen."""

    def send(door: str, *arguments: str, **typed: Any) -> None:
        answer = owner.post(reverse(f"dashboard:{door}", args=arguments), typed)
        assert answer.status_code in (200, 302), (door, answer.status_code)

    items = {"items": [world.ids["installments"]], "count": "3", "first_on": "2026-10-15", "gap": "month", "name": "Anne Durand"}
    send("instalments", world.ids["customers"], **items)
    send("imports", file=[SimpleUploadedFile("clients.csv", b"number;name\nC9;Neuf\n")])
    send("api_key_new", name="ERP 2", which="read")
    account = {"iban": "FR7630006000011234567890189", "holder": "Atelier SAS", "bic": "", "bank_name": "", "reason": "New bank"}
    send("bank_propose", password="correct horse battery", **account)
    with tenant(world.organization):
        frozen = Customer.objects.get(number="D0")
    kind = {"kind": "safeguard", "opened_on": "2026-10-01"}
    send("insolvency", str(frozen.pk), **kind)
    mine = User.objects.get(email="owner@atelier.example")
    send("customers_many", act="assign", row=str(frozen.pk), confirmed="1", owner=str(mine.pk))
    with tenant(world.organization):
        invited = people.invite(email="new@atelier.example", role=Role.VIEWER, by=people.members()[0], now=NOW)
        ImportFile.objects.update(errors=_paper())
        found: dict[str, Any] = {
            "agreements": PaymentPlan.objects.get(),
            "imports": ImportFile.objects.get(),
            "invitations": invited.invitation,
            "api_keys": list_api_keys(world.organization)[0],
            "bank_changes": BankDetailsChange.objects.get(),
            "members": people.members()[0],
            "insolvent": frozen,
            "many": ManyAct.objects.get(),
        }
    return {"token": invited.token, **{name: str(row.pk) for name, row in found.items()}}
