use custody_core::port::ProofVerdict;

use super::boot_sector::{BootSector, Form, Reach};
use super::external_key_file::ExternalKeyFile;
use super::metadata::{MAX_COPY_BYTES, Metadata, VolumeState};
use super::unlock::{ContentKey, Unlock};
use crate::access::{Halt, Step, Window};
use crate::disk_key::DiskKey;
use crate::volume_finding::VolumeFinding;

/// What the key does to a volume that begins as BitLocker's do. Reads the three copies of the metadata, at most
/// 192 KiB.
pub(crate) async fn prove(volume: &Window, head: &[u8], key: &DiskKey) -> Step<VolumeFinding> {
    let mut finding = VolumeFinding::new("bitlocker");
    let boot = match BootSector::parse(head) {
        Ok(boot) => boot,
        Err(error) => return Ok(finding.cannot_tell(error.to_string())),
    };
    if boot.form == Form::ToGo {
        finding.note("BitLocker To Go");
    }
    let copies = read_copies(volume, &boot, &mut finding).await?;
    let Some(first) = copies.first() else {
        let reason = "none of the three copies of the BitLocker metadata can be used";
        return Ok(finding.cannot_tell(reason));
    };
    finding.identifier = Some(first.volume.to_string());
    describe(first, boot.reach, volume.length(), &mut finding)?;
    let verdict = judge(&copies, key, &mut finding)?;
    Ok(finding.with_verdict(verdict))
}

/// The copies that are whole, different ones once; what is wrong with the others is noted.
async fn read_copies(volume: &Window, boot: &BootSector, finding: &mut VolumeFinding) -> Step<Vec<Metadata>> {
    let mut copies: Vec<Metadata> = Vec::new();
    let mut whole = 0_u32;
    for (number, at) in (1..).zip(boot.copies) {
        let bytes = match volume.read_up_to(at, MAX_COPY_BYTES).await {
            Ok(bytes) if bytes.is_empty() => Err(format!(
                "lies at byte {at}, beyond the volume, which has {}",
                volume.length()
            )),
            Ok(bytes) => Ok(bytes),
            Err(Halt::CannotTell(reason)) => Err(reason),
            Err(halt) => return Err(halt),
        };
        let parsed = bytes.and_then(|bytes| {
            Metadata::parse(&bytes, boot.copies).map_err(|error| format!("at byte {at} is damaged: {error}"))
        });
        match parsed {
            Ok(copy) => {
                whole += 1;
                match copies.first() {
                    Some(first) if first.agrees_with(&copy) => {}
                    Some(_) => {
                        finding.note(format!(
                            "copy {number} of the metadata, at byte {at}, says something else"
                        ));
                        copies.push(copy);
                    }
                    None => copies.push(copy),
                }
            }
            Err(reason) => finding.note(format!("copy {number} of the metadata {reason}")),
        }
    }
    if whole == 3 && copies.len() == 1 {
        finding.note("all three copies of the metadata are whole and agree");
    } else {
        finding.note(format!("{whole} of the three copies of the metadata are whole"));
    }
    Ok(copies)
}

fn describe(metadata: &Metadata, reach: Reach, length: u64, finding: &mut VolumeFinding) -> Step<()> {
    if metadata.state != VolumeState::Decrypted {
        finding.note(format!("content encrypted with {}", metadata.method));
    }
    if let Some(description) = &metadata.description {
        finding.note(format!("described as {description}"));
    }
    for protector in &metadata.protectors {
        finding.note(format!("protector {}: {}", protector.identifier, protector.kind));
    }
    let encrypted_to = metadata.encrypted_to;
    match (metadata.state, reach) {
        (VolumeState::Encrypted, Reach::Contiguous) => {}
        // The state is the same where only used space is encrypted and where an encryption was stopped on its way.
        (VolumeState::Encrypted, Reach::OnWrite) => finding.note(
            "encrypted on write: what was free, or what an encryption that was stopped did not come to, is as it was \
             before; bitmaps on the volume, which are not read, tell where",
        ),
        (VolumeState::Decrypted, _) => finding.note("the metadata say that the volume is decrypted"),
        (VolumeState::Converting(conversion), Reach::Contiguous) if (1..length).contains(&encrypted_to) => {
            finding.note(format!(
                "{conversion} or paused: from byte {encrypted_to} on the volume is not encrypted"
            ));
        }
        (VolumeState::Converting(conversion), _) => {
            finding.note(format!("{conversion} or paused: parts are not encrypted"));
        }
        (VolumeState::Unknown(number), _) => {
            finding.note(format!("its state has the unknown number {number}"));
        }
    }
    if encrypted_to > length {
        finding.note(format!(
            "the metadata say that the volume reaches to byte {encrypted_to}, and it ends at {length}: its end is missing"
        ));
    }
    if let Some(protector) = metadata.opened_by_clear_key()? {
        finding.note(format!(
            "protection is suspended: clear key {protector} opens the volume without any other key"
        ));
    }
    Ok(())
}

