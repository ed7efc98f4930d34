"""The copy of an invoice and its proof of delivery, as PDF."""

import hashlib
from typing import ClassVar, Final
from uuid import UUID

from django.utils.translation import gettext as _

from dunning.api import bodies
from dunning.api.endpoint import Answer, Call
from dunning.api.errors import Fault, not_found, refused
from dunning.api.operations import operation
from dunning.api.v1.invoices import INVOICES, InvoiceEndpoint, get_invoice
from dunning.core import documents
from dunning.core.models import Document
from dunning.core.scopes import WRITE
from invoices.models import Invoice
from invoices.services import attach_document

_MAGIC: Final = b"%PDF-"
_WITHIN: Final = 1024  # bytes before it that some programs write


class _File(InvoiceEndpoint):
    is_proof: ClassVar[bool]

    def read(self, invoice: Invoice) -> Answer:
        document = self._kept(invoice)
        if document is None:
            raise not_found()
        name = document.filename.encode("ascii", "replace").decode().replace('"', "").replace("?", "_")
        disposition = f'attachment; filename="{name}"'
        return Answer(documents.read(document), headers={"Content-Disposition": disposition}, media_type=document.media_type)

    def keep(self, call: Call, invoice: Invoice) -> None:
        content: bytes = call.body
        if not content[:_WITHIN].lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(_MAGIC):
            raise refused([Fault("", "not_a_pdf", _("This file is not a PDF."))])
        known = self._kept(invoice)
        if known is not None and known.sha256 == hashlib.sha256(content).hexdigest():
            return
        name = f"{invoice.number}{'-livraison' if self.is_proof else ''}.pdf"
        document = documents.store(content=content, media_type=bodies.PDF, filename=name, now=call.caller.now)
        attach_document(invoice=invoice, document=document, proof_of_delivery=self.is_proof, **call.acting)

    def _kept(self, invoice: Invoice) -> Document | None:
        kept: Document | None = invoice.delivery_proof if self.is_proof else invoice.document
        return kept


class Copy(_File):
    is_proof = False

    @operation("getInvoiceDocument", "Read the copy of an invoice", answers=bodies.PDF)
    def get(self, call: Call, pk: UUID) -> Answer:
        """The PDF that goes with letters."""
        return self.read(get_invoice(pk))

    @operation("setInvoiceDocument", "Attach the copy of an invoice", access=WRITE, takes=bodies.PDF, shows=INVOICES, guarded=True)
    def put(self, call: Call, pk: UUID) -> Answer:
        """A PDF of 10 MB at most. The same bytes again change nothing; others take its place, and the old ones stay in the archive."""
        self.keep(call, get_invoice(pk))
        return call.show(INVOICES, pk)


class DeliveryProof(_File):
    is_proof = True

    @operation("getDeliveryProof", "Read the proof of delivery of an invoice", answers=bodies.PDF)
    def get(self, call: Call, pk: UUID) -> Answer:
        """Wanted before a legal step."""
        return self.read(get_invoice(pk))

    @operation(
        "setDeliveryProof", "Attach the proof of delivery of an invoice", access=WRITE, takes=bodies.PDF, shows=INVOICES, guarded=True
    )
    def put(self, call: Call, pk: UUID) -> Answer:
        """A PDF of 10 MB at most. The same bytes again change nothing."""
        self.keep(call, get_invoice(pk))
        return call.show(INVOICES, pk)
