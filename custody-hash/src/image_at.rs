//! Images that can be read at any place.

use std::{io, ops::Range};

/// An image of which any range can be read, by several threads at once, and that may know where its data is.
///
/// Implemented for byte slices and, with the feature `files`, for [`File`](std::fs::File): regular files, whose holes
/// the file system names, and block devices, which have none. Asking for holes moves the file's cursor; what is read
/// here does not depend on it, but whoever reads the same file by [`Read`](io::Read) meanwhile does. Holes are known on
/// Linux, Apple's systems, FreeBSD, DragonFly, illumos and Solaris; on other kinds of Unix all of a file is read. A map
/// from elsewhere, of an image format or of a service, goes in through [`MappedImage`].
pub trait ImageAt: Sync {
    /// Fills the buffer with what is at this place.
    ///
    /// # Errors
    /// What reading says; [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the image ends within the buffer.
    fn read_exact_at(&self, buffer: &mut [u8], at_bytes: u64) -> io::Result<()>;

    /// The first range with data that ends after this place; none if there are only zeros from here on. What lies
    /// between is not read. By default all is data. A range that is empty, or that ends before, fails the pass: taken
    /// for an answer, it would be asked for again for ever.
    ///
    /// # Errors
    /// What the source of the map says. A source that cannot tell must call it data.
    fn next_data(&self, at_bytes: u64) -> io::Result<Option<Range<u64>>> {
        Ok(Some(at_bytes..u64::MAX))
    }

    /// Is told that this range is read soon, so that a device can fetch it meanwhile. By default nothing happens; what is
    /// read is the same either way.
    fn will_read(&self, range: Range<u64>) {
        let _unused = range;
    }
}

/// What an image says of its next data, if that can be.
pub(crate) fn next_data(image: &impl ImageAt, at_bytes: u64) -> io::Result<Option<Range<u64>>> {
    match image.next_data(at_bytes)? {
        Some(data) if data.is_empty() || data.end <= at_bytes => {
            let (start, end) = (data.start, data.end);
            let said = format!("its map says that bytes {start} to {end} are the next with data");
            Err(io::Error::new(io::ErrorKind::InvalidData, said))
        }
        data => Ok(data),
    }
}

/// An image with the caller's map of its data.
#[derive(Debug, Clone)]
pub struct MappedImage<I> {
    image: I,
    data: Vec<Range<u64>>,
}

impl<I> MappedImage<I> {
    /// Takes the ranges for all of the data there is: whatever lies outside them is hashed as zeros and never read, on
    /// the caller's word. They may overlap and be in any order.
    #[must_use]
    pub fn new(image: I, mut data: Vec<Range<u64>>) -> Self {
        data.retain(|range| !range.is_empty());
        data.sort_unstable_by_key(|range| range.start);
        let mut joined: Vec<Range<u64>> = Vec::new();
        for range in data {
            match joined.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        Self { image, data: joined }
    }
}

impl<I: ImageAt> ImageAt for MappedImage<I> {
    fn read_exact_at(&self, buffer: &mut [u8], at_bytes: u64) -> io::Result<()> {
        buffer.fill(0);
        let end_bytes = at_bytes.saturating_add(buffer.len() as u64);
        let first = self.data.partition_point(|range| range.end <= at_bytes);
        let data = self.data.get(first..).unwrap_or_default();
        for range in data.iter().take_while(|range| range.start < end_bytes) {
            let (from, to) = (range.start.max(at_bytes), range.end.min(end_bytes));
            let inside = |at: u64| usize::try_from(at - at_bytes).unwrap_or(usize::MAX);
            if let Some(part) = buffer.get_mut(inside(from)..inside(to)) {
                self.image.read_exact_at(part, from)?;
            }
        }
        Ok(())
    }

    fn next_data(&self, at_bytes: u64) -> io::Result<Option<Range<u64>>> {
        let next = self.data.partition_point(|range| range.end <= at_bytes);
        Ok(self
            .data
            .get(next)
            .map(|range| range.start.max(at_bytes)..range.end))
    }

    fn will_read(&self, range: Range<u64>) {
        self.image.will_read(range);
    }
}

/// An image of which everything is read: for those who do not take the word of a file system, or of a service, for
/// what is a hole.
#[derive(Debug, Clone)]
pub struct UnmappedImage<I>(I);

impl<I> UnmappedImage<I> {
    /// Leaves the image's own map out of account.
    #[must_use]
    pub const fn new(image: I) -> Self {
        Self(image)
    }
}

impl<I: ImageAt> ImageAt for UnmappedImage<I> {
    fn read_exact_at(&self, buffer: &mut [u8], at_bytes: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, at_bytes)
    }

    fn will_read(&self, range: Range<u64>) {
        self.0.will_read(range);
    }
}

