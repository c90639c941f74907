//! The bookkeeping by itself, with a clock that only moves when told to.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use proptest::prelude::{any, prop_assert, proptest};

use super::{Claim, Due, Hosts, Limits, MAX_IDLE_HOSTS, More, Sign};

const MS: Duration = Duration::from_millis(1);

fn hosts(per_host: usize, global: usize) -> Hosts {
    Hosts::new(Limits {
        per_host,
        per_failing_host: 1,
        global,
        lease: Duration::from_secs(30),
        timeout: Duration::from_secs(10),
    })
}

fn due(id: i64, host: usize) -> Due {
    Due {
        id,
        message_id: String::new(),
        sender: String::new(),
        url: String::new(),
        host: format!("host-{host}"),
        attempts_made: 0,
        payload: String::new(),
    }
}

/// As many as the claim allows, of hosts that each have endlessly many.
fn endless(claim: &Claim, hosts: impl IntoIterator<Item = usize>, next_id: &mut i64) -> Vec<Due> {
    let mut dues = Vec::new();
    for host in hosts {
        for _ in 0..claim.request.allowed(&format!("host-{host}")) {
            if dues.len() == claim.request.limit {
                return dues;
            }
            *next_id += 1;
            dues.push(due(*next_id, host));
        }
    }
    dues
}

/// One message sent to `host`, answered and settled.
fn answered(table: &mut Hosts, host: usize, id: i64, now: Instant) {
    let claim = table.claim(now).unwrap();
    let (go, _) = table.admit(&claim, vec![due(id, host)], now);
    assert_eq!(go.len(), 1);
    table.ended(&format!("host-{host}"), Sign::Alive { took: MS }, now);
    table.settled(id);
}

#[test]
fn a_host_earns_its_share_and_loses_it() {
    let now = Instant::now();
    let mut table = hosts(16, 1024);
    let claim = table.claim(now).unwrap();
    assert_eq!(claim.request.default_per_host, 1);
    assert!(claim.request.per_host.is_empty());

    answered(&mut table, 1, 1, now);
    let claim = table.claim(now).unwrap();
    let allowed = claim.request.allowed("host-1");
    assert_eq!(allowed, 2 + 8 * 2, "a wider window, and what is held ready");

    let mut id = 1;
    let dues = endless(&claim, [1], &mut id);
    let (go, more) = table.admit(&claim, dues, now);
    assert_eq!((go.len(), table.held()), (2, 16));
    assert_eq!(more, More::WhenOneEnds);

    // An answer lets one go for itself and one for the wider window.
    let next = table.ended("host-1", Sign::Alive { took: MS }, now);
    assert_eq!((next.send.len(), next.give_back.len()), (2, 0));
    let next = table.ended("host-1", Sign::Failing, now);
    assert_eq!((next.send.len(), next.give_back.len()), (0, 14));
    assert_eq!(table.claim(now).unwrap().request.allowed("host-1"), 0);
    assert_eq!(table.counts(), (1, 1));
}

#[test]
fn a_window_grows_with_the_traffic_up_to_its_limit_and_is_lost_by_resting() {
    let now = Instant::now();
    let mut table = hosts(16, 1024);
    let mut going = 0;
    let mut id = 0;
    for _ in 0..100 {
        let claim = table.claim(now).unwrap();
        let dues = endless(&claim, [1], &mut id);
        going += table.admit(&claim, dues, now).0.len();
        assert!(going <= 16, "{going}");
        let next = table.ended("host-1", Sign::Alive { took: MS }, now);
        going = going - 1 + next.send.len();
        assert!(going <= 16, "{going}");
        // Which one it was does not matter here.
        table.settled(0);
    }
    assert_eq!(going, 16);

    // One at a time does not need a wide one.
    let mut table = hosts(16, 1024);
    for id in 0..100 {
        answered(&mut table, 1, id, now);
    }
    assert_eq!(table.hosts["host-1"].window, 2);
    let claim = table.claim(now + Duration::from_secs(2)).unwrap();
    assert_eq!(claim.request.allowed("host-1"), 1);
}

#[test]
fn nothing_is_sent_whose_lease_could_end_first() {
    let now = Instant::now();
    let mut table = hosts(1, 16);
    let claim = table.claim(now).unwrap();
    table.admit(&claim, vec![due(1, 1), due(2, 1)], now);
    let late = now + Duration::from_secs(20);
    let moves = table.ended("host-1", Sign::Alive { took: MS }, late);
    assert!(moves.send.is_empty());
    assert_eq!(moves.give_back, [2]);
}

#[test]
fn what_is_claimed_twice_is_carried_once() {
    let now = Instant::now();
    let mut table = hosts(16, 1024);
    let claim = table.claim(now).unwrap();
    let (go, _) = table.admit(&claim, vec![due(1, 1)], now);
    assert_eq!(go.len(), 1);
    let (go, _) = table.admit(&claim, vec![due(1, 1)], now);
    assert_eq!((go.len(), table.held()), (0, 0));
    assert!(table.settled(1), "its second lease is to be given back");
    let moves = table.ended("host-1", Sign::Alive { took: MS }, now);
    assert!(moves.send.is_empty());
    let (go, _) = table.admit(&claim, vec![due(1, 1)], now);
    assert_eq!(go.len(), 1, "settled, it may come again");
    assert!(!table.settled(1), "and this time there was one lease alone");
}

