//! Killed at any moment, the gateway loses nothing that it answered, takes no cash twice, and sends every notification
//! that is due (rules 8, 13, 14, 15).
//!
//! The auditor here knows only what the clients were told. At the end it also reads the database, by itself.
//! `CRASH_ROUNDS` sets how often the gateway is killed, `GERAI_CRASH_SEED` repeats a run's choices.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use gerai_protocol::{Kind, MitraCd};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::audit::audit;
use support::receiver::Receiver;
use support::{ALFAMART, Ask, INDOMARET, Order, Registered, Server, Shop, Till, http, post, run, text, tomorrow_at};
use tokio::task::JoinSet;

const REGISTERING: usize = 6;
const TILLS: usize = 4;
/// How many registrations one client makes in a round at most, so that a round has an end.
const EACH: usize = 60;

/// A registration that was sent, and what its client was told.
#[derive(Debug, Clone)]
struct Registration {
    shop: usize,
    order: Order,
    told: Option<Registered>,
}

/// A request of a till, and what it was told.
#[derive(Debug, Clone)]
struct Step {
    ask: Ask,
    told: Option<Value>,
}

/// What a till did with one payment; it stops where no answer comes.
#[derive(Debug, Clone)]
struct Visit {
    shop: usize,
    order: Order,
    registered: Registered,
    till: Till,
    trace_no: String,
    payment: Step,
    commit: Option<Step>,
    reversal: Option<Step>,
}

impl Visit {
    fn is_reversed(&self) -> bool {
        self.reversal.is_some()
    }

    fn receipt_code(&self) -> &str {
        text(self.payment.told.as_ref().unwrap(), "receiptCode")
    }
}

/// What all clients know together.
#[derive(Default)]
struct Book {
    registrations: Vec<Registration>,
    visits: Vec<Visit>,
}

/// What the clients of a round share.
struct Round {
    number: usize,
    url: String,
    shops: Vec<Shop>,
    notify: String,
    book: Mutex<Book>,
    /// Registered, and awaited by a till.
    queue: Mutex<Vec<(usize, Order, Registered)>>,
    gone: AtomicBool,
}

fn seed() -> u64 {
    let seed = std::env::var("GERAI_CRASH_SEED").map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    // Shown when the test fails.
    eprintln!("the seed is {seed}: GERAI_CRASH_SEED={seed} makes the same choices again");
    seed
}

fn rounds() -> usize {
    std::env::var("CRASH_ROUNDS").map_or(5, |text| text.parse().unwrap())
}

fn registered(answer: &Value) -> Registered {
    assert_eq!(text(answer, "resultCd"), "0000", "{answer}");
    Registered { t_xid: text(answer, "tXid").to_owned(), pay_no: text(answer, "payNo").to_owned() }
}

async fn merchants(round: Arc<Round>, client: usize, mut rng: StdRng) {
    let http = http();
    for i in 0..EACH {
        if round.gone.load(Ordering::Relaxed) {
            return;
        }
        let shop = rng.random_range(0..round.shops.len());
        let (kind, mitra_cd) = match rng.random_range(0..10) {
            0 => (Kind::Redirect, None),
            1 => (Kind::Redirect, Some(MitraCd::Alma)),
            2..=5 => (Kind::Direct, Some(MitraCd::Indo)),
            _ => (Kind::Direct, Some(MitraCd::Alma)),
        };
        let reference_no = format!("R{}-{client}-{i}", round.number);
        let order = Order { reference_no, amt: 10_000, mitra_cd, db_process_url: round.notify.clone(), kind };
        let body = round.shops[shop].registration(&order);
        let once = post(&http, &round.url, order.path(), body.clone());
        // Now and then a client is impatient and sends the same twice at once.
        let (first, second) = if rng.random_bool(0.1) {
            let (first, second) = tokio::join!(once, post(&http, &round.url, order.path(), body));
            (first, Some(second))
        } else {
            (once.await, None)
        };
        let told: Vec<Registered> =
            [Some(first), second].into_iter().flatten().flatten().map(|(_, answer)| registered(&answer)).collect();
        assert!(told.windows(2).all(|two| two[0] == two[1]), "{order:?}: {told:?}");
        let told = told.into_iter().next();
        let ended = told.is_none();
        if let Some(registered) = &told
            && round.shops[shop].imid != "IONPAYTEST"
            && kind == Kind::Direct
        {
            round.queue.lock().unwrap().push((shop, order.clone(), registered.clone()));
        }
        round.book.lock().unwrap().registrations.push(Registration { shop, order, told });
        if ended {
            return;
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..8))).await;
    }
}

