//! Registrations (S1, S6): what is taken, what is refused, and which refusal wins. And a merchant's terms.

mod support;

use gerai_domain::{
    Ask, Chain, ChainLimits, DeadlineError, Kind, MerchantTerms, PayNo, RegistrationRefusal, Rules, State, TermsError,
    TxId, register, wib as clock,
};
use jiff::SignedDuration;
use support::{OWED, ask, later, merchant, noon, rupiah};

fn told(ask: Ask, merchant: &MerchantTerms, rules: &Rules) -> Result<(), RegistrationRefusal> {
    register(ask, merchant, rules, noon()).map(|_| ())
}

fn limits(min: u64, max: u64) -> ChainLimits {
    ChainLimits { min: rupiah(min), max: rupiah(max) }
}

#[test]
fn s6_a_registration_becomes_a_payment_with_what_was_asked_for() {
    for (kind, chain) in
        [(Kind::Direct, Some(Chain::Alma)), (Kind::Redirect, None), (Kind::Redirect, Some(Chain::Indo))]
    {
        let wish = ask(kind, chain);
        let new = register(wish.clone(), &merchant(), &Rules::default(), noon()).unwrap();
        assert_eq!(new.takes_number(), chain.is_some());
        let number = chain.map(|_| PayNo::draw(1, 42));
        let tx_id = TxId::new(&merchant().id, kind, noon(), 1);
        let payment = new.into_payment(tx_id.clone(), number);
        let terms = &payment.terms;
        assert_eq!((&terms.tx_id, &terms.merchant, terms.kind), (&tx_id, &merchant().id, kind));
        assert_eq!((terms.amount, terms.registered_at, terms.deadline), (wish.amount, noon(), later(noon(), 604_800)));
        assert_eq!((&terms.reference_no, &terms.fingerprint), (&wish.reference_no, &wish.fingerprint));
        assert_eq!((&terms.goods_nm, &terms.billing_nm), (&wish.goods_nm, &wish.billing_nm));
        assert_eq!((&terms.description, &terms.details), (&wish.description, &wish.details));
        assert_eq!((&terms.db_process_url, &terms.call_back_url), (&wish.db_process_url, &wish.call_back_url));
        assert_eq!(payment.standing.state, if chain.is_some() { State::Unpaid } else { State::AwaitingStore });
        assert_eq!((payment.standing.chain, payment.standing.pay_no), (chain, number));
    }
}

#[test]
fn s1_the_refusals_come_in_the_order_rights_amount_deadline() {
    // Everything is wrong at once; one thing after another is put right.
    let mut merchant = MerchantTerms { direct: false, chains: vec![Chain::Indo], ..merchant() };
    let mut wish = ask(Kind::Direct, Some(Chain::Alma));
    wish.amount = rupiah(5_000_001);
    wish.valid_time = clock::parse_time("120000");
    let rules = Rules { alma_limits: limits(10, 5_000_000), ..Rules::default() };

    assert_eq!(told(wish.clone(), &merchant, &rules), Err(RegistrationRefusal::MethodNotOpen));
    merchant.direct = true;
    assert_eq!(told(wish.clone(), &merchant, &rules), Err(RegistrationRefusal::ChainNotOpen));
    merchant.chains.push(Chain::Alma);
    assert_eq!(told(wish.clone(), &merchant, &rules), Err(RegistrationRefusal::AmountTooGreat(rupiah(5_000_000))));
    wish.amount = rupiah(9);
    assert_eq!(told(wish.clone(), &merchant, &rules), Err(RegistrationRefusal::AmountTooSmall(rupiah(10))));
    wish.amount = rupiah(10);
    let refused = told(wish.clone(), &merchant, &rules);
    assert_eq!(refused, Err(RegistrationRefusal::Deadline(DeadlineError::TimeWithoutDate)));
    wish.valid_date = clock::parse_date("20260302");
    let refused = told(wish.clone(), &merchant, &rules);
    assert_eq!(refused, Err(RegistrationRefusal::Deadline(DeadlineError::NotInFuture)));
    wish.valid_date = clock::parse_date("20270302");
    let refused = told(wish.clone(), &merchant, &rules);
    assert_eq!(refused, Err(RegistrationRefusal::Deadline(DeadlineError::TooFar)));
    wish.valid_date = clock::parse_date("20260303");
    assert_eq!(told(wish, &merchant, &rules), Ok(()));
}

#[test]
fn s1_each_way_of_registering_is_open_or_not_by_itself() {
    let rows = [(true, true), (true, false), (false, true)];
    for (direct, redirect) in rows {
        let merchant = MerchantTerms { direct, redirect, ..merchant() };
        let refused = Err(RegistrationRefusal::MethodNotOpen);
        let found = told(ask(Kind::Direct, Some(Chain::Alma)), &merchant, &Rules::default());
        assert_eq!(found, if direct { Ok(()) } else { refused });
        let found = told(ask(Kind::Redirect, None), &merchant, &Rules::default());
        assert_eq!(found, if redirect { Ok(()) } else { refused });
    }
}

