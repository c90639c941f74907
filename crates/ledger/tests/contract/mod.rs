//! What holds for every engine behind the ledger's trait. A second engine implements [`Engine`] and says
//! `contract_suite!(ItsEngine);` in a file of its own.
//!
//! The cases know the trait alone. Where they speak of rules, invariants and statements, those are the ones that the
//! documentation numbers.

pub(crate) mod accounts;
pub(crate) mod backlog;
pub(crate) mod commands;
pub(crate) mod deposits;
pub(crate) mod exceptions;
pub(crate) mod keys;
pub(crate) mod office;
pub(crate) mod outbox;
pub(crate) mod registrations;
pub(crate) mod search;
pub(crate) mod time;
pub(crate) mod totals;

use async_trait::async_trait;
use gerai_domain::{
    Actor, Ask, Brand, Chain, Command, Event, EventKind, Kind, MerchantId, MerchantTerms, NewPayment, Outcome, Partner,
    Payment, Refusal, Rules, Rupiah, Standing, StoreVisit, Taken,
};
use gerai_ledger::{
    Changed, ClaimRequest, Claimed, Deed, DeliveryAnswer, DeliveryRecord, Executed, Execution, Idempotency, Ledger,
    MerchantAccount, Opened, Origin, PartnerAccount, Settlement, Target,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Where numbers and codes are drawn from.
pub(crate) type Draws = Box<dyn FnMut() -> u64 + Send>;

/// Makes ledgers of one kind, each over a database of its own.
#[async_trait]
pub(crate) trait Engine: Send + Sync + Sized + 'static {
    /// An empty database, which goes when this is dropped.
    async fn fresh() -> Self;

    /// The ledger over it, as a server opens it. Once the one before is dropped this opens the same database again.
    async fn open(&self) -> Arc<dyn Ledger> {
        self.open_drawing(None).await
    }

    /// The same, with draws of the test's own.
    async fn open_drawing(&self, draws: Option<Draws>) -> Arc<dyn Ledger>;

    /// The ledger over it, knowing these master keys; the ones above know [`MASTER`] alone.
    async fn open_under(&self, keys: &[[u8; 32]]) -> Arc<dyn Ledger>;

    /// What opening it under another master key than the first one's is answered with.
    async fn open_with_another_master_key(&self) -> String;

    /// Every byte that is kept.
    async fn bytes(&self) -> Vec<u8>;
}

