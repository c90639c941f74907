//! Deadlines (rule 1, S16, S28): until when a payment may be taken, to the second, in WIB.

mod support;

use gerai_domain::wib::{date, human, iso, parse_date, parse_time, stamp, time};
use gerai_domain::{Chain, DeadlineError, Kind, Phase, Refusal, Rules, deadline};
use jiff::SignedDuration;
use jiff::civil::{Date, Time};
use support::{Life, ask, later, merchant, names, noon, taken, wib};

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
const LONGEST: SignedDuration = SignedDuration::from_hours(180 * 24);

fn day(text: &str) -> Option<Date> {
    Some(parse_date(text).expect("a date"))
}

fn hour(text: &str) -> Option<Time> {
    Some(parse_time(text).expect("a time of day"))
}

#[test]
fn s16_without_a_wish_the_merchants_period_decides_and_it_is_seven_days_by_default() {
    assert_eq!(merchant().period(), WEEK);
    let rows = [
        (WEEK, "2026-03-09 12:00:00"),
        (SignedDuration::from_hours(24), "2026-03-03 12:00:00"),
        (SignedDuration::from_hours(3 * 24), "2026-03-05 12:00:00"),
        (SignedDuration::from_secs(1), "2026-03-02 12:00:01"),
    ];
    for (period, expected) in rows {
        assert_eq!(deadline(noon(), period, None, None, LONGEST), Ok(wib(expected)));
    }
    assert_eq!(Life::alma().deadline(), wib("2026-03-09 12:00:00"));
}

#[test]
fn s28_a_date_and_a_time_set_the_deadline() {
    let rows = [
        (noon(), "20260302", Some("120001"), Ok("2026-03-02 12:00:01")),
        (noon(), "20260310", Some("000000"), Ok("2026-03-10 00:00:00")),
        (noon(), "20260310", Some("235959"), Ok("2026-03-10 23:59:59")),
        // A date alone means its last second.
        (noon(), "20260302", None, Ok("2026-03-02 23:59:59")),
        (noon(), "20260310", None, Ok("2026-03-10 23:59:59")),
        // Not after now; the same second is not after now.
        (noon(), "20260302", Some("120000"), Err(DeadlineError::NotInFuture)),
        (noon(), "20260302", Some("115959"), Err(DeadlineError::NotInFuture)),
        (noon(), "20260301", None, Err(DeadlineError::NotInFuture)),
        (noon(), "19700101", Some("000000"), Err(DeadlineError::NotInFuture)),
        (wib("2026-03-02 23:59:59"), "20260302", None, Err(DeadlineError::NotInFuture)),
        (wib("2026-03-02 23:59:58"), "20260302", None, Ok("2026-03-02 23:59:59")),
        // 180 days after 2 March are 29 August; that second still, the next no more.
        (noon(), "20260829", Some("115959"), Ok("2026-08-29 11:59:59")),
        (noon(), "20260829", Some("120000"), Ok("2026-08-29 12:00:00")),
        (noon(), "20260829", Some("120001"), Err(DeadlineError::TooFar)),
        (noon(), "20260829", None, Err(DeadlineError::TooFar)),
        (noon(), "99991231", None, Err(DeadlineError::TooFar)),
        // A leap day.
        (wib("2028-02-28 10:00:00"), "20280229", None, Ok("2028-02-29 23:59:59")),
        (wib("2028-02-29 10:00:00"), "20280229", None, Ok("2028-02-29 23:59:59")),
        (wib("2028-02-29 10:00:00"), "20280301", Some("000000"), Ok("2028-03-01 00:00:00")),
        // Across the year's end, while it is still afternoon in UTC; and between WIB's midnight and UTC's.
        (wib("2026-12-31 23:59:58"), "20261231", None, Ok("2026-12-31 23:59:59")),
        (wib("2026-12-31 23:59:59"), "20270101", Some("000000"), Ok("2027-01-01 00:00:00")),
        (wib("2027-01-01 00:00:00"), "20261231", None, Err(DeadlineError::NotInFuture)),
        (wib("2027-01-01 03:00:00"), "20270101", Some("025959"), Err(DeadlineError::NotInFuture)),
        (wib("2027-01-01 03:00:00"), "20270101", Some("030001"), Ok("2027-01-01 03:00:01")),
    ];
    for (now, wanted_day, wanted_hour, expected) in rows {
        let found = deadline(now, WEEK, day(wanted_day), wanted_hour.and_then(hour), LONGEST);
        assert_eq!(found, expected.map(wib), "{wanted_day} {wanted_hour:?} at {now}");
    }
}

#[test]
fn rule_1_a_time_without_its_date_is_an_error() {
    assert_eq!(deadline(noon(), WEEK, None, hour("235959"), LONGEST), Err(DeadlineError::TimeWithoutDate));
}

#[test]
fn rule_1_the_longest_period_is_configuration_and_holds_for_the_merchants_own_period_too() {
    let longest = SignedDuration::from_hours(24);
    assert_eq!(deadline(noon(), longest, None, None, longest), Ok(wib("2026-03-03 12:00:00")));
    assert_eq!(deadline(noon(), WEEK, None, None, longest), Err(DeadlineError::TooFar));
    assert_eq!(Rules::default().longest_period, LONGEST);
}

