//! Disks that are stored by stream: a block is sent as its bytes come, nothing of it is kept, and one that is lost on its
//! way is read again.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure_core::error::{Error as AzureError, ErrorKind};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use bytes::Bytes;
use custody_azure::arm::Arm;
use custody_azure::{BlobStore, CleanTransport, Cloud, Patience};
use custody_core::custody_log::Act;
use custody_core::extent::{ByteRange, Extent, ZeroWord};
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{
    Deposit, DepositOptions, EvidenceSink as _, GrantOptions, ImportOptions, ObjectState, Rereading,
    SourceAccess as _,
};
use custody_core::{Error, Result};
use custody_testkit::azure_sim::{Bytes as DiskBytes, Fault, FaultAction, Scenario};
use custody_testkit::fake::{MemoryLog, pattern};
use futures::AsyncReadExt as _;

use crate::support::lab::Lab;
use crate::support::worker::Worker;
use crate::support::{hour, refusal, run};

const MIB: u64 = 1 << 20;
/// The bytes of a block, as long as 50,000 of them are enough.
const BLOCK: u64 = 16 * MIB;
/// The bytes of a read, and so of a write.
const PIECE: u64 = 2 * MIB;
const CONTAINER: &str = "plain";

/// The lab's transport: counts the bytes of blocks as they leave, and cuts the connection in the middle of one.
struct BlockWatch {
    inner: Arc<dyn HttpClient>,
    left: AtomicU64,
    /// The number of a block, from 1, and the bytes of it after which the connection is cut.
    cut: Option<(u64, u64)>,
    blocks: Mutex<u64>,
}

impl fmt::Debug for BlockWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockWatch")
    }
}

impl BlockWatch {
    fn over(lab: &Lab, cut: Option<(u64, u64)>) -> Arc<Self> {
        Arc::new(Self {
            inner: lab.simulator.transport(),
            left: AtomicU64::new(0),
            cut,
            blocks: Mutex::default(),
        })
    }

    fn left(&self) -> u64 {
        self.left.load(Ordering::SeqCst)
    }

    fn blocks(&self) -> u64 {
        *self.blocks.lock().unwrap()
    }
}

#[async_trait]
impl HttpClient for BlockWatch {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let is_block = request.url().query().unwrap_or_default().contains("blockid=");
        let (true, Body::SeekableStream(body)) = (is_block, request.body()) else {
            return self.inner.execute_request(request).await;
        };
        let number = {
            let mut blocks = self.blocks.lock().unwrap();
            *blocks += 1;
            *blocks
        };
        let (mut body, mut whole, mut buffer) = (body.clone(), Vec::new(), vec![0; 64 << 10]);
        loop {
            let count = body.read(&mut buffer).await?;
            self.left.fetch_add(count as u64, Ordering::SeqCst);
            whole.extend_from_slice(&buffer[..count]);
            if count == 0 {
                break;
            }
            if self
                .cut
                .is_some_and(|(cut, after)| cut == number && whole.len() as u64 >= after)
            {
                return Err(AzureError::with_message(ErrorKind::Io, "connection reset"));
            }
        }
        let mut request = request.clone();
        request.set_body(Bytes::from(whole));
        self.inner.execute_request(&request).await
    }
}

/// A store of the lab whose requests leave this way.
fn store_over(lab: &Lab, watch: &Arc<BlockWatch>) -> BlobStore {
    let mut lab = lab.clone();
    lab.arm = Arm::new(
        Arc::new(Cloud::public().unwrap()),
        CleanTransport::over(watch.clone()),
        &lab.credential,
        Patience::short(),
        Arc::new(lab.clock.clone()),
    );
    lab.store(CONTAINER)
}

fn acquisition() -> AcquisitionId {
    "20261121T203015Z-0123abcd".parse().unwrap()
}

fn name() -> ObjectName {
    "disk.vhd".parse().unwrap()
}

fn options(length: u64) -> DepositOptions {
    DepositOptions::new(acquisition(), length).with_rereading(Rereading::OnDemand)
}

/// Two blocks and a half: data, and a hole over the end of the first block.
fn disk() -> Vec<u8> {
    let mut disk = pattern(usize::try_from(2 * BLOCK + BLOCK / 2).unwrap(), 3);
    disk[HOLE.0..HOLE.1].fill(0);
    disk
}

const HOLE: (usize, usize) = (14 << 20, 18 << 20);

/// What is written from a byte on, as a reader would give it.
fn extent(disk: &Bytes, at: u64) -> Extent {
    let start = usize::try_from(at).unwrap();
    if (HOLE.0..HOLE.1).contains(&start) {
        let range = ByteRange::at(at, (HOLE.1 - start) as u64);
        return Extent::Zero {
            range,
            word: ZeroWord::ServicePageList,
        };
    }
    let end = disk.len().min(usize::try_from((at / PIECE + 1) * PIECE).unwrap());
    Extent::Data {
        at,
        bytes: disk.slice(start..end),
    }
}

