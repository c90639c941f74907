//! Opening hours (rule 6, S17, S18), by the second and by the brand.

mod support;

use gerai_domain::{Brand, Chain, OpeningHours, Refusal, Rules, last_moment};
use support::{Life, later, names, pay_command, taken, visit, wib};

const SECONDS: [&str; 12] = [
    "12:00:00", "21:59:59", "22:00:00", "22:00:01", "22:59:59", "23:00:00", "23:59:59", "00:00:00", "00:00:01",
    "00:59:59", "01:00:00", "01:00:01",
];

/// Open (`o`) or closed (`x`) at each of [`SECONDS`].
const TABLE: [(Brand, &str); 5] = [
    (Brand::Alfamart, "ooxxxxxxxxoo"),
    (Brand::Alfamidi, "ooxxxxxxxxoo"),
    (Brand::DanDan, "oooooooooooo"),
    (Brand::Lawson, "oooooooooooo"),
    (Brand::Indomaret, "oooooxxxxxoo"),
];

#[test]
fn s17_s18_each_brand_is_open_and_closed_by_the_second() {
    for (brand, row) in TABLE {
        for (second, mark) in SECONDS.into_iter().zip(row.chars()) {
            let now = wib(&format!("2026-03-03 {second}"));
            let open = mark == 'o';
            assert_eq!(Rules::default().hours(brand).is_open(now), open, "{brand} at {second}");

            let mut life = Life::direct(brand.chain());
            life.until(now);
            let told = gerai_domain::look_up(&life.payment, &visit(brand), &life.rules, now);
            assert_eq!(told, if open { Ok(()) } else { Err(Refusal::Closed) }, "{brand} at {second}");
            let paid = life.run(&pay_command(visit(brand), support::OWED, "a"));
            if open {
                assert_eq!(taken(&paid).taken_at, now);
            } else {
                assert_eq!(paid.verdict, Err(Refusal::Closed), "{brand} at {second}");
                assert_eq!(names(&paid.events), Vec::<String>::new());
            }
        }
    }
}

#[test]
fn s17_s18_the_whole_last_open_second_is_open() {
    for (brand, last) in [(Brand::Alfamart, "2026-03-03 21:59:59"), (Brand::Indomaret, "2026-03-03 22:59:59")] {
        let hours = Rules::default().hours(brand);
        let end = later(wib(last), 1);
        assert!(hours.is_open(end.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap()));
        assert!(!hours.is_open(end));
    }
}

#[test]
fn s8_each_brand_belongs_to_its_chain() {
    assert_eq!(Chain::Alma.brands(), [Brand::Alfamart, Brand::Alfamidi, Brand::DanDan, Brand::Lawson]);
    assert_eq!(Chain::Indo.brands(), [Brand::Indomaret]);
    for brand in Brand::ALL {
        assert!(brand.chain().brands().contains(&brand));
        assert_eq!(brand.code().parse(), Ok(brand));
    }
    let codes: Vec<&str> = Brand::ALL.into_iter().map(Brand::code).collect();
    assert_eq!(codes, ["ALFAMART", "ALFAMIDI", "DANDAN", "LAWSON", "INDOMARET"]);
    assert!(Chain::Alma.two_steps());
    assert!(!Chain::Indo.two_steps());
    for text in ["", "alma", "ALFA", "ALFAMART ", "Alfamart"] {
        assert!(text.parse::<Chain>().is_err() && text.parse::<Brand>().is_err(), "`{text}`");
    }
}

