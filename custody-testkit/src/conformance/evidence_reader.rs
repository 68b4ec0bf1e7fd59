//! The clauses of [`EvidenceReader`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use custody_core::extent::Extent;
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{
    DepositOptions, EvidenceReader, EvidenceReaderExt as _, EvidenceSink, StoredObject,
};
use custody_core::{Error, Result};
use futures::StreamExt as _;
use futures::executor::block_on;

use super::clause::{ClauseFailure, Conforms, ensure, refused, suite};
use super::image_reader::{self, ImageHarness};
use crate::fake::pattern;

/// A store with known objects, seen through its reader.
pub struct ReaderHarness {
    reader: Arc<dyn EvidenceReader>,
    objects: Vec<(ObjectName, Vec<u8>)>,
    writing: Option<Arc<dyn EvidenceSink>>,
    nameless: Option<Box<dyn Fn()>>,
    blind: Option<Arc<dyn EvidenceReader>>,
    fingerprint: Option<Box<dyn Fn() -> String>>,
    keep: Vec<Box<dyn Any>>,
}

/// The objects that a reader's store is to hold: names next to each other in order, folders within
/// folders, a folder and an object whose names begin alike, an empty object.
///
/// # Panics
/// Never: the names are fit for object names.
#[must_use]
pub fn sample_objects() -> Vec<(ObjectName, Vec<u8>)> {
    let name = |text: &str| text.parse::<ObjectName>().expect("an object name");
    vec![
        (name("cases/a/empty"), Vec::new()),
        (name("cases/a/item"), pattern(10_000, 1)),
        (name("cases/a/item.chunks.sha256"), pattern(65, 2)),
        (name("cases/a/nested/deep/object"), pattern(1, 3)),
        (name("cases/ab/item"), pattern(513, 4)),
        (name("cases/b/item"), pattern(4096, 5)),
        (name("register.jsonl"), pattern(200, 6)),
    ]
}

impl ReaderHarness {
    /// The reader of a store that holds exactly these objects.
    #[must_use]
    pub fn new(reader: Arc<dyn EvidenceReader>, objects: Vec<(ObjectName, Vec<u8>)>) -> Self {
        Self {
            reader,
            objects,
            writing: None,
            nameless: None,
            blind: None,
            fingerprint: None,
            keep: Vec::new(),
        }
    }

    /// The reader of an empty store, which this fills with [`sample_objects`] through its sink.
    ///
    /// # Panics
    /// When the sink does not take them.
    #[must_use]
    pub fn filled(sink: Arc<dyn EvidenceSink>, reader: Arc<dyn EvidenceReader>) -> Self {
        let objects = sample_objects();
        for (name, bytes) in &objects {
            block_on(store(&*sink, name, bytes)).expect("the sink takes an object");
        }
        let mut harness = Self::new(reader, objects);
        harness.writing = Some(sink);
        harness
    }

    /// This puts something without an object name into `cases/a`: a hidden file, a link.
    #[must_use]
    pub fn with_nameless(mut self, put: impl Fn() + 'static) -> Self {
        self.nameless = Some(Box::new(put));
        self
    }

    /// A reader whose store cannot be read.
    #[must_use]
    pub fn with_blind_reader(mut self, reader: Arc<dyn EvidenceReader>) -> Self {
        self.blind = Some(reader);
        self
    }

    /// This tells all that could change in the storage: names, bytes, times, modes.
    #[must_use]
    pub fn fingerprinted_by(mut self, fingerprint: impl Fn() -> String + 'static) -> Self {
        self.fingerprint = Some(Box::new(fingerprint));
        self
    }

    /// Keeps something alive as long as the harness: a temporary directory.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }

    /// What is at or below the folder, as it should be listed.
    fn due(&self, under: Option<&ObjectName>) -> Vec<StoredObject> {
        let mut due: Vec<StoredObject> = self
            .objects
            .iter()
            .filter(|(name, _)| under.is_none_or(|folder| name.is_under(folder)))
            .map(|(name, bytes)| StoredObject::new(name.clone(), bytes.len() as u64))
            .collect();
        due.sort_by(|one, other| one.name.cmp(&other.name));
        due
    }
}

