//! The cart, `cartData`: a JSON object with the lines that were bought. Shops fill it by hand and in several ways, so the
//! structure is taken tolerantly; what must hold is that the lines add up to the amount.

use serde_json::value::RawValue;

use crate::code::{Failure, ResultCode};
use crate::input::{Fields, Given, is_digits, known_fields};

known_fields! { CartField, CART_NAMES { Item = "item", Items = "items" } }
known_fields! { LineField, LINE_NAMES { GoodsAmt = "goods_amt", GoodsQuantity = "goods_quantity" } }

/// Checks a cart against the payment's amount in rupiah. `{}` and a cart without items are fine. `item` (or `items`) is a
/// list of lines or a lone one; the lines' `goods_amt`, or their `goods_amt` × `goods_quantity` (1 where it is missing),
/// must add up to `amt`. Amounts are whole numbers, as strings or numbers; a discount line has a leading minus.
///
/// # Errors
///
/// 9022 if the text is no JSON object or its items are no lines, 9023 if the lines do not add up.
pub fn check_cart(cart_data: &str, amt: u64) -> Result<(), Failure> {
    let no_cart = || Failure::new(ResultCode::CartDataNotJson);
    let cart = Fields::read(cart_data.as_bytes(), &CART_NAMES).map_err(|_| no_cart())?;
    cart.none_repeated().map_err(|_| no_cart())?;
    let items = match (cart.given(CartField::Item), cart.given(CartField::Items)) {
        (Given::Nothing, Given::Nothing) => return Ok(()),
        (Given::Other(items), Given::Nothing) | (Given::Nothing, Given::Other(items)) => *items,
        _ => return Err(no_cart()),
    };
    let lines: Vec<&str> = if items.starts_with('[') {
        let lines: Vec<&RawValue> = serde_json::from_str(items).map_err(|_| no_cart())?;
        lines.into_iter().map(RawValue::get).collect()
    } else {
        vec![items]
    };
    if lines.is_empty() {
        return Ok(());
    }

    // A sum is `None` once a line has no place in it, or it has overflowed: then it is not the amount.
    let (mut of_amounts, mut of_products) = (Some(0_i128), Some(0_i128));
    for line in lines {
        let line = Fields::read(line.as_bytes(), &LINE_NAMES).map_err(|_| no_cart())?;
        line.none_repeated().map_err(|_| no_cart())?;
        let amount = whole(line.given(LineField::GoodsAmt));
        let quantity = match line.given(LineField::GoodsQuantity) {
            Given::Nothing => Some(1),
            given => whole(given),
        };
        of_amounts = of_amounts.zip(amount).and_then(|(sum, amount)| sum.checked_add(amount));
        of_products = of_products
            .zip(amount.zip(quantity))
            .and_then(|(sum, (amount, quantity))| sum.checked_add(amount.checked_mul(quantity)?));
    }
    let amt = i128::from(amt);
    if of_amounts == Some(amt) || of_products == Some(amt) {
        Ok(())
    } else {
        Err(Failure::new(ResultCode::CartDataSumWrong))
    }
}

fn whole(given: &Given<'_>) -> Option<i128> {
    match given {
        Given::Text(text) if is_digits(text.strip_prefix('-').unwrap_or(text)) => text.parse().ok(),
        Given::Text(_) | Given::Nothing | Given::Other(_) | Given::Repeated => None,
    }
}
