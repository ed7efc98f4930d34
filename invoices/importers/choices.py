"""The words files use for kinds and means, in French and English."""

from customers.enums import ContactRole, CustomerKind, PaymentMeans
from invoices.enums import InstallmentKind, InvoiceKind
from invoices.importers.words import compact


def _table(words: dict[str, str]) -> dict[str, str]:
    """Comma-separated words → value becomes one folded word → value; every value also stands for itself."""
    table = {compact(word): value for spelled, value in words.items() for word in spelled.split(",")}
    table.update({compact(value): value for value in words.values()})
    return table


DOCUMENT_KINDS = _table(
    {
        "facture,fac,fact,fa,f,fc,vte,vente,facture client,facture de vente,facture d'acompte": InvoiceKind.INVOICE,
        "invoice,inv,sales invoice,380,384,386": InvoiceKind.INVOICE,  # the figures are those of UNTDID 1001
        "avoir,av,a,avoir client,note de crédit,credit note,creditnote,credit memo,credit,cn,refund,381": InvoiceKind.CREDIT_NOTE,
    }
)
CUSTOMER_KINDS = _table(
    {
        "entreprise,professionnel,pro,société,b2b,company,business": CustomerKind.BUSINESS,
        "public,administration,organisme public,collectivité,collectivité publique,b2g,public body": CustomerKind.PUBLIC,
        "particulier,consommateur,privé,b2c,consumer,private,individual": CustomerKind.CONSUMER,
        "inconnu,unknown,autre,other": CustomerKind.UNKNOWN,
    }
)
PAYMENT_MEANS = _table(
    {
        "virement,virement bancaire,virement sepa,vir,vrt,sct,transfer,bank transfer,wire": PaymentMeans.TRANSFER,
        "prélèvement,prélèvement sepa,prélèvement automatique,prlv,prl,sdd,direct debit,directdebit": PaymentMeans.DIRECT_DEBIT,
        "chèque,chq,cheque,check": PaymentMeans.CHEQUE,
        "carte,carte bancaire,cb,card,credit card": PaymentMeans.CARD,
        "traite,effet,lcr,lettre de change,bor,billet à ordre,bill,bill of exchange": PaymentMeans.BILL,
    }
)
INSTALLMENT_KINDS = _table(
    {
        "échéance,normale,solde,instalment,installment,balance": InstallmentKind.NORMAL,
        "acompte,arrhes,deposit,down payment": InstallmentKind.DEPOSIT,
        "retenue de garantie,retenue,rg,retention": InstallmentKind.RETENTION,
        "traite,effet,lcr,lettre de change,bill,bill of exchange": InstallmentKind.BILL,
    }
)
CONTACT_ROLES = _table(
    {
        "comptabilité,comptable,comptabilité fournisseurs,compta,accounting,accounts payable": ContactRole.ACCOUNTING,
        "service facturation,facturation,invoicing": ContactRole.INVOICING_SERVICE,
        "daf,raf,directeur financier,responsable financier,finance manager,cfo": ContactRole.FINANCE_MANAGER,
        "direction,dirigeant,gérant,président,dg,management,ceo": ContactRole.MANAGEMENT,
        "représentant légal,legal representative": ContactRole.LEGAL_REPRESENTATIVE,
        "achats,acheteur,purchasing,buyer": ContactRole.PURCHASING,
        "autre,other": ContactRole.OTHER,
    }
)
