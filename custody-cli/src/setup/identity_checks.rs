use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use custody_azure::{CleanTransport, HostKind, SignedIn, TokenCredential};
use custody_core::Error;

use super::check::{Check, CheckState};
use crate::azure::{CloudChoice, IdentityChoice};
use crate::printable;

/// How long one answer is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The mode bits by which everybody reads a file.
const OTHERS: u32 = 0o007;

/// What came of signing in.
pub(crate) struct SignedInChecks {
    pub(crate) checks: Vec<Check>,
    /// Who asks; `None` where there is nobody to ask as.
    pub(crate) credential: Option<Arc<dyn TokenCredential>>,
    /// Who that is, as the Resource Manager's token says.
    pub(crate) who: SignedIn,
}

/// Signs in for the Resource Manager and for storage.
pub(crate) async fn sign_in(
    cloud: &CloudChoice,
    identity: &IdentityChoice,
    transport: &CleanTransport,
) -> SignedInChecks {
    let mut signed = SignedInChecks {
        checks: secret_file(identity).into_iter().collect(),
        credential: None,
        who: SignedIn::default(),
    };
    let asked = identity.identity();
    let what = |service: &str| format!("sign-in for {service}, {asked}");
    let (manager, storage) = (what("the Resource Manager"), what("storage"));
    let ready = cloud
        .cloud()
        .and_then(|cloud| Ok((asked.credential(&cloud, transport)?, cloud)));
    let (credential, cloud) = match ready {
        Ok(ready) => ready,
        Err(error) => {
            for what in [manager, storage] {
                signed.checks.push(not_signed_in(what, identity, &error));
            }
            return signed;
        }
    };
    for (what, service) in [(manager, HostKind::ResourceManager), (storage, HostKind::Blob)] {
        let ask = SignedIn::ask(&credential, &cloud, service);
        signed.checks.push(match within(what.clone(), ask).await {
            Ok(Ok(who)) => {
                let check = Check::ok(what, shown(&who));
                if service == HostKind::ResourceManager {
                    signed.who = who;
                    signed.credential = Some(credential.clone());
                }
                check
            }
            Ok(Err(error)) => not_signed_in(what, identity, &error),
            Err(check) => check,
        });
    }
    signed
}

/// The answer, or that none came in time.
pub(crate) async fn within<T>(what: String, answer: impl Future<Output = T>) -> Result<T, Check> {
    tokio::time::timeout(PATIENCE, answer).await.map_err(|_elapsed| {
        let found = format!("no answer in {} s", PATIENCE.as_secs());
        Check::new(what, CheckState::CouldNotCheck, found)
            .with_next("see whether the way there is open: proxy, firewall, names; then run this again")
    })
}

fn shown(who: &SignedIn) -> String {
    let part = |name: &str, id: &Option<String>| match id {
        Some(id) => format!("{name} {id}"),
        None => format!("{name} not told"),
    };
    [
        part("tenant", &who.tenant),
        part("object", &who.object),
        part("application", &who.application),
    ]
    .join(", ")
}

fn not_signed_in(what: String, identity: &IdentityChoice, error: &Error) -> Check {
    let check = Check::failed(what, error);
    if check.state == CheckState::Missing {
        return check.with_only_next(
            "put the file there, for its reader alone (mode 0600), or name another: --identity-file",
        );
    }
    let next = match identity {
        IdentityChoice::ManagedIdentity { .. } => {
            "this works on an Azure machine that has a managed identity: az vm identity assign --name VM --resource-group GROUP; behind a proxy set NO_PROXY=169.254.169.254"
        }
        IdentityChoice::AzureCli { .. } => "az login",
        IdentityChoice::ClientSecret { .. } => {
            "see whether tenant, client and secret belong together and the secret has not expired: az ad app credential list --id CLIENT"
        }
        IdentityChoice::WorkloadIdentity { .. } | IdentityChoice::ClientAssertion { .. } => {
            "see whether tenant and client are right, and whether the file's token is renewed: az ad app federated-credential list --id CLIENT"
        }
    };
    check.with_only_next(next)
}

/// Whether others of this host can read an application's secret.
fn secret_file(identity: &IdentityChoice) -> Option<Check> {
    let IdentityChoice::ClientSecret { file, .. } = identity else {
        return None;
    };
    // What is not there is said where it is read.
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    let what = format!("file with the secret, {}", printable::path(file));
    Some(if mode & OTHERS == 0 {
        Check::ok(what, "closed to others")
    } else {
        Check::new(
            what,
            CheckState::Wrong,
            format!("everybody on this host can use it (mode {:04o})", mode & 0o7777),
        )
        .with_next(format!("chmod 600 {}", word(file)))
    })
}

fn word(path: &Path) -> String {
    printable::word(path)
}
