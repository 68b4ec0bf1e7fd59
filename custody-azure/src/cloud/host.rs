use std::fmt;
use std::str::FromStr;

use azure_core::http::Url;
use custody_core::{Error, Result};

/// What a host is for. A token for one kind is never sent to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new kind of host must be decided on in every list"
)]
pub enum HostKind {
    /// Azure Resource Manager.
    ResourceManager,
    /// Entra ID, which gives tokens.
    Login,
    /// A storage account's blobs.
    Blob,
    /// Where an exported disk snapshot is read by whoever holds its signature. No token goes there.
    Export,
    /// Where one is read by whoever signs in besides.
    SignedInExport,
    /// A key vault.
    Vault,
}

impl fmt::Display for HostKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ResourceManager => "Azure Resource Manager",
            Self::Login => "tokens",
            Self::Blob => "blobs",
            Self::Export => "disk export",
            Self::SignedInExport => "disk export with a token",
            Self::Vault => "a key vault",
        })
    }
}

/// Which hosts match: one by name, or all whose names end, and where the rule says so begin, alike; on one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostRule {
    host: String,
    /// What stands before the `*` of a rule that has one.
    prefix: Option<String>,
    port: u16,
}

impl HostRule {
    /// The rule that only this address's host and port match.
    pub(super) fn of(url: &Url) -> Self {
        Self {
            host: url.host_str().unwrap_or_default().to_ascii_lowercase(),
            prefix: None,
            port: url.port_or_known_default().unwrap_or(443),
        }
    }

    pub(super) fn matches(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else {
            return false;
        };
        let host = host.to_ascii_lowercase();
        let fits = match &self.prefix {
            Some(prefix) => host
                .strip_suffix(self.host.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .and_then(|labels| labels.strip_prefix(prefix.as_str()))
                .is_some_and(|rest| !rest.is_empty()),
            None => host == self.host,
        };
        fits && url.port_or_known_default() == Some(self.port)
    }
}

impl FromStr for HostRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let malformed = || {
            Error::malformed(
                "host rule",
                format!("{text:?} is neither host[:port] nor *.suffix[:port] nor prefix*.suffix[:port]"),
            )
        };
        let (prefix, rest) = match text.split_once("*.") {
            Some((prefix, rest)) => (Some(prefix.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        let plain_label = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if prefix
            .as_ref()
            .is_some_and(|prefix| !prefix.chars().all(plain_label))
        {
            return Err(malformed());
        }
        let url = Url::parse(&format!("https://{rest}")).map_err(|_unparsed| malformed())?;
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let plain = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        // A suffix of one label would admit a whole top-level domain.
        if !plain || host.is_empty() || (prefix.is_some() && !host.contains('.') && host != "localhost") {
            return Err(malformed());
        }
        Ok(Self {
            port: url.port_or_known_default().unwrap_or(443),
            host,
            prefix,
        })
    }
}
