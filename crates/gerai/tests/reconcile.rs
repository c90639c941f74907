//! A chain's end-of-day file, as chains write them, against what a running gateway has taken.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use gerai_protocol::MitraCd;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use support::{ALFAMART, INDOMARET, Order, Registered, Said, Server, Shop, gerai, http, run, text, tomorrow_at};
use tempfile::TempDir;

const NOWHERE: &str = "http://127.0.0.1:9/notify";

/// A sandbox whose clock stands still, tomorrow at ten.
struct Gateway {
    server: Server,
    folder: TempDir,
}

/// Tomorrow, as options and outcomes write it.
fn tomorrow() -> String {
    tomorrow_at("").split_once('T').unwrap().0.to_owned()
}

impl Gateway {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::sandbox(&folder.path().join("data"));
        server.clock(json!({ "set": tomorrow_at("10:00:00"), "freeze": true })).await;
        Self { server, folder }
    }

    async fn advance(&self, by: &str) {
        self.server.clock(json!({ "advance": by })).await;
    }

    async fn register(&self, mitra_cd: MitraCd, reference: &str, amt: u64) -> Registered {
        let order = Order { amt, ..Order::at(mitra_cd, reference, NOWHERE) };
        Shop::geraitest1().register(&self.server, &order).await
    }

    /// Registered at Indomaret and paid under this trace.
    async fn paid(&self, reference: &str, amt: u64, trace_no: &str) -> String {
        let number = self.register(MitraCd::Indo, reference, amt).await.pay_no;
        INDOMARET.payment(&number, amt, trace_no).must(&http(), &self.server.url, "2002500").await;
        number
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// `gerai reconcile` with a file of these bytes.
    fn command(&self, bytes: impl AsRef<[u8]>, arguments: &str) -> Command {
        let file = self.write("day.csv", bytes);
        let mut command = gerai();
        command.arg("reconcile").arg("--file").arg(file).args(arguments.split_whitespace());
        command.arg("--data").arg(self.folder.path().join("data"));
        command
    }

    fn reconcile(&self, bytes: impl AsRef<[u8]>, arguments: &str) -> Said {
        Said::of(&mut self.command(bytes, arguments))
    }
}

const COLUMNS: &str = "--col-number payNo --col-amount amount --col-trace trace";

#[track_caller]
fn differs(said: Said) -> Said {
    assert_eq!(said.code, 4, "{said:?}");
    said
}

