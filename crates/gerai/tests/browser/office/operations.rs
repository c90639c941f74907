//! What an operator does day by day: chains, exceptions, totals.

use super::{GERAITEST1, JAVASCRIPT, NO_JAVASCRIPT, OPERATOR, With};
use crate::sandbox::{Purchase, Sandbox};
use gerai_protocol::MitraCd;

async fn switched_off_and_on(with: With) {
    let (sandbox, browser) = with.signed_in(OPERATOR).await;
    let payment = sandbox.register(&Purchase::at(MitraCd::Alma, "ORD1")).await;
    let number = sandbox.number_of(&payment).await;
    browser.office(&sandbox, "/chains").await;
    browser.sees("#ALMA .head", "switched on").await;
    browser.click("#ALMA summary").await;
    browser.click("#ALMA-off").await;
    browser.sees("#done", "The chain is switched off").await;
    browser.sees("#ALMA .head", "switched off").await;
    browser.sees("#INDO .head", "switched on").await;
    browser.fits("a chain that is switched off").await;
    browser.look_up(&sandbox, &number).await;
    browser.sees("#refusal", "Jaringan dinonaktifkan").await;
    browser.is_logged(&sandbox, "Chain switched off", "operator:operator", "ALMA").await;
    browser.office(&sandbox, "/chains").await;
    browser.click("#ALMA-on").await;
    browser.sees("#done", "The chain is switched on").await;
    browser.look_up(&sandbox, &number).await;
    browser.sees("#amount", "Rp 150.000").await;
    browser.is_logged(&sandbox, "Chain switched on", "operator:operator", "ALMA").await;
    browser.kept_to(&[sandbox.url()]).await;
}

#[tokio::test]
async fn a_chain_that_is_switched_off_is_refused_at_the_counter_until_it_is_on_again() {
    switched_off_and_on(JAVASCRIPT).await;
}

#[tokio::test]
async fn a_chain_is_switched_off_and_on_without_javascript_too() {
    switched_off_and_on(NO_JAVASCRIPT).await;
}

/// A cashier takes a payment back when it is too late; somebody has to ask the chain.
async fn resolved_with_a_note(with: With) {
    let (sandbox, browser) = with.signed_in(OPERATOR).await;
    let payment = sandbox.register(&Purchase::at(MitraCd::Alma, "ORD1")).await;
    browser.office(&sandbox, "/exceptions").await;
    browser.sees(".empty", "No exception is open").await;
    browser.look_up(&sandbox, &sandbox.number_of(&payment).await).await;
    browser.click("#exact").await;
    browser.click("#paid summary").await;
    sandbox.advance("16m").await;
    browser.click("#reversal button").await;
    browser.sees("#refusal", "Terlambat untuk dibatalkan").await;

    browser.office(&sandbox, "").await;
    browser.sees("#open-exceptions", "1\nopen exception").await;
    browser.click("#open-exceptions").await;
    browser.sees("#exceptions", &payment.tx_id).await;
    browser.fits("an exception").await;
    browser.click("#exceptions tbody a").await;
    browser.sees("h1", "Too late to reverse").await;
    browser.fits("one exception").await;
    browser.fill("#note", "The chain kept the cash").await;
    browser.click("#resolve").await;
    browser.sees("#done", "The exception is resolved.").await;
    browser.sees(".empty", "No exception is open").await;
    browser.office(&sandbox, "/exceptions?show=all").await;
    browser.sees("#exceptions", "The chain kept the cash").await;
    browser.is_logged(&sandbox, "Exception resolved", "operator:operator", &payment.tx_id).await;
    browser.kept_to(&[sandbox.url()]).await;
}

#[tokio::test]
async fn rule_9_a_reversal_that_came_too_late_is_listed_and_resolved_with_a_note() {
    resolved_with_a_note(JAVASCRIPT).await;
}

#[tokio::test]
async fn rule_9_a_reversal_that_came_too_late_is_resolved_without_javascript_too() {
    resolved_with_a_note(NO_JAVASCRIPT).await;
}

/// Two days with a payment each; the first is returned on the second.
pub(super) async fn two_days(sandbox: &Sandbox) {
    let first = sandbox.register(&Purchase::at(MitraCd::Alma, "DAY-1")).await;
    sandbox.pay(&first, true).await;
    sandbox.advance("24h").await;
    let second = sandbox.register(&Purchase::at(MitraCd::Indo, "DAY-2")).await;
    sandbox.pay(&second, true).await;
    sandbox.give_back(&first);
}

async fn summed_per_day(with: With) {
    let (sandbox, browser) = with.signed_in(GERAITEST1).await;
    two_days(&sandbox).await;
    browser.office(&sandbox, "/totals").await;
    browser.sees("#totals tfoot", "Rp 300.000").await;
    browser.fits("totals").await;
    let days =
        browser.run("return [...document.querySelectorAll('#totals .day')].map((day) => day.innerText);", vec![]);
    let days = days.await;
    let [second, first] = days.as_array().unwrap().as_slice() else { panic!("{days}") };
    assert!(
        second.as_str().unwrap().contains("2031-05-06") && first.as_str().unwrap().contains("2031-05-05"),
        "{days}"
    );
    browser.choose("#chain", "ALMA").await;
    browser.choose_day("#from", "2031-05-05").await;
    browser.click("#show").await;
    browser.sees("#totals tfoot", "Rp 150.000").await;
    let (name, text) = browser.download("#csv").await;
    assert_eq!(name, "totals-2031-05-05-2031-05-06.csv");
    let mut lines: Vec<_> = text.lines().skip(1).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["2031-05-05,ALMA,GERAITEST1,1,150000,0,0", "2031-05-06,ALMA,GERAITEST1,0,0,1,150000"]);
    browser.choose_day("#from", "2031-05-01").await;
    browser.choose_day("#to", "2031-05-02").await;
    browser.click("#show").await;
    browser.sees(".empty", "Nothing was paid").await;
    browser.office(&sandbox, "/audit").await;
    browser.sees("#deeds tbody tr", "Totals exported").await;
}

#[tokio::test]
async fn each_day_is_summed_per_chain_and_downloaded_as_csv() {
    summed_per_day(JAVASCRIPT).await;
}

#[tokio::test]
async fn each_day_is_summed_without_javascript_too() {
    summed_per_day(NO_JAVASCRIPT).await;
}
