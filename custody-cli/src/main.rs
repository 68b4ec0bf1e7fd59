//! The command line of custody.
fn main() {}
