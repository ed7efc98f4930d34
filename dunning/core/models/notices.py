"""What the product tells its own people, one row for each person and event."""

from typing import ClassVar

from django.db import models

from dunning.core.enums import NoticeKind, NoticeTopic
from dunning.core.models.people import Membership
from dunning.core.tenancy import TenantModel


class Notice(TenantModel):
    """One thing told to one person. `key` names the event, so that it is told once; `details` holds the values of its sentence.

    `object_type` and `object_id` say what it leads to: a customer, a reply, a message, a run, a file, a provider account; blank: the queue.
    """

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=NoticeKind)
    topic = models.CharField(max_length=12, choices=NoticeTopic)
    key = models.CharField(max_length=120)
    object_type = models.CharField(max_length=20, blank=True)
    object_id = models.UUIDField(null=True, blank=True)
    details = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="notice_once", fields=["organization", "membership", "key"])]
        indexes: ClassVar = [
            models.Index(name="notice_by_person", fields=["organization", "membership", "at", "id"]),
            models.Index(name="notice_unread", fields=["organization", "membership"], condition=models.Q(read_at=None)),
            models.Index(name="notice_by_age", fields=["organization", "at"]),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"
