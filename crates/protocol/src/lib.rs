//! The merchant wire format (NICEPAY V2): requests, answers, notification, tokens, codes. No I/O, no clock.
