//! The clauses of [`ImageReader`].

use std::fmt;
use std::sync::Arc;

use custody_core::Error;
use custody_core::extent::{ByteRange, Extent, Span};
use custody_core::port::ImageReader;
use futures::StreamExt as _;
use futures::future::join_all;

use super::clause::{ClauseFailure, Conforms, ensure, refused, suite};

/// An open image and what is known of it.
pub struct ImageHarness {
    reader: Arc<dyn ImageReader>,
    expected: Vec<u8>,
    bad: Vec<ByteRange>,
    replace: Option<Box<dyn Fn()>>,
    keep: Vec<Box<dyn std::any::Any>>,
}

impl ImageHarness {
    /// This reader, of an image with exactly these bytes, zeros in the place of bad sectors.
    #[must_use]
    pub fn new(reader: Arc<dyn ImageReader>, expected: impl Into<Vec<u8>>) -> Self {
        Self {
            reader,
            expected: expected.into(),
            bad: Vec::new(),
            replace: None,
            keep: Vec::new(),
        }
    }

    /// These sectors cannot be read.
    #[must_use]
    pub fn with_bad(mut self, ranges: Vec<ByteRange>) -> Self {
        self.bad = ranges;
        self
    }

    /// This puts another object of the same length in the image's place.
    #[must_use]
    pub fn replaced_by(mut self, replace: impl Fn() + 'static) -> Self {
        self.replace = Some(Box::new(replace));
        self
    }

    /// Keeps something alive as long as the harness: a temporary directory.
    #[must_use]
    pub fn keeping(mut self, guard: impl std::any::Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }

    fn length(&self) -> u64 {
        self.expected.len() as u64
    }

    fn bytes(&self, range: ByteRange) -> Result<&[u8], ClauseFailure> {
        let start = usize::try_from(range.start()).ok();
        let end = usize::try_from(range.end()).ok();
        start
            .zip(end)
            .and_then(|(start, end)| self.expected.get(start..end))
            .ok_or_else(|| ClauseFailure::new(format!("{range} is not inside the {} bytes", self.length())))
    }

    /// Ranges around the places where off-by-one faults live.
    fn ranges(&self) -> Vec<ByteRange> {
        let length = self.length();
        let mut ranges = vec![
            ByteRange::at(0, length),
            ByteRange::at(length, 0),
            ByteRange::at(0, 0),
        ];
        for (start, size) in [
            (0, 1),
            (0, 512),
            (1, 511),
            (511, 2),
            (4095, 4098),
            (length / 2, 777),
        ] {
            if start + size <= length {
                ranges.push(ByteRange::at(start, size));
                ranges.push(ByteRange::at(length - size, size));
            }
        }
        ranges
    }

    /// The ranges without those that touch a bad sector.
    fn good_ranges(&self) -> Vec<ByteRange> {
        let good = |range: &ByteRange| self.bad.iter().all(|bad| bad.intersect(*range).is_none());
        self.ranges().into_iter().filter(good).collect()
    }

    /// That the extents cover exactly the range, in order, with the right bytes.
    fn compare(&self, range: ByteRange, extents: &[Extent]) -> Conforms {
        let mut next = range.start();
        for extent in extents {
            let got = extent.range();
            ensure!(
                got.start() == next && got.end() <= range.end(),
                "read of {range} answered {got} where byte {next} was due"
            );
            let expected = self.bytes(got)?;
            match extent {
                Extent::Data { bytes, .. } => {
                    ensure!(bytes == expected, "read of {range} gave other bytes in {got}");
                }
                Extent::Zero { .. } => {
                    ensure!(
                        is_zero(expected),
                        "read of {range} told {got} as zero, which it is not"
                    );
                }
                Extent::Unread { .. } => {
                    ensure!(
                        self.is_bad(got),
                        "read of {range} left out {got}, which can be read"
                    );
                }
            }
            next = got.end();
        }
        ensure!(
            next == range.end(),
            "read of {range} answered short, up to {next}"
        );
        Ok(())
    }

    fn is_bad(&self, range: ByteRange) -> bool {
        self.bad.iter().any(|bad| bad.intersect(range) == Some(range))
    }
}

impl fmt::Debug for ImageHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageHarness({})", self.reader)
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// `IR-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn ir_01_the_length_is_constant(harness: &ImageHarness) -> Conforms {
    let due = harness.length();
    for round in 0..3 {
        let told = harness.reader.length();
        ensure!(
            told == due,
            "round {round}: length is {told}, the image has {due} bytes"
        );
        for range in harness.good_ranges() {
            // What a read gives is another clause's matter; here it only happens in between.
            drop(harness.reader.read(range).await);
        }
    }
    Ok(())
}

async fn spans(harness: &ImageHarness, within: ByteRange) -> Result<Vec<Span>, ClauseFailure> {
    let mut stream = harness.reader.spans(within);
    let mut spans = Vec::new();
    while let Some(span) = stream.next().await {
        spans.push(span?);
    }
    Ok(spans)
}

