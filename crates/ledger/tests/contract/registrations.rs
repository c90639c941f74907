//! Registrations: numbers, ids, and requests that come again (rules 3, 4, 14, 15, 16).

use super::*;
use gerai_domain::{PayNo, TxId};
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, HashSet};

pub(crate) async fn rule_14_a_repeat_gets_the_first_payment_and_another_request_is_refused<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let first = open(&*ledger, indo("A")).await;
    assert_eq!(try_open(&*ledger, indo("A")).await, Opened::Repeat(Box::new(first.clone())));

    let mut other = indo("A");
    other.ask.fingerprint = [8; 32];
    assert_eq!(try_open(&*ledger, other.clone()).await, Opened::ReferenceUsed);

    // Whatever has become of it since, and however much later the same request comes.
    done(&*ledger, &first, cancel(), noon_and(1)).await;
    let now = found(&*ledger, &first).await;
    let mut late = indo("A");
    late.registered_at = noon_and(60);
    late.deadline = noon_and(8 * DAY);
    assert_eq!(try_open(&*ledger, late).await, Opened::Repeat(Box::new(now)));
    assert_eq!(try_open(&*ledger, other).await, Opened::ReferenceUsed);
    assert_eq!(names(&*ledger, &first).await, ["registered", "cancelled"]);
}

pub(crate) async fn rule_14_a_reference_belongs_to_one_merchant<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mine = open(&*ledger, indo("A")).await;
    let theirs = open(&*ledger, by(indo("A"), budi())).await;
    assert_ne!(mine.terms.tx_id, theirs.terms.tx_id);
    assert_ne!(mine.standing.pay_no, theirs.standing.pay_no);
    // References are told apart as they are written.
    open(&*ledger, indo("a")).await;
    open(&*ledger, indo("A ")).await;
}

pub(crate) async fn rule_14_sixty_four_identical_requests_at_once_open_one_payment<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut crowd = JoinSet::new();
    for _ in 0..64 {
        let ledger = Arc::clone(&ledger);
        crowd.spawn(async move { try_open(&*ledger, indo("A")).await });
    }
    let answers = crowd.join_all().await;
    let payments: Vec<&Payment> = answers
        .iter()
        .map(|answer| match answer {
            Opened::New(payment) | Opened::Repeat(payment) => &**payment,
            other => panic!("refused: {other:?}"),
        })
        .collect();
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Opened::New(_))).count(), 1);
    assert!(payments.iter().all(|payment| *payment == payments[0]));
    assert_eq!(names(&*ledger, payments[0]).await, ["registered"]);
}

pub(crate) async fn rule_16_what_was_registered_is_read_back_and_its_first_event_says_who_and_when<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut full = alma("Ünïcode-Δ");
    full.ask.description = Some("Biji kopi \u{1f375} \"dua\"".into());
    full.ask.call_back_url = Some("https://shop.example/back?a=1&b=2".into());
    full.ask.details = r#"{"cartData":"{}"}"#.into();
    full.ask.fingerprint = std::array::from_fn(|i| u8::try_from(i).unwrap() ^ 0xA5);
    full.ask.amount = Rupiah::MAX;
    full.auto_pay_at = Some(noon_and(10));
    let bare = registration("bare", None);
    for new in [full, bare] {
        let payment = open(&*ledger, new.clone()).await;
        let expected = new.clone().into_payment(payment.terms.tx_id.clone(), payment.standing.pay_no);
        assert_eq!(payment, expected);
        assert_eq!(found(&*ledger, &payment).await, expected);
        assert_eq!(payment.standing.pay_no.is_some(), new.ask.chain.is_some());
        let event = Event {
            seq: 1,
            at: noon(),
            actor: "merchant:GERAITEST1".into(),
            request_id: Some("request-1".into()),
            kind: new.registered_event(payment.standing.pay_no),
        };
        assert_eq!(history(&*ledger, &payment).await, [event]);
    }
}

pub(crate) async fn rule_4_ids_are_unique_and_their_serials_do_not_count_up<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mut serials = Vec::new();
    for i in 0..200 {
        let payment = open(&*ledger, registration(&format!("R{i}"), [Some(Chain::Indo), None][i % 2])).await;
        let id = payment.terms.tx_id.as_str();
        assert_eq!(&id[..26], ["GERAITEST10320260302120000", "GERAITEST10020260302120000"][i % 2]);
        assert!(id.len() == 30 && id[26..].bytes().all(|b| b.is_ascii_digit()), "{id}");
        serials.push((id[10..12].to_owned(), i32::from(payment.terms.tx_id.serial())));
    }
    assert_eq!(serials.iter().collect::<HashSet<_>>().len(), 200);
    // Of 199 steps, a drawn serial goes up by one (or stays near) two or three times in a hundred thousand.
    let near = serials.windows(2).filter(|pair| (pair[1].1 - pair[0].1).abs() <= 2).count();
    assert!(near < 5, "{near} of 199 serials lie beside the one before");
    assert!(serials.iter().any(|(_, serial)| *serial > 5_000) && serials.iter().any(|(_, serial)| *serial < 5_000));
}