#[tokio::test]
async fn a_day_that_matches_ends_with_0_and_any_difference_with_4() {
    let gateway = Gateway::start().await;
    let first = gateway.paid("ORD-1", 10_000, "T1").await;
    let second = gateway.paid("ORD-2", 25_000, "T2").await;
    let returned = gateway.paid("ORD-3", 5_000, "T3").await;
    let data = gateway.folder.path().join("data").display().to_string();
    run(["payment", "return", &returned, "--reason", "goods came back", "--by", "rini", "--data", &data]).done();
    // Of another chain and of another day: no matter of this file.
    let alma = gateway.register(MitraCd::Alma, "ALMA", 10_000).await.pay_no;
    ALFAMART.payment(&alma, 10_000, "A1").must(&http(), &gateway.server.url, "2002500").await;
    ALFAMART.commit(&alma, "A1").must(&http(), &gateway.server.url, "2002600").await;
    gateway.advance("P1D").await;
    gateway.paid("ORD-4", 10_000, "T4").await;

    let whole = format!("payNo,amount,trace\n{first},10000,T1\n{second},25000,T2\n{returned},5000,T3\n");
    // The last day that has ended is the one that is meant.
    for date in [String::new(), format!("--date {}", tomorrow())] {
        let said = gateway.reconcile(&whole, &format!("--chain INDO {COLUMNS} {date}")).done();
        assert!(said.out.contains(&format!("Everything matches: INDO, {}.", tomorrow())), "{said:?}");
        assert!(said.out.contains("Rp 40.000") && said.err.is_empty(), "{said:?}");
    }
    let said = gateway.reconcile(&whole, &format!("--chain INDO {COLUMNS} --json --all")).done().json();
    assert_eq!(said["findings"].as_array().unwrap().len(), 3, "{said}");
    assert_eq!((&said["findings"][2]["class"], &said["findings"][2]["amountPaid"]), (&json!("matched"), &json!(5_000)));
    let totals = json!({
        "file": [{ "class": "matched", "reason": null, "count": 3, "rupiah": 40_000 }],
        "wholeFile": { "count": 3, "rupiah": 40_000 },
        "payments": [{ "class": "matched", "count": 3, "rupiah": 40_000 }],
        "allPayments": { "count": 3, "rupiah": 40_000 },
        "difference": 0,
    });
    assert_eq!((&said["totals"], &said["allMatched"]), (&totals, &json!(true)));

    // One line less, and it differs.
    let less = format!("payNo,amount,trace\n{first},10000,T1\n{returned},5000,T3\n");
    let said = differs(gateway.reconcile(&less, &format!("--chain INDO {COLUMNS}")));
    let line = said.out.lines().find(|line| line.starts_with("not in the file")).unwrap();
    for part in ["payment without cash", &second, "Rp 25.000", "ORD-2", "T2", "INDOMARET S001"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(said.out.contains("-Rp 25.000") && said.out.contains("The file and the ledger differ"), "{said:?}");
    assert!(!said.out.contains(&first), "what matches is only counted: {said:?}");
    let said = differs(gateway.reconcile("payNo,amount,trace\n", &format!("--chain INDO {COLUMNS} --json"))).json();
    assert_eq!(said["findings"].as_array().unwrap().len(), 3);
    // The day after holds what was paid then, and says that it has not ended.
    let day_after = tomorrow().parse::<jiff::civil::Date>().unwrap().tomorrow().unwrap();
    let said = differs(gateway.reconcile(&whole, &format!("--chain INDO {COLUMNS} --date {day_after}")));
    assert!(said.err.contains("has not ended yet"), "{said:?}");
    assert_eq!(said.out.matches("paid on another day").count(), 4, "three lines and their sum: {said:?}");
}

#[tokio::test]
async fn every_class_is_told_apart_with_its_line_and_its_reason() {
    let gateway = Gateway::start().await;
    let (client, url) = (http(), gateway.server.url.clone());
    let matched = gateway.paid("MATCHED", 10_000, "T1").await;
    let differing = gateway.paid("DIFFERS", 10_000, "T2").await;
    let missing = gateway.paid("MISSING", 7_000, "T3").await;
    let unpaid = gateway.register(MitraCd::Indo, "UNPAID", 10_000).await.pay_no;
    let cancelled = gateway.register(MitraCd::Indo, "CANCELLED", 10_000).await;
    let cancel = Shop::geraitest1().cancel(&cancelled.t_xid, 10_000);
    assert_eq!(text(&gateway.server.post("/nicepay/direct/v2/cancel", cancel).await.1, "resultCd"), "0000");
    let reversed = gateway.paid("REVERSED", 10_000, "T4").await;
    INDOMARET.reversal(&reversed, "T4").must(&client, &url, "2002700").await;
    let alma = gateway.register(MitraCd::Alma, "ALMA", 10_000).await.pay_no;
    let number: u64 = matched.parse().unwrap();
    let mistyped = (number + 1).to_string();
    // The next number whose digits fit.
    let unknown = gerai_domain::PayNo::draw(1, number / 10 + 1).to_string();

    let file = format!(
        "payNo,amount,trace,when\n\
         {matched},10000,T1,{day} 10:00:00\n\
         {differing},9000,T2,{day} 10:00:00\n\
         {matched},10000,T1,{day} 10:00:00\n\
         {matched},10000,T9,{day} 10:00:00\n\
         {unpaid},10000,T5,{day} 10:00:00\n\
         {cancelled},10000,T6,{day} 10:00:00\n\
         {reversed},10000,T4,{day} 10:00:00\n\
         {alma},10000,T7,{day} 10:00:00\n\
         {mistyped},10000,T8,{day} 10:00:00\n\
         {unknown},10000,T10,{day} 10:00:00\n\
         TOTAL,81000,,\n\
         {matched},ten,T11,{day} 10:00:00\n\
         {matched},10000,T12,yesterday\n\
         {matched},10000\n",
        cancelled = cancelled.pay_no,
        day = tomorrow(),
    );
    let options = format!("--chain INDO {COLUMNS} --col-time when --date {} --json --all", tomorrow());
    let said = differs(gateway.reconcile(&file, &options)).json();
    let told: Vec<(u64, &str, &str)> = said["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["line"].as_u64().unwrap_or(0), text(finding, "class"), text(finding, "reason")))
        .collect();
    let cash = "cash without payment";
    let expected = [
        (2, "matched", ""),
        (3, "amount differs", ""),
        (4, "duplicate", "of line 2"),
        (5, cash, "paid under another trace"),
        (6, cash, "unpaid"),
        (7, cash, "cancelled"),
        (8, cash, "reversed"),
        (9, cash, "number of another chain"),
        (10, cash, "check digit wrong"),
        (11, cash, "unknown number"),
        (12, "unreadable", "its trace is empty"),
        (13, "unreadable", "its amount `ten` is not written as --amount-format says"),
        (14, "unreadable", "its time `yesterday` is not written as --time-format says"),
        (15, "unreadable", "it has 2 columns, and the trace is in column 3"),
        (0, "payment without cash", ""),
    ];
    assert_eq!(told, expected, "{said}");
    let missed = &said["findings"][14];
    assert_eq!((text(missed, "payNo"), text(missed, "referenceNo")), (missing.as_str(), "MISSING"));
    assert_eq!((&missed["amountPaid"], &missed["amountInFile"]), (&json!(7_000), &Value::Null));
    assert_eq!(text(&said["findings"][1], "timeInFile"), tomorrow_at("10:00:00"));
    let sum = |count: u64, rupiah: u64| json!({ "count": count, "rupiah": rupiah });
    assert_eq!(said["totals"]["wholeFile"], sum(14, 99_000));
    assert_eq!(said["totals"]["allPayments"], sum(3, 27_000));
    assert_eq!(said["totals"]["difference"], json!(72_000));

    // For people, with their sums.
    let said = differs(gateway.reconcile(&file, &options.replace("--json --all", "")));
    for part in ["line 10", "check digit wrong", "cash without payment: unpaid", "unreadable", "Rp 72.000"] {
        assert!(said.out.contains(part), "{part} in {}", said.out);
    }
}

#[tokio::test]
async fn a_file_is_read_as_the_configuration_says() {
    let gateway = Gateway::start().await;
    let first = gateway.paid("ORD-1", 1_250_000, "T1").await;
    let second = gateway.paid("ORD-2", 10_000, "T2").await;
    // 23:30 is of the next business day where days end at 23:00; 21:30 is not.
    gateway.advance("PT11H30M").await;
    let third = gateway.paid("ORD-3", 10_000, "T3").await;
    let day = tomorrow().parse::<jiff::civil::Date>().unwrap();
    let date = format!("{:02}/{:02}/{}", day.day(), day.month(), day.year());
    // With a byte order mark, CRLF, quotes, blank lines, a column that nobody asked for, and Latin-1.
    let grouped = format!("{} {} {}", &second[..4], &second[4..8], &second[8..]);
    let mut file = b"\xef\xbb\xbf\"NO BAYAR\";TOKO;\"TGL\";JAM;NOMINAL;TRACE\r\n\r\n".to_vec();
    file.extend(format!("{first};\"Kaf").bytes());
    file.push(0xe9);
    file.extend(format!("; \"\"Satu\"\"\";{date};10:00:00;1.250.000,00;T1\r\n").bytes());
    file.extend(format!(";;;;;\r\n\r\n\"{grouped}\";B;{date};10:00:01;Rp 10.000;T2\r\n").bytes());
    file.extend(format!("'{third};C;{date};21:30:00;10.000,00;T3").bytes());
    let data = gateway.folder.path().join("data");
    let configuration = |columns: &str| {
        let text = format!(
            "listen = \"127.0.0.1:0\"\npublic_url = \"https://pay.example.id\"\ndatabase = {:?}\n\
             master_key_file = {:?}\n[reconcile.INDO]\ndelimiter = \";\"\namount_format = \"10.000,00\"\n\
             time_format = \"%d/%m/%Y %H:%M:%S\"\ncut_off = \"23:00\"\n{columns}",
            data.join("gerai.db").display().to_string(),
            data.join("master.key").display().to_string(),
        );
        gateway.write("gerai.toml", text)
    };
    let reconcile = |config: &PathBuf, options: &str| {
        let mut command = gateway.command(&file, &format!("--chain INDO {options}"));
        Said::of(command.arg("--config").arg(config))
    };
    let columns = "[reconcile.INDO.columns]\nnumber = \"no bayar\"\namount = 5\ntrace = \"TRACE\"\ndate = \"TGL\"\n\
                   time = \"JAM\"\nstore = \"TOKO\"\n";
    let config = configuration(columns);
    let said = reconcile(&config, &format!("--date {day} --json --all")).done().json();
    let findings = said["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 3, "{said}");
    assert_eq!((text(&findings[0], "storeInFile"), &findings[0]["line"]), ("Kafé; \"Satu\"", &json!(3)));
    assert_eq!((text(&findings[1], "payNo"), &findings[1]["line"]), (second.as_str(), &json!(6)));
    assert_eq!(
        (text(&findings[2], "payNo"), text(&findings[2], "timeInFile")),
        (third.as_str(), tomorrow_at("21:30:00").as_str())
    );
    assert_eq!(text(&said, "until"), tomorrow_at("23:00:00"));
    // An option goes before the configuration.
    let said = differs(reconcile(&config, &format!("--date {day} --cut-off 21:00 --json"))).json();
    assert_eq!(text(&said["findings"][0], "reason"), "paid on another day", "{said}");
    // What is wrong with the configuration is refused by its name.
    for (columns, sentence) in [
        (columns.replace("TRACE", "TRX"), "no column is called `TRX`; there are: NO BAYAR, TOKO, TGL, JAM, NOMINAL"),
        (columns.replace("amount = 5\n", ""), "--col-amount 3"),
        (columns.replace("amount = 5", "amount = 0"), "counted from 1"),
        (columns.replace("number", "nomor"), "nomor"),
        (columns.replace("[reconcile.INDO.columns]", "[reconcile.INDO.column]"), "column"),
    ] {
        let refused = reconcile(&configuration(&columns), &format!("--date {day}")).refused();
        assert!(refused.err.contains(sentence), "{sentence:?} in {refused:?}");
    }
}

#[tokio::test]
async fn a_csv_for_a_spreadsheet_holds_no_formulas_and_its_sums_go_beside_it() {
    let gateway = Gateway::start().await;
    let paid = gateway.paid("=cmd|' /C calc'!A1", 10_000, "@SUM(1)").await;
    let file = format!("{paid},1,@SUM(1),\"=HYPERLINK(\"\"http://evil\"\")\",\"a,b\"\n\"=1+1\",5,+T,-2,x\n");
    let options = format!(
        "--chain INDO --header false --col-number 1 --col-amount 2 --col-trace 3 --col-store 4 --col-receipt 5 \
         --date {} --format csv",
        tomorrow()
    );
    let said = differs(gateway.reconcile(&file, &options));
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", said.out);
    assert!(lines[0].starts_with("class,reason,line,payNo,traceInFile,amountInFile,timeInFile,storeInFile"));
    assert!(lines[1].contains("'@SUM(1)") && lines[1].contains("\"'=HYPERLINK(\"\"http://evil\"\")\""), "{}", lines[1]);
    assert!(lines[1].contains("\"a,b\"") && lines[1].contains("'=cmd|' /C calc'!A1"), "{}", lines[1]);
    assert!(lines[2].contains(",'+T,5,") && lines[2].contains("'-2"), "{}", lines[2]);
    for line in &lines[1..] {
        assert!(!line.split(',').any(|cell| cell.starts_with(['=', '+', '-', '@'])), "{line}");
    }
    assert!(said.err.contains("amount differs") && said.err.contains("The file and the ledger differ"), "{said:?}");
}

#[tokio::test]
async fn whatever_a_file_is_it_is_read_or_refused_with_its_place() {
    let gateway = Gateway::start().await;
    let options = format!("--chain INDO {COLUMNS} --date {} --json", tomorrow());
    let head = b"payNo,amount,trace\n".as_slice();
    let unclosed = [head, b"1,1,\"T", &b"x,1,2\n".repeat(100_000)].concat();
    let utf16: Vec<u8> = "\u{feff}payNo".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, sentence) in [
        (unclosed.as_slice(), "behind line 1"),
        (&unclosed, "256 KiB"),
        (&utf16, "UTF-16"),
        (b"PK\x03\x04rest of a workbook", "workbook"),
        (b"", "no column is called `payNo`"),
        (b"a,b,c\n1,2,3\n", "no column is called `payNo`; there are: a, b, c"),
        (b"payNo,amount,trace,payNo\n", "two columns are called `payNo`"),
    ] {
        let refused = gateway.reconcile(bytes, &options).refused();
        assert!(refused.err.contains(sentence) && refused.err.contains("day.csv"), "{sentence}: {refused:?}");
    }
    // Each of these is one line that cannot be read, and the file goes on.
    let long = format!("{},1,T", "1".repeat(65));
    for (line, why) in [
        (&b",,T"[..], "number is empty"),
        (b"1,,T", "amount is empty"),
        (b"1,-5,T", "negative"),
        (b"1,1.5,T", "--amount-format"),
        (b"1,9999999999999,T", "12 digits"),
        (b"1,99999999999999999999999999,T", "12 digits"),
        (b"1", "it has 1 columns"),
        (b"1,\xff\xfe\x00\x01,T", "--amount-format"),
        (b"1,\x1b[31m5,T", "--amount-format"),
        (long.as_bytes(), "64 characters"),
    ] {
        let file = [head, line, b"\n123,5,T\n"].concat();
        let said = differs(gateway.reconcile(&file, &options)).json();
        let findings = said["findings"].as_array().unwrap();
        assert_eq!((text(&findings[0], "class"), &findings[0]["line"]), ("unreadable", &json!(2)), "{said}");
        assert!(text(&findings[0], "reason").contains(why), "{why}: {said}");
        assert_eq!((text(&findings[1], "reason"), &findings[1]["line"]), ("not a payment number", &json!(3)), "{said}");
    }
    // No terminal takes orders from a file.
    let file = [head, b"\x1b]0;evil\x07,5,\x1b[2J\n"].concat();
    let table = differs(gateway.reconcile(&file, &options.replace("--json", "")));
    assert!(!table.out.contains('\u{1b}') && table.out.contains("evil"), "{table:?}");
    let missing = run(["reconcile", "--chain", "INDO", "--file", "/nowhere/day.csv", "--data", "nowhere"]).refused();
    assert!(missing.err.contains("nowhere"), "{missing:?}");
    let folder = gateway.folder.path().display().to_string();
    let data = gateway.folder.path().join("data").display().to_string();
    let arguments = ["reconcile", "--chain", "INDO", "--file", &folder, "--data", &data];
    let said = run(arguments.into_iter().chain(COLUMNS.split(' '))).refused();
    assert!(said.err.contains("is a folder"), "{said:?}");
}

#[test]
fn wrong_usage_of_reconcile_ends_with_2_and_its_help_has_an_example() {
    for arguments in [
        "reconcile",
        "reconcile --chain INDO",
        "reconcile --chain KIOSK --file x",
        "reconcile --chain INDO --file x --date yesterday",
        "reconcile --chain INDO --file x --format xml",
        "reconcile --chain INDO --file x --format csv --json",
        "reconcile --chain INDO --file x --cut-off 25:00",
        "reconcile --chain INDO --file x --amount-format ten",
        "reconcile --chain INDO --file x --time-format %H",
        "reconcile --chain INDO --file x --delimiter xx",
        "reconcile --chain INDO --file x --col-number 0",
    ] {
        let said = run(arguments.split(' '));
        assert_eq!(said.code, 2, "{arguments}: {said:?}");
    }
    let help = run(["reconcile", "--help"]).done().out;
    assert!(help.contains("Example:") && help.contains("gerai reconcile --chain ALMA"), "{help}");
}
