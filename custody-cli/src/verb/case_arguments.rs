use clap::Args;
use custody_core::custody_log::{Stated, Why};
use custody_core::ids::{CaseId, ExhibitNumber, Statement};

/// What people state of a capture.
#[derive(Debug, Args)]
pub(super) struct CaseArguments {
    /// The case, as you number cases
    #[arg(long, value_name = "ID")]
    pub(super) case: CaseId,

    /// Who captures
    #[arg(long, value_name = "NAME")]
    examiner: Statement,

    /// On what authority: the warrant, policy or ticket
    #[arg(long, value_name = "TEXT")]
    authority: Statement,

    /// Exhibit numbers, one for each disk, in their order
    #[arg(long, num_args = 1.., value_name = "NO")]
    pub(super) exhibit: Vec<ExhibitNumber>,

    /// What it is about
    #[arg(long, value_name = "TEXT")]
    description: Option<Statement>,

    /// Who asked for it
    #[arg(long, value_name = "NAME")]
    requester: Option<Statement>,

    /// Who watches
    #[arg(long, value_name = "NAME")]
    witness: Option<Statement>,
}

impl CaseArguments {
    pub(super) fn stated(&self) -> Stated {
        let mut stated = Stated::new(self.examiner.clone());
        stated.requester.clone_from(&self.requester);
        stated.witness.clone_from(&self.witness);
        stated
    }

    pub(super) fn why(&self) -> Why {
        let mut why = Why::new(self.authority.clone());
        why.description.clone_from(&self.description);
        why
    }
}
