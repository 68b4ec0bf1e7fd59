use std::collections::BTreeMap;
use std::fs::Metadata;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use custody_core::{Error, Result};

use super::block_device::BlockDevice;
use super::device_use::uses;
use super::file_medium::FileMedium;
use super::image::LocalImage;
use super::item::{LookedPart, SourceItem};
use super::kernel_tree::KernelTree;
use super::medium::Medium;
use super::opening::{Claim, SourceKind};
use super::options::{MountedDevices, SourceOptions};
use super::recovery::RecoveryPolicy;

/// A source whose every file is open, read-only.
#[derive(Debug)]
pub(super) struct OpenedSource {
    /// In the order of their bytes; at least one.
    pub(super) media: Vec<Arc<FileMedium>>,
    /// The device, when it is one.
    pub(super) device: Option<BlockDevice>,
    /// Who else uses the device; not empty only when that was allowed.
    pub(super) uses: Vec<String>,
}

impl OpenedSource {
    /// As an image that treats failures so.
    pub(super) fn image(&self, item: &SourceItem, policy: RecoveryPolicy) -> LocalImage {
        let media = self
            .media
            .iter()
            .map(|medium| Arc::clone(medium) as Arc<dyn Medium>);
        LocalImage::new(item.disk.to_string(), media.collect(), policy)
    }

    /// What was opened, for telling it from another.
    ///
    /// # Errors
    /// The host's.
    pub(super) fn parts(&self) -> Result<Vec<(SourceKind, Metadata)>> {
        self.media
            .iter()
            .map(|medium| Ok((medium.kind(), medium.metadata()?)))
            .collect()
    }
}

/// The devices that are claimed now. A device can be claimed once, and every reader of it in this
/// process shares the claim; it ends with the last of them.
#[derive(Debug, Default)]
pub(super) struct Claims {
    held: Mutex<BTreeMap<(u32, u32), Weak<FileMedium>>>,
}

impl Claims {
    /// Opens every file of the item, and claims the device.
    ///
    /// # Errors
    /// As [`SourceItem::look`]; `PermissionDenied`; `Refused` for a device in use, with who uses it.
    pub(super) fn open(
        &self,
        tree: &KernelTree,
        options: &SourceOptions,
        item: &SourceItem,
    ) -> Result<OpenedSource> {
        let mut opened = OpenedSource {
            media: Vec::new(),
            device: None,
            uses: Vec::new(),
        };
        for part in item.look()? {
            let medium = match part.looked.kind {
                SourceKind::File => Arc::new(FileMedium::open(&part.looked, &part.name, Claim::Shared)?),
                SourceKind::Device { major, minor } => {
                    let device = BlockDevice::find(tree, major, minor)?;
                    opened.uses = uses(tree, &device)?;
                    opened.device = Some(device);
                    if options.mounted == MountedDevices::Refuse && !opened.uses.is_empty() {
                        return Err(in_use(item, &opened.uses));
                    }
                    self.device((major, minor), &part, options.mounted, &mut opened.uses)?
                }
            };
            opened.media.push(medium);
        }
        Ok(opened)
    }

    /// The device as it is open already, or opened and claimed now. Where reading one in use is allowed, it
    /// is claimed all the same when nobody has it; what the kernel alone knows of is added to `uses`.
    fn device(
        &self,
        numbers: (u32, u32),
        part: &LookedPart,
        mounted: MountedDevices,
        uses: &mut Vec<String>,
    ) -> Result<Arc<FileMedium>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = held.get(&numbers).and_then(Weak::upgrade);
        if let Some(medium) = shared.filter(|medium| medium.check().is_ok()) {
            return Ok(medium);
        }
        let open = |claim| FileMedium::open(&part.looked, &part.name, claim);
        let medium = if !uses.is_empty() {
            open(Claim::Shared)?
        } else {
            match (open(Claim::Exclusive), mounted) {
                (Err(Error::Refused { .. }), MountedDevices::Allow) => {
                    let medium = open(Claim::Shared)?;
                    uses.push("something that this process cannot see has claimed it".to_owned());
                    medium
                }
                (answer, _) => answer?,
            }
        };
        let medium = Arc::new(medium);
        held.insert(numbers, Arc::downgrade(&medium));
        Ok(medium)
    }
}

fn in_use(item: &SourceItem, uses: &[String]) -> Error {
    Error::Refused {
        object: item.disk.to_string(),
        reason: format!(
            "the device is in use: {}; release it, or read it all the same with --allow-mounted",
            uses.join("; ")
        ),
    }
}

/// How the options treat failing sectors.
pub(super) const fn policy(options: &SourceOptions) -> RecoveryPolicy {
    RecoveryPolicy {
        retries: options.retries,
        on_read_error: options.on_read_error,
    }
}
