//! What the list is searched for: fields of an address, so that a search can be bookmarked and sent to a colleague. What
//! was typed is kept as it was, and what is wrong with it is said beside it.

use crate::office::form::{Fields, Typed};
use crate::office::session::SignedIn;
use gerai_domain::{Chain, MerchantId, PayNo, Phase, Rupiah, TxId, wib};
use gerai_ledger::{PaymentSearch, SearchKey};
use jiff::Timestamp;
use jiff::civil::Date;

/// The longest text that anything is searched for.
const LONGEST: usize = 100;

/// The form's fields as they were typed.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// One field for whatever is known of a payment.
    pub(super) q: Typed,
    pub(super) from: Typed,
    pub(super) to: Typed,
    pub(super) state: Typed,
    pub(super) chain: Typed,
    pub(super) reference_no: Typed,
    pub(super) amount: Typed,
    /// For operators; whoever belongs to a merchant sees that one's alone.
    pub(super) merchant: Typed,
    /// What the one field was taken for.
    pub(super) read_as: Option<&'static str>,
}

/// What is searched for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    merchant: Option<MerchantId>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    phase: Option<Phase>,
    chain: Option<Chain>,
    reference_no: Option<String>,
    tx_id: Option<TxId>,
    pay_no: Option<PayNo>,
    amount: Option<Rupiah>,
}

/// A text in a field, if there is one, read as something.
fn read<T>(typed: &mut Typed, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
    if typed.text.is_empty() {
        return None;
    }
    if typed.text.len() > LONGEST {
        typed.refuse(format!("This is longer than {LONGEST} characters."));
        return None;
    }
    match parse(&typed.text) {
        Ok(value) => Some(value),
        Err(wrong) => {
            typed.refuse(wrong);
            None
        }
    }
}

fn day(text: &str) -> Result<Date, String> {
    let ten = text.len() == 10;
    let date: Option<Date> = text.parse().ok().filter(|_| ten);
    date.ok_or_else(|| "Write a day as 2026-01-31.".into())
}

/// The instant at which a day begins in WIB.
fn beginning(day: Date) -> Result<Timestamp, String> {
    wib::instant(day.to_datetime(jiff::civil::Time::midnight())).ok_or_else(|| "This day is too far away.".into())
}

/// `10000`, `10.000` and `Rp 10.000` are one.
fn amount(text: &str) -> Result<Rupiah, String> {
    let digits: String = text.trim_start_matches(['R', 'r']).trim_start_matches(['P', 'p']).replace([' ', '.'], "");
    Rupiah::parse(&digits).map_err(|_| "Write whole rupiah, at most 12 digits, such as 10.000.".into())
}

impl Filter {
    /// Reads the fields; `None` beside it when one of them is wrong.
    pub(super) fn read(fields: &Fields, who: &SignedIn) -> (Self, Option<Wanted>) {
        let typed = |name| Typed::of(fields.text(name));
        let mut filter = Self {
            q: typed("q"),
            from: typed("from"),
            to: typed("to"),
            state: typed("state"),
            chain: typed("chain"),
            reference_no: typed("referenceNo"),
            amount: typed("amount"),
            merchant: if who.merchant().is_some() { Typed::default() } else { typed("merchant") },
            read_as: None,
        };
        let wanted = filter.wanted(who.merchant());
        let right = filter.fields().iter().all(|(_, typed)| typed.wrong.is_none());
        (filter, right.then_some(wanted))
    }

