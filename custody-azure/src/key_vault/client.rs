use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use azure_core::credentials::TokenCredential;
use azure_core::http::Url;
use azure_core::sleep::sleep;
use azure_security_keyvault_keys::{KeyClient, KeyClientOptions};
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use custody_core::{Error, Result};

use super::audience::AudienceCredential;
use crate::cloud::{Cloud, HostKind};
use crate::http::{Backoff, Repeat, Sending, may_pass, was_not_taken};

/// Microsoft's clients of one vault. Each learns from the vault's first answer for whom a token must be, and holds that
/// against the vault's host.
pub(super) struct VaultClient {
    /// Calls that change nothing: repeated after failures that may pass.
    pub(super) reads: SecretClient,
    /// Calls that add a version: sent once.
    pub(super) writes: SecretClient,
    pub(super) keys: KeyClient,
    /// Uses of keys, which have a body: sent once, and made anew by [`Vaults::made_anew`].
    pub(super) key_uses: KeyClient,
}

/// The vaults of a cloud, as one identity sees them.
#[derive(Clone)]
pub(super) struct Vaults {
    sending: Sending,
    credential: Arc<dyn TokenCredential>,
    /// By host: a client asks its vault once whom a token must be for.
    known: Arc<Mutex<BTreeMap<String, Arc<VaultClient>>>>,
}

impl Vaults {
    pub(super) fn new(sending: Sending, credential: Arc<dyn TokenCredential>) -> Self {
        Self {
            sending,
            credential,
            known: Arc::default(),
        }
    }

    pub(super) fn cloud(&self) -> &Cloud {
        &self.sending.cloud
    }

    /// The clients of the vault at this address.
    pub(super) fn at(&self, vault: &Url) -> Result<Arc<VaultClient>> {
        self.cloud().admit(HostKind::Vault, vault)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = known.get(vault.as_str()) {
            return Ok(client.clone());
        }
        let client = Arc::new(self.make(vault)?);
        known.insert(vault.to_string(), client.clone());
        Ok(client)
    }

    fn make(&self, vault: &Url) -> Result<VaultClient> {
        let no_client =
            |error: azure_core::Error| Error::malformed("key vault", crate::http::redact(&error.to_string()));
        let scope = self.cloud().scope(HostKind::Vault).unwrap_or_default();
        let checks_domain = is_below_audience(vault, &scope);
        let credential: Arc<dyn TokenCredential> =
            Arc::new(AudienceCredential::new(self.credential.clone(), scope));
        let secrets = |repeat| {
            let mut options = SecretClientOptions::default();
            options.client_options = self.sending.options(HostKind::Vault, repeat);
            options.verify_challenge_resource = Some(checks_domain);
            SecretClient::new(vault.as_str(), credential.clone(), Some(options)).map_err(no_client)
        };
        let keys = |repeat| {
            let mut options = KeyClientOptions::default();
            options.verify_challenge_resource = Some(checks_domain);
            options.client_options = self.sending.options(HostKind::Vault, repeat);
            KeyClient::new(vault.as_str(), credential.clone(), Some(options)).map_err(no_client)
        };
        Ok(VaultClient {
            reads: secrets(Repeat::Freely)?,
            writes: secrets(Repeat::Never)?,
            keys: keys(Repeat::Freely)?,
            key_uses: keys(Repeat::Never)?,
        })
    }

    /// A call that has a body and changes nothing, made anew after failures that may pass.
    ///
    /// The client must not repeat it by itself: before it knows for whom a token must be, it asks the vault without the
    /// body, and repeats what failed then without it too. Source: `authorizer.rs` of `azure_security_keyvault_keys` 1.0.1,
    /// read 2026-11-28.
    pub(super) async fn made_anew<T, Made>(&self, mut make: impl FnMut() -> Made) -> Result<T>
    where
        Made: Future<Output = Result<T>>,
    {
        let mut backoff = Backoff::new(self.sending.patience);
        loop {
            let error = match make().await {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            let passes = may_pass(&error) || was_not_taken(&error);
            let wait = if passes { backoff.after(&error) } else { None };
            let Some(wait) = wait else { return Err(error) };
            sleep(wait.try_into().unwrap_or(azure_core::time::Duration::MAX)).await;
        }
    }
}

/// Whether the vault's host lies below the audience's, as in Microsoft's clouds: only then can the client hold one against
/// the other. In a cloud that is configured with hosts of its own, the list of hosts and the one audience that tokens are
/// given for stand alone.
fn is_below_audience(vault: &Url, scope: &str) -> bool {
    let audience = scope.parse::<Url>().ok();
    match (vault.host_str(), audience.as_ref().and_then(Url::host_str)) {
        (Some(host), Some(audience)) => host
            .to_ascii_lowercase()
            .ends_with(&format!(".{}", audience.to_ascii_lowercase())),
        _ => true,
    }
}

impl fmt::Debug for Vaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vaults")
            .field("cloud", &self.sending.cloud)
            .finish_non_exhaustive()
    }
}
