//! The server: merchant API, store API, sandbox controls.
