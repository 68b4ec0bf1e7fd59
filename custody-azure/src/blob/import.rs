use std::collections::HashMap;

use azure_storage_blob::models::BlobClientStartCopyFromUrlOptions;
use custody_core::ids::ObjectName;
use custody_core::port::{GrantReach, ImportOptions, ImportState, ReadGrant};
use custody_core::{Acted, Error, Result, ServiceRecord};
use zeroize::Zeroizing;

use super::block_list::may_have_been_done;
use super::facts::ACQUISITION;
use super::{BlobStore, action};
use crate::cloud::HostKind;
use crate::http::{Backoff, Call, Failing, Repeat, ServiceRefusal, refusal_of};

/// The largest page blob. Source: Azure docs, storage-blob-scale-targets, read 2026-11-21. A larger disk is stored by
/// stream, as a block blob.
pub(super) const MAX_PAGE_BLOB_BYTES: u64 = 8 << 40;
/// The longest address of a copy's source. Source: Microsoft's OpenAPI document, blob 2024-08-04, read 2026-11-21.
const MAX_SOURCE_BYTES: usize = 2048;
/// How often a copy is asked for while nothing is under the name and the service does not say that it is busy.
const MAX_REQUESTS: u32 = 4;

impl BlobStore {
    /// Looks, asks where nothing is, looks again. `If-None-Match: *` goes with the request, so that of two requests
    /// one is refused, and what is there is adopted if it is this acquisition's. A service that is busy or out of order is
    /// asked again for as long as any other call.
    pub(super) async fn start_import(
        &self,
        name: &ObjectName,
        from: &ReadGrant,
        options: &ImportOptions,
    ) -> Result<Acted<ImportState>> {
        if options.length > MAX_PAGE_BLOB_BYTES {
            return Err(Error::Unsupported {
                operation: "importing more than 8 TiB as one page blob",
                provider: self.to_string(),
            });
        }
        if from.reach() != GrantReach::Holder {
            return Err(Error::Unsupported {
                operation: "copying from an export that demands a sign-in besides its signature",
                provider: self.to_string(),
            });
        }
        let source = self.source(from)?;
        if let Some(found) = self.under(name, options, None).await? {
            return Ok(found);
        }
        let mut backoff = Backoff::new(self.patience());
        let mut requests = 0;
        loop {
            requests += 1;
            let (asked, failure) = match self.ask(name, &source, options).await {
                Ok(service) => (Some(service), None),
                Err(error) if is_worth_a_look(&error) => (None, Some(error)),
                Err(error) => return Err(self.judged_by_scope(error).await),
            };
            if let Some(found) = self.under(name, options, asked).await? {
                return Ok(found);
            }
            let failure = failure.unwrap_or_else(|| Error::NotFound {
                object: self.shown(name),
            });
            let wait = if requests < MAX_REQUESTS || is_busy(&failure) {
                backoff.after(&failure)
            } else {
                None
            };
            let Some(wait) = wait else {
                return Err(self.told(failure));
            };
            self.clock().sleep(wait).await;
        }
    }

    /// What the last refusal means, once it is known that nothing lies under the name: a source that the storage
    /// service cannot read is no copy of this service's, and can be streamed.
    fn told(&self, error: Error) -> Error {
        let refusal = refusal_of(&error).filter(|refusal| is_of_source(refusal) && refusal.status < 500);
        let Some(refusal) = refusal else {
            return error;
        };
        let unsupported = Error::Unsupported {
            operation: "copying from a source that the storage service cannot read (its network, a firewall, a sign-in)",
            provider: format!("{self} ({refusal})"),
        };
        match error.service() {
            Some(service) => unsupported.answered(service.clone()),
            None => unsupported,
        }
    }

    /// What is under the name, if it is this import's.
    async fn under(
        &self,
        name: &ObjectName,
        options: &ImportOptions,
        asked: Option<ServiceRecord>,
    ) -> Result<Option<Acted<ImportState>>> {
        let Some(found) = self.remote(name)?.look().await? else {
            return Ok(None);
        };
        let taken = || Error::AlreadyExists {
            object: self.shown(name),
        };
        if !found.value.is_of(&options.acquisition) {
            return Err(taken().answered(found.service));
        }
        let Some(value) = found.value.import(name) else {
            return Err(taken().answered(found.service));
        };
        let service = asked.unwrap_or(found.service);
        Ok(Some(Acted { value, service }))
    }