#[test]
fn rule_1_a_deadline_is_a_whole_second_whatever_the_clock_shows_behind_it() {
    let now = noon().checked_add(SignedDuration::from_millis(999)).unwrap();
    assert_eq!(deadline(now, WEEK, None, None, LONGEST), Ok(wib("2026-03-09 12:00:00")));
    // Half a second before 12:00:01 is still 12:00:00, half a second after 12:00:00 as well.
    assert_eq!(deadline(now, WEEK, day("20260302"), hour("120000"), LONGEST), Err(DeadlineError::NotInFuture));
    assert_eq!(
        deadline(now, WEEK, day("20260302"), hour("120001"), LONGEST),
        Ok(wib("2026-03-02 12:00:01")),
        "a second that has not begun lies ahead"
    );
    assert_eq!(deadline(now, WEEK, day("20260829"), hour("120001"), LONGEST), Err(DeadlineError::TooFar));
}

#[test]
fn rule_1_a_payment_may_be_taken_through_the_deadlines_second_and_no_longer() {
    for chain in Chain::ALL {
        let mut life = Life::direct(chain);
        let end = life.deadline();
        life.until(end);
        assert_eq!(life.look_up(), Ok(()));
        assert_eq!(life.payment.phase(life.now), Phase::Unpaid);
        assert_eq!(taken(&life.clone().pay("a")).taken_at, end);
        // The last instant of that second, not only its first.
        life.until(later(end, 1).checked_sub(SignedDuration::from_nanos(1)).unwrap());
        assert_eq!(life.look_up(), Ok(()));
        taken(&life.clone().pay("a"));

        life.until(later(end, 1));
        assert_eq!(life.look_up(), Err(Refusal::Expired));
        assert_eq!(life.payment.phase(life.now), Phase::Expired);
        let refused = life.pay("a");
        assert_eq!(refused.verdict, Err(Refusal::Expired));
        assert_eq!(names(&refused.events), ["expired"]);
        // The event is written once.
        assert_eq!(names(&life.pay("a").events), Vec::<String>::new());
        assert_eq!(names(&life.sweep().events), Vec::<String>::new());
    }
}

#[test]
fn rule_1_a_payment_whose_store_was_never_chosen_expires_too() {
    let mut life = Life::awaiting();
    life.until(life.deadline());
    assert_eq!(life.payment.phase(life.now), Phase::AwaitingStore);
    assert_eq!(names(&life.sweep().events), Vec::<String>::new());
    life.wait(1);
    assert_eq!(life.payment.phase(life.now), Phase::Expired);
    assert_eq!(names(&life.sweep().events), ["expired"]);
}

#[test]
fn s16_s28_a_registration_carries_the_wish_to_the_payment() {
    let mut wish = ask(Kind::Direct, Some(Chain::Alma));
    wish.valid_date = day("20280229");
    let now = wib("2028-02-28 22:30:00");
    let life = Life::of(wish, &merchant(), Rules::default(), now);
    assert_eq!(life.deadline(), wib("2028-02-29 23:59:59"));
    assert_eq!(life.payment.terms.registered_at, now);
}

#[test]
fn s28_only_real_dates_are_dates() {
    assert_eq!(parse_date("20280229"), Some(jiff::civil::date(2028, 2, 29)));
    assert_eq!(parse_date("20261231"), Some(jiff::civil::date(2026, 12, 31)));
    let wrong = [
        "",
        "2026030",
        "202603021",
        "20260230",
        "20260229",
        "21000229",
        "20260431",
        "20261301",
        "20260001",
        "20260100",
        "20260132",
        "2026-3-2",
        "2026+301",
        "+0260301",
        "-0260301",
        " 2026030",
        "2026 301",
        "2026030a",
        "99999999",
        // Eight bytes, but no ASCII: two characters of four bytes, four of two, and digits of another script.
        "😀😀",
        "éééé",
        "２０aa",
        "2026é02",
        "202é0302",
        "1é2é3é",
        "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}",
    ];
    for text in wrong {
        assert_eq!(parse_date(text), None, "`{text}`");
    }
}

#[test]
fn s28_only_real_times_of_day_are_times() {
    assert_eq!(parse_time("000000"), Some(jiff::civil::time(0, 0, 0, 0)));
    assert_eq!(parse_time("235959"), Some(jiff::civil::time(23, 59, 59, 0)));
    let wrong = [
        "", "23595", "2359590", "240000", "235960", "236000", "999999", "-10000", "+10000", "12:000", "12 000",
        "12000a", "ééé", "２３", "1é2é", "12é00", "😀12",
    ];
    for text in wrong {
        assert_eq!(parse_time(text), None, "`{text}`");
    }
}

#[test]
fn all_local_times_are_wib() {
    let at = "2026-12-31T17:00:05.9Z".parse().unwrap();
    assert_eq!(date(at), "20270101");
    assert_eq!(time(at), "000005");
    assert_eq!(stamp(at), "20270101000005");
    assert_eq!(human(at), "2027-01-01 00:00:05 WIB");
    assert_eq!(iso(at), "2027-01-01T00:00:05+07:00");
}