/// Makes one test of each case for an engine.
macro_rules! contract_suite {
    ($engine:ty) => {
        contract_suite! { $engine =>
            registrations: [
                rule_14_a_repeat_gets_the_first_payment_and_another_request_is_refused,
                rule_14_a_reference_belongs_to_one_merchant,
                rule_14_sixty_four_identical_requests_at_once_open_one_payment,
                rule_16_what_was_registered_is_read_back_and_its_first_event_says_who_and_when,
                rule_4_ids_are_unique_and_their_serials_do_not_count_up,
                rule_4_when_a_second_is_used_up_the_next_is_taken,
                rule_4_an_id_carries_the_time_of_a_clock_that_was_set_back,
                rule_3_numbers_are_unique_and_do_not_count_up,
                rule_3_a_number_is_not_given_out_again,
                rule_3_the_first_digit_is_the_cell,
                invariant_6_a_merchant_finds_its_own_payments_alone,
                rule_15_all_that_was_answered_is_there_after_a_restart,
                rules_3_and_4_ids_and_numbers_are_unique_and_found_whatever_the_clock_does,
            ],
            commands: [
                a_command_for_an_unknown_payment_finds_nothing,
                a_refusal_changes_nothing,
                a_refusal_writes_what_the_clock_has_changed,
                rule_16_every_event_says_who_did_it_in_which_request,
                rule_16_what_the_clock_did_is_the_clocks_in_anothers_request_too,
                invariants_1_2_3_hold_after_any_commands,
                rule_8_of_sixty_four_tills_one_takes_the_money,
                rule_8_of_sixty_four_two_step_tills_one_takes_the_money,
                rule_8_sixty_four_retries_of_one_attempt_are_one_payment,
                rule_10_cancel_and_pay_at_once_have_one_winner,
                choosing_the_store_issues_a_number,
                rule_3_a_number_that_is_issued_at_the_choice_is_unique_too,
                cancellations_take_the_ids_of_later_seconds_when_one_is_used_up,
                an_external_id_with_the_same_content_gets_the_same_answer,
                an_external_id_with_other_content_is_refused,
                an_external_id_is_its_chains_own,
                an_external_id_is_forgotten_after_a_day,
                an_external_id_of_a_refused_attempt_is_not_remembered,
                an_external_id_used_by_many_at_once_does_its_work_once,
                rule_8_a_reversed_trace_is_not_answered_as_paid_under_its_external_id,
                an_external_id_answers_the_same_whether_a_lapse_has_been_swept_or_not,
                rules_7_and_9_an_exception_is_listed_once,
                exceptions_are_listed_oldest_first_up_to_the_limit,
            ],
            time: [
                a_sweep_writes_each_expiry_once,
                a_sweep_writes_each_lapse_once_and_the_expiry_behind_it,
                a_sweep_takes_the_earliest_up_to_its_limit,
                a_sweep_leaves_alone_what_is_settled,
                rule_12_auto_pay_falls_due_earliest_first_and_once,
                next_moment_is_the_earliest_after_the_given_one,
                moments_are_kept_to_the_millisecond,
            ],
            outbox: [
                invariant_3_each_notifying_event_has_one_message,
                rule_13_what_the_merchant_never_heard_of_is_not_announced,
                rule_13_a_message_waits_until_the_one_before_it_is_delivered,
                rule_13_an_exhausted_message_frees_the_next_and_can_be_replayed,
                rule_13_failed_messages_are_listed_and_replayed_together_in_their_order,
                rule_13_a_replayed_message_waits_for_the_one_under_way,
                rule_13_a_new_event_tries_the_head_at_once,
                rule_13_a_new_event_tries_a_head_that_is_on_its_way_at_once_and_once,
                rule_13_a_head_that_is_claimed_after_the_new_event_is_not_hurried_again,
                a_retry_comes_after_its_delay_under_the_same_name,
                a_lease_keeps_a_message_from_a_second_claim_until_it_runs_out,
                sixty_four_claims_at_once_hand_out_each_message_once,
                a_lease_runs_by_real_time_and_dueness_by_the_gateways,
                claims_keep_to_the_slots_of_each_host,
                a_host_with_ten_thousand_due_hides_no_other,
                every_host_gets_its_turn_under_a_small_limit,
                thousands_of_dead_hosts_delay_no_fresh_message_and_each_gets_its_turn,
                a_host_without_free_slots_does_not_decide_whose_turn_it_is,
                a_settled_message_only_gains_the_record,
                settling_an_unknown_message_does_nothing,
                attempts_are_kept_as_they_were,
                only_a_failed_message_is_replayed,
                next_delivery_is_the_earliest_that_nobody_holds,
                rule_15_a_restart_ends_leases_and_keeps_the_outbox,
            ],
            backlog: [
                the_backlog_is_what_was_not_delivered_given_up_or_looked_at,
                each_payment_is_counted_once,
            ],
            deposits: [
                the_deposits_of_a_chain_are_what_it_has_taken_and_not_given_back,
                deposits_lie_between_two_instants_at_one_chain,
                deposits_are_read_page_by_page,
                after_any_commands_the_deposits_are_the_paid_payments,
            ],
            exceptions: [
                rules_7_and_9_an_exception_says_what_it_is_about,
                rule_16_a_resolved_exception_says_who_when_and_how_and_is_open_no_more,
                a_resolution_settles_its_own_attempt_and_kind_alone,
                of_many_that_resolve_an_exception_at_once_one_does,
                exceptions_are_read_page_by_page,
                a_resolution_is_there_after_a_restart,
            ],
            keys: [
                a_retired_webhook_secret_signs_before_the_new_one_through_its_last_second,
                a_retired_partner_secret_counts_through_its_last_second,
                retired_secrets_are_kept_sealed,
                what_is_sealed_says_with_which_key,
                resealing_moves_every_secret_to_the_first_key_at_once,
                a_ledger_that_knows_both_keys_seals_with_the_one_in_force,
            ],
            search: [
                whatever_is_looked_for_is_found_whole_in_order_and_once,
                invariant_6_a_merchants_search_finds_its_own_payments_alone,
                what_names_nothing_finds_nothing,
                what_was_registered_after_the_clock_was_set_back_is_found_by_its_time,
                what_comes_between_two_pages_neither_hides_nor_repeats_another,
                a_search_looks_at_no_more_than_its_effort_and_says_how_far_it_came,
            ],
            totals: [
                a_day_begins_and_ends_at_jakartas_midnight,
                a_days_total_is_what_was_taken_and_not_reversed_by_chain_and_merchant,
                rule_11_a_return_counts_on_its_own_day_and_the_payment_on_its_day,
                more_than_one_amount_can_be_is_added_up,
                after_any_commands_the_totals_are_those_of_the_payments,
            ],
            office: [
                a_user_is_added_once_and_read_back,
                a_user_is_changed_as_it_stands_at_that_moment,
                a_session_is_found_by_its_token_until_it_ends,
                a_session_is_noted_as_seen_once_a_minute,
                whoever_is_switched_off_is_signed_out_for_good,
                all_sessions_of_a_user_are_ended_but_one,
                the_audit_log_is_read_newest_first_page_by_page,
                every_change_of_an_account_is_logged_once_it_is_done,
                a_replay_is_logged_when_something_was_put_back,
                rule_16_what_is_done_to_a_payment_by_hand_is_in_the_audit_log_too,
                invariant_6_a_merchants_user_reaches_its_merchants_payments_alone,
                forgetting_payments_leaves_users_sessions_and_the_audit_log,
            ],
            accounts: [
                a_merchant_is_added_once_and_read_back,
                a_merchant_is_updated_and_an_unknown_one_is_not,
                many_merchants_updated_at_once_are_all_seen,
                a_retired_key_counts_through_its_last_second,
                a_partner_is_put_and_replaced,
                a_partner_is_added_once,
                of_many_changes_at_once_none_undoes_another,
                a_change_that_refuses_leaves_the_account_as_it_was,
                secrets_are_never_stored_in_the_open,
                another_master_key_is_refused,
                accounts_and_settings_are_there_after_a_restart,
                a_setting_is_kept_and_replaced,
                a_key_for_a_purpose_is_the_ledgers_own_and_stays,
                forgetting_payments_leaves_merchants_partners_and_settings,
                rule_4_after_forgetting_no_id_of_a_second_comes_again,
                rule_4_after_forgetting_no_id_of_a_cancellation_comes_again,
                a_forgotten_message_never_lends_its_id_to_another,
                a_ledger_that_can_write_is_ready,
            ],
        }
    };
    ($engine:ty => $($module:ident: [$($case:ident),+ $(,)?]),+ $(,)?) => {
        $(mod $module {
            use super::*;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::contract::$module::$case::<$engine>().await;
            })+
        })+
    };
}