    fn wanted(&mut self, own: Option<&MerchantId>) -> Wanted {
        let mut wanted = Wanted {
            merchant: own.cloned().or_else(|| {
                read(&mut self.merchant, |text| {
                    text.parse().map_err(|_| "A merchant's iMid has 10 letters and digits.".into())
                })
            }),
            from: read(&mut self.from, |text| beginning(day(text)?)),
            until: read(&mut self.to, |text| {
                let next = day(text)?.tomorrow().map_err(|_| "This day is too far away.")?;
                beginning(next)
            }),
            phase: read(&mut self.state, |code| {
                Phase::ALL
                    .into_iter()
                    .find(|phase| phase.code() == code)
                    .ok_or_else(|| "There is no such state.".into())
            }),
            chain: read(&mut self.chain, |code| code.parse().map_err(|_| "There is no such chain.".into())),
            reference_no: read(&mut self.reference_no, |text| Ok(text.to_owned())),
            amount: read(&mut self.amount, amount),
            tx_id: None,
            pay_no: None,
        };
        if let (Some(from), Some(until)) = (wanted.from, wanted.until)
            && from >= until
        {
            self.to.refuse("The last day lies before the first.");
        }
        self.read_whatever(&mut wanted);
        wanted
    }

    /// A `tXid` has 30 letters and digits, a payment number 12 digits with a check digit; all else is the beginning of an
    /// order number.
    fn read_whatever(&mut self, wanted: &mut Wanted) {
        let Some(text) = read(&mut self.q, |text| Ok(text.to_owned())) else { return };
        let digits = text.replace([' ', '-'], "");
        let twelve = digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit());
        if let Ok(tx_id) = text.parse() {
            wanted.tx_id = Some(tx_id);
            self.read_as = Some("Read as a tXid.");
        } else if let Ok(pay_no) = digits.parse() {
            wanted.pay_no = Some(pay_no);
            self.read_as = Some("Read as a payment number.");
        } else if wanted.reference_no.is_some() {
            self.q.refuse("This is read as an order number, and there is one in the field for it already.");
        } else {
            wanted.reference_no = Some(text);
            self.read_as = Some(if twelve {
                "Read as an order number: with this check digit it is no payment number."
            } else {
                "Read as the beginning of an order number."
            });
        }
    }

    fn fields(&self) -> [(&'static str, &Typed); 8] {
        let Self { q, from, to, state, chain, reference_no, amount, merchant, read_as: _ } = self;
        [
            ("q", q),
            ("from", from),
            ("to", to),
            ("state", state),
            ("chain", chain),
            ("referenceNo", reference_no),
            ("amount", amount),
            ("merchant", merchant),
        ]
    }

    /// What was given, with the names of the address.
    pub(super) fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.fields()
            .into_iter()
            .filter(|(_, typed)| !typed.text.is_empty())
            .map(|(name, typed)| (name, typed.text.as_str()))
    }

    /// Whether anything was given beside the one field for whatever is known.
    pub(super) fn goes_further(&self) -> bool {
        self.given().any(|(name, _)| name != "q")
    }

    /// The address's query, with something more behind it.
    pub(super) fn query(&self, more: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.given()).extend_pairs(more);
        query.finish()
    }
}