#[test]
fn rule_13_five_thousand_dead_hosts_leave_room_for_one_that_answers() {
    let now = Instant::now();
    let mut table = hosts(16, 1024);
    answered(&mut table, 0, -1, now);
    let mut id = 0;
    loop {
        let claim = table.claim(now).unwrap();
        let dues = endless(&claim, 1..5_000, &mut id);
        if dues.is_empty() {
            break;
        }
        table.admit(&claim, dues, now);
    }
    assert!(table.going() <= 1024 * 3 / 4, "{}", table.going());
    let later = now + Duration::from_secs(3_000);
    let claim = table.claim(later).unwrap();
    assert_eq!(claim.request.default_per_host, 0);
    assert_eq!(claim.request.allowed("host-0"), 1);

    // Once they are known to be dead, also one that is not known at all gets its turn.
    for host in 1..5_000 {
        table.ended(&format!("host-{host}"), Sign::Failing, now);
    }
    for id in 1..=id {
        table.settled(id);
    }
    loop {
        let claim = table.claim(now).unwrap();
        let known = 1..usize::try_from(id).unwrap();
        let mut next = 1_000_000;
        let dues = endless(&claim, known, &mut next);
        if dues.is_empty() {
            break;
        }
        table.admit(&claim, dues, now);
    }
    assert!(table.going() <= 1024 / 2, "{}", table.going());
    assert_eq!(table.claim(now).unwrap().request.default_per_host, 1);
}

#[test]
fn rule_13_hogs_that_answered_before_leave_room_too() {
    let now = Instant::now();
    for hogs in [1, 10, 64, 200, 500] {
        let mut table = hosts(16, 1024);
        for host in 0..hogs {
            answered(&mut table, host, -1, now);
        }
        let mut id = 0;
        for step in 0..200 {
            let now = now + MS * step;
            let back = table.sweep(now);
            table.given_back(&back);
            if let Some(claim) = table.claim(now) {
                let dues = endless(&claim, 0..hogs, &mut id);
                table.admit(&claim, dues, now);
            }
        }
        let claim = table.claim(now).expect("there is room");
        assert_eq!(claim.request.allowed("newcomer"), 1, "{hogs} hogs");
    }
}

#[test]
fn what_is_remembered_is_bounded_and_what_is_in_hand_is_never_forgotten() {
    let now = Instant::now();
    let mut table = hosts(1, 1024);
    answered(&mut table, 1, 1, now);
    let claim = table.claim(now).unwrap();
    table.admit(&claim, vec![due(2, 2)], now);
    table.sweep(now + Duration::from_secs(3_599));
    assert_eq!(table.counts().0, 2);
    table.sweep(now + Duration::from_secs(3_602));
    assert_eq!(table.counts().0, 1, "only the one with a message in hand");

    for n in 0..MAX_IDLE_HOSTS + 500 {
        let id = i64::try_from(n).unwrap() + 10;
        let at = now + Duration::from_secs(3_603) + MS * u32::try_from(n).unwrap();
        answered(&mut table, n + 10, id, at);
    }
    table.sweep(now + Duration::from_secs(3_700));
    let (remembered, _) = table.counts();
    assert!(remembered <= MAX_IDLE_HOSTS + 1, "{remembered}");
    assert_eq!(table.ended("host-2", Sign::Nothing, now).send.len(), 0);
}

proptest! {
    /// Whatever comes, in whatever order: the limits hold, and nothing is lost between send, hold and give back.
    #[test]
    fn limits_hold_and_nothing_is_lost(
        per_host in 1_usize..6,
        global in 1_usize..40,
        steps in proptest::collection::vec((0_u8..4, any::<u16>(), any::<bool>()), 1..200),
    ) {
        let mut now = Instant::now();
        let mut table = hosts(per_host, global);
        let mut going: Vec<(i64, usize)> = Vec::new();
        let mut settling: Vec<i64> = Vec::new();
        let mut in_hand = std::collections::HashSet::new();
        let mut next_id = 0;
        for (step, choice, good) in steps {
            now += MS * u32::from(choice % 97);
            let choice = usize::from(choice);
            let mut sent = Vec::new();
            let mut back = Vec::new();
            match step {
                0 | 1 => if let Some(claim) = table.claim(now) {
                    let dues = endless(&claim, (0..8).map(|n| (n + choice) % 8), &mut next_id);
                    prop_assert!(dues.len() <= global);
                    in_hand.extend(dues.iter().map(|d| d.id));
                    sent = table.admit(&claim, dues, now).0;
                },
                2 if !going.is_empty() => {
                    let (id, host) = going.swap_remove(choice % going.len());
                    settling.push(id);
                    let sign = if good { Sign::Alive { took: MS } } else { Sign::Failing };
                    let moves = table.ended(&format!("host-{host}"), sign, now);
                    sent = moves.send;
                    back = moves.give_back;
                }
                3 if !settling.is_empty() => {
                    let id = settling.swap_remove(choice % settling.len());
                    table.settled(id);
                    in_hand.remove(&id);
                }
                _ => back = table.sweep(now),
            }
            table.given_back(&back);
            for id in &back {
                prop_assert!(in_hand.remove(id), "given back without having it");
            }
            for leased in sent {
                let host = leased.due.host.strip_prefix("host-").unwrap().parse().unwrap();
                going.push((leased.due.id, host));
            }
            let mut by_host: HashMap<usize, usize> = HashMap::new();
            for (_, host) in &going {
                *by_host.entry(*host).or_default() += 1;
            }
            prop_assert!(by_host.values().all(|n| *n <= per_host));
            prop_assert!(table.going() + table.held() <= global);
            prop_assert!(table.going() == going.len() + settling.len());
            prop_assert!(table.going() + table.held() == in_hand.len());
            prop_assert!(table.in_hand == in_hand);
        }
    }
}