/// Writes a disk, and what is lost of it again; gives from where bytes were lost.
async fn write_all(deposit: &mut dyn Deposit, disk: &Bytes) -> Result<Vec<u64>> {
    let (mut at, mut losses) = (0, Vec::new());
    while at < disk.len() as u64 {
        let extent = extent(disk, at);
        let end = extent.range().end();
        let taken = deposit.write(extent).await?;
        if taken.due != end {
            losses.push(taken.due);
        }
        at = taken.due;
    }
    Ok(losses)
}

/// Stores the disk over the lab as it is; gives from where bytes were lost.
fn stored(lab: &Lab, store: &BlobStore) -> Result<Vec<u64>> {
    let disk = Bytes::from(disk());
    let losses = run(async {
        let mut deposit = store.deposit(&name(), options(disk.len() as u64)).await?;
        let losses = write_all(deposit.as_mut(), &disk).await?;
        deposit.commit().await?;
        Ok::<_, Error>(losses)
    })?;
    let blob = lab
        .simulator
        .blob(Scenario::LAB_ACCOUNT, CONTAINER, "disk.vhd")
        .unwrap();
    assert!(
        blob.bytes().unwrap() == disk,
        "what is stored is not what was written"
    );
    Ok(losses)
}

fn staged(lab: &Lab) -> usize {
    let journal = lab.simulator.journal();
    let blocks = journal.iter().filter(|entry| entry.query.contains("blockid"));
    blocks.count()
}

#[test]
fn nothing_of_a_block_is_kept_however_large_it_is() {
    let _guard = Lab::guard();
    let lab = Lab::new();
    let watch = BlockWatch::over(&lab, None);
    let store = store_over(&lab, &watch);
    // A 50,000th of it is 378 MiB; no block of that is whole here.
    let length = 18 << 40;
    let piece = Bytes::from(pattern(usize::try_from(PIECE).unwrap(), 1));
    run(async {
        let mut deposit = store.deposit(&name(), options(length)).await.unwrap();
        for number in 0..32 {
            let at = number * PIECE;
            let bytes = piece.clone();
            let taken = deposit.write(Extent::Data { at, bytes }).await.unwrap();
            assert_eq!((taken.settled, taken.due), (0, at + PIECE));
            let kept = taken.due - watch.left();
            assert!(kept <= 2 * PIECE, "{kept} bytes are held");
        }
        let range = ByteRange::at(32 * PIECE, 64 * MIB);
        let word = ZeroWord::ServicePageList;
        let taken = deposit.write(Extent::Zero { range, word }).await.unwrap();
        assert_eq!((taken.settled, taken.due), (0, range.end()));
        assert!(taken.due - watch.left() <= PIECE, "zeros are held");
        deposit.abort().await.unwrap();
    });
    assert_eq!(watch.blocks(), 1);
    assert_eq!(staged(&lab), 0, "a block that was given up was completed");
    assert!(
        lab.simulator
            .blob_names(Scenario::LAB_ACCOUNT, CONTAINER)
            .is_empty()
    );
}

#[test]
fn a_block_that_is_cut_in_the_middle_is_wanted_again_from_its_start() {
    let _guard = Lab::guard();
    for (cut, lost_from) in [
        ((1, 5 * MIB), 0),
        ((2, 1), BLOCK),
        ((2, BLOCK), BLOCK),
        ((3, 3 * MIB), 2 * BLOCK),
    ] {
        let lab = Lab::new();
        let watch = BlockWatch::over(&lab, Some(cut));
        let losses = stored(&lab, &store_over(&lab, &watch)).unwrap();
        assert_eq!(losses, [lost_from], "{cut:?}");
        assert_eq!(
            watch.blocks(),
            4,
            "{cut:?}: each block once, and the one that was cut twice"
        );
    }
}

#[test]
fn a_block_that_the_service_did_not_take_is_wanted_again() {
    let _guard = Lab::guard();
    let second = |action| {
        Fault::on("PUT", "*/disk.vhd", action)
            .with_query("blockid=")
            .nth(2)
    };
    for (what, action) in [
        ("no answer", FaultAction::DropBefore),
        ("an answer that is lost", FaultAction::DropAfter),
        ("out of order", FaultAction::status(500, "InternalError")),
        ("busy", FaultAction::status(503, "ServerBusy").retry_after(7)),
        ("too slow", FaultAction::status(408, "RequestTimeout")),
        (
            "a token that is not accepted",
            FaultAction::status(401, "InvalidAuthenticationInfo"),
        ),
        (
            "other bytes arrived",
            FaultAction::Header("x-ms-content-crc64".into(), "AAAAAAAAAAA=".into()),
        ),
    ] {
        let lab = Lab::of(Scenario::lab().with_fault(second(action)));
        let began = custody_core::port::Clock::now(&lab.clock).unix_millis();
        let losses = stored(&lab, &lab.store(CONTAINER)).unwrap();
        assert_eq!(losses, [BLOCK], "{what}");
        assert_eq!(staged(&lab), 4, "{what}");
        if what == "busy" {
            let waited = custody_core::port::Clock::now(&lab.clock).unix_millis() - began;
            assert!(waited >= 7000, "the service asked for seven seconds: {waited} ms");
        }
    }
}