/// A till takes what is registered, one after the other.
async fn tills(round: Arc<Round>, client: usize, mut rng: StdRng) {
    let http = http();
    for i in 0.. {
        if round.gone.load(Ordering::Relaxed) {
            return;
        }
        let next = round.queue.lock().unwrap().pop();
        let Some((shop, order, registered)) = next else {
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        };
        let till = if order.mitra_cd == Some(MitraCd::Indo) { INDOMARET } else { ALFAMART };
        let Ok((_, looked)) = till.inquiry(&registered.pay_no).send(&http, &round.url).await else { return };
        assert_eq!(text(&looked, "responseCode"), "2002400", "{looked}");
        let trace_no = format!("T{}-{client}-{i}", round.number);
        let reverses = rng.random_bool(0.25);
        let payment = Step { ask: till.payment(&registered.pay_no, order.amt, &trace_no), told: None };
        let mut visit = Visit { shop, order, registered, till, trace_no, payment, commit: None, reversal: None };
        let whole = visit.go_on(&http, &round.url, reverses).await;
        round.book.lock().unwrap().visits.push(visit);
        if !whole {
            return;
        }
    }
}

impl Step {
    /// Sends it, unless it was answered before. Whether it is answered now.
    async fn send(&mut self, http: &reqwest::Client, url: &str, code: &str) -> bool {
        if self.told.is_none() {
            let Ok((_, answer)) = self.ask.send(http, url).await else { return false };
            assert_eq!(text(&answer, "responseCode"), code, "{answer} to {:?}", self.ask);
            self.told = Some(answer);
        }
        true
    }
}

impl Visit {
    /// Goes on where it stopped, by sending again what was not answered. Whether it came to its end.
    async fn go_on(&mut self, http: &reqwest::Client, url: &str, reverses: bool) -> bool {
        if !self.payment.send(http, url, "2002500").await {
            return false;
        }
        let number = &self.registered.pay_no;
        if self.order.mitra_cd == Some(MitraCd::Alma) {
            let ask = || Step { ask: self.till.commit(number, &self.trace_no), told: None };
            if !self.commit.get_or_insert_with(ask).send(http, url, "2002600").await {
                return false;
            }
        }
        if reverses || self.reversal.is_some() {
            let ask = || Step { ask: self.till.reversal(number, &self.trace_no), told: None };
            return self.reversal.get_or_insert_with(ask).send(http, url, "2002700").await;
        }
        true
    }
}

/// AutoPaid payments and retries fall due under load.
async fn clock_mover(round: Arc<Round>, mut rng: StdRng) {
    let http = http();
    while !round.gone.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(rng.random_range(50..250))).await;
        let change = json!({ "advance": "12s" }).to_string();
        if post(&http, &round.url, "/sandbox/v1/clock", change).await.is_err() {
            return;
        }
    }
}

async fn play(round: &Arc<Round>, server: Server, rng: &mut StdRng) {
    let mut clients = JoinSet::new();
    let mut own = || StdRng::seed_from_u64(rng.random());
    for client in 0..REGISTERING {
        clients.spawn(merchants(Arc::clone(round), client, own()));
    }
    for client in 0..TILLS {
        clients.spawn(tills(Arc::clone(round), client, own()));
    }
    clients.spawn(clock_mover(Arc::clone(round), own()));
    tokio::time::sleep(Duration::from_millis(rng.random_range(20..900))).await;
    server.kill();
    round.gone.store(true, Ordering::Relaxed);
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
}

