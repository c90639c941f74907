//! What the merchant is told (rule 13): Paid, the reversal of what was Paid, and the return. Nothing else.

mod support;

use gerai_domain::{Chain, Notice, NoticeStatus};
use support::{Life, OWED, later, merchant_id, noon, rupiah, taken};

fn told(life: &Life) -> Vec<NoticeStatus> {
    life.notices.iter().map(|notice| notice.status).collect()
}

#[test]
fn s2_rule_13_a_payment_in_one_step_is_told_at_once_and_in_two_steps_at_its_commit() {
    let mut indo = Life::indo();
    taken(&indo.pay("a"));
    assert_eq!(told(&indo), [NoticeStatus::Deposit]);
    let mut alma = Life::alma();
    taken(&alma.pay("a"));
    assert_eq!(told(&alma), []);
    taken(&alma.commit("a"));
    assert_eq!(told(&alma), [NoticeStatus::Deposit]);
}

#[test]
fn s2_rule_13_a_retry_tells_nothing_new() {
    for chain in Chain::ALL {
        let mut life = Life::direct(chain).paid("a");
        life.pay("a");
        life.commit("a");
        life.reverse("unknown");
        life.wait(901).reverse("a");
        assert_eq!(told(&life), [NoticeStatus::Deposit]);
    }
}

#[test]
fn s13_a_deposit_notice_says_what_was_paid_where_and_when() {
    let mut life = Life::alma();
    life.wait(60);
    let receipt_code = taken(&life.pay("a")).receipt_code.clone();
    life.wait(30);
    taken(&life.commit("a"));
    let expected = Notice {
        merchant: merchant_id(),
        tx_id: life.payment.terms.tx_id.clone(),
        reference_no: "ORD12345".into(),
        amount: rupiah(OWED),
        goods_nm: "Kopi".into(),
        billing_nm: "Sinta Amalina".into(),
        status: NoticeStatus::Deposit,
        chain: Some(Chain::Alma),
        pay_no: life.payment.standing.pay_no,
        deadline: later(noon(), 7 * 24 * 3_600),
        receipt_code,
        trans_at: later(noon(), 60),
        deposit_at: later(noon(), 60),
    };
    assert_eq!(life.notices, std::slice::from_ref(&expected));
    let json = serde_json::to_string(&expected).unwrap();
    assert_eq!(serde_json::from_str::<Notice>(&json).unwrap(), expected);
}

#[test]
fn s13_a_reversal_notice_keeps_the_deposits_moment_beside_its_own() {
    let mut reversed = Life::indo().paid("a");
    reversed.wait(600).reverse("a").verdict.unwrap();
    let mut returned = Life::indo().paid("a");
    returned.wait(600).give_back().verdict.unwrap();
    for life in [reversed, returned] {
        assert_eq!(told(&life), [NoticeStatus::Deposit, NoticeStatus::Reversal]);
        let [deposit, reversal] = &life.notices[..] else { unreachable!("two notices") };
        let expected = Notice { status: NoticeStatus::Reversal, trans_at: later(noon(), 600), ..deposit.clone() };
        assert_eq!(reversal, &expected);
        assert_eq!(reversal.deposit_at, noon());
    }
}

#[test]
fn rule_13_commit_time_outs_reversals_of_what_was_never_paid_cancels_and_expiries_are_not_told() {
    let mut life = Life::alma().lapsed("a");
    taken(&life.pay("b"));
    life.reverse("b").verdict.unwrap();
    life.reverse("a").verdict.unwrap();
    life.reverse("c").verdict.unwrap();
    let mut cancelled = life.clone();
    cancelled.cancel().verdict.unwrap();
    life.until(later(life.deadline(), 1)).sweep();
    assert_eq!(told(&life), []);
    assert_eq!(told(&cancelled), []);
    for (event, _) in life.history.iter().chain(&cancelled.history) {
        assert_eq!(event.notifies(), None, "{event:?}");
    }
}
