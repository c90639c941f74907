//! Carries outbox messages to http(s) addresses: schedule, isolation per host, egress guard.