/// After a restart: what was answered is there, and what was not is sent again as it was.
async fn compare(server: &Server, shops: &[Shop], book: &mut Book) {
    let http = http();
    for registration in &mut book.registrations {
        let Registration { shop, order, told } = registration;
        let shop = &shops[*shop];
        if told.is_none() {
            let first = shop.register(server, order).await;
            let second = shop.register(server, order).await;
            assert_eq!(first, second, "{order:?}");
            *told = Some(first);
        }
        let told = told.as_ref().unwrap();
        let asked = shop.ask(server, order, told).await;
        assert_eq!(text(&asked, "tXid"), told.t_xid, "{order:?}");
        if order.kind == Kind::Direct {
            assert_eq!(text(&asked, "payNo"), told.pay_no, "{order:?}");
        }
    }
    for visit in &mut book.visits {
        let before = shops[visit.shop].ask(server, &visit.order, &visit.registered).await;
        let Visit { payment, commit, reversal, order, .. } = &*visit;
        let one_step = order.mitra_cd == Some(MitraCd::Indo);
        let told = |step: &Option<Step>| step.as_ref().is_some_and(|step| step.told.is_some());
        let allowed: &[&str] = match (&payment.told, commit, reversal) {
            _ if told(reversal) => &["3"],
            (_, _, Some(_)) => &["0", "3"],
            _ if told(commit) => &["0"],
            (_, Some(_), None) => &["5", "0"],
            (Some(_), None, None) if one_step => &["0"],
            (Some(_), None, None) => &["5"],
            (None, None, None) if one_step => &["3", "0"],
            (None, None, None) => &["3", "5"],
        };
        assert!(allowed.contains(&text(&before, "status")), "{allowed:?}: {before} after {visit:?}");

        let reverses = visit.is_reversed();
        let complete = visit.go_on(&http, &server.url, reverses).await;
        assert!(complete, "{visit:?}");
        if !reverses {
            // The same attempt in a new envelope gets the same receipt (rule 8).
            let again = visit.till.payment(&visit.registered.pay_no, visit.order.amt, &visit.trace_no);
            let again = again.must(&http, &server.url, "2002500").await;
            assert_eq!((text(&again, "status"), text(&again, "receiptCode")), ("PAID", visit.receipt_code()));
        }
        check_visit(server, shops, visit).await;
    }
}

/// A visit that came to its end stands as it was told.
async fn check_visit(server: &Server, shops: &[Shop], visit: &Visit) {
    let asked = shops[visit.shop].ask(server, &visit.order, &visit.registered).await;
    if visit.is_reversed() {
        assert_eq!(text(&asked, "status"), "3", "{visit:?}: {asked}");
    } else {
        assert_eq!(text(&asked, "status"), "0", "{visit:?}: {asked}");
        assert_eq!(text(&asked, "receiptCode"), visit.receipt_code(), "{visit:?}");
        let last = visit.commit.as_ref().unwrap_or(&visit.payment).told.as_ref().unwrap();
        assert_eq!((text(last, "status"), text(last, "receiptCode")), ("PAID", visit.receipt_code()), "{visit:?}");
    }
}

/// Which statuses each payment must be announced with, in this order.
fn due(book: &Book, shops: &[Shop]) -> BTreeMap<String, Vec<&'static str>> {
    let mut due = BTreeMap::new();
    for visit in &book.visits {
        let statuses = if visit.is_reversed() { vec!["0", "1"] } else { vec!["0"] };
        due.insert(visit.registered.t_xid.clone(), statuses);
    }
    for Registration { shop, order, told } in &book.registrations {
        if shops[*shop].imid == "IONPAYTEST" && order.mitra_cd.is_some() {
            due.insert(told.as_ref().unwrap().t_xid.clone(), vec!["0"]);
        }
    }
    due
}

/// What came for each payment: the event's number, the status, and what it was answered.
fn heard(receiver: &Receiver) -> HashMap<String, Vec<(u32, String, u16)>> {
    let mut heard: HashMap<String, Vec<_>> = HashMap::new();
    for came in receiver.came() {
        let (t_xid, seq) = came.webhook_id.rsplit_once('-').unwrap();
        assert_eq!(t_xid, came.field("tXid"));
        let told = (seq.parse().unwrap(), came.field("status").to_owned(), came.answered);
        heard.entry(t_xid.to_owned()).or_default().push(told);
    }
    heard
}

