"""Where an organization's own systems want to hear of what happens here, and every call that tells them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from dunning.core.tenancy import TenantForeignKey, TenantModel
from notifications.enums import DeliveryState, EndpointState, SwitchedOff, WebhookFault


class WebhookEndpoint(TenantModel):
    """An address that is called when something happens. How it is doing is kept here, for all workers: moments are business time."""

    url = models.CharField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    types = ArrayField(models.CharField(max_length=80), default=list, blank=True)  # of the catalogue; none: all of them
    secrets = models.TextField()  # encrypted: the one in force and, during a rotation, the one before
    previous_until = models.DateTimeField(null=True, blank=True)  # how long the secret before signs as well
    state = models.CharField(max_length=10, choices=EndpointState, default=EndpointState.ACTIVE)
    reason = models.CharField(max_length=10, choices=SwitchedOff, blank=True)  # why it is switched off
    since = models.DateTimeField()  # of its state; an active one hears what happens from then on
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=120)
    failures = models.PositiveIntegerField(default=0)  # in a row
    failing_since = models.DateTimeField(null=True, blank=True)
    closed_until = models.DateTimeField(null=True, blank=True)  # left alone until then
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)  # of its last answer
    last_fault = models.CharField(max_length=12, choices=WebhookFault, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="webhook_url_once", fields=["organization", "url"]),
            models.CheckConstraint(
                name="webhook_off_has_reason",
                condition=Q(state=EndpointState.ACTIVE, reason="") | (Q(state=EndpointState.DISABLED) & ~Q(reason="")),
            ),
        ]

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(TenantModel):
    """One event on its way to one endpoint, under the event's own id, whatever becomes of it: receivers know a repetition by it.

    `body` is written once: every call says the same.
    """

    endpoint = TenantForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField()  # the webhook-id
    type = models.CharField(max_length=80)
    about = models.CharField(max_length=120, blank=True)  # the number people know its subject by
    body = models.TextField()
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    created_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True, blank=True)  # business time; null when nothing more is tried
    tries = models.PositiveSmallIntegerField(default=0)
    begun = models.PositiveSmallIntegerField(default=0)  # tries before the present round: a person began another
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="delivery_once", fields=["organization", "endpoint", "event_id"]),
            models.CheckConstraint(
                name="delivery_pending_has_moment",
                condition=Q(state=DeliveryState.PENDING, next_at__isnull=False, closed_at=None)
                | (~Q(state=DeliveryState.PENDING) & Q(next_at=None, closed_at__isnull=False)),
            ),
        ]
        indexes: ClassVar = [
            models.Index(name="delivery_by_age", fields=["organization", "endpoint", "created_at"]),
            models.Index(name="delivery_due", fields=["organization", "endpoint", "next_at"], condition=Q(state=DeliveryState.PENDING)),
            models.Index(name="delivery_failed", fields=["organization", "endpoint", "closed_at"], condition=Q(state=DeliveryState.FAILED)),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.state}"


class WebhookAttempt(TenantModel):
    """One call, with what it brought."""

    delivery = TenantForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)  # of HTTP; null when there was none
    fault = models.CharField(max_length=12, choices=WebhookFault, blank=True)  # why there was none
    milliseconds = models.PositiveIntegerField()
    answer = models.TextField(blank=True)  # how it began

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="webhook_attempt_number", fields=["organization", "delivery", "number"])]

    def __str__(self) -> str:
        return f"{self.number}: {self.status or self.fault}"
