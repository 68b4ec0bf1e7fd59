use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};

/// Gives tokens for one audience and refuses to give any other, whatever a vault's challenge asks for: a vault is told who
/// asks, and nothing with which it could ask elsewhere.
#[derive(Clone)]
pub(super) struct AudienceCredential {
    inner: Arc<dyn TokenCredential>,
    scope: String,
}

impl AudienceCredential {
    pub(super) const fn new(inner: Arc<dyn TokenCredential>, scope: String) -> Self {
        Self { inner, scope }
    }
}

impl fmt::Debug for AudienceCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudienceCredential")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenCredential for AudienceCredential {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        if scopes != [self.scope.as_str()] {
            let message = format!(
                "the key vault asks for a token of another audience than {}: it is given none",
                self.scope
            );
            return Err(Error::with_message(ErrorKind::Credential, message));
        }
        self.inner.get_token(scopes, options).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Debug)]
    struct Gives;

    #[async_trait]
    impl TokenCredential for Gives {
        async fn get_token(
            &self,
            _: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            let expires = azure_core::time::OffsetDateTime::now_utc() + Duration::from_secs(60);
            Ok(AccessToken::new("given", expires))
        }
    }

    #[tokio::test]
    async fn i10_a_challenge_gets_no_token_of_another_audience() {
        let scope = "https://vault.azure.net/.default";
        let credential = AudienceCredential::new(Arc::new(Gives), scope.into());
        assert!(credential.get_token(&[scope], None).await.is_ok());
        for other in [
            &["https://management.azure.com/.default"][..],
            &[scope, "https://storage.azure.com/.default"],
            &["https://vault.azure.net.evil/.default"],
            &[],
        ] {
            assert!(credential.get_token(other, None).await.is_err(), "{other:?}");
        }
    }
}
