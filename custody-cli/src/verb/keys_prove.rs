use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use custody_core::custody_log::KeptKey;
use custody_core::digest::DiskData;
use custody_core::ids::{AcquisitionId, EvidenceItemId, Segment};
use custody_core::manifest::{Manifest, ManifestItem};
use custody_core::port::{
    EscrowedKey, EvidenceReader, KeyEscrow, KeyMaterial, KeyProof, KeyProver, KeyWrapper as _, ProofVerdict,
};
use custody_core::{Error, Remedy, layout};
use custody_local::{AgeWrapper, DirectoryEscrow, LocalKeys};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::guarded_process;
use crate::key_prover;
use crate::key_words;
use crate::local_key_place::STANDARD_INPUT;
use crate::state_place::StatePlace;
use crate::store_place::StorePlace;
use crate::stored_manifests;

/// Try keys on stored copies: does this key open this evidence?
///
/// Reads headers of the stored copy only, decrypts no content, and writes nothing. Exit 0: every key that was tried opens
/// its copy; 1: one does not; 3: it could not be told.
#[derive(Debug, Args)]
pub(super) struct ProveArguments {
    /// The store: a directory, or the address of a container
    store: PathBuf,

    /// Which item [default: with --identity every item that has a key in the escrow]
    #[arg(value_name = "ITEM")]
    item: Option<EvidenceItemId>,

    /// Which acquisition [default: the only one of the store]
    #[arg(long, value_name = "ACQUISITION")]
    acquisition: Option<AcquisitionId>,

    /// The file that holds the key: a .BEK file, a key file, a passphrase; - reads it from standard input
    #[arg(long, value_name = "FILE", required_unless_present = "identity")]
    key_file: Option<PathBuf>,

    /// Take the keys from an escrow directory, and unwrap them with the age identities of this file. A key that a vault
    /// keeps is not reached so: read it there by your own right, and give it with --key-file
    #[arg(long, value_name = "FILE", conflicts_with = "key_file")]
    identity: Option<PathBuf>,

    /// The escrow's directory [default: the state folder's]
    #[arg(long, value_name = "DIR", requires = "identity")]
    key_escrow: Option<PathBuf>,

    /// For a container: the settings file that says as whom it is read
    #[arg(long, value_name = "FILE", env = "CUSTODY_CONFIG")]
    config: Option<PathBuf>,

    #[command(flatten)]
    state: StatePlace,
}

/// A key that was tried on an item, and what came of it.
struct Tried {
    item: EvidenceItemId,
    object: String,
    key: String,
    proof: KeyProof,
}

/// Where the keys come from.
enum Keys {
    /// One, supplied by the custodian.
    Supplied(KeyMaterial, String),
    /// Those of the escrow.
    Escrowed(Arc<dyn KeyEscrow>, AgeWrapper),
}

impl ProveArguments {
    pub(super) async fn prove(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        guarded_process::guard()?.tell(console);
        let place = StorePlace::named(&self.store, self.config.as_deref())?;
        let reader = place.reader()?;
        let manifest = self.manifest(reader.as_ref()).await?;
        let keys = self.keys()?;
        let prover = key_prover::prover();
        let mut tried = Vec::new();
        for item in self.items(&manifest, &keys)? {
            let name = layout::acquisition_folder(&manifest.case, &manifest.acquisition).join(&item.file);
            console.err(&format!("trying on {name}\n"));
            match &keys {
                Keys::Supplied(key, named) => {
                    let proof = try_on(reader.as_ref(), prover.as_ref(), &manifest, item, key).await?;
                    tried.push(Tried {
                        item: item.planned.item.clone(),
                        object: name.to_string(),
                        key: named.clone(),
                        proof,
                    });
                }
                Keys::Escrowed(escrow, wrapper) => {
                    for kept in kept_keys(&manifest, item) {
                        let key = withdraw(escrow.as_ref(), wrapper, &manifest, item, kept).await?;
                        let proof = try_on(reader.as_ref(), prover.as_ref(), &manifest, item, &key).await?;
                        tried.push(Tried {
                            item: item.planned.item.clone(),
                            object: name.to_string(),
                            key: kept.receipt.name.clone(),
                            proof,
                        });
                    }
                }
            }
        }
        Ok(answer(&manifest, &tried))
    }