#[test]
fn rule_6_the_last_moment_to_pay_is_the_deadline_less_the_closed_period_it_falls_in() {
    let from = wib("2026-03-02 12:00:00");
    let rows = [
        // (deadline, Alfamart and Alfamidi, Dan+Dan and Lawson, Indomaret)
        ("2026-03-03 21:59:59", "2026-03-03 21:59:59", "2026-03-03 21:59:59"),
        ("2026-03-03 22:00:00", "2026-03-03 21:59:59", "2026-03-03 22:00:00"),
        ("2026-03-03 22:59:59", "2026-03-03 21:59:59", "2026-03-03 22:59:59"),
        ("2026-03-03 23:00:00", "2026-03-03 21:59:59", "2026-03-03 22:59:59"),
        ("2026-03-03 23:59:59", "2026-03-03 21:59:59", "2026-03-03 22:59:59"),
        ("2026-03-04 00:00:00", "2026-03-03 21:59:59", "2026-03-03 22:59:59"),
        ("2026-03-04 00:59:59", "2026-03-03 21:59:59", "2026-03-03 22:59:59"),
        ("2026-03-04 01:00:00", "2026-03-04 01:00:00", "2026-03-04 01:00:00"),
        ("2027-01-01 00:30:00", "2026-12-31 21:59:59", "2026-12-31 22:59:59"),
    ];
    let rules = Rules::default();
    for (deadline, alfa, indomaret) in rows {
        let deadline = wib(deadline);
        for brand in Brand::ALL {
            let expected = match brand {
                Brand::Alfamart | Brand::Alfamidi => wib(alfa),
                Brand::DanDan | Brand::Lawson => deadline,
                Brand::Indomaret => wib(indomaret),
            };
            let found = last_moment(from, deadline, rules.hours(brand));
            assert_eq!(found, Some(expected), "{brand}, {deadline}");
            assert!(rules.hours(brand).is_open(expected));
        }
    }
}

#[test]
fn rule_6_there_is_no_last_moment_when_the_store_opens_no_more_before_the_deadline() {
    let hours = Rules::default().hours(Brand::Alfamart);
    let deadline = wib("2026-03-04 00:30:00");
    let last = wib("2026-03-03 21:59:59");
    assert_eq!(last_moment(later(last, -1), deadline, hours), Some(last));
    assert_eq!(last_moment(last, deadline, hours), Some(last), "that second still counts");
    assert_eq!(last_moment(later(last, 1), deadline, hours), None);
    assert_eq!(last_moment(wib("2026-03-04 00:10:00"), deadline, hours), None);
    assert_eq!(last_moment(wib("2026-03-04 00:10:00"), deadline, OpeningHours::Always), Some(deadline));
    assert_eq!(
        last_moment(later(deadline, 1), deadline, OpeningHours::Always),
        None,
        "after the deadline there is none"
    );
}

#[test]
fn rule_6_hours_tell_when_the_store_opens_again() {
    let alfamart = Rules::default().hours(Brand::Alfamart);
    let rows = [
        ("2026-03-03 21:59:59", "2026-03-03 21:59:59"),
        ("2026-03-03 22:00:00", "2026-03-04 01:00:00"),
        ("2026-03-03 23:59:59", "2026-03-04 01:00:00"),
        ("2026-03-04 00:00:00", "2026-03-04 01:00:00"),
        ("2026-03-04 00:59:59", "2026-03-04 01:00:00"),
        ("2026-03-04 01:00:00", "2026-03-04 01:00:00"),
        ("2028-02-28 22:00:00", "2028-02-29 01:00:00"),
        ("2026-12-31 22:00:00", "2027-01-01 01:00:00"),
    ];
    for (at, opens) in rows {
        assert_eq!(alfamart.next_open(wib(at)), Some(wib(opens)), "{at}");
    }
    let at = wib("2026-03-03 23:30:00");
    assert_eq!(OpeningHours::Always.next_open(at), Some(at));
}

#[test]
fn rule_6_hours_tell_when_the_store_next_closes_or_opens() {
    let alfamart = Rules::default().hours(Brand::Alfamart);
    let rows = [
        ("2026-03-03 00:59:59", "2026-03-03 01:00:00"),
        ("2026-03-03 01:00:00", "2026-03-03 22:00:00"),
        ("2026-03-03 21:59:59", "2026-03-03 22:00:00"),
        ("2026-03-03 22:00:00", "2026-03-04 01:00:00"),
        ("2026-12-31 23:59:59", "2027-01-01 01:00:00"),
    ];
    for (at, changes) in rows {
        assert_eq!(alfamart.changes_after(wib(at)), Some(wib(changes)), "{at}");
    }
    let early: OpeningHours = "22:00-00:00".parse().unwrap();
    assert_eq!(early.changes_after(wib("2026-03-03 23:59:59")), Some(wib("2026-03-04 00:00:00")));
    assert_eq!(early.changes_after(wib("2026-03-04 00:00:00")), Some(wib("2026-03-04 22:00:00")));
    assert_eq!(OpeningHours::Always.changes_after(wib("2026-03-03 22:00:00")), None);
}

