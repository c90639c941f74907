//! What `gerai sandbox` says when it starts: where everything is, which stores are open, and a `curl` to paste. It
//! names merchants and the command that shows a key, and holds no key itself.

use crate::invocation::{pasteable, program};
use gerai_domain::{Brand, OpeningHours, Rules, wib};
use gerai_gateway::{Clock, EgressGuard, SandboxMerchant, SandboxUser};
use gerai_ledger::Ledger;
use gerai_protocol::{Kind, MerchantKey, MitraCd, PayMethod, RegistrationRequest};
use jiff::SignedDuration;
use std::fmt::Write;
use std::path::Path;

/// What the banner speaks of.
pub(crate) struct Shown<'a> {
    pub(crate) url: &'a str,
    pub(crate) guard: EgressGuard,
    pub(crate) folder: &'a Path,
    pub(crate) ephemeral: bool,
    pub(crate) rules: &'a Rules,
    pub(crate) clock: &'a Clock,
}

/// The banner.
pub(crate) async fn text(shown: &Shown<'_>, ledger: &dyn Ledger) -> anyhow::Result<String> {
    let Shown { url, guard, folder, ephemeral, rules, clock } = shown;
    let program = program();
    let data = if *ephemeral { "nothing is kept".into() } else { folder.display().to_string() };
    let option = match folder.display().to_string() {
        usual if usual == "./gerai-data" => String::new(),
        other => format!(" --data {}", pasteable(&other)),
    };
    let mut text = String::new();
    writeln!(text, "\nGerai sandbox {} · no real money · independent of NICEPAY\n", env!("CARGO_PKG_VERSION"))?;
    writeln!(text, "  Merchant API   {url}/nicepay   (direct/v2/registration, redirect/v2/…, inquiry, cancel)")?;
    writeln!(text, "  Store API      {url}/store/v1")?;
    writeln!(
        text,
        "  Controls       {url}/sandbox/v1   (clock, payments, inbox, notifications, faults, requests, reset)"
    )?;
    writeln!(text, "  Counter        {url}/counter   (be the cashier: look a number up, take the cash, take it back)")?;
    writeln!(text, "  Back office    {url}/office{}", sign_ins(ledger).await?)?;
    writeln!(text, "  Try it out     {url}/docs   (every call, with a form; the same for tools: /docs/openapi.json)")?;
    writeln!(text, "  Health         {url}/readyz   {url}/metrics")?;
    writeln!(text, "  Data           {data}")?;
    writeln!(text, "  Clock          {}{}", wib::human(clock.now()), how_it_goes(clock))?;
    writeln!(
        text,
        "  Merchants      IONPAYTEST (AutoPaid: paid by itself after {} s), GERAITEST1",
        rules.auto_pay_delay.as_secs()
    )?;
    writeln!(text, "                 their keys: {program} merchant show IONPAYTEST --key{option}")?;
    for (i, brand) in Brand::ALL.into_iter().enumerate() {
        let label = if i == 0 { "Stores" } else { "" };
        writeln!(text, "  {label:<14} {:<10} {}", brand.name(), hours(rules.hours(brand), clock))?;
    }
    if Brand::ALL.into_iter().any(|brand| !rules.hours(brand).is_open(clock.now())) {
        writeln!(text, "                 move on to the morning: {program} clock advance 8h --url {url}")?;
    }
    let body = registration(shown, ledger).await?;
    writeln!(text, "\nRegister a payment:\n")?;
    writeln!(text, "curl -s {url}/nicepay/direct/v2/registration -H 'Content-Type: application/json' -d '{body}'")?;
    let delay = rules.auto_pay_delay.as_secs();
    match guard {
        EgressGuard::Off => {
            writeln!(text, "\nIt is paid by itself {delay} s later; its notification is then in the inbox:\n")?;
            writeln!(text, "curl -s {url}/sandbox/v1/inbox/shop\n")?;
        }
        EgressGuard::On => {
            writeln!(
                text,
                "\nIt is paid by itself {delay} s later, and its notification goes to dbProcessUrl: put in"
            )?;
            writeln!(
                text,
                "your shop's public address. Others can reach this sandbox, so it calls no internal address,"
            )?;
            writeln!(text, "its own inboxes among them; those are for one on loopback: {program} sandbox\n")?;
        }
    }
    writeln!(text, "Or register for GERAITEST1 and be the cashier:  {url}/counter")?;
    writeln!(text, "(in the shell: {program} store pay <payNo> --url {url})")?;
    writeln!(text, "Stop with Ctrl-C.\n")?;
    Ok(text)
}

