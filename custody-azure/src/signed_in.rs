//! Who a token is for.

use std::collections::BTreeMap;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use custody_core::{Error, Result};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::cloud::{Cloud, HostKind};
use crate::http::no_token;

/// The longest claim that is shown.
const MAX_CLAIM_CHARACTERS: usize = 100;

/// Who a token is for, as the token says. Holds no part of the token that opens anything.
///
/// A token is the service's business: nothing promises that it can be read, so each of these may be absent, and
/// nothing checks its signature here. For people who look which identity was meant, not for decisions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedIn {
    /// The tenant's id.
    pub tenant: Option<String>,
    /// The object id of the principal: what roles are assigned to.
    pub object: Option<String>,
    /// The application's (client) id.
    pub application: Option<String>,
    /// The token's own id, by which Entra's sign-in logs name it.
    pub token: Option<String>,
    /// What kind of principal it is.
    pub kind: PrincipalKind,
}

/// What kind of principal has signed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "roles are assigned to one or the other, or not told which"
)]
pub enum PrincipalKind {
    /// An application or a managed identity.
    ServicePrincipal,
    /// A person, by delegation to a program.
    User,
    /// The token does not say.
    #[default]
    Unknown,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Claims {
    tid: Option<String>,
    oid: Option<String>,
    appid: Option<String>,
    azp: Option<String>,
    uti: Option<String>,
    idtyp: Option<String>,
    /// Only delegated tokens have scopes.
    scp: Option<String>,
}

impl SignedIn {
    /// Obtains a token for a kind of service, and tells who it is for.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] when no token is given to this identity, [`Error::Provider`] when nobody was there to
    /// ask; [`Error::Misuse`] for a kind of service that takes none.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn ask(
        credential: &Arc<dyn TokenCredential>,
        cloud: &Cloud,
        service: HostKind,
    ) -> Result<Self> {
        let Some(scope) = cloud.scope(service) else {
            return Err(Error::misuse(format!("{service} takes no token")));
        };
        let token = credential
            .get_token(&[scope.as_str()], None)
            .await
            .map_err(|error| no_token(format!("a token for {service}"), &error))?;
        Ok(Self::read(token.token.secret()))
    }

    /// What a record says of it, beside what else is authenticated: `entra-tenant`, `entra-object`,
    /// `entra-application`, `entra-token`, each where the token tells it.
    #[must_use]
    pub fn authenticated(&self) -> BTreeMap<String, String> {
        let facts = [
            ("entra-tenant", &self.tenant),
            ("entra-object", &self.object),
            ("entra-application", &self.application),
            ("entra-token", &self.token),
        ];
        facts
            .into_iter()
            .filter_map(|(name, fact)| Some((name.to_owned(), fact.clone()?)))
            .collect()
    }

    /// What the second part of a JSON Web Token says; nothing of anything else.
    fn read(token: &str) -> Self {
        let payload = token.split('.').nth(1).unwrap_or_default();
        let decoded = Base64UrlUnpadded::decode_vec(payload.trim_end_matches('='));
        let bytes = Zeroizing::new(decoded.unwrap_or_default());
        let claims: Claims = serde_json::from_slice(&bytes).unwrap_or_default();
        let kind = match (claims.idtyp.as_deref(), &claims.scp) {
            (Some("app"), _) => PrincipalKind::ServicePrincipal,
            (Some("user"), _) | (_, Some(_)) => PrincipalKind::User,
            _ => PrincipalKind::Unknown,
        };
        Self {
            tenant: shown(claims.tid),
            object: shown(claims.oid),
            application: shown(claims.appid.or(claims.azp)),
            token: shown(claims.uti),
            kind,
        }
    }
}

/// An id of letters, digits, hyphens and underscores; whatever else stands there is not shown.
fn shown(claim: Option<String>) -> Option<String> {
    claim.filter(|text| {
        (1..=MAX_CLAIM_CHARACTERS).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", Base64UrlUnpadded::encode_string(claims.as_bytes()))
    }

    #[test]
    fn a_token_tells_who_it_is_for() {
        let read = SignedIn::read(&token(
            r#"{"tid":"t-1","oid":"o-1","appid":"a-1","idtyp":"app","uti":"u_1"}"#,
        ));
        assert_eq!(read.tenant.as_deref(), Some("t-1"));
        assert_eq!(read.object.as_deref(), Some("o-1"));
        assert_eq!(read.application.as_deref(), Some("a-1"));
        assert_eq!(read.kind, PrincipalKind::ServicePrincipal);
        let facts = read.authenticated();
        assert_eq!(facts["entra-token"], "u_1");
        assert_eq!(facts.len(), 4, "{facts:?}");
        let read = SignedIn::read(&token(r#"{"oid":"o-1","azp":"a-2","scp":"user_impersonation"}"#));
        assert_eq!(
            (read.application.as_deref(), read.kind),
            (Some("a-2"), PrincipalKind::User)
        );
    }

    #[test]
    fn a_token_that_cannot_be_read_or_is_hostile_tells_nothing() {
        for text in [
            String::new(),
            "opaque".into(),
            "a.b.c".into(),
            token("[]"),
            token(r#"{"tid": 7}"#),
            token("{\"oid\":\"x\\u001b[2J\"}"),
        ] {
            assert_eq!(SignedIn::read(&text).authenticated().len(), 0, "{text}");
        }
    }
}
