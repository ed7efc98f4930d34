"""The page of settings that dresses the customer's page."""

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from dunning.core.models import OrganizationProfile
from dunning.core.tenancy import tenant
from tests.dashboard.conftest import House


def test_a_logo_and_a_colour_are_set(owner: Client, viewer: Client, house: House) -> None:
    address = reverse("dashboard:look")
    assert address in owner.get(reverse("dashboard:settings")).content.decode()
    assert viewer.get(address).status_code == 403
    refused = owner.post(address, {"accent_colour": "#ffcc00"})
    assert refused.status_code == 422 and "too light" in refused.content.decode()
    logo = SimpleUploadedFile("logo.png", b"\x89PNG\r\n\x1a\n....")
    assert owner.post(address, {"accent_colour": "#7a1f1f", "logo": logo}).status_code == 302
    with tenant(house.organization):
        profile = OrganizationProfile.objects.get()
        assert (profile.accent_colour, profile.logo is not None) == ("#7a1f1f", True)
    assert "Show the logo" in owner.get(address).content.decode()
    owner.post(address, {"accent_colour": "#7a1f1f"})
    with tenant(house.organization):
        assert OrganizationProfile.objects.get().logo is None
    large = SimpleUploadedFile("logo.png", b"\x89PNG\r\n\x1a\n" + b"0" * 300_000)
    assert "larger than 200 kB" in owner.post(address, {"accent_colour": "", "logo": large}).content.decode()
