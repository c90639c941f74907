//! How long each kind of search and the daily totals take over many payments:
//! `cargo run --release -p gerai-ledger --example search_times -- 2000000`. The database is made in `target` and goes
//! again; a million payments take some two minutes and 2 GB.

use gerai_domain::{
    Actor, Ask, Brand, Chain, Command, Kind, MerchantId, NewPayment, Partner, Payment, Phase, Rules, Rupiah,
    StoreVisit, wib,
};
use gerai_ledger::{
    Execution, Ledger, MasterKey, Opened, Origin, PaymentSearch, SqliteLedger, SqliteSettings, Target, TotalsQuery,
};
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Over how many days the payments were registered.
const DAYS: i64 = 60;

/// How many are registered at once, all at the same time by the gateway's clock.
const TOGETHER: usize = 512;

#[tokio::main]
async fn main() -> Result<()> {
    let count: usize = std::env::args().nth(1).map_or(Ok(1_000_000), |count| count.parse())?;
    let folder = tempfile::Builder::new().prefix("search-times-").tempdir_in("target")?;
    let ledger = SqliteLedger::open(SqliteSettings::serving(folder.path().join("gerai.db")), MasterKey::generate())?;
    let ledger = Arc::new(ledger);
    let begun = Instant::now();
    for from in (0..count).step_by(TOGETHER) {
        let mut crowd: JoinSet<Result<()>> = JoinSet::new();
        for n in from..count.min(from + TOGETHER) {
            crowd.spawn(live(Arc::clone(&ledger), n, registered_at(from, count)));
        }
        while let Some(one) = crowd.join_next().await {
            one??;
        }
    }
    println!("{count} payments in {:.0?}", begun.elapsed());
    measure(&ledger, count).await
}

fn first() -> Timestamp {
    Timestamp::from_second(1_780_000_000).unwrap_or_default()
}

fn registered_at(n: usize, count: usize) -> Timestamp {
    let span = u128::from(86_400_000_u64) * u128::from(DAYS.unsigned_abs());
    let millis = span * n as u128 / count.max(1) as u128;
    first().saturating_add(SignedDuration::from_millis(i64::try_from(millis).unwrap_or(0))).unwrap_or_default()
}

/// Every second payment is the first merchant's, every fourth the second's and so on; the last ones have few.
fn merchant_of(n: usize) -> Result<MerchantId> {
    Ok(format!("MERCHANT{:02}", (n + 1).trailing_zeros().min(30)).parse()?)
}

/// A payment with what becomes of it: three of five are paid, few cancelled, fewer returned.
async fn live(ledger: Arc<SqliteLedger>, n: usize, at: Timestamp) -> Result<()> {
    let merchant = merchant_of(n)?;
    let amount = Rupiah::new(10_000 + 500 * (n as u64 * 7_919 % 2_000))?;
    let new = NewPayment {
        merchant: merchant.clone(),
        ask: Ask {
            kind: Kind::Direct,
            reference_no: format!("INV-{n:09}"),
            amount,
            chain: Some(if n.is_multiple_of(5) { Chain::Alma } else { Chain::Indo }),
            valid_date: None,
            valid_time: None,
            goods_nm: "Kopi Gayo 250 g, giling halus".into(),
            billing_nm: "Siti Aminah".into(),
            description: None,
            db_process_url: "https://shop.example/notify".into(),
            call_back_url: None,
            fingerprint: [0; 32],
            details: "{}".into(),
        },
        deadline: at.checked_add(SignedDuration::from_hours(7 * 24))?,
        registered_at: at,
        auto_pay_at: None,
    };
    let origin = Origin { actor: Actor::Merchant(merchant), request_id: None };
    let Opened::New(payment) = ledger.open(new, 1, origin).await? else { return Err("not a new payment".into()) };
    if n % 5 == 1 || n % 5 == 2 || n % 5 == 3 {
        run(&ledger, &payment, pay(amount), at).await?;
        if n % 5_000 == 1 {
            let reason = "goods came back".into();
            run(&ledger, &payment, Command::Return { operator: "rini".into(), reason }, at).await?;
        }
    } else if n % 400 == 4 {
        run(&ledger, &payment, Command::Cancel { amount, message: None }, at).await?;
    }
    Ok(())
}

fn pay(amount: Rupiah) -> Command {
    Command::Pay {
        visit: StoreVisit {
            partner: Partner { chain: Chain::Indo, enabled: true },
            brand: Brand::Indomaret,
            store_code: "S001".into(),
            terminal_id: "T01".into(),
            simulated: true,
        },
        amount,
        trace_no: "T1".into(),
        biller: "NICEPAY - Toko".into(),
        own_lines: Vec::new(),
    }
}