/// Names and passwords of the users that every sandbox has, as long as they are the ones that everybody knows.
async fn sign_ins(ledger: &dyn Ledger) -> anyhow::Result<String> {
    let accounts = ledger.users().await?;
    let open = SandboxUser::ALL.into_iter().filter(|user| accounts.iter().any(|account| user.opens(account)));
    let known: Vec<String> = open
        .map(|SandboxUser { name, password, imid, .. }| match imid {
            Some(imid) => format!("for {imid}: {name} / {password}"),
            None => format!("{name} / {password}"),
        })
        .collect();
    Ok(if known.is_empty() { String::new() } else { format!("   ({})", known.join("; ")) })
}

fn how_it_goes(clock: &Clock) -> String {
    let ahead = clock.ahead();
    if clock.frozen() {
        "   (frozen)".into()
    } else if ahead.abs() > SignedDuration::from_secs(1) {
        let way = if ahead.is_negative() { "back" } else { "forward" };
        format!("   (moved {way} by {:#})", SignedDuration::from_secs(ahead.as_secs()).abs())
    } else {
        String::new()
    }
}

fn hours(hours: OpeningHours, clock: &Clock) -> String {
    let now = clock.now();
    match hours {
        OpeningHours::Always => "open around the clock".into(),
        OpeningHours::ClosedBetween { closes, opens } => {
            let daily = format!(
                "daily {:02}:{:02} – {:02}:{:02} WIB",
                opens.hour(),
                opens.minute(),
                closes.hour(),
                closes.minute()
            );
            if hours.is_open(now) {
                format!("open now      ({daily})")
            } else {
                let next = hours.next_open(now).map_or_else(String::new, |at| format!(" until {}", wib::human(at)));
                format!("CLOSED now{next}   ({daily})")
            }
        }
    }
}

/// A registration with everything that is required, and a token that is right.
async fn registration(shown: &Shown<'_>, ledger: &dyn Ledger) -> anyhow::Result<String> {
    let now = shown.clock.now();
    let imid = SandboxMerchant::IONPAYTEST.imid;
    let merchant = ledger.merchant(imid).await?;
    let merchant = merchant.ok_or_else(|| anyhow::anyhow!("the merchant {imid} is gone from this sandbox"))?;
    let request = RegistrationRequest {
        time_stamp: Some(wib::stamp(now)),
        imid: imid.into(),
        pay_method: PayMethod::Cvs,
        amt: "10000".into(),
        reference_no: format!("ORD{}", wib::stamp(now)),
        goods_nm: "Kopi Gayo 250 g".into(),
        billing_nm: "Siti Aminah".into(),
        billing_phone: "081234567890".into(),
        billing_email: "siti@example.com".into(),
        billing_addr: Some("Jalan Merdeka 1".into()),
        billing_city: "Jakarta".into(),
        billing_state: "DKI Jakarta".into(),
        billing_post_cd: "10110".into(),
        billing_country: "Indonesia".into(),
        mitra_cd: Some(MitraCd::Alma),
        db_process_url: match shown.guard {
            EgressGuard::Off => format!("{}/sandbox/v1/inbox/shop", shown.url),
            EgressGuard::On => "https://shop.example.com/notify".into(),
        },
        ..RegistrationRequest::new(Kind::Direct)
    };
    Ok(request.to_json(&MerchantKey::new(merchant.key.clone())))
}
