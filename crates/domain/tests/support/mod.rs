//! Builders for the tests: a payment that is led through its life by commands, on a clock that the test holds.
//! Everything is compared with the rules as they are written, never with another part of the code.

// Each file of tests takes what it needs.
#![allow(dead_code)]

use gerai_domain::{
    Ask, Brand, Chain, Command, Decision, Draw, EventKind, Kind, MerchantId, MerchantTerms, Notice, Outcome, Partner,
    PayNo, Payment, Refusal, Rules, Rupiah, Standing, StoreVisit, Taken, TxId, decide, look_up, register,
};
use jiff::{SignedDuration, Timestamp};

/// The moment at which Jakarta's clocks show `2026-03-02 12:00:00`.
pub(crate) fn wib(text: &str) -> Timestamp {
    let (date, time) = text.split_once(' ').expect("date, space, time");
    format!("{date}T{time}+07:00").parse().expect("a date and a time of day")
}

/// `seconds` after `at`, or before it.
pub(crate) fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds)).expect("in range")
}

pub(crate) fn rupiah(amount: u64) -> Rupiah {
    Rupiah::new(amount).expect("at most twelve digits")
}

pub(crate) fn merchant_id() -> MerchantId {
    "GERAITEST1".parse().expect("ten letters and digits")
}

pub(crate) fn merchant() -> MerchantTerms {
    MerchantTerms::usual(merchant_id(), "Toko Sinta")
}

/// What every payment of the tests owes.
pub(crate) const OWED: u64 = 10_000;

/// Noon on a Monday: every store is open.
pub(crate) fn noon() -> Timestamp {
    wib("2026-03-02 12:00:00")
}

pub(crate) fn ask(kind: Kind, chain: Option<Chain>) -> Ask {
    Ask {
        kind,
        reference_no: "ORD12345".into(),
        amount: rupiah(OWED),
        chain,
        valid_date: None,
        valid_time: None,
        goods_nm: "Kopi".into(),
        billing_nm: "Sinta Amalina".into(),
        description: None,
        db_process_url: "https://shop.example/notify".into(),
        call_back_url: None,
        fingerprint: [7; 32],
        details: "{}".into(),
    }
}

pub(crate) const fn partner(chain: Chain) -> Partner {
    Partner { chain, enabled: true }
}

pub(crate) fn visit(brand: Brand) -> StoreVisit {
    StoreVisit {
        partner: partner(brand.chain()),
        brand,
        store_code: "S001".into(),
        terminal_id: "T01".into(),
        simulated: false,
    }
}

pub(crate) fn pay_command(visit: StoreVisit, amount: u64, trace_no: &str) -> Command {
    Command::Pay {
        visit,
        amount: rupiah(amount),
        trace_no: trace_no.into(),
        biller: "NICEPAY - Toko Sinta".into(),
        own_lines: vec!["Terima kasih".into()],
    }
}

pub(crate) fn cancel_command(amount: u64) -> Command {
    Command::Cancel { amount: rupiah(amount), message: Some("out of stock".into()) }
}

pub(crate) fn return_command() -> Command {
    Command::Return { operator: "budi".into(), reason: "goods came back".into() }
}

/// The names of events as they are stored, in order.
pub(crate) fn names(events: &[EventKind]) -> Vec<String> {
    let name = |event| serde_json::to_value(event).expect("an event")["event"].as_str().expect("its name").to_owned();
    events.iter().map(name).collect()
}

/// What a counter was told when its money was taken.
pub(crate) fn taken(decision: &Decision) -> &Taken {
    let Ok(Outcome::Taken(taken)) = &decision.verdict else {
        unreachable!("the money was not taken: {:?}", decision.verdict)
    };
    taken
}

/// One payment, its rules, its clock, and all that has happened to it.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) payment: Payment,
    pub(crate) rules: Rules,
    pub(crate) now: Timestamp,
    pub(crate) history: Vec<(EventKind, Timestamp)>,
    pub(crate) notices: Vec<Notice>,
    draws: u64,
}

impl Life {
    pub(crate) fn of(ask: Ask, merchant: &MerchantTerms, rules: Rules, now: Timestamp) -> Self {
        let kind = ask.kind;
        let new = register(ask, merchant, &rules, now).expect("a registration that is taken");
        let pay_no = new.takes_number().then(|| PayNo::draw(rules.cell, 1_234_567_890));
        let history = vec![(new.registered_event(pay_no), now)];
        let payment = new.into_payment(TxId::new(&merchant.id, kind, now, 4711), pay_no);
        Self { payment, rules, now, history, notices: Vec::new(), draws: 0 }
    }

