//! The choice of a store on the payment page (Redirect), and the simulated store of AutoPaid merchants (rule 12).

mod support;

use gerai_domain::{
    Brand, Chain, ChainLimits, Command, EventKind, Kind, MerchantTerms, Outcome, PayNo, Phase, Refusal, Rules,
    StoreVisit,
};
use support::{Life, OWED, ask, later, merchant, names, noon, pay_command, rupiah, taken, visit, wib};

const fn choose(chain: Chain) -> Command {
    Command::ChooseStore { chain, open_to_merchant: true, auto_paid: false }
}

fn give_up() -> Command {
    Command::GiveUpAutoPay { reason: "chain switched off".into() }
}

#[test]
fn s1_s6_choosing_a_store_issues_a_number_that_is_payable_there() {
    for chain in Chain::ALL {
        let mut life = Life::awaiting();
        let decision = life.run(&choose(chain));
        let Ok(Outcome::StoreChosen { pay_no }) = decision.verdict else { unreachable!("not chosen") };
        assert_eq!(decision.events, [EventKind::StoreChosen { chain, pay_no, auto_pay_at: None }]);
        assert_eq!(pay_no, PayNo::draw(1, 9_876_543_210));
        assert_eq!(life.payment.standing.pay_no, Some(pay_no));
        assert_eq!(life.payment.phase(life.now), Phase::Unpaid);
        assert_eq!(life.look_up(), Ok(()));
        assert_eq!(life.brand().chain(), chain);
        assert_eq!(life.paid("a").notices[0].pay_no, Some(pay_no));
    }
}

#[test]
fn s1_the_same_choice_again_gets_the_same_number_and_another_choice_is_refused() {
    let mut life = Life::awaiting();
    let first = life.run(&choose(Chain::Alma)).verdict;
    let again = life.run(&choose(Chain::Alma));
    assert_eq!((again.verdict, again.events), (first, vec![]));
    let other = life.run(&choose(Chain::Indo));
    assert_eq!((other.verdict, other.events), (Err(Refusal::NothingToChoose), vec![]));
}

#[test]
fn s1_there_is_nothing_to_choose_for_what_is_taken_paid_cancelled_or_returned() {
    let mut ready = Life::alma();
    taken(&ready.pay("a"));
    let mut cancelled = Life::awaiting();
    cancelled.cancel().verdict.unwrap();
    let mut returned = Life::alma().paid("a");
    returned.give_back().verdict.unwrap();
    for life in [ready, Life::alma().paid("a"), cancelled, returned] {
        let decision = life.would(&choose(Chain::Alma));
        assert_eq!((decision.verdict, decision.events), (Err(Refusal::NothingToChoose), vec![]));
    }
}

#[test]
fn rule_1_a_store_can_be_chosen_through_the_deadlines_second() {
    let mut life = Life::awaiting();
    life.until(life.deadline());
    assert!(life.clone().run(&choose(Chain::Alma)).verdict.is_ok());
    life.wait(1);
    let late = life.run(&choose(Chain::Alma));
    assert_eq!((late.verdict, names(&late.events)), (Err(Refusal::Expired), vec!["expired".to_owned()]));
    assert_eq!(life.payment.standing.pay_no, None);
}

#[test]
fn rule_2_only_an_open_chain_that_takes_the_amount_can_be_chosen() {
    let closed = Command::ChooseStore { chain: Chain::Alma, open_to_merchant: false, auto_paid: false };
    assert_eq!(Life::awaiting().run(&closed).verdict, Err(Refusal::ChainNotOpen));

    let rows = [(OWED, OWED, true), (OWED + 1, OWED + 1, false), (1, OWED - 1, false), (1, OWED, true)];
    for (min, max, takes) in rows {
        let mut life = Life::awaiting();
        life.rules.alma_limits = ChainLimits { min: rupiah(min), max: rupiah(max) };
        let told = life.would(&choose(Chain::Alma));
        assert_eq!(told.verdict.is_ok(), takes, "{min} to {max}");
        if !takes {
            assert_eq!((told.verdict, told.events), (Err(Refusal::OutsideChainLimits), vec![]));
            // The other chain has limits of its own.
            assert!(life.run(&choose(Chain::Indo)).verdict.is_ok());
        }
    }
}

fn auto_paid_life(kind: Kind, chain: Option<Chain>) -> Life {
    let merchant = MerchantTerms { auto_paid: true, ..merchant() };
    Life::of(ask(kind, chain), &merchant, Rules::default(), noon())
}

