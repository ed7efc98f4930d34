"""Instances from plain SQL are what a query set gives."""

from datetime import date

import pytest

from dunning.core.models import OrganizationProfile
from dunning.core.rows import columns_of, read_rows
from dunning.core.tenancy import tenant
from scenarios.models import DailyRun
from tests.factories import make_organization

pytestmark = pytest.mark.django_db


def test_instances_are_those_of_a_query_set_to_the_last_value() -> None:
    sql = f"SELECT {columns_of(OrganizationProfile)} FROM core_organizationprofile"  # noqa: S608 - made of column names
    with tenant(make_organization(closures=["2026-12-24"])):
        (profile,) = read_rows(OrganizationProfile, sql)
        usual = OrganizationProfile.objects.get()
        names = [field.attname for field in OrganizationProfile._meta.concrete_fields]
        assert [getattr(profile, name) for name in names] == [getattr(usual, name) for name in names]
        assert profile == usual
        assert profile.get_deferred_fields() == set()


def test_json_is_parsed_and_what_was_read_can_be_saved() -> None:
    sql = f"SELECT {columns_of(DailyRun)} FROM scenarios_dailyrun WHERE local_date = %s"  # noqa: S608 - made of column names
    with tenant(make_organization()):
        DailyRun.objects.create(local_date=date(2026, 9, 1), started_at="2026-09-01T04:00Z", actor="system", counts={"open": {"EUR": 12}})
        (run,) = read_rows(DailyRun, sql, [date(2026, 9, 1)])
        assert (run.counts, run.brake) == ({"open": {"EUR": 12}}, None)
        run.brake = {"cause": "volume"}
        run.save()
        assert DailyRun.objects.get().brake == {"cause": "volume"}
        assert DailyRun.objects.get().counts == {"open": {"EUR": 12}}


def test_a_question_must_select_the_columns_of_its_model() -> None:
    with tenant(make_organization()), pytest.raises(ValueError, match=r"core\.OrganizationProfile is read by columns_of it"):
        read_rows(OrganizationProfile, "SELECT id FROM core_organizationprofile")
