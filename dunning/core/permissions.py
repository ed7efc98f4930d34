"""What each role may do. Interfaces ask `require(membership, permission)` before they call a service."""

from enum import StrEnum

from django.utils.translation import gettext as _

from dunning.core.enums import Role
from dunning.core.errors import NotAllowed
from dunning.core.models import Membership, Organization, User


class Permission(StrEnum):
    SEE = "see"  # one's own customers, and what is owed, said and sent there
    ASK = "ask"  # answer a dispute of a customer one sees, ask for a pause
    VIEW = "view"  # the whole organization
    WORK = "work"  # calls, promises, disputes, holds, payments, receipts
    APPROVE = "approve"  # let messages leave
    WRITE_OFF = "write_off"  # give up an amount of any size; who works may up to the organization's limit
    MANAGE_PLANS = "manage_plans"
    MANAGE = "manage"  # people, bank details, providers


ALLOWED: dict[str, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(Permission),
    Role.COLLECTOR: frozenset({Permission.SEE, Permission.ASK, Permission.VIEW, Permission.WORK, Permission.APPROVE}),
    Role.SALES: frozenset({Permission.SEE, Permission.ASK}),
    Role.VIEWER: frozenset({Permission.SEE, Permission.VIEW}),
}


def allows(membership: Membership | None, permission: Permission) -> bool:
    return membership is not None and permission in ALLOWED[membership.role]


def require(membership: Membership | None, permission: Permission) -> None:
    """Raises NotAllowed with a sentence naming the role."""
    if not allows(membership, permission):
        role = membership.get_role_display() if membership is not None else _("no role")
        raise NotAllowed(_("Your role (%(role)s) does not allow this. Ask an administrator of your organization.") % {"role": role})


def people_allowed(organization: Organization, permission: Permission) -> list[User]:
    """The members who may sign in and do this, by name."""
    members = Membership.objects.filter(organization=organization, user__is_active=True).select_related("user")
    return sorted((one.user for one in members if allows(one, permission)), key=lambda user: (str(user).casefold(), user.pk))
