//! Who we are to Azure: chosen by configuration, never guessed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::error::ErrorKind;
use azure_core::http::{
    ClientMethodOptions, ClientOptions, ExponentialRetryOptions, RetryOptions, Transport,
};
use azure_core::time::Duration;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use custody_core::{Error, Result};
use zeroize::Zeroizing;

use crate::cloud::Cloud;
use crate::http::{CleanTransport, redact};
use crate::token_source::TokenSource;

/// The most bytes of a file with a secret.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// An identity and how it proves itself. Holds names and paths, never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// The managed identity of the machine or service that this runs on.
    ManagedIdentity(ManagedIdentity),
    /// A Kubernetes service account that Entra trusts: a token in a file that is renewed from outside.
    WorkloadIdentity {
        /// The tenant.
        tenant: String,
        /// The application's client id.
        client: String,
        /// The file with the service account's token.
        token_file: PathBuf,
    },
    /// An application with a secret in a file.
    ClientSecret {
        /// The tenant.
        tenant: String,
        /// The application's client id.
        client: String,
        /// The file with the secret; white space around it is left out.
        secret_file: PathBuf,
    },
    /// An application with an assertion in a file: a JSON Web Token that somebody signs with the application's
    /// certificate and renews. It is read anew for each token.
    ClientAssertion {
        /// The tenant.
        tenant: String,
        /// The application's client id.
        client: String,
        /// The file with the assertion.
        assertion_file: PathBuf,
    },
    /// Whoever is signed in to the Azure CLI on this host.
    AzureCli {
        /// The tenant; the CLI's own when `None`.
        tenant: Option<String>,
    },
}

/// Which managed identity.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManagedIdentity {
    /// The one of the machine.
    System,
    /// An assigned one, by its client id.
    Client(String),
    /// An assigned one, by its object id.
    Object(String),
    /// An assigned one, by its resource id.
    Resource(String),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ManagedIdentity(ManagedIdentity::System) => f.write_str("managed identity (system)"),
            Self::ManagedIdentity(
                ManagedIdentity::Client(id) | ManagedIdentity::Object(id) | ManagedIdentity::Resource(id),
            ) => write!(f, "managed identity {id}"),
            Self::WorkloadIdentity { tenant, client, .. } => {
                write!(f, "workload identity {client} in tenant {tenant}")
            }
            Self::ClientSecret { tenant, client, .. } => {
                write!(f, "application {client} in tenant {tenant} by secret")
            }
            Self::ClientAssertion { tenant, client, .. } => {
                write!(f, "application {client} in tenant {tenant} by assertion")
            }
            Self::AzureCli { tenant: Some(tenant) } => write!(f, "Azure CLI user in tenant {tenant}"),
            Self::AzureCli { tenant: None } => f.write_str("Azure CLI user"),
        }
    }
}

impl Identity {
    /// The credential that asks for tokens as this identity. No request is sent yet.
    ///
    /// The credential keeps tokens and renews them five minutes before they end, or when a service refuses one; share
    /// it. A managed identity's requests need `NO_PROXY=169.254.169.254` where a proxy is set.
    ///
    /// # Errors
    /// [`Error::Malformed`] for ids that cannot be ones; [`Error::NotFound`] and [`Error::PermissionDenied`] for the
    /// file with a secret; the library's own otherwise. None of them holds the secret.
    pub fn credential(&self, cloud: &Cloud, transport: &CleanTransport) -> Result<Arc<dyn TokenCredential>> {
        Ok(Arc::new(TokenSource::new(self, cloud, transport)?))
    }

