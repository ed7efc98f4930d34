"""Settings, members: inviting, joining, roles, letting go; who may not, and what stays closed."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from dunning.core import clock, people
from dunning.core.enums import Role
from dunning.core.errors import DomainError
from dunning.core.models import AuditEvent, Invitation, Membership, User
from dunning.core.tenancy import tenant
from tests.dashboard.conftest import NOW, House, sign_in
from tests.factories import make_organization

PAGES = ["settings", "members", "member_invite"]
NEW = {"name": "Paul Roux", "password": "nuage vert sur la mer", "again": "nuage vert sur la mer"}


def of(house: House, email: str) -> Membership:
    return Membership.objects.get(organization=house.organization, user__email=email)


def invited(client: Client, email: str = "paul@atelier.example", role: str = Role.ADMIN) -> str:
    """The path of the link that is shown once."""
    answer = client.post(reverse("dashboard:member_invite"), {"email": email, "role": role})
    assert answer.status_code == 200
    return urlsplit(answer.context["link"]).path


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_are_drawn_for_those_who_manage(owner: Client, viewer: Client, name: str) -> None:
    assert owner.get(reverse(f"dashboard:{name}")).status_code == 200
    assert viewer.get(reverse(f"dashboard:{name}")).status_code == (200 if name == "settings" else 403)
    assert Client().get(reverse(f"dashboard:{name}")).status_code == 302


def test_an_invited_person_makes_an_account_and_is_in(owner: Client, house: House) -> None:
    path = invited(owner)
    visitor = Client(headers={"accept-language": "en"})
    shown = visitor.get(path)
    assert shown.status_code == 200 and "Claire Petit invites paul@atelier.example" in shown.content.decode()
    assert shown["Referrer-Policy"] == "no-referrer"
    assert visitor.post(path, NEW)["Location"] == reverse("dashboard:today")
    assert visitor.get(reverse("dashboard:members")).status_code == 200
    assert of(house, "paul@atelier.example").role == Role.ADMIN
    assert Client().get(path).status_code == 404  # it serves once
    with tenant(house.organization):
        trail = list(AuditEvent.objects.filter(action__startswith="member.").values_list("action", flat=True).order_by("sequence"))
        assert trail == ["member.invited", "member.joined"]


def test_the_link_lies_nowhere(owner: Client, house: House) -> None:
    token = invited(owner).rstrip("/").rpartition("/")[2]
    row = Invitation.objects.get()
    assert token not in str(vars(row)) and len(row.token_hash) == 64
    assert token not in owner.get(reverse("dashboard:members")).content.decode()


def test_what_is_wrong_is_said_on_the_form_and_nothing_is_made(owner: Client, house: House) -> None:
    path = invited(owner)
    for said, word in (
        ({**NEW, "again": "autre chose"}, "differ"),
        ({**NEW, "password": "court", "again": "court"}, "too short"),
        ({**NEW, "name": " "}, "required"),
    ):
        answer = Client(headers={"accept-language": "en"}).post(path, said)
        assert answer.status_code == 422 and word in answer.content.decode()
    assert not User.objects.filter(email="paul@atelier.example").exists()
    answer = owner.post(reverse("dashboard:member_invite"), {"email": "claire@atelier.example", "role": Role.VIEWER})
    assert answer.status_code == 422 and "belongs to your organization already" in answer.content.decode()


def test_who_has_an_account_signs_in_and_keeps_the_password(owner: Client, house: House) -> None:
    elsewhere = sign_in(make_organization(), email="paul@atelier.example")
    before = User.objects.get(email="paul@atelier.example").password
    path = invited(owner, role=Role.COLLECTOR)
    stranger = Client(headers={"accept-language": "en"})
    assert "sign in with it" in stranger.get(path).content.decode()
    assert stranger.post(path, NEW).status_code == 422
    assert owner.post(path, NEW).status_code == 422  # signed in, but as somebody else
    assert not Membership.objects.filter(organization=house.organization, user__email="paul@atelier.example").exists()
    assert elsewhere.post(path).status_code == 302
    assert of(house, "paul@atelier.example").role == Role.COLLECTOR
    assert User.objects.get(email="paul@atelier.example").password == before


def test_a_link_that_is_over_opens_nothing(owner: Client, house: House) -> None:
    withdrawn, late = invited(owner), invited(owner, "lea@atelier.example")
    row = Invitation.objects.get(email="paul@atelier.example")
    assert owner.post(reverse("dashboard:invitation_withdraw", args=[row.pk])).status_code == 302
    assert Client().post(withdrawn, NEW).status_code == 404
    with clock.virtual(NOW + timedelta(days=8)):
        assert Client().post(late, NEW).status_code == 404
    again = invited(owner, "lea@atelier.example")
    assert (Client().get(late).status_code, Client().get(again).status_code) == (404, 200)  # a newer one replaces it


def test_roles_and_owners_are_guarded(owner: Client, house: House) -> None:
    admin = sign_in(house.organization, Role.ADMIN, "paul@atelier.example")
    claire, paul = of(house, "claire@atelier.example"), of(house, "paul@atelier.example")
    for name, arguments, said in (
        ("member_role", [claire.pk], {"role": Role.VIEWER}),
        ("member_remove", [claire.pk], {}),
        ("member_invite", [], {"email": "x@atelier.example", "role": Role.OWNER}),
    ):
        answer = admin.post(reverse(f"dashboard:{name}", args=arguments), said)
        assert answer.status_code == 422 and "Only an owner" in answer.content.decode()
    answer = owner.post(reverse("dashboard:member_role", args=[claire.pk]), {"role": Role.ADMIN})
    assert answer.status_code == 422 and "only owner" in answer.content.decode()
    assert owner.post(reverse("dashboard:member_remove", args=[claire.pk])).status_code == 422
    assert owner.post(reverse("dashboard:member_role", args=[paul.pk]), {"role": Role.OWNER}).status_code == 302
    assert owner.post(reverse("dashboard:member_role", args=[claire.pk]), {"role": Role.ADMIN}).status_code == 302
    assert {row.role for row in Membership.objects.filter(organization=house.organization)} == {Role.OWNER, Role.ADMIN}


def test_who_is_removed_is_outside_at_once(owner: Client, house: House) -> None:
    other = sign_in(house.organization, Role.COLLECTOR, "paul@atelier.example")
    assert other.get(reverse("dashboard:invoices")).status_code == 200
    assert owner.post(reverse("dashboard:member_remove", args=[of(house, "paul@atelier.example").pk])).status_code == 302
    assert other.get(reverse("dashboard:invoices")).status_code == 403
    assert User.objects.filter(email="paul@atelier.example", is_active=True).exists()


def test_a_password_link_goes_to_the_persons_own_address_alone(owner: Client, house: House) -> None:
    sign_in(house.organization, Role.VIEWER, "paul@atelier.example")
    answer = owner.post(reverse("dashboard:member_reset", args=[of(house, "paul@atelier.example").pk]), follow=True)
    assert [message.to for message in mail.outbox] == [["paul@atelier.example"]]
    link = next(word for word in mail.outbox[0].body.split() if "/password/reset/" in word)
    assert link not in answer.content.decode()


def test_another_organizations_people_are_nobody(owner: Client, house: House) -> None:
    away = make_organization()
    sign_in(away, Role.ADMIN, "loin@ailleurs.example")
    theirs = Membership.objects.get(organization=away)
    for name in ("member_role", "member_remove"):
        assert owner.get(reverse(f"dashboard:{name}", args=[theirs.pk])).status_code == 404
    assert owner.post(reverse("dashboard:member_reset", args=[theirs.pk])).status_code == 404
    with tenant(house.organization), pytest.raises(DomainError, match="no longer belongs"):
        people.remove(member=theirs, by=of(house, "claire@atelier.example"), now=NOW)
    assert Membership.objects.filter(pk=theirs.pk).exists()
