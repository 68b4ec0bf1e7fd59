use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use custody_core::digest::DiskData;
use custody_core::extent::{ByteRange, Extent};
use custody_core::port::{DiskDescription, ImageReader as _, NotAcquired};
use custody_core::{Error, Result};

use super::file_medium::instant;
use super::format::ImageFormat;
use super::image::LocalImage;
use super::item::SourceItem;
use super::medium::Medium as _;
use super::opened::{OpenedSource, policy};
use super::opening::AccessTime;
use super::options::{OnReadError, SourceOptions};
use super::recovery::RecoveryPolicy;

/// Describes an opened source. Of a file its first and last 512 bytes are read, of a device nothing.
pub(super) fn describe(
    item: &SourceItem,
    opened: &OpenedSource,
    options: &SourceOptions,
) -> Result<DiskDescription> {
    let mut disk = match &opened.device {
        Some(_) => of_device(item, opened)?,
        None => of_file(item, opened, options)?,
    };
    if let Some(named) = &item.named {
        disk = disk.with_attribute("named-as", named.clone());
    }
    disk = disk
        .with_attribute("on-read-error", options.on_read_error.as_str())
        .with_attribute("retries", options.retries.to_string());
    if let Some(statement) = &options.write_blocker {
        disk = disk.with_attribute(
            "write-blocker",
            format!("{statement} (as stated, not checked by custody)"),
        );
    }
    Ok(disk)
}

fn of_file(item: &SourceItem, opened: &OpenedSource, options: &SourceOptions) -> Result<DiskDescription> {
    let strict = RecoveryPolicy {
        on_read_error: OnReadError::Stop,
        ..policy(options)
    };
    let image = opened.image(item, strict);
    let length = image.length();
    let format = match ImageFormat::recognise(length, |at, n| bytes_of(&image, ByteRange::at(at, n))) {
        Err(Error::Unreadable { range, .. }) => unrecognised(range),
        answer => answer?,
    };
    let mut disk =
        DiskDescription::new(item.disk.clone(), item.name()?, length).with_format(format.name, format.data);
    for (name, value) in format.attributes {
        disk = disk.with_attribute(name, value);
    }
    disk = if opened
        .media
        .iter()
        .all(|medium| medium.access_time() == AccessTime::Preserved)
    {
        disk.with_attribute("atime", "preserved")
    } else {
        let before = opened.media.first().map(|medium| medium.accessed_before());
        disk.with_attribute("atime", "may change").with_attribute(
            "atime-before-first-read",
            before.map_or_else(String::new, |(seconds, nanoseconds)| {
                instant(seconds, nanoseconds)
            }),
        )
    };
    if opened.media.len() > 1 {
        disk = disk.with_attribute("parts", opened.media.len().to_string());
        if let Some(anomaly) = odd_part(opened) {
            disk = disk.with_attribute("parts-anomaly", anomaly);
        }
    }
    Ok(disk)
}

fn bytes_of(image: &LocalImage, range: ByteRange) -> Result<Bytes> {
    let mut bytes = Vec::new();
    for extent in image.read_now(range, &AtomicBool::new(false))? {
        if let Extent::Data { bytes: read, .. } = extent {
            bytes.extend_from_slice(&read);
        }
    }
    Ok(bytes.into())
}

fn unrecognised(range: ByteRange) -> ImageFormat {
    let reason = format!("bytes {range} could not be read: what kind of image it is could not be seen");
    ImageFormat {
        name: "unknown".to_owned(),
        data: DiskData::NotComputed {
            reason: reason.clone(),
        },
        attributes: vec![("anomaly", reason)],
    }
}

/// Programs split an image into parts of one size, the last shorter: another size in the middle may be
/// a part that was cut.
fn odd_part(opened: &OpenedSource) -> Option<String> {
    let lengths: Vec<u64> = opened.media.iter().map(|medium| medium.length()).collect();
    let (last, others) = lengths.split_last()?;
    let first = others.first()?;
    let odd = others
        .iter()
        .position(|length| length != first)
        .or_else(|| (last > first).then_some(others.len()))?;
    Some(format!(
        "part {} of {} has {} bytes, the first has {first}",
        odd + 1,
        lengths.len(),
        lengths.get(odd)?
    ))
}

fn of_device(item: &SourceItem, opened: &OpenedSource) -> Result<DiskDescription> {
    let (Some(device), Some(medium)) = (&opened.device, opened.media.first()) else {
        return Err(Error::misuse(format!("{}: no device was opened", item.disk)));
    };
    let mut disk = DiskDescription::new(item.disk.clone(), device.name.clone(), medium.length())
        .with_sector_bytes(medium.sector_bytes())
        .with_attribute("logical-sector-bytes", medium.sector_bytes().to_string());
    for (name, value) in device.attributes() {
        disk = disk.with_attribute(name, value);
    }
    if let Some(bytes) = medium.physical_sector_bytes() {
        disk = disk.with_attribute("physical-sector-bytes", bytes.to_string());
    }
    if !device.is_counting() {
        disk = disk.with_attribute(
            "write-counters",
            "not kept by this kernel: a write would not show",
        );
    }
    if !opened.uses.is_empty() {
        disk = disk.with_attribute("in-use", opened.uses.join("; "));
    }
    if medium.is_past_cache() {
        disk = disk.with_attribute("reads", "past the page cache");
    }
    Ok(disk)
}

/// What is not taken of, or beside, this source.
pub(super) fn not_acquired(opened: &OpenedSource, disk: &DiskDescription) -> Vec<NotAcquired> {
    let Some(device) = &opened.device else {
        return vec![NotAcquired::new(
            format!(
                "whatever the image file {} does not hold of the disk it was made of",
                disk.name
            ),
            "only the file was given; how it was made, and what was left out then, is not known here",
        )];
    };
    let mut not = vec![
        NotAcquired::new(
            format!(
                "hidden areas of {} (HPA, DCO, a lowered native maximum)",
                disk.name
            ),
            "not looked for: what lies beyond the length that the drive reports to the kernel cannot be read \
             without changing the drive's settings",
        ),
        NotAcquired::new(
            format!("remapped, spare and over-provisioned sectors of {}", disk.name),
            "the drive's controller does not offer them to the host",
        ),
    ];
    if device.bus() == "mmc" {
        not.push(NotAcquired::new(
            format!("boot partitions and RPMB of {}", device.disk_name()),
            "they are devices of their own and were not named",
        ));
    }
    if let Some(number) = device.partition {
        not.push(NotAcquired::new(
            format!("the rest of the disk {}", device.disk_name()),
            format!("only its partition {number} was named"),
        ));
    }
    not
}