impl ImageAt for [u8] {
    fn read_exact_at(&self, buffer: &mut [u8], at_bytes: u64) -> io::Result<()> {
        let from = usize::try_from(at_bytes).ok().and_then(|at| self.get(at..));
        let bytes = from.and_then(|from| from.get(..buffer.len()));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl ImageAt for Vec<u8> {
    fn read_exact_at(&self, buffer: &mut [u8], at_bytes: u64) -> io::Result<()> {
        self.as_slice().read_exact_at(buffer, at_bytes)
    }
}

impl<I: ImageAt + ?Sized> ImageAt for &I {
    fn read_exact_at(&self, buffer: &mut [u8], at_bytes: u64) -> io::Result<()> {
        (**self).read_exact_at(buffer, at_bytes)
    }

    fn next_data(&self, at_bytes: u64) -> io::Result<Option<Range<u64>>> {
        (**self).next_data(at_bytes)
    }

    fn will_read(&self, range: Range<u64>) {
        (**self).will_read(range);
    }
}

/// Files and devices. Source of what `SEEK_DATA` and `SEEK_HOLE` do: lseek(2), Linux man-pages 6.9.
#[cfg(all(feature = "files", unix))]
impl ImageAt for std::fs::File {
    fn read_exact_at(&self, buffer: &mut [u8], at_bytes: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buffer, at_bytes)
    }

    #[cfg(any(
        target_vendor = "apple",
        target_os = "android",
        target_os = "dragonfly",
        target_os = "freebsd",
        target_os = "illumos",
        target_os = "linux",
        target_os = "solaris",
    ))]
    fn next_data(&self, at_bytes: u64) -> io::Result<Option<Range<u64>>> {
        use rustix::{
            fs::{SeekFrom, seek},
            io::Errno,
        };
        // Past the end there is nothing to tell, and no offset above i64 exists.
        if i64::try_from(at_bytes).is_err() {
            return Ok(Some(at_bytes..u64::MAX));
        }
        let start = match seek(self, SeekFrom::Data(at_bytes)) {
            Ok(start) => start,
            // A hole up to the end; or there is less than that, and then reading must say so.
            Err(Errno::NXIO) => {
                let end_bytes = self.metadata()?.len();
                return Ok(Some(end_bytes.max(at_bytes)..u64::MAX));
            }
            // Devices, pipes, and file systems that do not know: all is data.
            Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::SPIPE) => return Ok(Some(at_bytes..u64::MAX)),
            Err(error) => return Err(error.into()),
        };
        match seek(self, SeekFrom::Hole(start)) {
            Ok(end) if end > start => Ok(Some(start..end)),
            // It changed meanwhile; or a hole that begins here, which no file system reports.
            Ok(_) | Err(Errno::NXIO) => Ok(Some(start..u64::MAX)),
            Err(error) => Err(error.into()),
        }
    }

    /// `POSIX_FADV_WILLNEED`, which begins to read and does not wait. Source: posix_fadvise(2), Linux man-pages 6.9.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    fn will_read(&self, range: Range<u64>) {
        use rustix::fs::{Advice, fadvise};
        if let Some(length) = std::num::NonZeroU64::new(range.end.saturating_sub(range.start)) {
            // Where it is not understood, a pipe for example, reading is as it was.
            let _unused = fadvise(self, range.start, Some(length), Advice::WillNeed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_a_map_is_zeros_and_is_never_read() {
        // Shorter than the map's end would allow: only data is asked for.
        let image = MappedImage::new(vec![7; 60], vec![10..20, 50..60]);
        let mut read = vec![1; 100];
        image.read_exact_at(&mut read, 5).unwrap();
        let data = |at: usize| (10..20).contains(&at) || (50..60).contains(&at);
        let due: Vec<u8> = (5..105).map(|at| if data(at) { 7 } else { 0 }).collect();
        assert_eq!(read, due);
    }

    #[cfg(all(feature = "files", unix))]
    #[test]
    fn a_file_that_is_shorter_than_was_said_is_an_error_and_no_hole() {
        use crate::{Engine, EngineOptions, ImageLayout, ImageOptions};
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &[5; 5000]).unwrap();
        let engine = Engine::new(EngineOptions::default()).unwrap();
        let hash = |length| {
            engine.hash_image(&file, ImageLayout::new(length), ImageOptions::default(), |_| {
                Ok(())
            })
        };
        assert!(hash(5000).is_ok());
        assert!(hash(1 << 20).is_err());
        assert!(engine.hash_tree(&file, 12 << 20, |_| Ok(())).is_err());
        file.set_len(1 << 20).unwrap();
        assert!(hash(1 << 20).is_ok(), "a hole up to the end is one");
    }

    #[test]
    fn a_map_may_overlap_and_be_in_any_order() {
        let image = MappedImage::new(vec![0; 100], vec![50..60, 10..20, 15..30, 40..40, 60..70]);
        let next = |at| image.next_data(at).unwrap();
        assert_eq!(next(0), Some(10..30));
        assert_eq!(next(29), Some(29..30));
        assert_eq!(next(30), Some(50..70));
        assert_eq!(next(70), None);
    }

    #[test]
    fn an_image_without_its_map_is_all_data() {
        let mapped = MappedImage::new(vec![7; 60], vec![10..20, 25..28]);
        assert_eq!(mapped.next_data(30).unwrap(), None);
        let unmapped = UnmappedImage::new(mapped);
        assert_eq!(unmapped.next_data(30).unwrap(), Some(30..u64::MAX));
        let mut read = [1; 2];
        unmapped.read_exact_at(&mut read, 19).unwrap();
        assert_eq!(read, [7, 0]);
    }

    #[test]
    fn a_slice_ends_where_it_ends() {
        let image = b"abc".as_slice();
        let mut buffer = [0; 2];
        image.read_exact_at(&mut buffer, 1).unwrap();
        assert_eq!(&buffer, b"bc");
        for at in [2, 3, 4, u64::MAX] {
            let error = image.read_exact_at(&mut buffer, at).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