    /// Registered at noon for this chain, payable for seven days.
    pub(crate) fn direct(chain: Chain) -> Self {
        Self::of(ask(Kind::Direct, Some(chain)), &merchant(), Rules::default(), noon())
    }

    /// Registered at noon for the Alfa group.
    pub(crate) fn alma() -> Self {
        Self::direct(Chain::Alma)
    }

    /// Registered at noon for Indomaret.
    pub(crate) fn indo() -> Self {
        Self::direct(Chain::Indo)
    }

    /// Registered at noon by Redirect; the customer is still to choose the store.
    pub(crate) fn awaiting() -> Self {
        Self::of(ask(Kind::Redirect, None), &merchant(), Rules::default(), noon())
    }

    /// Registered at noon for this chain, payable for so many seconds.
    pub(crate) fn short(chain: Chain, seconds: u32) -> Self {
        let merchant = MerchantTerms { period_secs: seconds, ..merchant() };
        Self::of(ask(Kind::Direct, Some(chain)), &merchant, Rules::default(), noon())
    }

    pub(crate) fn deadline(&self) -> Timestamp {
        self.payment.terms.deadline
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, seconds: i64) -> &mut Self {
        self.now = later(self.now, seconds);
        self
    }

    /// Lets time pass until `at`.
    pub(crate) fn until(&mut self, at: Timestamp) -> &mut Self {
        assert!(at >= self.now, "time moves forward");
        self.now = at;
        self
    }

    /// What would be decided, with nothing written.
    pub(crate) fn would(&self, command: &Command) -> Decision {
        let draw = Draw {
            receipt: 0x0123_4567_89ab_cdef ^ (self.draws << 7),
            pay_no: 9_876_543_210 + self.draws,
            cancel_serial: u16::try_from(self.draws % 10_000).expect("four digits"),
            cancel_ahead_secs: 0,
        };
        decide(&self.payment, command, &self.rules, self.now, draw)
    }

    /// Decides, and writes what happened.
    pub(crate) fn run(&mut self, command: &Command) -> Decision {
        let decision = self.would(command);
        // A sweep uses up no draw.
        self.draws += u64::from(*command != Command::Sweep);
        for event in &decision.events {
            self.payment.standing.apply(event, self.now);
            self.history.push((event.clone(), self.now));
            self.notices.extend(Notice::of(&self.payment, event, self.now));
        }
        decision
    }

    /// The brand at which the tests pay: Alfamart or Indomaret.
    pub(crate) fn brand(&self) -> Brand {
        match self.payment.standing.chain {
            Some(Chain::Indo) => Brand::Indomaret,
            Some(Chain::Alma) | None => Brand::Alfamart,
        }
    }

    pub(crate) fn pay(&mut self, trace_no: &str) -> Decision {
        self.run(&pay_command(visit(self.brand()), OWED, trace_no))
    }

    pub(crate) fn commit(&mut self, trace_no: &str) -> Decision {
        let partner = partner(self.brand().chain());
        self.run(&Command::Commit { partner, trace_no: trace_no.into() })
    }

    pub(crate) fn reverse(&mut self, trace_no: &str) -> Decision {
        let partner = partner(self.brand().chain());
        self.run(&Command::Reverse { partner, trace_no: trace_no.into(), reason: "till crashed".into() })
    }

    pub(crate) fn cancel(&mut self) -> Decision {
        self.run(&cancel_command(OWED))
    }

    pub(crate) fn give_back(&mut self) -> Decision {
        self.run(&return_command())
    }

    pub(crate) fn sweep(&mut self) -> Decision {
        self.run(&Command::Sweep)
    }

    pub(crate) fn look_up(&self) -> Result<(), Refusal> {
        look_up(&self.payment, &visit(self.brand()), &self.rules, self.now)
    }

    /// Paid under this trace, in as many steps as the chain takes.
    pub(crate) fn paid(mut self, trace_no: &str) -> Self {
        taken(&self.pay(trace_no));
        taken(&self.commit(trace_no));
        self
    }

    /// Taken under this trace, and no commit came.
    pub(crate) fn lapsed(mut self, trace_no: &str) -> Self {
        taken(&self.pay(trace_no));
        assert_eq!(names(&self.wait(301).sweep().events), ["commit_lapsed"]);
        self
    }

    /// The standing that its history folds to.
    pub(crate) fn folded(&self) -> Option<Standing> {
        Standing::fold(self.history.iter().map(|(event, at)| (event, *at)))
    }
}