fn by_second<'a>(payments: impl IntoIterator<Item = &'a Payment>) -> BTreeMap<String, usize> {
    let mut seconds = BTreeMap::new();
    for payment in payments {
        *seconds.entry(payment.terms.tx_id.second_prefix()[12..].to_owned()).or_default() += 1;
    }
    seconds
}

pub(crate) async fn rule_4_when_a_second_is_used_up_the_next_is_taken<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    // A clock that stands still.
    let payments = open_many(&ledger, (0..20_001).map(|i| indo(&format!("R{i}")))).await;
    let ids: HashSet<&TxId> = payments.iter().map(|payment| &payment.terms.tx_id).collect();
    assert_eq!(ids.len(), 20_001);
    let expected = [("20260302120000", 10_000), ("20260302120001", 10_000), ("20260302120002", 1)];
    assert_eq!(by_second(&payments), expected.map(|(second, n)| (second.to_owned(), n)).into());
    // The id alone moves on, not the time of registration.
    assert!(payments.iter().all(|payment| payment.terms.registered_at == noon()));

    // The other method and the other merchant have seconds of their own, as has a later moment.
    let mut later = indo("later");
    later.registered_at = noon_and(10);
    let others = [(registration("R", None), "120000"), (by(indo("R"), budi()), "120000"), (later, "120010")];
    for (new, second) in others {
        assert_eq!(&open(&*ledger, new).await.terms.tx_id.as_str()[20..26], second);
    }

    // What is known of full seconds need not survive a restart.
    drop(ledger);
    let ledger = engine.open().await;
    let after = open(&*ledger, indo("after")).await.terms.tx_id;
    assert!(!ids.contains(&after) && &after.as_str()[20..26] > "120001", "{after}");

    // Once everything is forgotten, the seconds that were full stay full.
    ledger.forget_payments().await.unwrap();
    let anew = open(&*ledger, indo("anew")).await.terms.tx_id;
    assert!(!ids.contains(&anew) && anew != after && anew.as_str()[20..26] == *"120002", "{anew}");
}

pub(crate) async fn rule_4_an_id_carries_the_time_of_a_clock_that_was_set_back<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let at = async |seconds, reference: &str| {
        let new = NewPayment { registered_at: noon_and(seconds), ..indo(reference) };
        open(&*ledger, new).await.terms.tx_id.as_str()[12..26].to_owned()
    };
    assert_eq!(at(0, "first").await, "20260302120000");
    // The network puts it right by some seconds: the second that it had come to goes on.
    assert_eq!(at(-5, "corrected").await, "20260302120000");
    // A sandbox's operator sets it back by days, to a second that has been used, and on again.
    assert_eq!(at(-3 * DAY, "back").await, "20260227120000");
    assert_eq!(at(-3 * DAY, "back again").await, "20260227120000");
    assert_eq!(at(0, "on").await, "20260302120000");
    // By a little each time is by much in the end.
    assert_eq!(at(-50, "back a little").await, "20260302120000");
    assert_eq!(at(-100, "and a little").await, "20260302115820");
}

pub(crate) async fn rule_3_numbers_are_unique_and_do_not_count_up<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let payments = open_many(&ledger, (0..2_000).map(|i| indo(&format!("R{i}")))).await;
    let numbers: Vec<PayNo> = payments.iter().map(|payment| payment.standing.pay_no.unwrap()).collect();
    assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), numbers.len());
    let rising = numbers.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!((800..1_200).contains(&rising), "{rising} of 1,999 steps go up");
    for (payment, number) in payments.iter().zip(numbers).step_by(97) {
        assert_eq!(ledger.find_by_pay_no(number).await.unwrap().as_ref(), Some(payment));
    }
    // Another database has other numbers.
    let other = E::fresh().await;
    let ledger = other.open().await;
    let first = open(&*ledger, indo("R0")).await;
    assert_ne!(first.standing.pay_no, payments[0].standing.pay_no);
    assert_eq!(ledger.find_by_pay_no(payments[0].standing.pay_no.unwrap()).await.unwrap(), None);
}

