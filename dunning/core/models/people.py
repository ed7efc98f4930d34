"""Who signs in, for which organization, and what opens its doors: accounts, memberships, invitations, keys of programs."""

from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from dunning.core.enums import DigestRhythm, Language, NoticeKind, Role
from dunning.core.tokens import new_id


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """Create an account; the e-mail address is the login, compared without regard to case."""
        if not email:
            raise ValueError("An e-mail address is needed to create an account.")
        user = self.model(email=email.strip().lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. What they may do depends on their membership of each organization."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    phone = models.CharField(_("direct line"), max_length=32, blank=True)
    language = models.CharField(_("language"), max_length=2, choices=Language, default=Language.FRENCH)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    def __str__(self) -> str:
        return self.name or self.email


def validate_timezone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(_("“%(value)s” is not a time zone; use a name such as Europe/Paris."), params={"value": value})


class Organization(models.Model):
    """A creditor. Outside the wall: what beat needs to know to ring for it, and nothing personal."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(unique=True, max_length=63)
    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="Europe/Paris", validators=[validate_timezone])
    run_hour = models.PositiveSmallIntegerField(default=6, help_text=_("Local hour of the daily run, 0 to 23."))
    next_run_at = models.DateTimeField(null=True, blank=True, db_index=True)  # null while played or suspended
    suspended_at = models.DateTimeField(null=True, blank=True)
    files_waiting_since = models.DateTimeField(null=True, blank=True)  # a file waits for a worker
    acts_waiting_since = models.DateTimeField(null=True, blank=True)  # so does an act about many rows
    is_demo = models.BooleanField(default=False)
    played_until = models.DateField(null=True, blank=True)  # progress of a life being played under a virtual clock
    playing_until = models.DateField(null=True, blank=True)  # its last day; null when nothing is being played
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="organization_run_hour", condition=models.Q(run_hour__lte=23)),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in an organization."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role)
    calls_per_day = models.PositiveSmallIntegerField(null=True, blank=True)  # how many their day holds; null: no limit
    muted = ArrayField(models.CharField(max_length=10, choices=NoticeKind), default=list, blank=True)  # notices they do not want
    digest = models.CharField(max_length=10, choices=DigestRhythm, default=DigestRhythm.OFF)
    digested_on = models.DateField(null=True, blank=True)  # the last local day whose digest was dealt with, sent or not
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="one_membership_per_person", fields=["organization", "user"])]
        indexes: ClassVar = [
            models.Index(name="membership_with_digest", fields=["organization"], condition=~models.Q(digest=DigestRhythm.OFF)),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"


class Invitation(models.Model):
    """An open door for one person: whoever holds its link joins the organization, once. Outside the wall, to learn whose it is."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(max_length=12, choices=Role)
    token_hash = models.CharField(max_length=64, unique=True)  # SHA-256, hex
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="one_open_invitation_per_person",
                fields=["organization", "email"],
                condition=models.Q(accepted_at=None, withdrawn_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.email


class ApiKey(models.Model):
    """What a program of the organization's shows to the API. Outside the wall, to learn whose call it is; the secret is kept as a hash.

    `successor` is the key that takes its place: until it expires both open, so that programs change over one by one.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(_("name"), max_length=80)
    key_id = models.CharField(max_length=12, unique=True)  # the part of the token that is no secret
    token_hash = models.CharField(max_length=64)  # SHA-256 of the whole token, hex
    scopes = ArrayField(models.CharField(max_length=40))  # dunning.core.scopes
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=120)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)  # to the minute
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=120, blank=True)
    successor = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes: ClassVar = [models.Index(name="api_key_by_organization", fields=["organization", "created_at"])]

    def __str__(self) -> str:
        return self.name