/// The master key that the tests' databases begin with.
pub(crate) const MASTER: [u8; 32] = [3; 32];

/// What every payment of the tests owes.
pub(crate) const OWED: u64 = 10_000;

/// What the tests do, as the audit log has it.
pub(crate) fn deed() -> Deed {
    Deed::new(&Actor::Operator("test".into()), noon(), "tested", "everything")
}

/// Puts an account in place of the merchant with its id; `false` where there is none.
pub(crate) async fn put_merchant(ledger: &(impl Ledger + ?Sized), account: MerchantAccount) -> bool {
    let id = account.terms.id.clone();
    let put = Box::new(move |present: &mut MerchantAccount| {
        *present = account;
        Ok(())
    });
    matches!(ledger.change_merchant(&id, put, deed()).await.unwrap(), Changed::Done(_))
}

/// Adds a partner or puts this one in its place.
pub(crate) async fn put_partner(ledger: &(impl Ledger + ?Sized), account: PartnerAccount) {
    if !ledger.add_partner(account.clone(), deed()).await.unwrap() {
        let chain = account.chain;
        let put = Box::new(move |present: &mut PartnerAccount| {
            *present = account;
            Ok(())
        });
        assert!(matches!(ledger.change_partner(chain, put, deed()).await.unwrap(), Changed::Done(_)));
    }
}

