use custody_core::ids::AcquisitionId;
use custody_core::layout;
use custody_core::manifest::Manifest;
use custody_core::port::{EvidenceReader, EvidenceReaderExt as _};
use custody_core::{Error, Result};
use futures::TryStreamExt as _;

/// The largest manifest that is read.
const MAX_MANIFEST_BYTES: u64 = 256 * 1024 * 1024;

/// The manifests in a store, of one acquisition or of all. Read only; what signs them is not looked at.
pub(crate) async fn read(reader: &dyn EvidenceReader, only: Option<&AcquisitionId>) -> Result<Vec<Manifest>> {
    let mut listed = reader.list(Some(layout::cases()));
    let mut manifests = Vec::new();
    while let Some(object) = listed.try_next().await? {
        if object.name.file_name().as_str() != layout::MANIFEST_FILE {
            continue;
        }
        let bytes = reader.fetch(&object.name, MAX_MANIFEST_BYTES).await?;
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|error| Error::malformed(object.name.to_string(), format!("no manifest: {error}")))?;
        if only.is_none_or(|only| manifest.acquisition == *only) {
            manifests.push(manifest);
        }
    }
    Ok(manifests)
}