    async fn manifest(&self, reader: &dyn EvidenceReader) -> Result<Manifest, Failure> {
        let mut manifests = stored_manifests::read(reader, self.acquisition.as_ref()).await?;
        match manifests.len() {
            1 => manifests.pop().ok_or_else(|| Failure::usage("no acquisition")),
            0 => Err(Failure::from(Error::NotFound {
                object: match &self.acquisition {
                    Some(acquisition) => format!("the manifest of acquisition {acquisition}"),
                    None => "a manifest in this store".into(),
                },
            })
            .with_next(
                "`custody list --store STORE` names what is in it; only what is sealed has a manifest",
            )),
            many => {
                let failure = Failure::usage(format!("{many} acquisitions are in this store"));
                let listed = manifests.iter().fold(failure, |failure, manifest| {
                    failure.with_cause(format!("{} of case {}", manifest.acquisition, manifest.case))
                });
                Err(listed.with_next("name one of them: --acquisition ACQUISITION"))
            }
        }
    }

    fn keys(&self) -> Result<Keys, Failure> {
        if let Some(path) = &self.key_file {
            let named = if path.as_os_str() == "-" {
                STANDARD_INPUT.to_owned()
            } else {
                crate::printable::path(path)
            };
            return Ok(Keys::Supplied(supplied(path)?, named));
        }
        let identity = self
            .identity
            .as_ref()
            .ok_or_else(|| Failure::usage("neither --key-file nor --identity was given"))?;
        let wrapper = AgeWrapper::from_identity_file(identity)?;
        let escrow: Arc<dyn KeyEscrow> = match &self.key_escrow {
            Some(path) => Arc::new(DirectoryEscrow::open(path)?),
            None => {
                let state = self.state.open_existing()?.ok_or_else(|| {
                    Failure::usage("this host has no state folder, and so no escrow")
                        .with_next("name the escrow's directory: --key-escrow DIR")
                })?;
                Arc::new(state.escrow()?)
            }
        };
        Ok(Keys::Escrowed(escrow, wrapper))
    }

    /// The items to be looked at: the one that was named, or all for which there is a key.
    fn items<'a>(&self, manifest: &'a Manifest, keys: &Keys) -> Result<Vec<&'a ManifestItem>, Failure> {
        let is_meant = |item: &&ManifestItem| match &self.item {
            Some(named) => item.planned.item == *named,
            None => match keys {
                Keys::Supplied(..) => true,
                Keys::Escrowed(..) => !kept_keys(manifest, item).is_empty(),
            },
        };
        let items: Vec<&ManifestItem> = manifest.items.iter().filter(is_meant).collect();
        match (items.as_slice(), &self.item, keys) {
            ([], Some(named), _) => Err(Failure::from(Error::NotFound {
                object: format!("{named} among the evidence of {}", manifest.acquisition),
            })),
            ([], None, _) => Err(Failure::new(
                Exit::Incomplete,
                format!("no item of {} has a key in the escrow", manifest.acquisition),
                Remedy::FixRequest,
            )
            .with_next("custody keys show STORE")),
            ([_, _, ..], None, Keys::Supplied(..)) => {
                let failure = Failure::usage(format!("{} has {} items", manifest.acquisition, items.len()));
                Err(failure.with_next("name the item that the key is for"))
            }
            ([item], Some(_), Keys::Escrowed(..)) if kept_keys(manifest, item).is_empty() => {
                Err(Failure::new(
                    Exit::Incomplete,
                    format!("{} has no key in the escrow", item.planned.item),
                    Remedy::FixRequest,
                )
                .with_next("try one from a file: --key-file FILE"))
            }
            _ => Ok(items),
        }
    }
}

/// The key in a file, or what standard input gives.
fn supplied(path: &Path) -> Result<KeyMaterial, Error> {
    if path.as_os_str() == "-" {
        return LocalKeys::read_entered(std::io::stdin().as_fd(), STANDARD_INPUT);
    }
    LocalKeys::read_file(path)
}

fn kept_keys<'a>(manifest: &'a Manifest, item: &ManifestItem) -> &'a [KeptKey] {
    let mut keys = manifest.keys.iter();
    keys.find(|keys| keys.item == item.planned.item)
        .map_or(&[], |keys| &keys.kept)
}