/// The gateway's time at which the tests begin: noon on a Monday in Jakarta, when every store is open.
pub(crate) fn noon() -> Timestamp {
    "2026-03-02T12:00:00+07:00".parse().unwrap()
}

/// So many seconds after noon.
pub(crate) fn noon_and(seconds: i64) -> Timestamp {
    later(noon(), seconds)
}

/// `seconds` after `at`.
pub(crate) fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

pub(crate) const DAY: i64 = 86_400;

pub(crate) fn merchant(name: &str) -> MerchantId {
    name.parse().unwrap()
}

pub(crate) fn sinta() -> MerchantId {
    merchant("GERAITEST1")
}

pub(crate) fn budi() -> MerchantId {
    merchant("GERAITEST2")
}

pub(crate) fn rules() -> Arc<Rules> {
    Arc::new(Rules::default())
}

pub(crate) fn origin_of(actor: Actor) -> Origin {
    Origin { actor, request_id: Some("request-1".into()) }
}

/// A registration at noon, for seven days.
pub(crate) fn registration(reference: &str, chain: Option<Chain>) -> NewPayment {
    NewPayment {
        merchant: sinta(),
        ask: Ask {
            kind: if chain.is_some() { Kind::Direct } else { Kind::Redirect },
            reference_no: reference.into(),
            amount: Rupiah::new(OWED).unwrap(),
            chain,
            valid_date: None,
            valid_time: None,
            goods_nm: "Kopi".into(),
            billing_nm: "Sinta Amalina".into(),
            description: None,
            db_process_url: "https://shop.example/notify".into(),
            call_back_url: None,
            fingerprint: [7; 32],
            details: "{}".into(),
        },
        deadline: noon_and(7 * DAY),
        registered_at: noon(),
        auto_pay_at: None,
    }
}

pub(crate) fn indo(reference: &str) -> NewPayment {
    registration(reference, Some(Chain::Indo))
}

pub(crate) fn alma(reference: &str) -> NewPayment {
    registration(reference, Some(Chain::Alma))
}

/// The same, told to another address.
pub(crate) fn to(mut new: NewPayment, url: &str) -> NewPayment {
    new.ask.db_process_url = url.into();
    new
}

pub(crate) fn by(mut new: NewPayment, merchant: MerchantId) -> NewPayment {
    new.merchant = merchant;
    new
}

pub(crate) async fn try_open(ledger: &dyn Ledger, new: NewPayment) -> Opened {
    let origin = origin_of(Actor::Merchant(new.merchant.clone()));
    ledger.open(new, 1, origin).await.unwrap()
}

/// Registers what must be new.
pub(crate) async fn open(ledger: &dyn Ledger, new: NewPayment) -> Payment {
    match try_open(ledger, new).await {
        Opened::New(payment) => *payment,
        other => panic!("not a new payment: {other:?}"),
    }
}

