"""Who may open and who may send each address of the dashboard: the one table, read by the test that knocks at every door.

A line is: the name of the address, the permission to look at it (GET), the permission to act on it (POST). "-" is a method it does not
have, "anybody" needs no role. Which role has which permission is said in dunning/core/permissions.py.
"""

from typing import Final, NamedTuple


class Door(NamedTuple):
    """`see` and `act` are permissions, "anybody", or "" for a method the address does not have."""

    name: str
    see: str
    act: str


TABLE: Final = """
today                 see           -
progress              see           -
search                see           -
switch_organization   -             see
language              anybody       anybody
notices               see           -
notices_read          -             see
notices_choose        see           see
notice                see           -
notice_read           -             see
digest_stop           anybody       anybody

# many rows at once
invoices_many         -             work
many_acts             work          -
many_act              work          -
many_act_progress     work          -
many_act_undo         -             work
customers_many        -             work
inbox_many            -             work
tasks_many            -             work

# the departure board
board                 view          -
board_act             -             approve
hold_all              approve       approve
release_all           -             approve
release_brake         -             approve

# work in place
task                  view          -
call                  -             work
calls                 work          -
call_record           -             work
call_confirm          -             approve
task_done             -             work
task_postpone         work          work
task_cancel           work          work
task_reopen           work          work

# invoices
invoices              see           -
invoice               see           -
invoice_copy          see           -
invoice_delivery      see           -
attach                work          work
penalties_waive       work          work
penalties_invoiced    work          work
penalties_again       work          work
credit_note           work          work
receive               work          work
accept                work          work
promise               work          work
dispute               work          work
hold                  work          work
pay                   work          work
write_off             work          work
reverse_write_off     work          work
resend                work          work
cancel_promise        work          work
close_dispute         work          work
ask_hold              ask           ask
dispute_position      ask           ask
hold_answer           work          work
hold_withdraw         ask           ask
release_hold          work          work
renew_hold            work          work
said                  see           -
undo_act              work          work
said_file             see           -
withdraw_commitment   work          work

# files for the ledger
imports               work          work
import                work          work
import_progress       work          -
import_load           -             work
import_discard        -             work
import_errors         work          -
import_original       work          -
import_undo           work          work
triage_all            work          work

# the first hour
first_steps           work          -
confirm               work          work
addresses             work          work
rehearsal             work          work
first_step            -             work

# customers
customers             see           -
customer              see           -
customer_hold         work          work
account_owner         work          work
contact_change        work          work
contact_end           work          work
contact_back          work          work
ask_customer_hold     ask           ask
insolvency            work          work
end_insolvency        work          work
insolvency_split      work          work
triage                work          work
add_contact           work          work
send_statement        work          work
instalments           work          work
confirm_named         work          work
habit_aside           work          work
habit_again           work          work
activate_mandate      work          work
revoke_mandate        work          work
mandate_paper         manage        -
end_payment_plan      work          work
plan_paper            see           -
customer_plan         manage_plans  manage_plans
invoice_plan          manage_plans  manage_plans

# plans
plans                 view          -
plans_archived        view          -
plan_new              manage_plans  manage_plans
plan_load             manage_plans  manage_plans
plan                  view          -
plan_edit             -             manage_plans
plan_copy             manage_plans  manage_plans
plan_archive          manage_plans  manage_plans
plan_export           view          -
plan_assign           manage_plans  manage_plans
plan_restore          manage_plans  manage_plans

# a plan being written
plan_draft            view          -
plan_options          manage_plans  manage_plans
plan_undo             -             manage_plans
plan_discard          -             manage_plans
plan_step_check       -             manage_plans
plan_step_add         manage_plans  manage_plans
plan_step             manage_plans  manage_plans
plan_step_day         -             manage_plans
plan_step_move        -             manage_plans
plan_step_remove      -             manage_plans
plan_try              view          -
plan_dry_run          view          manage_plans
plan_dry_run_on       -             view
plan_publish          manage_plans  manage_plans

# texts
texts                 view          -
text_new              manage_plans  manage_plans
text                  view          manage_plans
text_look             -             view
text_rendering        view          view
text_letter           -             view
text_restore          manage_plans  manage_plans

# messages
messages              see           -
message               see           -
message_proof         see           -
settle_message        work          work
message_html          see           -
message_letter        see           -
message_file          see           -
message_answer        -             work
message_page          -             work

# what came back
inbox                 view          -
reply                 see           -
reply_handle          -             work
reply_reopen          -             work
reply_join            work          work
reply_away            work          work
reply_answer          work          work
reply_give            work          work
reply_file            see           -
read_again            -             work
letters               view          -
letters_print         work          -
letter_posting        work          work
letter_proof          work          work
letters_post          -             work
letter_file           work          work
letter_proof_file     see           -

# settings
settings              view          -
members               manage        -
member_invite         manage        manage
member_role           manage        manage
member_calls          manage        manage
member_remove         manage        manage
member_reset          -             manage
invitation_withdraw   -             manage
join                  anybody       anybody
sending               manage        -
sending_channel       manage        -
sending_test          manage        manage
sending_way           manage        manage

# reports
reports               view          -
state_sales           manage        manage
collection_target     manage        manage
report                view          -
report_drawing        view          -
webhooks              manage        -
webhook_new           manage        manage
webhook               manage        -
webhook_edit          manage        manage
webhook_secret        manage        manage
webhook_test          -             manage
webhook_off           manage        manage
webhook_on            -             manage
webhook_delete        manage        manage
webhook_replay        manage        manage
webhook_delivery      manage        -
webhook_again         -             manage
api_keys              manage        -
api_key_new           manage        manage
api_key               manage        -
api_key_rotate        manage        manage
api_key_revoke        manage        manage
bank                  manage        -
bank_propose          manage        manage
bank_confirm          manage        manage
bank_refuse           manage        manage
look                  manage        manage
working_days          manage        manage
write_off_policy      manage        manage
penalties             manage        manage
thresholds            manage        manage
supervision           manage        manage
rates                 manage        -
rate_enter            manage        manage
paying                manage        -
paying_card           manage        manage
paying_card_stop      manage        manage
paying_part           manage        manage

# payments
payments              view          -
record_payment        work          work
ledger                work          work
payment               view          -
identify              work          work
cancel_payment        work          work
"""


def _read(line: str) -> Door:
    name, see, act = (word.strip("-") for word in line.split())
    return Door(name, see, act)


DOORS: Final = {door.name: door for door in (_read(line) for line in TABLE.splitlines() if line and not line.startswith("#"))}
