//! The cart: which carts add up to the amount, in the several ways shops write them.

use gerai_protocol::check_cart;

fn outcome(cart: &str, amt: u64) -> &'static str {
    match check_cart(cart, amt) {
        Ok(()) => "ok",
        Err(failure) => failure.code.number(),
    }
}

#[test]
fn each_cart_has_its_outcome() {
    let amt = 10_000;
    for (cart, expected) in [
        // No lines, nothing to add up.
        ("{}", "ok"),
        (" {\n} ", "ok"),
        (r#"{"count":"0"}"#, "ok"),
        (r#"{"item":[]}"#, "ok"),
        (r#"{"item":null}"#, "ok"),
        (r#"{"item":"","items":[]}"#, "ok"),
        // One line, a list of them, a lone one, either name.
        (
            r#"{"count":"1","item":[{"img_url":"http://i","goods_name":"a","goods_detail":"d","goods_amt":"10000"}]}"#,
            "ok",
        ),
        (r#"{"item":[{"goods_amt":10000}]}"#, "ok"),
        (r#"{"item":{"goods_amt":"10000"}}"#, "ok"),
        (r#"{"items":[{"goods_amt":"10000"}]}"#, "ok"),
        (r#"{"item":[],"items":[{"goods_amt":"10000"}]}"#, "9022"),
        // Amounts, or amounts times quantities; not some of both.
        (r#"{"item":[{"goods_amt":"4000","goods_quantity":"3"},{"goods_amt":"6000","goods_quantity":"9"}]}"#, "ok"),
        (r#"{"item":[{"goods_amt":"2000","goods_quantity":"3"},{"goods_amt":4000,"goods_quantity":1}]}"#, "ok"),
        (r#"{"item":[{"goods_amt":"2000","goods_quantity":"3"},{"goods_amt":4000}]}"#, "ok"),
        (r#"{"item":[{"goods_amt":"4000","goods_quantity":"2"},{"goods_amt":"2000","goods_quantity":"2"}]}"#, "9023"),
        (r#"{"item":[{"goods_amt":"10000","goods_quantity":"2 pcs"}]}"#, "ok"),
        (r#"{"item":[{"goods_amt":"5000","goods_quantity":"2 pcs"}]}"#, "9023"),
        // A discount, and sums that are not the amount.
        (r#"{"item":[{"goods_amt":"12000"},{"goods_amt":"-2000"}]}"#, "ok"),
        (r#"{"item":[{"goods_amt":12000},{"goods_amt":-1000,"goods_quantity":2}]}"#, "ok"),
        (r#"{"item":[{"goods_amt":"9999"}]}"#, "9023"),
        (r#"{"item":[{"goods_amt":"10001"}]}"#, "9023"),
        (r#"{"item":[{"goods_amt":"-10000"}]}"#, "9023"),
        // Amounts that are none.
        (r#"{"item":[{"goods_amt":"10000.00"}]}"#, "9023"),
        (r#"{"item":[{"goods_amt":1e4}]}"#, "9023"),
        (r#"{"item":[{"goods_amt":"10.000"}]}"#, "9023"),
        (r#"{"item":[{"goods_amt":"+10000"}]}"#, "9023"),
        (r#"{"item":[{"goods_amt":"--10000"}]}"#, "9023"),
        (r#"{"item":[{"goods_amt":"-"},{"goods_amt":"10000"}]}"#, "9023"),
        (r#"{"item":[{"goods_amt":""},{"goods_amt":"10000"}]}"#, "9023"),
        (r#"{"item":[{"goods_amt":[10000]}]}"#, "9023"),
        (r#"{"item":[{}]}"#, "9023"),
        // No cart at all.
        ("", "9022"),
        ("kopi", "9022"),
        ("[]", "9022"),
        ("null", "9022"),
        ("\"{}\"", "9022"),
        ("{}{}", "9022"),
        ("{'item':[]}", "9022"),
        (r#"{"item":"kopi"}"#, "9022"),
        (r#"{"item":10000}"#, "9022"),
        (r#"{"item":true}"#, "9022"),
        (r#"{"item":["kopi"]}"#, "9022"),
        (r#"{"item":[{"goods_amt":"10000"},[]]}"#, "9022"),
        (r#"{"item":[],"item":[{"goods_amt":"1"}]}"#, "9022"),
        (r#"{"item":[{"goods_amt":"1","goods_amt":"10000"}]}"#, "9022"),
    ] {
        assert_eq!(outcome(cart, amt), expected, "{cart}");
    }
}

#[test]
fn sums_never_overflow() {
    let max = i128::MAX;
    let cases = [
        format!(r#"{{"item":[{{"goods_amt":"{max}"}},{{"goods_amt":"1"}}]}}"#),
        format!(r#"{{"item":[{{"goods_amt":"-{max}"}},{{"goods_amt":"-{max}"}}]}}"#),
        format!(r#"{{"item":[{{"goods_amt":"{max}","goods_quantity":"{max}"}}]}}"#),
        format!(r#"{{"item":[{{"goods_amt":"{}"}}]}}"#, "9".repeat(3000)),
        format!(r#"{{"item":[{{"goods_amt":"1","goods_quantity":"{}"}}]}}"#, "9".repeat(3000)),
    ];
    for cart in cases {
        assert_eq!(outcome(&cart, 10_000), "9023", "{cart}");
    }
    // In 128 bits that wrap, this product is 1.
    assert_eq!(outcome(&format!(r#"{{"item":{{"goods_amt":"{max}","goods_quantity":"{max}"}}}}"#), 1), "9023");
    assert_eq!(outcome(&format!(r#"{{"item":{{"goods_amt":{}}}}}"#, u64::MAX), u64::MAX), "ok");
    assert_eq!(outcome(&format!(r#"{{"item":{{"goods_amt":{max},"goods_quantity":0}}}}"#), 0), "ok");
}

#[test]
fn a_deep_cart_is_no_danger() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    assert_eq!(outcome(&format!(r#"{{"x":{deep},"item":[{{"x":{deep},"goods_amt":"1"}}]}}"#), 1), "ok");
    assert_eq!(outcome(&format!(r#"{{"item":{deep}}}"#), 1), "9022");
    assert_eq!(outcome(&format!(r#"{{"item":[{{"goods_amt":{deep}}}]}}"#), 1), "9023");
    assert_eq!(outcome(&deep, 1), "9022");
}