async fn store(sink: &dyn EvidenceSink, name: &ObjectName, bytes: &[u8]) -> Result<()> {
    let acquisition: AcquisitionId = "20261121T203015Z-0123abcd".parse()?;
    let mut deposit = sink
        .deposit(name, DepositOptions::new(acquisition, bytes.len() as u64))
        .await?;
    if !bytes.is_empty() {
        let bytes = Bytes::copy_from_slice(bytes);
        deposit.write(Extent::Data { at: 0, bytes }).await?;
    }
    deposit.commit().await.map(drop)
}

impl fmt::Debug for ReaderHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReaderHarness({})", self.reader)
    }
}

/// What is listed, and how many things without an object name.
async fn listed(
    reader: &dyn EvidenceReader,
    under: Option<ObjectName>,
) -> Result<(Vec<StoredObject>, usize), ClauseFailure> {
    let mut stream = reader.list(under);
    let (mut objects, mut nameless) = (Vec::new(), 0);
    while let Some(object) = stream.next().await {
        match object {
            Ok(object) => objects.push(object),
            Err(error) if matches!(error.meaning(), Error::Malformed { .. }) => nameless += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok((objects, nameless))
}

/// `ER-01`: all that is there.
///
/// # Errors
/// How the clause is broken.
pub async fn er_01_a_listing_has_each_object_once_in_order(harness: &ReaderHarness) -> Conforms {
    let mut folders: Vec<Option<ObjectName>> = vec![None];
    for (name, _) in &harness.objects {
        folders.push(Some(name.clone()));
        folders.extend(std::iter::successors(name.folder(), ObjectName::folder).map(Some));
    }
    for folder in folders {
        let due = harness.due(folder.as_ref());
        let shown = folder
            .as_ref()
            .map_or("the store".to_owned(), ToString::to_string);
        let (listed, nameless) = listed(&*harness.reader, folder).await?;
        ensure!(
            listed == due,
            "the listing of {shown} is {listed:?}, due is {due:?}"
        );
        ensure!(
            nameless == 0,
            "the listing of {shown} complains of {nameless} names"
        );
    }
    Ok(())
}

/// `ER-01`: nothing that is still being written. For a store that is only read, there is nothing to show.
///
/// # Errors
/// How the clause is broken.
pub async fn er_01_what_is_being_written_is_not_listed(harness: &ReaderHarness) -> Conforms {
    let Some(sink) = &harness.writing else {
        return Ok(());
    };
    let acquisition: AcquisitionId = "20261121T203015Z-0123abcd".parse()?;
    let name: ObjectName = "cases/a/growing".parse()?;
    let mut deposit = sink
        .deposit(&name, DepositOptions::new(acquisition, 2000))
        .await?;
    let bytes = Bytes::from(pattern(1000, 1));
    deposit.write(Extent::Data { at: 0, bytes }).await?;
    let (listed, nameless) = listed(&*harness.reader, None).await?;
    ensure!(
        listed == harness.due(None),
        "during a deposit, the listing is {listed:?}"
    );
    ensure!(
        nameless == 0,
        "during a deposit, the listing complains of {nameless} names"
    );
    deposit.abort().await?;
    Ok(())
}

/// `ER-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn er_02_what_has_no_name_is_malformed_and_the_listing_goes_on(
    harness: &ReaderHarness,
) -> Conforms {
    let Some(put) = &harness.nameless else {
        return Err(ClauseFailure::not_offered(
            "something without a name (`with_nameless`)",
        ));
    };
    put();
    for under in [None, Some("cases/a".parse()?)] {
        let due = harness.due(under.as_ref());
        let (listed, nameless) = listed(&*harness.reader, under).await?;
        ensure!(
            nameless > 0,
            "something without an object name was passed over in silence"
        );
        let goes_on = due.iter().all(|object| listed.contains(object));
        ensure!(goes_on, "the listing did not go on: {listed:?}, due is {due:?}");
    }
    Ok(())
}

/// `ER-03`: not there.
///
/// # Errors
/// How the clause is broken.
pub async fn er_03_a_folder_that_is_not_there_lists_as_empty(harness: &ReaderHarness) -> Conforms {
    for absent in ["nowhere", "cases/nowhere/deep", "cases/a/item/below"] {
        let (listed, nameless) = listed(&*harness.reader, Some(absent.parse()?)).await?;
        ensure!(
            listed.is_empty() && nameless == 0,
            "{absent}, which is not there, lists {listed:?}"
        );
    }
    Ok(())
}

/// `ER-03`: not readable.
///
/// # Errors
/// How the clause is broken.
pub async fn er_03_a_folder_that_cannot_be_read_is_an_error(harness: &ReaderHarness) -> Conforms {
    let Some(blind) = &harness.blind else {
        return Err(ClauseFailure::not_offered(
            "a store that cannot be read (`with_blind_reader`)",
        ));
    };
    let outcome = listed(&**blind, None).await;
    ensure!(outcome.is_err(), "a store that cannot be read lists {outcome:?}");
    Ok(())
}

/// `ER-04`.
///
/// # Errors
/// How the clause is broken.
pub async fn er_04_what_is_not_there_is_not_found(harness: &ReaderHarness) -> Conforms {
    // A folder is no object.
    for absent in ["nowhere", "cases/a/nowhere", "cases/nowhere/item", "cases/a"] {
        let name: ObjectName = absent.parse()?;
        refused!(
            harness.reader.describe(&name).await,
            Error::NotFound { .. },
            "describing {absent}"
        );
        refused!(
            harness.reader.open(&name).await,
            Error::NotFound { .. },
            "opening {absent}"
        );
    }
    Ok(())
}

/// `ER-05`.
///
/// # Errors
/// How the clause is broken.
pub async fn er_05_reading_changes_nothing(harness: &ReaderHarness) -> Conforms {
    let state = async || -> Result<String, ClauseFailure> {
        if let Some(fingerprint) = &harness.fingerprint {
            return Ok(fingerprint());
        }
        let (listed, nameless) = listed(&*harness.reader, None).await?;
        Ok(format!("{listed:?}, {nameless} without a name"))
    };
    let before = state().await?;
    for (name, bytes) in &harness.objects {
        harness.reader.describe(name).await?;
        let found = harness.reader.fetch(name, u64::MAX).await?;
        ensure!(found == bytes, "{name} has other bytes");
    }
    listed(&*harness.reader, None).await?;
    let nowhere: ObjectName = "cases/nowhere".parse()?;
    // The refusal is another clause's matter.
    drop(harness.reader.open(&nowhere).await);
    let after = state().await?;
    ensure!(
        before == after,
        "reading changed the store from {before} to {after}"
    );
    Ok(())
}

/// `ER-06`.
///
/// # Errors
/// How the clause is broken.
pub async fn er_06_an_opened_object_is_a_sound_image(harness: &ReaderHarness) -> Conforms {
    for (name, bytes) in &harness.objects {
        let told = harness.reader.describe(name).await?;
        ensure!(told.name == *name, "{name} is described as {}", told.name);
        let image = harness.reader.open(name).await?;
        ensure!(
            image.length() == told.length,
            "{name} is told to have {} bytes and opens with {}",
            told.length,
            image.length()
        );
        let image = ImageHarness::new(image, bytes.clone());
        let within = |failure: ClauseFailure| ClauseFailure::new(format!("{name}: {failure}"));
        image_reader::ir_01_the_length_is_constant(&image)
            .await
            .map_err(within)?;
        image_reader::ir_02_spans_cover_exactly_the_range_asked_for(&image)
            .await
            .map_err(within)?;
        image_reader::ir_03_what_is_told_as_zero_reads_as_zeros(&image)
            .await
            .map_err(within)?;
        image_reader::ir_04_a_read_answers_exactly_the_range(&image)
            .await
            .map_err(within)?;
        image_reader::ir_04_a_read_outside_the_image_is_misuse(&image)
            .await
            .map_err(within)?;
        image_reader::ir_07_concurrent_reads_give_the_same_bytes(&image)
            .await
            .map_err(within)?;
    }
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `EvidenceReader` as tests, on a [`ReaderHarness`](crate::conformance::evidence_reader::ReaderHarness).
    evidence_reader_conformance, evidence_reader, ReaderHarness, [
        er_01_a_listing_has_each_object_once_in_order,
        er_01_what_is_being_written_is_not_listed,
        er_02_what_has_no_name_is_malformed_and_the_listing_goes_on,
        er_03_a_folder_that_is_not_there_lists_as_empty,
        er_03_a_folder_that_cannot_be_read_is_an_error,
        er_04_what_is_not_there_is_not_found,
        er_05_reading_changes_nothing,
        er_06_an_opened_object_is_a_sound_image,
    ]
}
