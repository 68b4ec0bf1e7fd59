use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Why something failed, as it stands in a log line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// The error's own line.
    pub error: String,
    /// Its causes, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do next, as a word.
    pub remedy: String,
}

impl Failure {
    /// The error with its causes, in one line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut words = self.error.clone();
        for cause in &self.causes {
            words.push_str(": ");
            words.push_str(cause);
        }
        words
    }

    /// Whether bytes were not what they must be, so that trying again is out of the question.
    #[must_use]
    pub fn is_integrity(&self) -> bool {
        self.remedy == crate::error::Remedy::Escalate.as_str()
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let visible = |text: String| crate::visible::escape(&text);
        Self {
            error: visible(error.to_string()),
            causes: error.causes().into_iter().map(visible).collect(),
            remedy: error.remedy().as_str().into(),
        }
    }
}
