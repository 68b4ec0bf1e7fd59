//! A provider of your own: implements one port for a made-up vault of digests, and runs the port's conformance suite on
//! it: `cargo test --package custody-testkit --example made_up_provider`.
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use custody_core::digest::Sha256Digest;
use custody_core::port::{DigestEntry, DigestRegister};
use custody_core::{Acted, Error, Result, ServiceRecord};

/// A ledger on paper: digests are written down once and never struck out.
#[derive(Debug, Default)]
struct PaperLedger {
    entries: Mutex<BTreeMap<String, Sha256Digest>>,
}

impl fmt::Display for PaperLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("paper ledger")
    }
}

#[async_trait]
impl DigestRegister for PaperLedger {
    async fn put(&self, entry: &DigestEntry) -> Result<Acted<()>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let page = entries.len() + 1;
        match entries.get(&entry.name) {
            Some(found) if *found != entry.digest => Err(Error::AlreadyExists {
                object: entry.name.clone(),
            }),
            Some(_) => Ok(Acted::local(())),
            None => {
                entries.insert(entry.name.clone(), entry.digest);
                Ok(Acted {
                    value: (),
                    service: ServiceRecord::none().with_id("page", page.to_string()),
                })
            }
        }
    }

    async fn find(&self, name: &str) -> Result<Option<Sha256Digest>> {
        Ok(self
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .copied())
    }
}

fn main() {
    println!("see the tests below: `cargo test --package custody-testkit --example made_up_provider`");
    println!("{}", PaperLedger::default());
}

#[cfg(test)]
mod conformance {
    use std::sync::Arc;

    use custody_testkit::conformance::digest_register::RegisterHarness;

    use super::PaperLedger;

    custody_testkit::digest_register_conformance!(
        || RegisterHarness::new(Arc::new(PaperLedger::default())),
        ignore {
            dr_03_what_cannot_be_told_is_an_error: "a ledger on paper is always there to be read"
        }
    );
}