pub(crate) async fn rule_3_a_number_is_not_given_out_again<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let first = open(&*ledger, indo("A")).await;
    let number = first.standing.pay_no.unwrap();
    done(&*ledger, &first, cancel(), noon()).await;
    for i in 0..200 {
        assert_ne!(open(&*ledger, indo(&format!("R{i}"))).await.standing.pay_no, Some(number));
    }
    assert_eq!(ledger.find_by_pay_no(number).await.unwrap().unwrap().terms, first.terms);

    // Not even when all is forgotten, nor after a start.
    ledger.forget_payments().await.unwrap();
    drop(ledger);
    let ledger = engine.open().await;
    for i in 0..200 {
        assert_ne!(open(&*ledger, indo(&format!("R{i}"))).await.standing.pay_no, Some(number));
    }
    assert_eq!(ledger.find_by_pay_no(number).await.unwrap(), None);
}

pub(crate) async fn rule_3_the_first_digit_is_the_cell<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    for cell in [1, 4, 9] {
        let opened = ledger.open(indo(&format!("R{cell}")), cell, origin_of(Actor::Merchant(sinta()))).await.unwrap();
        let Opened::New(payment) = opened else { panic!("{opened:?}") };
        let number = payment.standing.pay_no.unwrap().to_string();
        assert_eq!(number[..1], cell.to_string());
        assert!(number.parse::<PayNo>().is_ok());
    }
}

pub(crate) async fn invariant_6_a_merchant_finds_its_own_payments_alone<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let mine = open(&*ledger, indo("mine")).await;
    let theirs = open(&*ledger, by(indo("theirs"), budi())).await;
    let (my_id, their_id) = (&mine.terms.tx_id, &theirs.terms.tx_id);

    assert_eq!(ledger.find_of_merchant(&sinta(), my_id).await.unwrap().as_ref(), Some(&mine));
    assert_eq!(ledger.find_of_merchant(&budi(), their_id).await.unwrap().as_ref(), Some(&theirs));
    assert_eq!(ledger.find_of_merchant(&sinta(), their_id).await.unwrap(), None);
    assert_eq!(ledger.find_of_merchant(&budi(), my_id).await.unwrap(), None);
    assert_eq!(ledger.find_of_merchant(&merchant("geraitest1"), my_id).await.unwrap(), None);

    assert_eq!(ledger.find_by_reference(&sinta(), "mine").await.unwrap().as_ref(), Some(&mine));
    assert_eq!(ledger.find_by_reference(&budi(), "mine").await.unwrap(), None);
    assert_eq!(ledger.find_by_reference(&sinta(), "nothing").await.unwrap(), None);

    for (who, id) in [(sinta(), their_id), (budi(), my_id)] {
        let target = Target::OfMerchant(who, id.clone());
        let execution = Execution { target, ..execution(&mine, cancel(), noon()) };
        assert_eq!(ledger.execute(execution).await.unwrap(), Executed::NotFound);
    }
    assert_eq!((found(&*ledger, &mine).await, found(&*ledger, &theirs).await), (mine.clone(), theirs.clone()));

    let target = Target::OfMerchant(sinta(), my_id.clone());
    let own = Execution { target, ..execution(&mine, cancel(), noon()) };
    assert!(judge(&*ledger, own).await.1.is_ok());
}

pub(crate) async fn rule_15_all_that_was_answered_is_there_after_a_restart<E: Engine>() {
    let engine = E::fresh().await;
    let ledger = engine.open().await;
    let paid = paid(&*ledger, indo("paid")).await;
    let awaiting = open(&*ledger, registration("awaiting", None)).await;
    let cancelled = open(&*ledger, alma("cancelled")).await;
    done(&*ledger, &cancelled, cancel(), noon()).await;
    let mut before = Vec::new();
    for payment in [&paid, &awaiting, &cancelled] {
        before.push((found(&*ledger, payment).await, history(&*ledger, payment).await));
    }
    let told = ledger.notifications(&paid.terms.tx_id).await.unwrap();
    assert_eq!(told.len(), 1);
    drop(ledger);

    let ledger = engine.open().await;
    for (payment, events) in before {
        assert_eq!(found(&*ledger, &payment).await, payment);
        assert_eq!(history(&*ledger, &payment).await, events);
    }
    assert_eq!(ledger.notifications(&paid.terms.tx_id).await.unwrap(), told);
    assert!(matches!(try_open(&*ledger, indo("paid")).await, Opened::Repeat(_)));
    let till = taken(&command(&*ledger, &paid, pay(Chain::Indo, "t1"), noon()).await).receipt_code.clone();
    assert_eq!(till, paid.paid_attempt().unwrap().receipt_code);
}

