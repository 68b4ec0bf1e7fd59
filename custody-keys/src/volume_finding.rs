use custody_core::port::ProofVerdict;

/// What was found of one volume, before it is known where on the disk it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeFinding {
    pub(crate) format: &'static str,
    pub(crate) identifier: Option<String>,
    pub(crate) verdict: ProofVerdict,
    pub(crate) notes: Vec<String>,
}

impl VolumeFinding {
    /// A volume of this format, of which nothing could be told yet.
    pub(crate) fn new(format: &'static str) -> Self {
        Self {
            format,
            identifier: None,
            verdict: ProofVerdict::CannotTell {
                reason: "nothing was tried".to_owned(),
            },
            notes: Vec::new(),
        }
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub(crate) fn with_verdict(mut self, verdict: ProofVerdict) -> Self {
        self.verdict = verdict;
        self
    }

    pub(crate) fn cannot_tell(self, reason: impl Into<String>) -> Self {
        self.with_verdict(ProofVerdict::CannotTell {
            reason: reason.into(),
        })
    }
}
