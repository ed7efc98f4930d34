"""Settings, sending: who may see it, what it shows and never shows, a change, a test; letters posted together and their proofs."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from dunning.core.tenancy import tenant
from notifications import dispatcher, pace
from notifications.models import Message, ProofFile, ProviderAccount
from notifications.providers.base import Uncertain
from tests.dashboard.conftest import NOW, TODAY, House
from tests.fakes.post import PROOF
from tests.notifications.mailroom import write

PAGES = [("sending", ()), ("sending_channel", ("email",)), ("sending_way", ("email", "smtp")), ("sending_test", ("email",))]


@pytest.mark.parametrize(("name", "arguments"), PAGES)
def test_those_who_manage_see_it_and_nobody_else(owner: Client, viewer: Client, name: str, arguments: tuple[str, ...]) -> None:
    address = reverse(f"dashboard:{name}", args=arguments)
    assert owner.get(address).status_code == 200
    assert viewer.get(address).status_code == 403
    assert Client().get(address).status_code == 302


def test_what_does_not_exist_is_not_found(owner: Client) -> None:
    for name, arguments in (("sending_channel", ["pigeon"]), ("sending_way", ["email", "twilio"]), ("sending_test", ["phone"])):
        assert owner.get(reverse(f"dashboard:{name}", args=arguments)).status_code == 404


def test_a_channel_goes_another_way_and_its_secret_is_never_told(owner: Client, house: House) -> None:
    address = reverse("dashboard:sending_way", args=["email", "brevo"])
    answer = owner.post(address, {"api_key": "tres-secret", "rate_per_minute": "60", "unit_cost": ""})
    assert (answer.status_code, answer["Location"]) == (302, reverse("dashboard:sending"))
    with tenant(house.organization):
        account = ProviderAccount.objects.get(channel="email", is_active=True)
        assert (account.kind, account.settings) == ("anymail", {"service": "brevo", "rate_per_minute": "60"})
    for page in (reverse("dashboard:sending"), address):
        assert "tres-secret" not in owner.get(page).content.decode()
    assert "Brevo" in owner.get(reverse("dashboard:sending")).content.decode()
    owner.post(address, {"api_key": "", "rate_per_minute": "30", "unit_cost": ""})
    with tenant(house.organization):
        kept = ProviderAccount.objects.get(channel="email", is_active=True)
        assert kept.settings["rate_per_minute"] == "30" and kept.secrets


def test_what_cannot_work_is_said_on_the_form_and_the_old_way_stays(owner: Client, house: House) -> None:
    answer = owner.post(
        reverse("dashboard:sending_way", args=["email", "smtp"]), {"host": "mail.example.fr", "port": "no", "security": "ssl"}
    )
    assert answer.status_code == 422 and "from 1 to 65535" in answer.content.decode()
    with tenant(house.organization):
        assert ProviderAccount.objects.get(channel="email", is_active=True).kind == "post_office"


def test_a_test_is_queued_and_its_page_tells_its_answer(owner: Client, house: House) -> None:
    answer = owner.post(reverse("dashboard:sending_test", args=["email"]), {"to": "claire@atelier.example"})
    with tenant(house.organization):
        message = Message.objects.get(kind="test")
    assert answer["Location"] == reverse("dashboard:message", args=[message.pk])
    dispatcher.deliver_due(now=NOW, organization=house.organization)
    page = owner.get(answer["Location"]).content.decode()
    assert "Kept by the local post office" in page and "Test to oneself" in page
    french = owner.get(answer["Location"], headers={"accept-language": "fr"}).content.decode()
    assert "Conservé par le bureau de poste local" in french and "Kept by" not in french  # whoever sent it in whichever language
    assert owner.get(reverse("dashboard:sending")).status_code == 200
    wrong = owner.post(reverse("dashboard:sending_test", args=["email"]), {"to": "claire"})
    assert wrong.status_code == 422 and "is not an e-mail address" in wrong.content.decode()


def test_a_service_that_is_left_alone_says_so_in_words(owner: Client, house: House) -> None:
    with tenant(house.organization):
        account = ProviderAccount.objects.get(channel="email", is_active=True)
        for _ in range(3):
            pace.report(account.pk, Uncertain("The service did not answer."), now=NOW)
    page = owner.get(reverse("dashboard:sending")).content.decode()
    assert "Left alone for a moment" in page and "The service did not answer." in page


def test_letters_of_one_trip_are_recorded_together_and_keep_their_proof(owner: Client, viewer: Client, house: House) -> None:
    with tenant(house.organization):
        customer = house.sent.customer
        letters = [write(customer, channel=channel, template_key="formal_notice", planned_on=TODAY) for channel in ("letter", "registered")]
        Message.objects.filter(pk__in=[letter.pk for letter in letters]).update(
            state="to_post", provider="print", frozen_at=NOW - timedelta(hours=1), subject="Mise en demeure"
        )
    queue, post = reverse("dashboard:letters"), reverse("dashboard:letters_post")
    page = owner.get(queue).content.decode()
    assert page.count('type="checkbox"') == 2 and f'name="number-{letters[1].pk}"' in page and f'name="number-{letters[0].pk}"' not in page
    ticked = {"posted_on": TODAY.isoformat(), "letter": [str(letter.pk) for letter in letters]}
    refused = owner.post(post, ticked, follow=True).content.decode()
    assert "needs the number printed on its receipt" in refused
    nothing = owner.post(post, {"posted_on": TODAY.isoformat()}, follow=True).content.decode()
    assert "Tick the letters that were posted." in nothing
    uneven = owner.post(post, {**ticked, "pasted": "1A 234\n\n1A 235"})
    assert uneven.status_code == 422 and uneven.content.decode().count(" checked ") == 2  # what was ticked and pasted is still there
    assert "Numbers pasted: 2; registered letters without one: 1. Nothing was recorded." in uneven.content.decode()
    done = owner.post(post, {**ticked, "pasted": " 1A 234 \n"}, follow=True).content.decode()
    assert "2 letters are posted on" in done
    with tenant(house.organization):
        assert sorted(Message.objects.filter(posted_on=TODAY).values_list("tracking_number", flat=True)) == ["", "1A 234"]
    assert viewer.post(post, ticked).status_code == 403

    keep = reverse("dashboard:letter_file", args=[letters[1].pk])
    assert owner.get(keep).status_code == 200
    wrong = owner.post(keep, {"kind": "deposit", "file": SimpleUploadedFile("depot.pdf", b"<html>")})
    assert wrong.context["form"].errors == {"file": ["This is neither a PDF nor a photo (JPEG or PNG)."]}
    owner.post(keep, {"kind": "deposit", "file": SimpleUploadedFile("../../etc/depot.pdf.exe", PROOF)})
    with tenant(house.organization):
        kept = ProofFile.objects.select_related("document").get()
    page = owner.get(reverse("dashboard:message", args=[letters[1].pk])).content.decode()
    assert "Proof of posting" in page and kept.document.filename in page
    assert "Proof of posting" in owner.get(reverse("dashboard:customer", args=[customer.pk])).content.decode()  # in its timeline
    file = viewer.get(reverse("dashboard:letter_proof_file", args=[letters[1].pk, kept.pk]))
    assert b"".join(file.streaming_content if file.streaming else [file.content]) == PROOF
    assert viewer.get(keep).status_code == 403
    assert viewer.get(reverse("dashboard:letter_proof_file", args=[letters[0].pk, kept.pk])).status_code == 404


def test_a_stranger_finds_no_proof_of_ours(owner: Client, stranger: Client, house: House) -> None:
    with tenant(house.organization):
        letter = write(house.sent.customer, channel="letter", state="accepted", template_key="x")
        Message.objects.filter(pk=letter.pk).update(frozen_at=NOW)
    keep = reverse("dashboard:letter_file", args=[letter.pk])
    owner.post(keep, {"kind": "deposit", "file": SimpleUploadedFile("depot.pdf", PROOF)})
    with tenant(house.organization):
        kept = ProofFile.objects.get()
    assert stranger.get(reverse("dashboard:letter_proof_file", args=[letter.pk, kept.pk])).status_code == 404
    assert stranger.get(keep).status_code == 404