    /// The credential of Microsoft's library.
    pub(crate) fn library_credential(
        &self,
        cloud: &Cloud,
        transport: &CleanTransport,
    ) -> Result<Arc<dyn TokenCredential>> {
        let client_options = ClientOptions {
            // Who waits for the first token waits for an answer. Later, calls that need one are repeated for longer.
            retry: RetryOptions::exponential(ExponentialRetryOptions {
                initial_delay: Duration::milliseconds(500),
                max_retries: 4,
                ..ExponentialRetryOptions::default()
            }),
            transport: Some(Transport::new(Arc::new(transport.clone()))),
            cloud: Some(Arc::new(cloud.configuration())),
            ..ClientOptions::default()
        };
        let credential: azure_core::Result<Arc<dyn TokenCredential>> = match self {
            Self::ManagedIdentity(which) => {
                let user_assigned_id = match which {
                    ManagedIdentity::System => None,
                    ManagedIdentity::Client(id) => Some(UserAssignedId::ClientId(id.clone())),
                    ManagedIdentity::Object(id) => Some(UserAssignedId::ObjectId(id.clone())),
                    ManagedIdentity::Resource(id) => Some(UserAssignedId::ResourceId(id.clone())),
                };
                let options = ManagedIdentityCredentialOptions {
                    user_assigned_id,
                    client_options,
                };
                ManagedIdentityCredential::new(Some(options)).map(|credential| credential as _)
            }
            Self::WorkloadIdentity {
                tenant,
                client,
                token_file,
            } => {
                let options = WorkloadIdentityCredentialOptions {
                    credential_options: ClientAssertionCredentialOptions { client_options },
                    client_id: Some(client.clone()),
                    tenant_id: Some(tenant.clone()),
                    token_file_path: Some(token_file.clone()),
                };
                WorkloadIdentityCredential::new(Some(options)).map(|credential| credential as _)
            }
            Self::ClientSecret {
                tenant,
                client,
                secret_file,
            } => {
                let secret = read_secret(secret_file)?;
                let options = ClientSecretCredentialOptions { client_options };
                let secret = Secret::new(secret.trim().to_owned());
                ClientSecretCredential::new(tenant, client.clone(), secret, Some(options))
                    .map(|credential| credential as _)
            }
            Self::ClientAssertion {
                tenant,
                client,
                assertion_file,
            } => {
                let assertion = AssertionFile(assertion_file.clone());
                let options = ClientAssertionCredentialOptions { client_options };
                ClientAssertionCredential::new(tenant.clone(), client.clone(), assertion, Some(options))
                    .map(|credential| credential as _)
            }
            Self::AzureCli { tenant } => {
                let options = AzureCliCredentialOptions {
                    tenant_id: tenant.clone(),
                    ..AzureCliCredentialOptions::default()
                };
                AzureCliCredential::new(Some(options)).map(|credential| credential as _)
            }
        };
        credential.map_err(|error| Error::malformed(self.to_string(), redact(&error.to_string())))
    }
}

/// The text of a file with a secret, erased when it is dropped.
fn read_secret(path: &Path) -> Result<Zeroizing<String>> {
    let object = || path.display().to_string();
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound { object: object() },
        std::io::ErrorKind::PermissionDenied => Error::PermissionDenied {
            object: object(),
            operation: "reading the secret",
            source: Some(Box::new(error)),
        },
        _ => Error::Provider {
            object: object(),
            operation: "reading the secret",
            source: Some(Box::new(error)),
        },
    };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length == 0 || length > MAX_SECRET_BYTES {
        return Err(Error::malformed(
            object(),
            format!("has {length} bytes; a secret has 1 to {MAX_SECRET_BYTES}"),
        ));
    }
    // With room for the whole file, reading does not leave copies behind in memory that was given back.
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        usize::try_from(length).unwrap_or_default() + 1,
    ));
    let mut file = std::fs::File::open(path).map_err(failed)?;
    std::io::Read::read_to_end(&mut file, &mut bytes).map_err(failed)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        Error::malformed(
            object(),
            format!("is not UTF-8 from byte {}", error.valid_up_to()),
        )
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// A file with an assertion that somebody else renews.
#[derive(Debug)]
struct AssertionFile(PathBuf);

#[async_trait]
impl ClientAssertion for AssertionFile {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let text = read_secret(&self.0)
            .map_err(|error| azure_core::Error::with_message(ErrorKind::Credential, error.to_string()))?;
        Ok(text.trim().to_owned())
    }
}