#[test]
fn rule_6_a_closed_period_within_one_day_is_understood_too() {
    let lunch: OpeningHours = "12:00-13:30".parse().unwrap();
    let rows = [
        ("2026-03-03 11:59:59", true),
        ("2026-03-03 12:00:00", false),
        ("2026-03-03 13:29:59", false),
        ("2026-03-03 13:30:00", true),
        ("2026-03-03 00:00:00", true),
    ];
    for (at, open) in rows {
        assert_eq!(lunch.is_open(wib(at)), open, "{at}");
    }
    let inside = wib("2026-03-03 13:00:00");
    assert_eq!(lunch.next_open(inside), Some(wib("2026-03-03 13:30:00")));
    assert_eq!(lunch.last_open(inside), Some(wib("2026-03-03 11:59:59")));
}

#[test]
fn rule_6_a_closed_period_that_ends_at_midnight_ends_the_same_night() {
    let early: OpeningHours = "22:00-00:00".parse().unwrap();
    let inside = wib("2026-03-03 23:59:59");
    assert!(!early.is_open(inside));
    assert_eq!(early.next_open(inside), Some(wib("2026-03-04 00:00:00")));
    assert!(early.is_open(wib("2026-03-04 00:00:00")));
    assert_eq!(early.last_open(inside), Some(wib("2026-03-03 21:59:59")));

    let late: OpeningHours = "00:00-01:00".parse().unwrap();
    assert_eq!(late.last_open(wib("2026-03-04 00:30:00")), Some(wib("2026-03-03 23:59:59")));
    assert_eq!(late.next_open(wib("2026-03-04 00:00:00")), Some(wib("2026-03-04 01:00:00")));
}

#[test]
fn rule_6_hours_are_configuration_and_read_back_as_they_were_written() {
    for text in ["always", "22:00-01:00", "23:00-01:00", "12:30-13:45", "00:00-23:59", "22:00-00:00"] {
        let hours: OpeningHours = text.parse().unwrap();
        assert_eq!(hours.to_string(), text);
        assert_eq!(serde_json::to_value(hours).unwrap(), text);
        assert_eq!(serde_json::from_value::<OpeningHours>(text.into()).unwrap(), hours);
    }
    let wrong = [
        "",
        "Always",
        "never",
        "22:00",
        "22:00-",
        "-01:00",
        "22-01",
        "22:00-22:00",
        "24:00-01:00",
        "22:60-01:00",
        "22:00-01:00-02:00",
        "22:00 - 01:00",
        "2:00-01:00",
        "22:00:00-01:00:00",
        "+2:00-01:00",
        "é:00-01:00",
        "22:00–01:00",
        "aa:bb-cc:dd",
    ];
    for text in wrong {
        assert!(text.parse::<OpeningHours>().is_err(), "`{text}`");
        assert!(serde_json::from_value::<OpeningHours>(text.into()).is_err(), "`{text}`");
    }
    let message = "x".repeat(500).parse::<OpeningHours>().unwrap_err().to_string();
    assert!(message.contains("HH:MM-HH:MM") && message.len() < 200, "{message}");
}

#[test]
fn rule_6_configured_hours_hold_for_their_brand_alone() {
    let mut life = Life::alma();
    life.rules.dandan_hours = "11:00-13:00".parse().unwrap();
    for brand in Chain::Alma.brands() {
        let told = gerai_domain::look_up(&life.payment, &visit(*brand), &life.rules, life.now);
        assert_eq!(told, if *brand == Brand::DanDan { Err(Refusal::Closed) } else { Ok(()) }, "{brand}");
    }
}