#[test]
fn a_refusal_is_no_loss_and_what_never_arrives_is_given_up() {
    let _guard = Lab::guard();
    let always = |action| {
        let fault = Fault::on("PUT", "*/disk.vhd", action).with_query("blockid=");
        Lab::of(Scenario::lab().with_fault(fault))
    };
    let lab = always(FaultAction::status(403, "AuthorizationPermissionMismatch"));
    let error = stored(&lab, &lab.store(CONTAINER)).unwrap_err();
    assert!(
        matches!(error.meaning(), Error::PermissionDenied { .. }),
        "{error}"
    );
    assert_eq!(staged(&lab), 1, "asked again in vain");

    let lab = always(FaultAction::DropBefore);
    let error = stored(&lab, &lab.store(CONTAINER)).unwrap_err();
    assert!(matches!(error.meaning(), Error::Provider { .. }), "{error}");
    assert_eq!(staged(&lab), 1 + Patience::short().retries as usize);
    assert!(
        lab.simulator
            .blob_names(Scenario::LAB_ACCOUNT, CONTAINER)
            .is_empty()
    );
}

#[test]
fn a_name_that_was_taken_while_a_block_was_on_its_way_is_told_at_once() {
    let _guard = Lab::guard();
    let lab = Lab::new();
    let watch = BlockWatch::over(&lab, Some((1, 5 * MIB)));
    let store = store_over(&lab, &watch);
    let disk = Bytes::from(disk());
    let mut deposit = run(store.deposit(&name(), options(disk.len() as u64))).unwrap();
    lab.put(CONTAINER, "disk.vhd", b"by hand");
    let error = run(write_all(deposit.as_mut(), &disk)).unwrap_err();
    assert!(matches!(error.meaning(), Error::AlreadyExists { .. }), "{error}");
    let blob = lab
        .simulator
        .blob(Scenario::LAB_ACCOUNT, CONTAINER, "disk.vhd")
        .unwrap();
    assert_eq!(blob.bytes().unwrap(), b"by hand".as_slice());
}

#[test]
fn a_disk_whose_blocks_are_lost_is_read_again_and_the_log_says_so() {
    let mut scenario = refusal::small();
    let data = scenario.disk_mut("web-01-data-0");
    data.bytes = DiskBytes::full(9 * MIB, 5);
    data.network.data_access_auth_mode = "AzureActiveDirectory".into();
    let lab = Lab::of(scenario);
    let watch = BlockWatch::over(&lab, Some((1, 5 * MIB)));
    let clock = Arc::new(lab.clock.clone());
    let worker =
        Worker::with_parts(&lab, &MemoryLog::new(), clock, watch.clone(), &lab.credential).one_by_one();
    let (log, outcome) = run(worker.capture()).unwrap();
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    assert_eq!(watch.blocks(), 2);
    worker.every_disk_is_stored(&outcome);
    worker.left_nothing();
    worker.is_proven();
    let told = worker.events(&log).into_iter().find_map(|event| match event.act {
        Act::Anomaly { detail, .. } if detail.contains("read a second time") => Some(detail),
        _ => None,
    });
    assert!(told.unwrap().contains("they were those of the first reading"));
}

#[test]
fn more_than_a_page_blob_holds_is_not_copied_by_the_service_and_can_be_streamed() {
    let lab = Lab::new();
    let snapshot = lab.snapshot("large", "web-01-data-0");
    let store = lab.store(Scenario::LAB_CONTAINER);
    let name: ObjectName = "cases/a/large.vhd".parse().unwrap();
    let most = 8 << 40;
    run(async {
        let access = lab.access();
        let grant = access
            .grant(&snapshot, GrantOptions::lasting(hour()))
            .await
            .unwrap()
            .value;
        let asked = || {
            let journal = lab.simulator.journal();
            journal
                .iter()
                .filter(|entry| entry.path.ends_with("/large.vhd") && entry.method == "PUT")
                .count()
        };
        let import = |length| store.import(&name, &grant, ImportOptions::new(acquisition(), length));
        let error = import(most + 512).await.unwrap_err();
        assert!(
            matches!(error.meaning(), Error::Unsupported { operation, .. } if operation.contains("8 TiB")),
            "{error}"
        );
        assert_eq!(asked(), 0, "the service was asked for a copy that it cannot make");
        let state = store.state(&name, &acquisition()).await.unwrap();
        assert_eq!(state, ObjectState::Absent);
        let deposit = store.deposit(&name, options(most + 512)).await.unwrap();
        deposit.abort().await.unwrap();
        import(most).await.unwrap();
        assert_eq!(asked(), 1, "what fits is copied");
    });
}