async fn withdraw(
    escrow: &dyn KeyEscrow,
    wrapper: &AgeWrapper,
    manifest: &Manifest,
    item: &ManifestItem,
    kept: &KeptKey,
) -> Result<KeyMaterial, Failure> {
    let name: Segment = kept.receipt.name.parse()?;
    let record = escrow.withdraw(&name).await.map_err(|error| {
        let is_missing = matches!(error.meaning(), Error::NotFound { .. });
        let failure = Failure::from(error);
        match is_missing {
            true => failure
                .with_next("another escrow directory may hold it: --key-escrow DIR")
                .with_next(format!(
                    "or a vault does, as {}: read it there by your own right, and give it with --key-file",
                    kept.receipt.form
                )),
            false => failure,
        }
    })?;
    let record = record.value;
    if record.acquisition != manifest.acquisition || record.item != item.planned.item {
        return Err(Error::Integrity {
            object: format!("{name} in the escrow"),
            place: "acquisition and item".into(),
            expected: format!("{} of {}", item.planned.item, manifest.acquisition),
            actual: format!("{} of {}", record.item, record.acquisition),
        }
        .into());
    }
    match record.key {
        EscrowedKey::Entrusted(key) => Ok(key),
        EscrowedKey::Wrapped(wrapped) => Ok(wrapper.unwrap_key(&wrapped, &manifest.acquisition).await?.value),
    }
}

async fn try_on(
    reader: &dyn EvidenceReader,
    prover: &dyn KeyProver,
    manifest: &Manifest,
    item: &ManifestItem,
    key: &KeyMaterial,
) -> Result<KeyProof, Failure> {
    if let DiskData::NotComputed { reason } = &item.data {
        let reason = format!("the stored copy is not the disk byte for byte: {reason}");
        return Ok(KeyProof::new(ProofVerdict::CannotTell { reason }));
    }
    let folder = layout::acquisition_folder(&manifest.case, &manifest.acquisition);
    let image = reader.open(&folder.join(&item.file)).await?;
    let proof = prover.prove(image, key).await?;
    Ok(match manifest.stated_encryption(item) {
        Some(statement) => proof.where_encryption_is_stated(&statement),
        None => proof,
    })
}

fn answer(manifest: &Manifest, tried: &[Tried]) -> Answer {
    let mut text = String::new();
    let mut proofs = Vec::new();
    let mut exit = Exit::Done;
    for one in tried {
        text.push_str(&format!(
            "{} ({}), key {}: {}\n",
            one.item,
            one.object,
            one.key,
            key_words::of_verdict(&one.proof.verdict)
        ));
        for note in key_words::of_what_was_seen(&one.proof) {
            text.push_str(&format!("    {note}\n"));
        }
        for volume in &one.proof.volumes {
            text.push_str(&format!(
                "    {}: {}\n",
                key_words::of_volume(volume),
                key_words::of_verdict(&volume.verdict)
            ));
            text.extend(volume.notes.iter().map(|note| format!("        {note}\n")));
        }
        exit = exit.worst(match &one.proof.verdict {
            ProofVerdict::Opens => Exit::Done,
            ProofVerdict::DoesNotOpen | ProofVerdict::NotEncrypted => Exit::NotProven,
            ProofVerdict::CannotTell { .. } => Exit::Incomplete,
        });
        proofs.push(json!({
            "item": one.item,
            "object": one.object,
            "key": one.key,
            "proof": one.proof,
        }));
    }
    let document: Value = json!({
        "acquisition": manifest.acquisition,
        "case": manifest.case,
        "proofs": proofs,
    });
    let failure = match exit {
        Exit::Done => None,
        Exit::NotProven => Some(
            Failure::new(exit, "a key does not open its stored copy", Remedy::FixRequest)
                .with_next("try another key of the disk; `custody keys show` says which it needs"),
        ),
        _ => Some(
            Failure::new(
                exit,
                "it could not be told whether a key opens its stored copy",
                Remedy::FixRequest,
            )
            .with_next("read above what stands in the way"),
        ),
    };
    Answer::new(text, document).with_failure(failure)
}