impl Wanted {
    /// The search for a page of it, as of `now`.
    pub(super) fn search(
        &self,
        now: Timestamp,
        after: Option<SearchKey>,
        limit: usize,
        effort: usize,
    ) -> PaymentSearch {
        let Self { merchant, from, until, phase, chain, reference_no, tx_id, pay_no, amount } = self.clone();
        PaymentSearch {
            merchant,
            from,
            until,
            phase,
            chain,
            reference_no,
            tx_id,
            pay_no,
            amount,
            now,
            after,
            limit,
            effort,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_of(text: &str, own: Option<&str>) -> (Filter, Wanted) {
        let fields = Fields::parse(text.as_bytes());
        let typed = |name| Typed::of(fields.text(name));
        let mut filter = Filter {
            q: typed("q"),
            from: typed("from"),
            to: typed("to"),
            state: typed("state"),
            chain: typed("chain"),
            reference_no: typed("referenceNo"),
            amount: typed("amount"),
            merchant: typed("merchant"),
            read_as: None,
        };
        let own: Option<MerchantId> = own.map(|own| own.parse().unwrap());
        let wanted = filter.wanted(own.as_ref());
        (filter, wanted)
    }

    #[test]
    fn the_one_field_knows_a_txid_a_number_and_an_order() {
        let number = PayNo::draw(1, 42);
        let tx_id = "TOKOKOPI0103202611231959110042";
        assert_eq!(read_of(&format!("q={tx_id}"), None).1.tx_id, Some(tx_id.parse().unwrap()));
        for written in [number.to_string(), number.grouped(), number.grouped().replace(' ', "-")] {
            assert_eq!(read_of(&format!("q={}", written.replace(' ', "+")), None).1.pay_no, Some(number), "{written}");
        }
        let mistyped = format!("{:012}", number.get() + 1);
        for order in ["ORD-1", "12", mistyped.as_str(), "TOKOKOPI01"] {
            let (filter, wanted) = read_of(&format!("q={order}"), None);
            assert_eq!((wanted.reference_no.as_deref(), wanted.pay_no), (Some(order), None));
            assert_eq!(filter.read_as.unwrap().contains("check digit"), order == mistyped, "{order}");
        }
    }

    #[test]
    fn a_day_is_one_of_wib_and_the_last_one_counts_whole() {
        let (filter, wanted) = read_of("from=2031-05-05&to=2031-05-05", None);
        assert!(filter.fields().iter().all(|(_, typed)| typed.wrong.is_none()));
        assert_eq!(wanted.from, Some("2031-05-04T17:00:00Z".parse().unwrap()));
        assert_eq!(wanted.until, Some("2031-05-05T17:00:00Z".parse().unwrap()));
    }

    #[test]
    fn what_is_wrong_is_said_beside_its_own_field() {
        let long = "x".repeat(101);
        for (query, field, says) in [
            ("from=yesterday", "from", "2026-01-31"),
            ("from=2031-02-30", "from", "2026-01-31"),
            ("from=2031-05-05T10:00", "from", "2026-01-31"),
            ("to=20310505", "to", "2026-01-31"),
            ("to=9999-12-31", "to", "too far"),
            ("from=2031-05-06&to=2031-05-05", "to", "before the first"),
            ("state=lost", "state", "no such state"),
            ("chain=LAWSON", "chain", "no such chain"),
            ("amount=1,5", "amount", "whole rupiah"),
            ("amount=-1", "amount", "whole rupiah"),
            ("amount=1234567890123", "amount", "12 digits"),
            ("merchant=x", "merchant", "10 letters"),
            ("q=a&referenceNo=b", "q", "already"),
            (&format!("q={long}"), "q", "longer than 100"),
        ] {
            let filter = read_of(query, None).0;
            let wrong: Vec<_> =
                filter.fields().into_iter().filter_map(|(name, typed)| Some((name, typed.wrong.clone()?))).collect();
            assert_eq!(wrong.len(), 1, "{query}: {wrong:?}");
            assert!(wrong[0].0 == field && wrong[0].1.contains(says), "{query}: {wrong:?}");
        }
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for written in ["10000", "10.000", "Rp+10.000", "rp10.000", "Rp10000"] {
            assert_eq!(read_of(&format!("amount={written}"), None).1.amount, Rupiah::new(10_000).ok(), "{written}");
        }
    }

    #[test]
    fn whoever_belongs_to_a_merchant_searches_among_its_payments_whatever_the_address_says() {
        let (_, wanted) = read_of("merchant=OTHERSHOP1", Some("GERAITEST1"));
        assert_eq!(wanted.merchant.unwrap().as_str(), "GERAITEST1");
    }

    #[test]
    fn an_address_is_written_again_as_it_was_read() {
        let (filter, _) = read_of("q=A%26b&state=paid&from=&amount=Rp+10.000", None);
        assert_eq!(filter.query(&[("after", "1.2_3.4")]), "q=A%26b&state=paid&amount=Rp+10.000&after=1.2_3.4");
        assert!(filter.goes_further());
        assert!(!read_of("q=A", None).0.goes_further());
    }
}