/// `IR-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn ir_02_spans_cover_exactly_the_range_asked_for(harness: &ImageHarness) -> Conforms {
    let length = harness.length();
    let mut ranges = harness.ranges();
    ranges.extend([
        ByteRange::at(0, length + 4096),
        ByteRange::at(length, 4096),
        ByteRange::at(length.saturating_sub(3), u64::MAX),
    ]);
    for range in ranges {
        let end = range.end().min(length).max(range.start());
        let mut next = range.start();
        for span in spans(harness, range).await? {
            let got = span.range();
            ensure!(
                !got.is_empty(),
                "spans of {range}: an empty one at {}",
                got.start()
            );
            ensure!(
                got.start() == next && got.end() <= end,
                "spans of {range}: {got} where byte {next} was due"
            );
            next = got.end();
        }
        ensure!(next == end, "spans of {range} end at {next}, not at {end}");
    }
    Ok(())
}

/// `IR-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn ir_03_what_is_told_as_zero_reads_as_zeros(harness: &ImageHarness) -> Conforms {
    let told = spans(harness, ByteRange::at(0, harness.length())).await;
    // A provider that cannot tell ends the stream with an error, and everything is read.
    for span in told.unwrap_or_default() {
        if let Span::Zero(range, word) = span {
            let expected = harness.bytes(
                range
                    .intersect(ByteRange::at(0, harness.length()))
                    .unwrap_or(range),
            )?;
            ensure!(
                is_zero(expected),
                "{range} is zero on the word of {word:?}, and is not"
            );
        }
    }
    Ok(())
}

/// `IR-04`: inside the image.
///
/// # Errors
/// How the clause is broken.
pub async fn ir_04_a_read_answers_exactly_the_range(harness: &ImageHarness) -> Conforms {
    for range in harness.good_ranges() {
        let extents = harness.reader.read(range).await?;
        harness.compare(range, &extents)?;
    }
    Ok(())
}

/// `IR-04`: outside of the image.
///
/// # Errors
/// How the clause is broken.
pub async fn ir_04_a_read_outside_the_image_is_misuse(harness: &ImageHarness) -> Conforms {
    let length = harness.length();
    for range in [
        ByteRange::at(length, 1),
        ByteRange::at(length.saturating_sub(1), 2),
        ByteRange::at(length + 4096, 512),
        ByteRange::at(u64::MAX - 1, 1),
    ] {
        refused!(
            harness.reader.read(range).await,
            Error::Misuse { .. },
            "read of {range} in an image of {length} bytes"
        );
    }
    Ok(())
}

/// `IR-05`.
///
/// # Errors
/// How the clause is broken.
pub async fn ir_05_a_replaced_object_gives_no_bytes(harness: &ImageHarness) -> Conforms {
    let Some(replace) = &harness.replace else {
        return Err(ClauseFailure::not_offered(
            "a way to replace the object (`replaced_by`)",
        ));
    };
    replace();
    for range in harness
        .good_ranges()
        .into_iter()
        .filter(|range| !range.is_empty())
    {
        refused!(
            harness.reader.read(range).await,
            Error::Precondition { .. } | Error::NotFound { .. } | Error::Integrity { .. },
            "read of {range} after the object was replaced"
        );
    }
    Ok(())
}

/// `IR-06`.
///
/// # Errors
/// How the clause is broken.
pub async fn ir_06_a_bad_sector_is_never_given_as_data(harness: &ImageHarness) -> Conforms {
    if harness.bad.is_empty() {
        return Err(ClauseFailure::not_offered("bad sectors (`with_bad`)"));
    }
    for bad in &harness.bad {
        let start = bad.start().saturating_sub(4096);
        let end = bad.end().saturating_add(4096).min(harness.length());
        for range in [*bad, ByteRange::at(start, end - start)] {
            let extents = match harness.reader.read(range).await {
                Ok(extents) => extents,
                Err(error) if matches!(error.meaning(), Error::Unreadable { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            for piece in bad.pieces(512) {
                let covered = |extent: &Extent| {
                    matches!(extent, Extent::Unread { .. }) && extent.range().intersect(piece) == Some(piece)
                };
                ensure!(
                    extents.iter().any(covered),
                    "read of {range}: {piece} cannot be read, and is not told as unread"
                );
            }
            harness.compare(range, &extents)?;
        }
    }
    Ok(())
}

/// `IR-07`.
///
/// # Errors
/// How the clause is broken.
pub async fn ir_07_concurrent_reads_give_the_same_bytes(harness: &ImageHarness) -> Conforms {
    let ranges = harness.good_ranges();
    let twice = || ranges.iter().chain(ranges.iter().rev());
    let answers = join_all(twice().map(|range| harness.reader.read(*range))).await;
    for (range, answer) in twice().zip(answers) {
        harness.compare(*range, &answer?)?;
    }
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `ImageReader` as tests, on an [`ImageHarness`](crate::conformance::image_reader::ImageHarness).
    image_reader_conformance, image_reader, ImageHarness, [
        ir_01_the_length_is_constant,
        ir_02_spans_cover_exactly_the_range_asked_for,
        ir_03_what_is_told_as_zero_reads_as_zeros,
        ir_04_a_read_answers_exactly_the_range,
        ir_04_a_read_outside_the_image_is_misuse,
        ir_05_a_replaced_object_gives_no_bytes,
        ir_06_a_bad_sector_is_never_given_as_data,
        ir_07_concurrent_reads_give_the_same_bytes,
    ]
}
