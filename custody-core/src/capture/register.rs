//! The register of a store: appended to by every custodian's tool, behind what is already there.

use crate::capture::notes::NoteSigner;
use crate::custody_log::{Act, Chain, Checkpoint, Circumstances, Event, LogWriter, VerifierKey, read_chain};
use crate::error::{Error, Result};
use crate::ids::{AcquisitionId, CaseId, StoreId};
use crate::port::LogName;
use crate::ports::Ports;
use crate::service::ServiceRecord;

/// How often an append is tried when another custodian's tool was faster.
const MAX_RACES: u32 = 64;

/// The register as it was read.
#[derive(Debug)]
pub struct Register {
    chain: Chain,
    events: Vec<Event>,
}

/// Something to be entered in the register.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) act: Act,
    pub(crate) subject: Option<(CaseId, AcquisitionId)>,
}

impl Register {
    /// Reads the register, checking its chain.
    ///
    /// # Errors
    /// [`Error::Integrity`] naming the first line that does not fit; otherwise the anchor's.
    pub async fn read(ports: &Ports) -> Result<Self> {
        let (chain, events) = read_chain("register", ports.anchor.lines(&LogName::Register, 0)).await?;
        Ok(Self { chain, events })
    }

    /// Its events, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The store's id; `None` for a register without lines.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the first line does not open a store.
    pub fn store(&self) -> Result<Option<StoreId>> {
        match self.events.first().map(|event| &event.act) {
            None => Ok(None),
            Some(Act::StoreOpened { store, .. }) => Ok(Some(store.clone())),
            Some(_) => Err(Error::malformed("register", "line 1 does not open a store")),
        }
    }

    /// Enters in the register that the store, or one acquisition of it, was verified, and signs it; gives the checkpoint
    /// that covers the entry. Declares the signers when they are new to the store.
    ///
    /// `outcome` is the verification's exit code, `result` its one-line result, `pinned` what is known of the trust in
    /// the signers.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a store without a register: verifying opens none; [`Error::Integrity`] naming the first
    /// line that does not fit; otherwise the ports'.
    ///
    /// # Cancel safety
    /// The entry may or may not be there; calling again makes another.
    ///
    /// # Evidence
    /// One line, `store.verified`, and a checkpoint.
    pub async fn enter_verification(
        ports: &Ports,
        circumstances: &Circumstances,
        pinned: &str,
        outcome: u8,
        result: &str,
        acquisition: Option<AcquisitionId>,
    ) -> Result<Checkpoint> {
        if Self::read(ports).await?.store()?.is_none() {
            return Err(Error::NotFound {
                object: "register".into(),
            });
        }
        Self::open(ports, circumstances, pinned).await?;
        let act = Act::StoreVerified {
            outcome,
            result: crate::visible::escape(result),
            acquisition,
        };
        Self::enter(ports, circumstances, Entry { act, subject: None }, |_| false).await
    }

    /// The origin of a store's register.
    #[must_use]
    pub fn origin(store: &StoreId) -> String {
        format!("custody/{store}/register")
    }

    /// Whether these signers were named before.
    fn declares(&self, signers: &[String]) -> bool {
        self.events.iter().any(|event| match &event.act {
            Act::StoreOpened { signers: named, .. } | Act::SignersDeclared { signers: named, .. } => {
                sorted(named) == sorted(signers)
            }
            _ => false,
        })
    }

    /// Makes sure that the store is open and the signers are declared; gives its id.
    pub(crate) async fn open(ports: &Ports, circumstances: &Circumstances, pinned: &str) -> Result<StoreId> {
        for _ in 0..MAX_RACES {
            let register = Self::read(ports).await?;
            let signers = signer_lines(ports);
            let act = match register.store()? {
                Some(store) if register.declares(&signers) => return Ok(store),
                Some(_) => Act::SignersDeclared {
                    signers,
                    fingerprints: ports
                        .signers
                        .iter()
                        .map(|s| s.verifier_key().fingerprint())
                        .collect(),
                    pinned: pinned.to_owned(),
                },
                None => {
                    let mut random = [0_u8; 16];
                    ports.entropy.fill(&mut random)?;
                    let store = StoreId::new(random);
                    Act::StoreOpened {
                        origin: Self::origin(&store),
                        store,
                        signers,
                    }
                }
            };
            register
                .append(ports, circumstances, Entry { act, subject: None })
                .await?;
        }
        Err(Error::Throttled {
            object: "register".into(),
            retry_after: None,
        })
    }

    /// Enters something, once: an entry that `present` finds is adopted. Gives the checkpoint that covers it.
    pub(crate) async fn enter(
        ports: &Ports,
        circumstances: &Circumstances,
        entry: Entry,
        present: impl Fn(&Event) -> bool,
    ) -> Result<Checkpoint> {
        for _ in 0..MAX_RACES {
            let register = Self::read(ports).await?;
            if !register.events.iter().any(&present)
                && !register.append(ports, circumstances, entry.clone()).await?
            {
                continue;
            }
            let register = Self::read(ports).await?;
            return register.checkpoint(ports).await;
        }
        Err(Error::Throttled {
            object: "register".into(),
            retry_after: None,
        })
    }

    /// Appends behind what was read; `false` when another writer was faster.
    async fn append(&self, ports: &Ports, circumstances: &Circumstances, entry: Entry) -> Result<bool> {
        let writer = LogWriter::new(
            LogName::Register,
            self.chain.clone(),
            circumstances.clone(),
            ports.clock.clone(),
            ports.entropy.clone(),
        );
        let subject = entry
            .subject
            .as_ref()
            .map(|(case, acquisition)| (case, acquisition));
        let draft = writer.draft(entry.act, None, ServiceRecord::none(), subject)?;
        match ports
            .anchor
            .append(&LogName::Register, &self.chain.head(), &[draft.bytes])
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.meaning(), Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Signs what was read, or adopts the signatures of another custodian's tool over the same lines.
    async fn checkpoint(&self, ports: &Ports) -> Result<Checkpoint> {
        let store = self.store()?.ok_or_else(|| Error::NotFound {
            object: "register".into(),
        })?;
        let checkpoint = Checkpoint {
            origin: Self::origin(&store),
            size: self.chain.head().size,
            root: self.chain.root(),
        };
        let signer = NoteSigner::new(ports);
        signer
            .anchor(ports, &LogName::Register, &checkpoint, &self.signer_sets())
            .await?;
        Ok(checkpoint)
    }

    /// Every set of signers that the register names.
    fn signer_sets(&self) -> Vec<Vec<VerifierKey>> {
        let named = self.events.iter().filter_map(|event| match &event.act {
            Act::StoreOpened { signers, .. } | Act::SignersDeclared { signers, .. } => Some(signers),
            _ => None,
        });
        named
            .filter_map(|lines| lines.iter().map(|line| line.parse().ok()).collect())
            .collect()
    }
}

pub(crate) fn signer_lines(ports: &Ports) -> Vec<String> {
    ports
        .signers
        .iter()
        .map(|signer| signer.verifier_key().to_string())
        .collect()
}

fn sorted(lines: &[String]) -> Vec<&String> {
    let mut lines: Vec<&String> = lines.iter().collect();
    lines.sort_unstable();
    lines
}
