use std::sync::Arc;

use bytes::Bytes;

use super::Verifier;
use super::finding::Finding;
use super::lines::Pieces;
use crate::custody_log::SealedObject;
use crate::digest::Sha256Digest;
use crate::error::{Error, Result};
use crate::ids::ObjectName;
use crate::port::{EvidenceReaderExt as _, ImageReader};

/// The largest manifest, envelope, list of sums or map that is read.
pub(super) const MAX_RECORD_BYTES: u64 = 64 * 1024 * 1024;

impl Verifier {
    /// Reads a record whole. Bytes that are not what `sealed` says are a finding, and are given all the same: what
    /// exactly is wrong with them may be found out.
    pub(super) async fn read_record(
        &self,
        object: &ObjectName,
        sealed: Option<&SealedObject>,
    ) -> std::result::Result<(Bytes, Option<Finding>), Finding> {
        let read = self.reader.fetch(object, MAX_RECORD_BYTES).await;
        let bytes = read.map_err(|error| Finding::of_error(object, &error))?;
        let finding = sealed.and_then(|sealed| {
            let found = SealedObject::of(sealed.file.clone(), &bytes);
            other_object(object, sealed, found.length.bytes(), found.sha256)
        });
        Ok((bytes, finding))
    }

    /// Digests an object and compares it with what was sealed.
    pub(super) async fn check_object(&self, object: &ObjectName, sealed: &SealedObject) -> Option<Finding> {
        match self.digest_of(object).await {
            Ok((length, digest)) => other_object(object, sealed, length, digest),
            Err(error) => Some(Finding::of_error(object, &error)),
        }
    }

    async fn digest_of(&self, object: &ObjectName) -> Result<(u64, Sha256Digest)> {
        let reader: Arc<dyn ImageReader> = self.reader.open(object).await?;
        let mut pieces = Pieces::new(reader);
        let length = pieces.length();
        while pieces.next().await?.is_some() {
            if self.options.stop.is_stopped() {
                return Err(Error::Stopped {
                    object: object.to_string(),
                });
            }
        }
        Ok((length, pieces.digest().await?))
    }
}

/// That an object is not the one that was sealed.
pub(super) fn other_object(
    object: &ObjectName,
    sealed: &SealedObject,
    length: u64,
    sha256: Sha256Digest,
) -> Option<Finding> {
    if length != sealed.length.bytes() {
        let place = format!(
            "length (the first byte that is not as it was may be byte {})",
            length.min(sealed.length.bytes())
        );
        return Some(Finding::integrity(
            object,
            place,
            format!("{} bytes with SHA-256 {}", sealed.length, sealed.sha256),
            format!("{length} bytes with SHA-256 {sha256}"),
        ));
    }
    (sha256 != sealed.sha256).then(|| {
        Finding::integrity(
            object,
            "whole object",
            format!("SHA-256 {}", sealed.sha256),
            format!("SHA-256 {sha256}"),
        )
    })
}