/// Registers many at once, so that they share their commits.
pub(crate) async fn open_many(ledger: &Arc<dyn Ledger>, news: impl IntoIterator<Item = NewPayment>) -> Vec<Payment> {
    let mut news: Vec<NewPayment> = news.into_iter().collect();
    let mut payments = Vec::with_capacity(news.len());
    while !news.is_empty() {
        let mut crowd = JoinSet::new();
        for new in news.drain(..news.len().min(2_000)) {
            let ledger = Arc::clone(ledger);
            crowd.spawn(async move { open(&*ledger, new).await });
        }
        payments.extend(crowd.join_all().await);
    }
    payments
}

pub(crate) const fn partner(chain: Chain) -> Partner {
    Partner { chain, enabled: true }
}

pub(crate) fn visit(brand: Brand) -> StoreVisit {
    StoreVisit {
        partner: partner(brand.chain()),
        brand,
        store_code: "S001".into(),
        terminal_id: "T01".into(),
        simulated: false,
    }
}

/// The usual brand of a chain.
pub(crate) const fn brand(chain: Chain) -> Brand {
    match chain {
        Chain::Alma => Brand::Alfamart,
        Chain::Indo => Brand::Indomaret,
    }
}

pub(crate) fn pay(chain: Chain, trace_no: &str) -> Command {
    Command::Pay {
        visit: visit(brand(chain)),
        amount: Rupiah::new(OWED).unwrap(),
        trace_no: trace_no.into(),
        biller: "NICEPAY - Toko Sinta".into(),
        own_lines: vec!["Terima kasih".into()],
    }
}

pub(crate) fn commit(trace_no: &str) -> Command {
    Command::Commit { partner: partner(Chain::Alma), trace_no: trace_no.into() }
}

pub(crate) fn reverse(chain: Chain, trace_no: &str) -> Command {
    Command::Reverse { partner: partner(chain), trace_no: trace_no.into(), reason: "till jam".into() }
}

pub(crate) fn cancel() -> Command {
    Command::Cancel { amount: Rupiah::new(OWED).unwrap(), message: Some("out of stock".into()) }
}

pub(crate) fn give_back() -> Command {
    Command::Return { operator: "budi".into(), reason: "goods came back".into() }
}

pub(crate) fn choose(chain: Chain) -> Command {
    Command::ChooseStore { chain, open_to_merchant: true, auto_paid: false }
}

pub(crate) type Verdict = Result<Outcome, Refusal>;

/// An execution by the chain, with nothing unusual about it.
pub(crate) fn execution(payment: &Payment, command: Command, now: Timestamp) -> Execution {
    Execution {
        target: Target::TxId(payment.terms.tx_id.clone()),
        command,
        rules: rules(),
        now,
        origin: origin_of(Actor::Partner(Chain::Indo)),
        idempotency: None,
    }
}

/// Carries out a command on a payment that is there.
pub(crate) async fn judge(ledger: &dyn Ledger, execution: Execution) -> (Payment, Verdict) {
    match ledger.execute(execution).await.unwrap() {
        Executed::Judged { payment, verdict } => (*payment, verdict),
        other => panic!("not judged: {other:?}"),
    }
}

pub(crate) async fn command(ledger: &dyn Ledger, payment: &Payment, command: Command, now: Timestamp) -> Verdict {
    judge(ledger, execution(payment, command, now)).await.1
}

/// Carries out what must be done.
pub(crate) async fn done(ledger: &dyn Ledger, payment: &Payment, command: Command, now: Timestamp) -> Outcome {
    self::command(ledger, payment, command, now).await.unwrap()
}

/// A payment of Indomaret's that is paid at noon.
pub(crate) async fn paid(ledger: &dyn Ledger, new: NewPayment) -> Payment {
    let payment = open(ledger, new).await;
    done(ledger, &payment, pay(Chain::Indo, "t1"), noon()).await;
    found(ledger, &payment).await
}

/// Many that are paid at once.
pub(crate) async fn paid_many(ledger: &Arc<dyn Ledger>, news: impl IntoIterator<Item = NewPayment>) -> Vec<Payment> {
    let payments = open_many(ledger, news).await;
    pay_all(ledger, &payments, noon()).await;
    payments
}

