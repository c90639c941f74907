//! The command line, configuration, start-up and shutdown.
fn main() {}
