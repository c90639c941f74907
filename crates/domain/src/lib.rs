//! What a payment is and may do: numbers, deadlines, opening hours, the decision. No I/O, no clock.