#[test]
fn s5_rule_12_an_autopaid_payment_is_due_ten_seconds_after_its_registration() {
    for (kind, chain) in [(Kind::Direct, Chain::Alma), (Kind::Redirect, Chain::Indo)] {
        let life = auto_paid_life(kind, Some(chain));
        assert_eq!(life.payment.standing.auto_pay_at, Some(later(noon(), 10)));
        assert_eq!(life.folded().unwrap(), life.payment.standing);
    }
    assert_eq!(Life::alma().payment.standing.auto_pay_at, None, "not for other merchants");
}

#[test]
fn s5_rule_12_without_a_store_the_moment_is_set_when_it_is_chosen() {
    let mut life = auto_paid_life(Kind::Redirect, None);
    assert_eq!(life.payment.standing.auto_pay_at, None);
    life.wait(60);
    let command = Command::ChooseStore { chain: Chain::Alma, open_to_merchant: true, auto_paid: true };
    life.run(&command).verdict.unwrap();
    assert_eq!(life.payment.standing.auto_pay_at, Some(later(noon(), 70)));
    // Chosen again, the moment does not move.
    life.wait(5).run(&command).verdict.unwrap();
    assert_eq!(life.payment.standing.auto_pay_at, Some(later(noon(), 70)));
}

#[test]
fn rule_12_the_moment_is_cleared_by_payment_cancel_expiry_and_giving_up() {
    type Step = fn(&mut Life);
    let rows: [(&str, Step); 4] = [
        ("paid", |life| {
            taken(&life.pay("a"));
            // The simulated store still has its commit to make: that is part of the plan.
            assert_eq!(life.payment.standing.auto_pay_at, Some(later(noon(), 10)));
            taken(&life.commit("a"));
        }),
        ("cancelled", |life| {
            life.cancel().verdict.unwrap();
        }),
        ("expired", |life| {
            life.until(later(life.deadline(), 1)).sweep();
        }),
        ("given up", |life| {
            let decision = life.run(&give_up());
            assert_eq!(decision.verdict, Ok(Outcome::Done));
            assert_eq!(decision.events, [EventKind::AutoPayGivenUp { reason: "chain switched off".into() }]);
        }),
    ];
    for (title, step) in rows {
        let mut life = auto_paid_life(Kind::Direct, Some(Chain::Alma));
        step(&mut life);
        assert_eq!(life.payment.standing.auto_pay_at, None, "{title}");
        assert_eq!(life.run(&give_up()).verdict, Err(Refusal::NoAutoPay), "{title}");
        assert_eq!(life.folded().unwrap(), life.payment.standing);
    }
}

#[test]
fn rule_12_what_was_taken_back_is_not_paid_again_by_itself() {
    for chain in Chain::ALL {
        let mut life = auto_paid_life(Kind::Direct, Some(chain));
        taken(&life.pay("a"));
        assert_eq!(life.payment.standing.auto_pay_at.is_none(), chain == Chain::Indo, "one step is the whole plan");
        let mut life = life.paid("a");
        life.reverse("a").verdict.unwrap();
        assert_eq!(life.payment.standing.auto_pay_at, None);
    }
}

#[test]
fn rule_12_opening_hours_do_not_bind_the_simulated_store_but_everything_else_does() {
    for brand in [Brand::Alfamart, Brand::Indomaret] {
        let mut life = Life::direct(brand.chain());
        life.until(wib("2026-03-02 23:30:00"));
        assert_eq!(life.look_up(), Err(Refusal::Closed));
        let simulated = StoreVisit { simulated: true, ..visit(brand) };
        assert_eq!(gerai_domain::look_up(&life.payment, &simulated, &life.rules, life.now), Ok(()));
        taken(&life.would(&pay_command(simulated.clone(), OWED, "a")));

        assert_eq!(life.would(&pay_command(simulated.clone(), 1, "a")).verdict, Err(Refusal::InvalidAmount));
        let mut off = simulated.clone();
        off.partner.enabled = false;
        assert_eq!(life.would(&pay_command(off, OWED, "a")).verdict, Err(Refusal::SwitchedOff));
        life.until(later(life.deadline(), 1));
        assert_eq!(life.would(&pay_command(simulated, OWED, "a")).verdict, Err(Refusal::Expired));
    }
}
