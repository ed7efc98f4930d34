"""Acts about many rows at once: what was asked, how far it is, and what each row was before, so that it can be taken back whole."""

from typing import ClassVar

from django.db import models

from dunning.core.enums import ManyRowState, ManyState
from dunning.core.tenancy import TenantForeignKey, TenantModel


class ManyAct(TenantModel):
    """One act of a person about many rows. `kind` is a key of the services that do it, `data` what was chosen for all of them.

    One that takes another back is an act too: `undoes` names it. Rows that wait while it is WORKING are a worker's.
    """

    kind = models.CharField(max_length=20)
    data = models.JSONField(default=dict, blank=True)
    actor = models.CharField(max_length=120)
    language = models.CharField(max_length=5, blank=True)
    undoes = TenantForeignKey("self", null=True, blank=True, on_delete=models.CASCADE)
    state = models.CharField(max_length=8, choices=ManyState, default=ManyState.WORKING)
    total = models.PositiveIntegerField()
    tries = models.PositiveSmallIntegerField(default=0)  # of its next rows
    asked_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="many_act_undone_once", fields=["organization", "undoes"]),
            models.CheckConstraint(
                name="many_act_done_has_moment", condition=models.Q(state=ManyState.WORKING) ^ models.Q(done_at__isnull=False)
            ),
        ]
        indexes: ClassVar = [
            models.Index(name="many_act_by_time", fields=["organization", "asked_at", "id"]),
            models.Index(name="many_act_at_work", fields=["organization", "asked_at"], condition=models.Q(state=ManyState.WORKING)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.total}"


class ManyRow(TenantModel):
    """One row of such an act. `kept` holds what is needed to take it back, ids and dates alone; `reason` says why it was refused."""

    act = TenantForeignKey(ManyAct, on_delete=models.CASCADE, related_name="rows")
    position = models.PositiveIntegerField()
    object_id = models.UUIDField()
    state = models.CharField(max_length=9, choices=ManyRowState, default=ManyRowState.WAITING)
    reason = models.CharField(max_length=300, blank=True)
    kept = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="many_row_position", fields=["organization", "act", "position"])]

    def __str__(self) -> str:
        return f"{self.position} {self.state}"