/// What is told of copies that are whole, without a key, as a fuzzer asks.
pub(super) fn describe_and_judge(copies: &[Metadata]) -> Step<ProofVerdict> {
    const LENGTH: u64 = 1 << 20;
    let mut finding = VolumeFinding::new("bitlocker");
    for copy in copies {
        for reach in [Reach::Contiguous, Reach::OnWrite] {
            describe(copy, reach, LENGTH, &mut finding)?;
        }
    }
    judge(copies, &DiskKey::none(), &mut finding)
}

fn judge(copies: &[Metadata], key: &DiskKey, finding: &mut VolumeFinding) -> Step<ProofVerdict> {
    let Some(file) = key.external_key_file() else {
        finding.note("the key is not a BitLocker external key file");
        return Ok(without_file(copies, key));
    };
    if !file.unknown_entries().is_empty() {
        finding.note(format!(
            "the key file has entries that are not understood: {}",
            file.unknown_entries().join(", ")
        ));
    }
    let mut named = None;
    let mut damaged = None;
    for copy in copies {
        match copy.unlock(file)? {
            Unlock::Opens {
                protector,
                seal,
                content,
            } => {
                finding.note(format!("opened by protector {protector}"));
                if let ContentKey::Other(name) = content {
                    let name = name.unwrap_or("a method that is not known");
                    finding.note(format!(
                        "the key of the content is one for {name}, which is not what the metadata name"
                    ));
                }
                finding.note(match seal {
                    Some(true) => "the master key vouches for the metadata",
                    Some(false) => "the master key does not vouch for the metadata: they were changed",
                    None => "the metadata have nothing by which the master key could vouch for them",
                });
                return Ok(ProofVerdict::Opens);
            }
            Unlock::DoesNotOpen { named: found } => named = named.or(found),
            Unlock::Damaged { reason } => damaged = Some(reason),
        }
    }
    if let Some(reason) = damaged {
        return Ok(ProofVerdict::CannotTell { reason });
    }
    finding.note(missing(file, named));
    Ok(ProofVerdict::DoesNotOpen)
}

fn missing(file: &ExternalKeyFile, named: Option<crate::Guid>) -> String {
    named.map_or_else(
        || {
            format!(
                "the volume has no protector {}, which the key names",
                file.identifier()
            )
        },
        |protector| format!("the volume has protector {protector}, and this key does not open it"),
    )
}

/// A key that is not an external key file opens no external-key protector; passwords are not tried.
fn without_file(copies: &[Metadata], key: &DiskKey) -> ProofVerdict {
    if let Some(reason) = key.damaged_key_file() {
        return ProofVerdict::CannotTell {
            reason: format!("the key cannot be used: {reason}"),
        };
    }
    let mut protectors = copies.iter().flat_map(|copy| &copy.protectors);
    if protectors.any(|protector| protector.kind.is_password()) {
        return ProofVerdict::CannotTell {
            reason: "the key is not a BitLocker external key file, and the volume also takes passwords or recovery \
                     passwords, which are not tried"
                .to_owned(),
        };
    }
    ProofVerdict::DoesNotOpen
}
