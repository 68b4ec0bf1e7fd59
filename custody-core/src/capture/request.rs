use crate::custody_log::{AcquisitionSettings, Circumstances};
use crate::ids::{CaseId, ExhibitNumber, MachineRef};

/// What is to be captured, for whom, and under what settings.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CaptureRequest {
    /// The case.
    pub case: CaseId,
    /// The machine.
    pub machine: MachineRef,
    /// Who, where, how and why.
    pub circumstances: Circumstances,
    /// Labels of the items in proceedings, in the order of the machine's disks; none, or one for each.
    pub exhibits: Vec<ExhibitNumber>,
    /// Settings.
    pub settings: AcquisitionSettings,
    /// How many items are worked on at once, at least 1.
    pub parallel: usize,
    /// What is known of the trust in the signers, if they are new to this store: "made now, pinned nowhere".
    pub signers_pinned: String,
    /// When the store is asked for the first time.
    pub store_asked: StoreAsked,
}

/// When a capture asks its store for the first time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third time")]
pub enum StoreAsked {
    /// When it is planned: what stands against storing is known beforehand.
    #[default]
    WhenPlanned,
    /// Once the disk snapshots are there: neither a store that does not answer nor one that answers late, nor a question
    /// for rights, keeps the evidence waiting. The acquisition is bound to its store then.
    AfterSnapshots,
}

impl CaptureRequest {
    /// All disks of this machine, for this case.
    #[must_use]
    pub fn new(case: CaseId, machine: MachineRef, circumstances: Circumstances) -> Self {
        Self {
            case,
            machine,
            circumstances,
            exhibits: Vec::new(),
            settings: AcquisitionSettings::default(),
            parallel: 2,
            signers_pinned: "not stated".into(),
            store_asked: StoreAsked::WhenPlanned,
        }
    }

    /// Labels the items.
    #[must_use]
    pub fn with_exhibits(mut self, exhibits: Vec<ExhibitNumber>) -> Self {
        self.exhibits = exhibits;
        self
    }

    /// Changes the settings.
    #[must_use]
    pub fn with_settings(mut self, settings: AcquisitionSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Works on so many items at once.
    #[must_use]
    pub const fn with_parallel(mut self, items: usize) -> Self {
        self.parallel = items;
        self
    }

    /// Says when the store is asked for the first time.
    #[must_use]
    pub const fn with_store_asked(mut self, when: StoreAsked) -> Self {
        self.store_asked = when;
        self
    }

    /// Says how far the signers can be trusted.
    #[must_use]
    pub fn with_signers_pinned(mut self, pinned: impl Into<String>) -> Self {
        self.signers_pinned = pinned.into();
        self
    }
}