/// Each notification that is due was accepted at least once; a later one never came before an earlier was accepted;
/// and nothing was announced that never happened (rule 13).
fn check_heard(heard: &HashMap<String, Vec<(u32, String, u16)>>, due: &BTreeMap<String, Vec<&'static str>>) {
    for (t_xid, came) in heard {
        let expected = due.get(t_xid).unwrap_or_else(|| panic!("{t_xid} was never paid: {came:?}"));
        let mut accepted: Vec<(u32, &str)> = Vec::new();
        let mut open: Option<u32> = None;
        for (seq, status, answered) in came {
            assert!(open.is_none_or(|open| open == *seq), "{t_xid}: overtaken: {came:?}");
            let repeated = accepted.last().is_some_and(|(last, _)| last == seq);
            assert!(repeated || accepted.iter().all(|(last, _)| last < seq), "{t_xid}: out of order: {came:?}");
            open = if (200..300).contains(answered) || repeated { None } else { Some(*seq) };
            if open.is_none() && !repeated {
                accepted.push((*seq, status));
            }
        }
        let accepted: Vec<&str> = accepted.into_iter().map(|(_, status)| status).collect();
        assert_eq!(&accepted, expected, "{t_xid}: {came:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_loses_nothing_that_it_answered_rules_8_13_14_15() {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::sandbox(&data);
    let added = run(["merchant", "add", "TOKOKOPI01", "--name", "Kopi", "--json", "--data", data.to_str().unwrap()]);
    let third = Shop::new("TOKOKOPI01", text(&added.done().json(), "merchantKey"));
    let shops = vec![Shop::geraitest1(), Shop::ionpaytest(), third];
    server.clock(json!({ "set": tomorrow_at("02:00:00") })).await;
    let kind = Arc::new(AtomicBool::new(false));
    let receiver = Receiver::start({
        let (kind, judge) = (Arc::clone(&kind), Mutex::new(StdRng::seed_from_u64(rng.random())));
        move |_| if !kind.load(Ordering::Relaxed) && judge.lock().unwrap().random_bool(0.15) { 500 } else { 200 }
    })
    .await;

    let mut book = Book::default();
    let mut server = Some(server);
    for number in 0..rounds() {
        let running = server.take().unwrap_or_else(|| Server::sandbox(&data));
        let round = Arc::new(Round {
            number,
            url: running.url.clone(),
            shops: shops.clone(),
            notify: receiver.url.clone(),
            book: Mutex::default(),
            queue: Mutex::default(),
            gone: AtomicBool::new(false),
        });
        play(&round, running, &mut rng).await;
        let restarted = Server::sandbox(&data);
        let mut of_round = std::mem::take(&mut *round.book.lock().unwrap());
        compare(&restarted, &shops, &mut of_round).await;
        book.registrations.append(&mut of_round.registrations);
        book.visits.append(&mut of_round.visits);
        server = Some(restarted);
    }
    let server = server.unwrap();
    assert!(book.registrations.len() > rounds() * 5 && !book.visits.is_empty(), "hardly anything happened");

    // Every wait between two attempts ends, and the receiver has become kind.
    kind.store(true, Ordering::Relaxed);
    let due = due(&book, &shops);
    for _ in 0..60 {
        let heard = heard(&receiver);
        let accepted = |t_xid: &String| {
            let mut seqs: Vec<u32> =
                heard.get(t_xid).into_iter().flatten().filter(|came| came.2 == 200).map(|came| came.0).collect();
            seqs.dedup();
            seqs.len()
        };
        if due.iter().all(|(t_xid, statuses)| accepted(t_xid) == statuses.len()) {
            break;
        }
        server.clock(json!({ "advance": "40m" })).await;
    }
    let heard = heard(&receiver);
    for t_xid in due.keys() {
        assert!(heard.contains_key(t_xid), "{t_xid} was paid, and nobody was told");
    }
    check_heard(&heard, &due);
    for visit in &book.visits {
        check_visit(&server, &shops, visit).await;
    }
    server.stop();
    check_database(&data.join("gerai.db"), &shops, &book);
    eprintln!(
        "{} registrations, {} visits, {} notifications due, {} came",
        book.registrations.len(),
        book.visits.len(),
        due.values().map(Vec::len).sum::<usize>(),
        receiver.came().len()
    );
}

/// The database holds what the clients know, and no more.
fn check_database(database: &Path, shops: &[Shop], book: &Book) {
    let stored = audit(database);
    let mut by_reference: HashMap<(&str, &str), _> =
        stored.iter().map(|stored| ((stored.imid.as_str(), stored.reference_no.as_str()), stored)).collect();
    assert_eq!(by_reference.len(), stored.len());
    let mut paid = HashMap::new();
    for visit in &book.visits {
        paid.insert(visit.registered.t_xid.as_str(), if visit.is_reversed() { "Unpaid" } else { "Paid" });
    }
    for Registration { shop, order, told } in &book.registrations {
        let told = told.as_ref().unwrap();
        let found = by_reference.remove(&(shops[*shop].imid.as_str(), order.reference_no.as_str()));
        let found = found.unwrap_or_else(|| panic!("{order:?} is not there"));
        assert_eq!(found.t_xid, told.t_xid);
        if order.kind == Kind::Direct {
            assert_eq!(found.pay_no.as_deref(), Some(told.pay_no.as_str()));
        }
        let state = match (paid.get(told.t_xid.as_str()), order.mitra_cd) {
            (Some(state), _) => state,
            (None, None) => "AwaitingStore",
            (None, Some(_)) if shops[*shop].imid == "IONPAYTEST" => "Paid",
            (None, Some(_)) => "Unpaid",
        };
        assert_eq!(found.state, state, "{found:?}");
        assert!(found.count("taken") <= 1, "{found:?}");
    }
    assert!(by_reference.is_empty(), "nobody registered these: {by_reference:?}");
}

/// 64 tills key in one number at once, each under its own trace. After `patience` answers the gateway is killed; then
/// each till sends again what it was not answered, and all of them once more.
async fn crowd(data: &Path, till: Till, name: &str, patience: usize, rng: &mut StdRng) {
    const CROWD: usize = 64;
    let server = Server::sandbox(data);
    let mitra_cd = if till.brand == "INDOMARET" { MitraCd::Indo } else { MitraCd::Alma };
    let (shop, order) = (Shop::geraitest1(), Order::at(mitra_cd, name, "http://127.0.0.1:1/n"));
    let payment = shop.register(&server, &order).await;
    let asks: Vec<Ask> = (0..CROWD).map(|i| till.payment(&payment.pay_no, order.amt, &format!("C{i}"))).collect();
    let answered = Arc::new(AtomicUsize::new(0));
    let mut crowd = JoinSet::new();
    for (i, ask) in asks.iter().cloned().enumerate() {
        let (url, answered) = (server.url.clone(), Arc::clone(&answered));
        crowd.spawn(async move {
            let told = ask.send(&http(), &url).await.ok();
            answered.fetch_add(usize::from(told.is_some()), Ordering::Relaxed);
            (i, told.map(|(_, answer)| answer))
        });
    }
    let begun = std::time::Instant::now();
    while answered.load(Ordering::Relaxed) < patience && begun.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    tokio::time::sleep(Duration::from_micros(rng.random_range(0..5_000))).await;
    server.kill();
    let mut told: Vec<Option<Value>> = vec![None; CROWD];
    while let Some(ended) = crowd.join_next().await {
        let (i, answer) = ended.unwrap();
        told[i] = answer;
    }

    let server = Server::sandbox(data);
    let (http, others) = (http(), if mitra_cd == MitraCd::Indo { "4042514" } else { "4092505" });
    let mut receipts = Vec::new();
    for (i, ask) in asks.iter().enumerate() {
        let (_, answer) = ask.send(&http, &server.url).await.unwrap();
        match text(&answer, "responseCode") {
            "2002500" => receipts.push((i, text(&answer, "receiptCode").to_owned(), answer)),
            code => assert_eq!(code, others, "{answer}"),
        }
    }
    let [(winner, receipt_code, answer)] = &receipts[..] else { panic!("{name}: one receipt, not {receipts:?}") };
    for (i, told) in told.iter().enumerate() {
        match told {
            // Whoever was told before the kill was told the same.
            Some(told) if i == *winner => assert_eq!(told["receipt"], answer["receipt"]),
            Some(told) => assert_eq!(text(told, "responseCode"), others, "{i}, and the winner is {winner}: {told}"),
            None => {}
        }
    }
    if mitra_cd == MitraCd::Alma {
        let committed = till.commit(&payment.pay_no, &format!("C{winner}"));
        committed.must(&http, &server.url, "2002600").await;
    }
    let asked = shop.ask(&server, &order, &payment).await;
    assert_eq!((text(&asked, "status"), text(&asked, "receiptCode")), ("0", receipt_code.as_str()));
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_tills_at_once_one_gets_the_receipt_though_the_gateway_is_killed_meanwhile_rule_8() {
    let mut rng = StdRng::seed_from_u64(seed());
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::sandbox(&data);
    server.clock(json!({ "set": tomorrow_at("02:00:00") })).await;
    server.stop();
    for (trial, patience) in [0, 1, 5, 20, 40].into_iter().enumerate() {
        let till = if trial % 2 == 0 { INDOMARET } else { ALFAMART };
        crowd(&data, till, &format!("CROWD-{trial}"), patience, &mut rng).await;
    }
    let stored = audit(&data.join("gerai.db"));
    assert_eq!(stored.len(), 5);
    for stored in stored {
        assert_eq!((stored.state.as_str(), stored.count("taken")), ("Paid", 1), "{stored:?}");
    }
}
