"""The addresses of the dashboard."""

from django.urls import path
from django.views.i18n import set_language

from dunning.dashboard.views import (
    acts,
    board,
    customers,
    desk,
    inbox,
    invoices,
    letters,
    messages,
    money,
    payments,
    plans,
    records,
    search,
    today,
)

app_name = "dashboard"

urlpatterns = [
    path("", today.show, name="today"),
    path("progress/", today.progress, name="progress"),
    path("search/", search.show, name="search"),
    path("organization/", today.switch_organization, name="switch_organization"),
    path("language/", set_language, name="language"),
    # the departure board
    path("board/", board.show, name="board"),
    path("board/act/", board.act, name="board_act"),
    path("board/hold/", board.hold_all, name="hold_all"),
    path("board/release/", board.release_all, name="release_all"),
    path("board/brake/", board.release_brake, name="release_brake"),
    # work in place
    path("tasks/<uuid:pk>/", desk.task, name="task"),
    path("tasks/<uuid:pk>/call/", desk.call, name="call"),
    path("tasks/<uuid:pk>/done/", desk.complete, name="task_done"),
    path("tasks/<uuid:pk>/postpone/", desk.postpone, name="task_postpone"),
    path("tasks/<uuid:pk>/cancel/", desk.cancel, name="task_cancel"),
    # invoices
    path("invoices/", invoices.listing, name="invoices"),
    path("invoices/<uuid:pk>/", invoices.show, name="invoice"),
    path("invoices/<uuid:pk>/copy/", invoices.copy, name="invoice_copy"),
    path("invoices/<uuid:pk>/delivery/", invoices.delivery, name="invoice_delivery"),
    path("invoices/<uuid:pk>/attach/", invoices.attach, name="attach"),
    path("invoices/<uuid:pk>/credit/", money.credit, name="credit_note"),
    path("items/<uuid:pk>/received/", acts.received, name="receive"),
    path("items/<uuid:pk>/accepted/", acts.accepted, name="accept"),
    path("items/<uuid:pk>/promise/", acts.promise, name="promise"),
    path("items/<uuid:pk>/dispute/", acts.dispute, name="dispute"),
    path("items/<uuid:pk>/hold/", acts.hold, name="hold"),
    path("items/<uuid:pk>/payment/", money.pay_item, name="pay"),
    path("items/<uuid:pk>/write-off/", money.write_off_item, name="write_off"),
    path("items/<uuid:pk>/resend/", acts.resend, name="resend"),
    path("promises/<uuid:pk>/cancel/", acts.cancel_promise_page, name="cancel_promise"),
    path("disputes/<uuid:pk>/close/", acts.close_dispute_page, name="close_dispute"),
    path("holds/<uuid:pk>/release/", acts.release, name="release_hold"),
    path("holds/<uuid:pk>/renew/", acts.renew, name="renew_hold"),
    path("commitments/<uuid:pk>/withdraw/", records.withdraw, name="withdraw_commitment"),
    # customers
    path("customers/", customers.listing, name="customers"),
    path("customers/<uuid:pk>/", customers.show, name="customer"),
    path("customers/<uuid:pk>/hold/", records.hold, name="customer_hold"),
    path("customers/<uuid:pk>/insolvency/", records.insolvency, name="insolvency"),
    path("customers/<uuid:pk>/insolvency/end/", records.end_insolvency, name="end_insolvency"),
    path("customers/<uuid:pk>/triage/", records.triage, name="triage"),
    path("customers/<uuid:pk>/contact/", records.contact, name="add_contact"),
    path("customers/<uuid:pk>/statement/", records.statement, name="send_statement"),
    # plans
    path("plans/", plans.listing, name="plans"),
    path("plans/<uuid:pk>/", plans.show, name="plan"),
    # messages
    path("messages/", messages.listing, name="messages"),
    path("messages/<uuid:pk>/", messages.show, name="message"),
    path("messages/<uuid:pk>/proof/", messages.proof, name="message_proof"),
    path("messages/<uuid:pk>/settle/", messages.settle, name="settle_message"),
    path("messages/<uuid:pk>/html/", messages.html, name="message_html"),
    path("messages/<uuid:pk>/letter/", messages.letter, name="message_letter"),
    path("messages/<uuid:pk>/files/<uuid:file>/", messages.attachment, name="message_file"),
    path("messages/<uuid:pk>/answer/", inbox.answer, name="message_answer"),
    # what came back
    path("messages/inbox/", inbox.listing, name="inbox"),
    path("messages/inbox/<uuid:pk>/", inbox.show, name="reply"),
    path("messages/inbox/<uuid:pk>/handled/", inbox.handle, name="reply_handle"),
    path("messages/inbox/<uuid:pk>/join/", inbox.join, name="reply_join"),
    path("messages/inbox/<uuid:pk>/away/", inbox.away, name="reply_away"),
    path("messages/inbox/<uuid:pk>/files/<uuid:file>/", inbox.file, name="reply_file"),
    path("messages/inbox/calls/<uuid:pk>/again/", inbox.read_again, name="read_again"),
    path("letters/", letters.queue, name="letters"),
    path("letters/print/", letters.print_all, name="letters_print"),
    path("letters/<uuid:pk>/posting/", letters.posting, name="letter_posting"),
    path("letters/<uuid:pk>/proof/", letters.proof, name="letter_proof"),
    # payments
    path("payments/", payments.listing, name="payments"),
    path("payments/record/", payments.record, name="record_payment"),
    path("payments/ledger/", payments.ledger, name="ledger"),
    path("payments/<uuid:pk>/", payments.show, name="payment"),
    path("payments/<uuid:pk>/identify/", payments.identify, name="identify"),
    path("payments/<uuid:pk>/cancel/", payments.cancel, name="cancel_payment"),
]
