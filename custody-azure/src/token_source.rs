use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use custody_core::Result;

use crate::cloud::Cloud;
use crate::http::{CleanTransport, NotSignedIn, RefusedToken, redact, was_not_accepted};
use crate::identity::Identity;

/// Gives an identity's tokens, and never one that a service refused.
///
/// The library's credential keeps a token until five minutes before it ends by the host's clock. Where a service
/// refuses it before that, the credential is made anew, from its file where it has one, and asked again. Once it gave
/// a token, not getting one is a failure that may pass, like a connection's: calls that may be repeated are.
pub(crate) struct TokenSource {
    identity: Identity,
    cloud: Cloud,
    transport: CleanTransport,
    current: Mutex<Arc<dyn TokenCredential>>,
    has_given: AtomicBool,
    /// What it was shown was not accepted: the library keeps what a file held for minutes, so it is made anew before it
    /// is asked again.
    is_refused: AtomicBool,
}

impl TokenSource {
    pub(crate) fn new(identity: &Identity, cloud: &Cloud, transport: &CleanTransport) -> Result<Self> {
        Ok(Self {
            current: Mutex::new(identity.library_credential(cloud, transport)?),
            identity: identity.clone(),
            cloud: cloud.clone(),
            transport: transport.clone(),
            has_given: AtomicBool::new(false),
            is_refused: AtomicBool::new(false),
        })
    }

    fn current(&self) -> Arc<dyn TokenCredential> {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn anew(&self) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let made = self
            .identity
            .library_credential(&self.cloud, &self.transport)
            .map_err(|error| azure_core::Error::with_message(ErrorKind::Credential, error.to_string()))?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = made.clone();
        Ok(made)
    }

    fn told(&self, error: azure_core::Error) -> azure_core::Error {
        // The Azure CLI asks by itself: that it gave nothing is the worker's own matter, and no service's.
        if matches!(self.identity, Identity::AzureCli { .. }) && !self.has_given.load(Ordering::Relaxed) {
            let words = redact(&error.to_string());
            return azure_core::Error::new(ErrorKind::Credential, NotSignedIn(words));
        }
        if !self.has_given.load(Ordering::Relaxed) || was_not_accepted(&error) {
            return error;
        }
        let text = format!(
            "no token is to be had as {}: {}",
            self.identity,
            redact(&error.to_string())
        );
        azure_core::Error::with_message(ErrorKind::Io, text)
    }
}

#[async_trait]
impl TokenCredential for TokenSource {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let credential = if self.is_refused.swap(false, Ordering::Relaxed) {
            self.anew()?
        } else {
            self.current()
        };
        let token = credential.get_token(scopes, options.clone()).await;
        let token = token.map_err(|error| {
            self.is_refused.store(was_not_accepted(&error), Ordering::Relaxed);
            self.told(error)
        })?;
        self.has_given.store(true, Ordering::Relaxed);
        let is_refused = options.as_ref().is_some_and(|options| {
            let refused = options.method_options.context.value::<RefusedToken>();
            refused.is_some_and(|refused| refused.is(&token))
        });
        if !is_refused {
            return Ok(token);
        }
        let token = self.anew()?.get_token(scopes, options).await;
        token.map_err(|error| self.told(error))
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
