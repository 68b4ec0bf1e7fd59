use azure_core::http::headers::Headers;
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{ImportState, Protection, ProtectionKind, Receipt};
use custody_core::{Error, Result, visible};

use super::remote::name;
use crate::http::redact;

/// The metadata that says which acquisition made a blob.
pub(super) const ACQUISITION: &str = "custodyacquisition";
/// The metadata that says which deposit made a blob.
pub(super) const DEPOSIT: &str = "custodydeposit";

/// What the service says of a blob.
#[derive(Debug, Clone)]
pub(crate) struct BlobFacts {
    pub(crate) length: u64,
    pub(crate) etag: String,
    pub(super) version: Option<String>,
    pub(crate) is_page_blob: bool,
    pub(super) acquisition: Option<String>,
    pub(super) deposit: Option<String>,
    pub(super) copy: Option<CopyFacts>,
    protection: Option<Protection>,
}

/// What the service says of the copy that made a blob, or makes it.
#[derive(Debug, Clone)]
pub(super) struct CopyFacts {
    pub(super) id: String,
    status: String,
    progress: String,
    description: String,
}

impl BlobFacts {
    pub(super) fn read(object: &str, headers: &Headers) -> Result<Self> {
        let header = |text| headers.get_optional_str(&name(text));
        let missing = |what: &str| Error::Provider {
            object: object.to_owned(),
            operation: "reading the service's answer",
            source: Some(format!("it does not tell the {what}").into()),
        };
        let length = header("content-length").and_then(|text| text.parse().ok());
        let copy = header("x-ms-copy-status").map(|status| CopyFacts {
            status: status.to_ascii_lowercase(),
            id: header("x-ms-copy-id").unwrap_or_default().to_owned(),
            progress: header("x-ms-copy-progress").unwrap_or_default().to_owned(),
            description: redact(header("x-ms-copy-status-description").unwrap_or_default()),
        });
        Ok(Self {
            length: length.ok_or_else(|| missing("length"))?,
            etag: header("etag").ok_or_else(|| missing("ETag"))?.to_owned(),
            version: header("x-ms-version-id").map(str::to_owned),
            is_page_blob: header("x-ms-blob-type").is_some_and(|kind| kind.eq_ignore_ascii_case("PageBlob")),
            acquisition: header("x-ms-meta-custodyacquisition").map(str::to_owned),
            deposit: header("x-ms-meta-custodydeposit").map(str::to_owned),
            copy,
            protection: protection(headers),
        })
    }

    pub(super) fn is_of(&self, acquisition: &AcquisitionId) -> bool {
        self.acquisition.as_deref() == Some(acquisition.as_str())
    }

    /// Whether the service is still filling it: whatever its size, its bytes are not the copy's yet.
    pub(super) fn is_being_copied(&self) -> bool {
        self.copy.as_ref().is_some_and(|copy| copy.status == "pending")
    }

    pub(super) fn receipt(&self, object: &ObjectName) -> Receipt {
        let mut receipt =
            Receipt::new(object.clone(), self.length).with_version("etag", visible::escape(&self.etag));
        if let Some(version) = &self.version {
            receipt = receipt.with_version("x-ms-version-id", visible::escape(version));
        }
        if let Some(copy) = &self.copy {
            receipt = receipt.with_version("x-ms-copy-id", visible::escape(&copy.id));
        }
        if let Some(protection) = &self.protection {
            receipt = receipt.with_protection(protection.clone());
        }
        receipt
    }

    /// The state of the server-side copy; `None` for a blob that no copy made.
    pub(super) fn import(&self, object: &ObjectName) -> Option<ImportState> {
        let copy = self.copy.as_ref()?;
        Some(match copy.status.as_str() {
            "success" => ImportState::Done(self.receipt(object)),
            "pending" => {
                let mut parts = copy.progress.split('/').map(|part| part.trim().parse().ok());
                ImportState::Pending {
                    copied: parts.next().flatten().unwrap_or(0),
                    total: parts.next().flatten().unwrap_or(self.length),
                }
            }
            other if copy.description.is_empty() => {
                ImportState::Failed(format!("the service says {}", visible::escape(other)))
            }
            other => ImportState::Failed(format!(
                "the service says {}: {}",
                visible::escape(other),
                copy.description
            )),
        })
    }
}

/// What protects exactly this blob, where its container protects versions one by one. The service writes the mode in
/// lower case and reads it in mixed case; either is taken.
fn protection(headers: &Headers) -> Option<Protection> {
    let header = |text| headers.get_optional_str(&name(text));
    let held = header("x-ms-legal-hold").is_some_and(|held| held.eq_ignore_ascii_case("true"));
    let mode = header("x-ms-immutability-policy-mode").map(str::to_ascii_lowercase);
    let until = header("x-ms-immutability-policy-until-date").unwrap_or("a time that is not told");
    let mut protection = match (mode.as_deref(), held) {
        (Some("locked"), _) => Protection::new(
            ProtectionKind::LockedRetention,
            format!(
                "this version is retained by a locked policy until {}",
                visible::escape(until)
            ),
        ),
        (_, true) => Protection::new(ProtectionKind::LegalHold, "this version is under legal hold"),
        (Some("unlocked"), false) => Protection::new(
            ProtectionKind::UnlockedRetention,
            "this version is under a policy that can still be shortened: count it as no protection",
        ),
        _ => return None,
    };
    for text in [
        "x-ms-immutability-policy-mode",
        "x-ms-immutability-policy-until-date",
        "x-ms-legal-hold",
    ] {
        if let Some(value) = header(text) {
            protection = protection.with_observed(text, visible::escape(value));
        }
    }
    Some(protection)
}
