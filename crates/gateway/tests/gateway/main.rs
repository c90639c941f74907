//! The gateway as its clients see it: a server on a real port, a ledger on a real disk, requests written by hand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod busy;
mod cancel;
mod connections;
mod counter;
mod docs;
mod duplicates;
mod egress;
mod faults_calls;
mod faults_controls;
mod faults_notifications;
mod field_lengths;
mod forged;
mod full_queue;
mod inquiry;
mod limits;
mod metrics;
mod notifications;
mod office_audit;
mod office_chains;
mod office_exceptions;
mod office_export;
mod office_failed;
mod office_forms;
mod office_merchants;
mod office_payments;
mod office_roles;
mod office_sign_in;
mod office_totals;
mod office_users;
mod page;
mod page_limits;
mod page_states;
mod registration;
mod registration_codes;
mod requests;
mod sandbox;
mod sandbox_clock;
mod sandbox_moves;
mod sandbox_reset;
mod store_fields;
mod store_hours;
mod store_payments;
mod store_signature;
mod tills;
mod tls;