/// Pays these at Indomaret, many at once.
pub(crate) async fn pay_all(ledger: &Arc<dyn Ledger>, payments: &[Payment], now: Timestamp) {
    for some in payments.chunks(2_000) {
        let mut crowd = JoinSet::new();
        for payment in some {
            let (ledger, execution) = (Arc::clone(ledger), execution(payment, pay(Chain::Indo, "t1"), now));
            crowd.spawn(async move { judge(&*ledger, execution).await.1.unwrap() });
        }
        crowd.join_all().await;
    }
}

pub(crate) fn taken(verdict: &Verdict) -> &Taken {
    match verdict {
        Ok(Outcome::Taken(taken)) => taken,
        other => panic!("no money was taken: {other:?}"),
    }
}

/// The payment as it is stored.
pub(crate) async fn found(ledger: &dyn Ledger, payment: &Payment) -> Payment {
    ledger.find_by_tx_id(&payment.terms.tx_id).await.unwrap().expect("the payment")
}

pub(crate) async fn history(ledger: &dyn Ledger, payment: &Payment) -> Vec<Event> {
    ledger.history(&payment.terms.tx_id).await.unwrap()
}

/// The names of a payment's events, in order.
pub(crate) async fn names(ledger: &dyn Ledger, payment: &Payment) -> Vec<String> {
    let name = |event: &Event| serde_json::to_value(&event.kind).unwrap()["event"].as_str().unwrap().to_owned();
    history(ledger, payment).await.iter().map(name).collect()
}

pub(crate) fn count(events: &[Event], is: impl Fn(&EventKind) -> bool) -> usize {
    events.iter().filter(|event| is(&event.kind)).count()
}

/// The standing that the events lead to.
pub(crate) fn fold(events: &[Event]) -> Standing {
    Standing::fold(events.iter().map(|event| (&event.kind, event.at))).expect("a history from its beginning")
}

pub(crate) fn named(chain: Chain, external_id: &str, fingerprint: u8) -> Option<Idempotency> {
    Some(Idempotency { chain, external_id: external_id.into(), fingerprint: [fingerprint; 32] })
}

/// Real time in these tests, far from the gateway's.
pub(crate) fn real(seconds: i64) -> Timestamp {
    later("2030-01-01T00:00:00Z".parse().unwrap(), seconds)
}

/// A claim of up to 100, any number of each host, leased for a minute of real time.
pub(crate) fn claim_at(now: Timestamp, real_now: Timestamp) -> ClaimRequest {
    ClaimRequest {
        limit: 100,
        per_host: HashMap::new(),
        default_per_host: 100,
        lease: Duration::from_secs(60),
        now,
        real_now,
    }
}

pub(crate) async fn claim(ledger: &dyn Ledger, now: Timestamp, real_now: Timestamp) -> Vec<Claimed> {
    ledger.claim_due(claim_at(now, real_now)).await.unwrap()
}

/// An attempt that ended at `at` with this status.
pub(crate) fn answered(at: Timestamp, code: u16) -> DeliveryRecord {
    DeliveryRecord {
        at,
        headers: vec![("content-type".into(), "application/x-www-form-urlencoded".into())],
        body: "status=0".into(),
        answer: DeliveryAnswer::Status { code, excerpt: "ok".into() },
        took: Duration::from_millis(12),
    }
}

pub(crate) async fn accept(ledger: &dyn Ledger, id: i64, at: Timestamp) {
    ledger.settle(id, answered(at, 200), Settlement::Accepted).await.unwrap();
}

pub(crate) fn account(id: &MerchantId, key: &str) -> MerchantAccount {
    MerchantAccount {
        terms: MerchantTerms::usual(id.clone(), "Toko Sinta"),
        key: key.into(),
        retired_key: None,
        webhook_secret: "whsec_c2VjcmV0".into(),
        retired_webhook_secret: None,
    }
}