async fn run(ledger: &SqliteLedger, payment: &Payment, command: Command, now: Timestamp) -> Result<()> {
    let target = Target::TxId(payment.terms.tx_id.clone());
    let origin = Origin { actor: Actor::SimulatedStore, request_id: None };
    let rules = Arc::new(Rules::default());
    ledger.execute(Execution { target, command, rules, now, origin, idempotency: None }).await?;
    Ok(())
}

async fn measure(ledger: &SqliteLedger, count: usize) -> Result<()> {
    let now = registered_at(count, count);
    let middle = registered_at(count / 2, count);
    let any = PaymentSearch {
        merchant: None,
        from: None,
        until: None,
        phase: None,
        chain: None,
        reference_no: None,
        tx_id: None,
        pay_no: None,
        amount: None,
        now,
        after: None,
        limit: 50,
        effort: 20_000,
    };
    let of = |n: u32| format!("MERCHANT{n:02}").parse::<MerchantId>();
    let some = ledger.find_by_reference(&of(0)?, &format!("INV-{:09}", count / 4 * 2)).await?;
    let some = some.ok_or("a payment")?;
    let middle_hour = |search: &PaymentSearch| PaymentSearch {
        from: Some(middle),
        until: middle.checked_add(1.hour()).ok(),
        ..search.clone()
    };
    let of_small = PaymentSearch { merchant: Some(of(9)?), ..any.clone() };
    for (what, search) in [
        ("the newest", any.clone()),
        ("one hour in the middle", middle_hour(&any)),
        ("tXid", PaymentSearch { tx_id: Some(some.terms.tx_id.clone()), ..any.clone() }),
        ("payNo", PaymentSearch { pay_no: some.standing.pay_no, ..any.clone() }),
        ("referenceNo, all merchants", PaymentSearch { reference_no: Some(some.terms.reference_no), ..any.clone() }),
        ("referenceNo's beginning", PaymentSearch { reference_no: Some("INV-00000".into()), ..any.clone() }),
        ("a beginning of every referenceNo", PaymentSearch { reference_no: Some("INV-".into()), ..any.clone() }),
        ("a large merchant", PaymentSearch { merchant: Some(of(0)?), ..any.clone() }),
        ("a small merchant", of_small.clone()),
        ("a small merchant's hour", middle_hour(&of_small)),
        ("a merchant with few", PaymentSearch { merchant: Some(of(14)?), ..any.clone() }),
        ("paid", PaymentSearch { phase: Some(Phase::Paid), ..any.clone() }),
        ("cancelled", PaymentSearch { phase: Some(Phase::Cancelled), ..any.clone() }),
        ("returned", PaymentSearch { phase: Some(Phase::Returned), ..any.clone() }),
        ("ready to commit (none)", PaymentSearch { phase: Some(Phase::ReadyToCommit), ..any.clone() }),
        ("expired", PaymentSearch { phase: Some(Phase::Expired), ..any.clone() }),
        ("amount", PaymentSearch { amount: Some(Rupiah::new(10_500)?), ..any.clone() }),
        ("amount (none)", PaymentSearch { amount: Some(Rupiah::new(1)?), ..any.clone() }),
    ] {
        let mut times = Vec::new();
        for _ in 0..5 {
            let begun = Instant::now();
            let found = ledger.search(search.clone()).await?;
            times.push((begun.elapsed(), found.payments.len(), found.looked_back_to.is_some()));
        }
        times.sort();
        let (_, found, stopped) = times[0];
        let stopped = if stopped { ", then stopped" } else { "" };
        println!("{what:<34} {:>9.2?} (worst {:>9.2?})  {found} found{stopped}", times[2].0, times[4].0);
    }
    let last = wib::wall(now).date();
    for (what, days, merchant) in [
        ("one day's totals", 1, None),
        ("31 days' totals", 31, None),
        ("92 days' totals", 92, None),
        ("31 days' totals of a small merchant", 31, Some(of(9)?)),
    ] {
        let query = TotalsQuery { merchant, chain: None, first: last.checked_sub((days - 1).days())?, last };
        let begun = Instant::now();
        let lines = ledger.totals(query).await?.len();
        println!("{what:<34} {:>9.2?}  {lines} lines", begun.elapsed());
    }
    Ok(())
}
