"""The addresses of the debtor's page; whatever else begins like them is the common 404."""

from django.urls import path, re_path

from dunning.portal import access
from dunning.portal.registry import ACTS
from dunning.portal.views import account, acts, card, files, letters, pay

app_name = "portal"
urlpatterns = [
    re_path(r"^p/(?P<token>[^/]{1,200})/?$", access.open_link, name="open"),
    path("portal/", account.account, name="page"),
    path("portal/logo/", account.logo, name="logo"),
    path("portal/brand.css", account.brand, name="brand"),
    path("portal/file/<uuid:pk>/", account.invoice_file, name="file"),
    path("portal/files/", files.copies, name="copies"),
    path("portal/account.csv", files.table, name="table"),
    path("portal/agreement/<uuid:pk>/", files.agreement, name="agreement"),
    path("portal/pay/", pay.pay, name="pay"),
    path("portal/pay/<uuid:pk>/", pay.pay_together, name="pay_together"),
    path("portal/pay/plan/<uuid:pk>/", pay.pay_part, name="pay_part"),
    path("portal/pay/card/", card.pay_by_card, name="pay_by_card"),
    path("portal/card/<uuid:pk>/", card.card, name="card"),
    path("portal/done/<uuid:pk>/", acts.done, name="done"),
    path("portal/link/", access.ask_for_link, name="link"),
    path("portal/question/", acts.question, name="question"),
    *(path(f"portal/{act.name}/", acts.act_view(act), name=act.name) for act in ACTS),
    path("v/", letters.enter, name="letter_enter"),
    re_path(r"^v/(?P<code>[^/]{1,200})/?$", letters.letter, name="letter"),
    re_path(r"^v/(?P<code>[^/]{1,200})/copies/?$", letters.copies, name="letter_copies"),
    re_path(r"^v(?:/.*)?$", letters.unknown),
    re_path(r"^(?:p|portal)(?:/.*)?$", access.gone),
]