#[test]
fn rule_2_the_chains_limits_hold_and_both_ends_are_allowed() {
    let rows = [
        (0, Err(RegistrationRefusal::AmountTooSmall(rupiah(1)))),
        (1, Ok(())),
        (OWED, Ok(())),
        (5_000_000, Ok(())),
        (5_000_001, Err(RegistrationRefusal::AmountTooGreat(rupiah(5_000_000)))),
        (999_999_999_999, Err(RegistrationRefusal::AmountTooGreat(rupiah(5_000_000)))),
    ];
    for (amount, expected) in rows {
        for chain in [Some(Chain::Alma), Some(Chain::Indo), None] {
            let mut wish = ask(Kind::Redirect, chain);
            wish.amount = rupiah(amount);
            assert_eq!(told(wish, &merchant(), &Rules::default()), expected, "{amount} at {chain:?}");
        }
    }
}

#[test]
fn rule_2_without_a_chain_the_widest_limits_of_the_merchants_chains_apply() {
    let rules = Rules { alma_limits: limits(100, 1_000), indo_limits: limits(500, 5_000), ..Rules::default() };
    let both = merchant();
    let indo_only = MerchantTerms { chains: vec![Chain::Indo], ..merchant() };
    let rows = [
        (&both, None, 99, false),
        (&both, None, 100, true),
        (&both, None, 5_000, true),
        (&both, None, 5_001, false),
        (&both, Some(Chain::Alma), 1_001, false),
        (&both, Some(Chain::Indo), 499, false),
        (&both, Some(Chain::Indo), 1_001, true),
        (&indo_only, None, 100, false),
        (&indo_only, None, 500, true),
    ];
    for (merchant, chain, amount, takes) in rows {
        let mut wish = ask(Kind::Redirect, chain);
        wish.amount = rupiah(amount);
        assert_eq!(told(wish, merchant, &rules).is_ok(), takes, "{amount} at {chain:?}");
    }
}

#[test]
fn s16_a_merchants_terms_are_checked_before_they_are_stored() {
    let longest = Rules::default().longest_period;
    let good = merchant();
    let with = |change: fn(&mut MerchantTerms)| {
        let mut terms = good.clone();
        change(&mut terms);
        terms.check(longest)
    };
    type Change = fn(&mut MerchantTerms);
    let rows: [(Result<(), TermsError>, Change); 17] = [
        (Ok(()), |_| {}),
        (Ok(()), |t| t.name = "n".repeat(60)),
        (Ok(()), |t| t.name = "é".repeat(60)),
        (Err(TermsError::Name), |t| t.name = String::new()),
        (Err(TermsError::Name), |t| t.name = "n".repeat(61)),
        (Err(TermsError::Name), |t| t.name = "Toko\nSinta".into()),
        (Ok(()), |t| t.period_secs = 1),
        (Ok(()), |t| t.period_secs = 180 * 24 * 3_600),
        (Err(TermsError::Period { longest_days: 180 }), |t| t.period_secs = 0),
        (Err(TermsError::Period { longest_days: 180 }), |t| t.period_secs = 180 * 24 * 3_600 + 1),
        (Ok(()), |t| t.direct = false),
        (Err(TermsError::NoMethod), |t| (t.direct, t.redirect) = (false, false)),
        (Err(TermsError::NoChain), |t| t.chains = vec![]),
        (Ok(()), |t| t.receipt_lines = vec!["é".repeat(40), "y".repeat(40)]),
        (Err(TermsError::ReceiptLines), |t| t.receipt_lines = vec!["y".repeat(41)]),
        (Err(TermsError::ReceiptLines), |t| t.receipt_lines = vec!["a".into(), "b".into(), "c".into()]),
        (Err(TermsError::ReceiptLines), |t| t.receipt_lines = vec!["a\u{1b}[2J".into()]),
    ];
    for (i, (expected, change)) in rows.into_iter().enumerate() {
        assert_eq!(with(change), expected, "row {i}");
    }
}

#[test]
fn the_default_rules_are_the_sources_own_figures() {
    let rules = Rules::default();
    assert_eq!(rules.cell, 1);
    assert_eq!(rules.commit_timeout, SignedDuration::from_mins(5));
    assert_eq!(rules.reversal_window, SignedDuration::from_mins(15));
    assert_eq!(rules.auto_pay_delay, SignedDuration::from_secs(10));
    assert_eq!(rules.biller_prefix, "NICEPAY - ");
    for chain in Chain::ALL {
        assert_eq!(rules.limits(chain), limits(1, 5_000_000));
    }
}
