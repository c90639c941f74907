//! What the gateway was asked, the last of it, so that a test can see whether a merchant asked for the status (S20,
//! S21). Kept in memory, and without anything that proves who asked: no tokens, no signatures.

use super::faults::Struck;
use super::{Refused, done};
use crate::app::App;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use gerai_domain::wib;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

const CALL: &str = "sandbox_requests";

/// How many are kept, and how many one answer holds.
const KEPT: usize = 10_000;
const MOST: usize = 1_000;
const USUALLY: usize = 100;

/// One request and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// When it came, by the gateway's clock.
    pub(crate) at: Timestamp,
    /// When it came, by real time.
    pub(crate) real_at: Timestamp,
    pub(crate) api: &'static str,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) call: String,
    pub(crate) imid: Option<String>,
    pub(crate) tx_id: Option<String>,
    pub(crate) reference_no: Option<String>,
    pub(crate) pay_no: Option<String>,
    /// What the gateway decided; `None` when it did not come to that.
    pub(crate) code: Option<String>,
    /// What the client was sent; `None` when it was sent nothing, or did not wait for it.
    pub(crate) status: Option<StatusCode>,
    pub(crate) took: Duration,
    pub(crate) fault: Option<Struck>,
}

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    requests: VecDeque<(u64, Asked)>,
}

/// The last requests of a sandbox.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<Kept>);

impl Requests {
    /// Numbers are given in the order in which requests end, so that whoever asks for what came since misses nothing.
    pub(crate) fn push(&self, asked: Asked) {
        let mut kept = self.0.lock();
        kept.last += 1;
        let number = kept.last;
        kept.requests.push_back((number, asked));
        if kept.requests.len() > KEPT {
            kept.requests.pop_front();
        }
    }

    /// Forgets them; numbers go on counting.
    pub(super) fn clear(&self) {
        self.0.lock().requests.clear();
    }

    fn tell(&self, wanted: &Wanted) -> Value {
        let kept = self.0.lock();
        let mut told = Vec::new();
        let mut next = kept.last;
        for (number, asked) in kept.requests.iter().filter(|(number, asked)| wanted.fits(*number, asked)) {
            if told.len() == wanted.limit {
                break;
            }
            told.push(tell(*number, asked));
            next = *number;
        }
        if told.len() < wanted.limit {
            next = kept.last;
        }
        json!({ "requests": told, "next": next, "oldest": kept.requests.front().map(|(number, _)| *number) })
    }
}

fn tell(number: u64, asked: &Asked) -> Value {
    let Asked { at, real_at, api, method, path, call, imid, tx_id, reference_no, pay_no, code, status, took, fault } =
        asked;
    json!({
        "seq": number,
        "at": wib::iso(*at),
        "realAt": wib::iso(*real_at),
        "api": api,
        "method": method,
        "path": path,
        "call": call,
        "iMid": imid,
        "tXid": tx_id,
        "referenceNo": reference_no,
        "payNo": pay_no,
        "code": code,
        "status": status.map(|status| status.as_u16()),
        "tookMs": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "fault": fault.map(Struck::tell),
    })
}

#[derive(Debug)]
struct Wanted {
    since: u64,
    limit: usize,
    imid: Option<String>,
    tx_id: Option<String>,
    call: Option<String>,
}

impl Wanted {
    fn read(query: &str) -> Result<Self, Refused> {
        let refused = |message: &str| Refused::new(CALL, StatusCode::BAD_REQUEST, message);
        let mut wanted = Self { since: 0, limit: USUALLY, imid: None, tx_id: None, call: None };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "since" => {
                    let since = value.parse();
                    wanted.since =
                        since.map_err(|_| refused("`since` is the number of a request, as `next` told it."))?;
                }
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                    wanted.limit = limit.ok_or_else(|| refused("`limit` is a whole number from 1 to 1000."))?;
                }
                "iMid" => wanted.imid = Some(value.into_owned()),
                "tXid" => wanted.tx_id = Some(value.into_owned()),
                "call" => wanted.call = Some(value.into_owned()),
                other => {
                    let other: String = other.chars().take(40).collect();
                    let message = format!("`{other}` is not known here; known are since, limit, iMid, tXid, call.");
                    return Err(refused(&message));
                }
            }
        }
        Ok(wanted)
    }

    fn fits(&self, number: u64, asked: &Asked) -> bool {
        let Self { since, limit: _, imid, tx_id, call } = self;
        number > *since
            && (imid.is_none() || *imid == asked.imid)
            && (tx_id.is_none() || *tx_id == asked.tx_id)
            && call.as_ref().is_none_or(|call| *call == asked.call)
    }
}

pub(super) async fn show(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Refused> {
    let wanted = Wanted::read(query.as_deref().unwrap_or_default())?;
    Ok(done(CALL, &app.sandbox(CALL)?.requests.tell(&wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(call: &str) -> Asked {
        Asked {
            at: Timestamp::UNIX_EPOCH,
            real_at: Timestamp::UNIX_EPOCH,
            api: "merchant-api",
            method: "POST".into(),
            path: "/".into(),
            call: call.into(),
            imid: None,
            tx_id: None,
            reference_no: None,
            pay_no: None,
            code: None,
            status: None,
            took: Duration::ZERO,
            fault: None,
        }
    }

    #[test]
    fn the_oldest_go_first_and_the_numbers_go_on() {
        let requests = Requests::default();
        for _ in 0..KEPT + 5 {
            requests.push(asked("inquiry"));
        }
        let told = requests.tell(&Wanted::read("limit=1000").unwrap_or_else(|_| unreachable!()));
        assert_eq!((told["oldest"].as_u64(), told["requests"][0]["seq"].as_u64()), (Some(6), Some(6)));
        assert_eq!(told["next"], 1_005);
        requests.clear();
        requests.push(asked("inquiry"));
        let told = requests.tell(&Wanted::read("").unwrap_or_else(|_| unreachable!()));
        assert_eq!((told["requests"][0]["seq"].as_u64(), told["next"].as_u64()), (Some(10_006), Some(10_006)));
    }
}