/// What several merchants, their customers and the clock may do.
#[derive(Debug, Clone)]
enum Step {
    /// So many registrations at once.
    Open {
        merchant: usize,
        chain: Option<Chain>,
        many: usize,
    },
    /// A command on one of the payments there are.
    Run {
        pick: usize,
        command: Command,
    },
    /// The clock moves by so many milliseconds; a negative number puts it right.
    Clock(i64),
    Restart,
}

fn a_step() -> impl Strategy<Value = Step> {
    let chain = || prop_oneof![Just(Chain::Alma), Just(Chain::Indo)];
    let command = prop_oneof![
        2 => chain().prop_map(|chain| pay(chain, "t1")),
        2 => Just(cancel()),
        2 => chain().prop_map(choose),
        1 => Just(commit("t1")),
        1 => chain().prop_map(|chain| reverse(chain, "t1")),
    ];
    let second = 1_000;
    let day = DAY * second;
    prop_oneof![
        6 => (0..3_usize, proptest::option::of(chain()), prop_oneof![4 => 1..3_usize, 1 => Just(20)])
            .prop_map(|(merchant, chain, many)| Step::Open { merchant, chain, many }),
        6 => (0..100_usize, command).prop_map(|(pick, command)| Step::Run { pick, command }),
        2 => prop_oneof![Just(1), Just(999), Just(second), Just(61 * second), Just(40 * day)].prop_map(Step::Clock),
        1 => prop_oneof![Just(-1), Just(-second), Just(-60 * second), Just(-3 * day)].prop_map(Step::Clock),
        1 => Just(Step::Restart),
    ]
}

pub(crate) async fn rules_3_and_4_ids_and_numbers_are_unique_and_found_whatever_the_clock_does<E: Engine>() {
    let runtime = tokio::runtime::Handle::current();
    let config = Config {
        // Each case opens the database anew.
        cases: 40 + Config::default().cases / 100,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    tokio::task::block_in_place(|| {
        TestRunner::new(config)
            .run(&proptest::collection::vec(a_step(), 1..40), |steps| {
                runtime.block_on(live::<E>(steps));
                Ok(())
            })
            .unwrap();
    });
}

/// Goes through the steps, and compares what is found with what was answered.
async fn live<E: Engine>(steps: Vec<Step>) {
    let merchants = [sinta(), budi(), merchant("geraitest1")];
    let engine = E::fresh().await;
    let mut ledger = engine.open().await;
    let mut now = noon();
    // As the last answer that told of it said.
    let mut payments: Vec<Payment> = Vec::new();
    for (i, step) in steps.into_iter().enumerate() {
        match step {
            Step::Clock(millis) => now = now.checked_add(SignedDuration::from_millis(millis)).unwrap(),
            Step::Open { merchant, chain, many } => {
                let news = (0..many).map(|turn| NewPayment {
                    registered_at: now,
                    deadline: later(now, DAY),
                    ..by(registration(&format!("R{i}-{turn}"), chain), merchants[merchant].clone())
                });
                payments.extend(open_many(&ledger, news).await);
            }
            Step::Run { pick, command } if !payments.is_empty() => {
                let pick = pick % payments.len();
                payments[pick] = judge(&*ledger, execution(&payments[pick], command, now)).await.0;
            }
            Step::Run { .. } => {}
            Step::Restart => {
                drop(ledger);
                ledger = engine.open().await;
            }
        }
    }
    let (mut ids, mut numbers) = (HashSet::new(), HashSet::new());
    for payment in &payments {
        let Payment { terms, standing } = payment;
        assert!(ids.insert(&terms.tx_id), "{} was given out twice", terms.tx_id);
        let cancellation = standing.cancelled.as_ref();
        assert!(cancellation.is_none_or(|cancelled| ids.insert(&cancelled.cancel_tx_id)), "{cancellation:?}");
        assert!(standing.pay_no.is_none_or(|number| numbers.insert(number)), "{:?}", standing.pay_no);
    }
    for restarted in [false, true] {
        if restarted {
            drop(ledger);
            ledger = engine.open().await;
        }
        for payment in &payments {
            assert_eq!(&found(&*ledger, payment).await, payment);
            for merchant in &merchants {
                let of_merchant = ledger.find_of_merchant(merchant, &payment.terms.tx_id).await.unwrap();
                assert_eq!(of_merchant.as_ref(), (*merchant == payment.terms.merchant).then_some(payment));
            }
            if let Some(number) = payment.standing.pay_no {
                assert_eq!(ledger.find_by_pay_no(number).await.unwrap().as_ref(), Some(payment));
            }
            assert_eq!(fold(&history(&*ledger, payment).await), payment.standing);
        }
    }
}
