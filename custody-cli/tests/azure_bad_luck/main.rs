//! The real program against a simulated Azure, over TLS on loopback, when luck is bad: proxies, kills, failures.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod canaries;
mod killed;
mod lab;
mod proxy;
mod redirect;
mod tunnel;