    async fn ask(
        &self,
        name: &ObjectName,
        source: &Zeroizing<String>,
        options: &ImportOptions,
    ) -> Result<ServiceRecord> {
        let call = Call::new();
        let metadata = HashMap::from([(ACQUISITION.to_owned(), options.acquisition.to_string())]);
        let options = BlobClientStartCopyFromUrlOptions {
            if_none_match: Some("*".into()),
            metadata: Some(metadata),
            method_options: call.options(),
            ..BlobClientStartCopyFromUrlOptions::default()
        };
        let client = self.blob_client(name, Repeat::Never)?;
        let shown = self.shown(name);
        let failing = Failing {
            object: &shown,
            action: action::WRITE,
        };
        let answer = client
            .start_copy_from_url(source.to_string(), Some(options))
            .await
            .map_err(|error| failing.because(&call, error))?;
        Ok(call.answered(answer.status(), answer.headers()))
    }

    /// The whole address of the source, which leads to an export of this cloud and nowhere else.
    fn source(&self, from: &ReadGrant) -> Result<Zeroizing<String>> {
        let source = Zeroizing::new(format!("{}?{}", from.address(), from.expose_secret()));
        self.arm.cloud().admit_text(HostKind::Export, &source)?;
        if source.len() > MAX_SOURCE_BYTES {
            return Err(Error::Refused {
                object: from.address().to_owned(),
                reason: format!(
                    "the grant's address has more than the {MAX_SOURCE_BYTES} bytes that a copy takes"
                ),
            });
        }
        Ok(source)
    }

    /// Ends a server-side copy that runs under the name. What it leaves is an empty blob, which a policy protects like
    /// any other: the name is used up. Where no copy runs, nothing is done.
    ///
    /// # Errors
    /// The service's, when the copy may still run.
    ///
    /// # Cancel safety
    /// Calling again settles it.
    pub async fn abort_import(&self, name: &ObjectName) -> Result<Acted<()>> {
        let Some(found) = self.remote(name)?.look().await? else {
            return Ok(Acted::local(()));
        };
        let running = found
            .value
            .copy
            .as_ref()
            .filter(|_| found.value.is_being_copied());
        let Some(copy) = running else {
            return Ok(Acted {
                value: (),
                service: found.service,
            });
        };
        let call = Call::new();
        let shown = self.shown(name);
        let failing = Failing {
            object: &shown,
            action: action::WRITE,
        };
        let options = azure_storage_blob::models::BlobClientAbortCopyOptions {
            method_options: call.options(),
            ..Default::default()
        };
        match self
            .blob_client(name, Repeat::Never)?
            .abort_copy(&copy.id, Some(options))
            .await
        {
            Ok(answer) => Ok(Acted {
                value: (),
                service: call.answered(answer.status(), answer.headers()),
            }),
            Err(error) => {
                let error = failing.because(&call, error);
                let over = refusal_of(&error).is_some_and(|refusal| refusal.code == "NoPendingCopyOperation");
                if over {
                    return Ok(Acted {
                        value: (),
                        service: error.service().cloned().unwrap_or_default(),
                    });
                }
                Err(error)
            }
        }
    }
}

/// Whether the request may have been carried out, or may be later, or another came before it.
fn is_worth_a_look(error: &Error) -> bool {
    match error.meaning() {
        Error::Throttled { .. } | Error::AlreadyExists { .. } | Error::Precondition { .. } => true,
        Error::Immutable { .. } => true,
        Error::Provider { .. } => {
            // A grant that was just given may not be known everywhere yet.
            refusal_of(error)
                .is_none_or(|refusal| refusal.status >= 500 || refusal.status == 408 || is_of_source(refusal))
        }
        _ => false,
    }
}

/// Whether the service is busy, out of order, or did not answer: the same request may be taken later.
fn is_busy(error: &Error) -> bool {
    may_have_been_done(error) || refusal_of(error).is_some_and(|refusal| refusal.status == 408)
}

/// Whether the service says that it could not read the source.
fn is_of_source(refusal: &ServiceRefusal) -> bool {
    refusal.code == "CannotVerifyCopySource"
}
