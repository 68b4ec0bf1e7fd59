//! Reading a blob in checked ranges, with all digests made meanwhile, beside curl with as many ranges at once, over a
//! link of 500 MB/s.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench prints its figures"
)]

use std::process::ExitCode;
use std::sync::Arc;

use custody_azure::arm::{Arm, ResourceId};
use custody_azure::{BlobStore, CleanTransport, Cloud, Identity, Patience, StoreLocation};
use custody_benches::{
    Bounds, Pair, PlainAzure, Router, Run, SimulatedAzure, Size, custody_azure_sim, describe_machine,
};
use custody_core::extent::ByteRange;
use custody_core::port::{EvidenceReader as _, HashOptions, ImageHasher as _, ImageReader};
use custody_hash::port::EngineHasher;
use custody_hash::{Engine, EngineOptions};
use custody_local::{SystemClock, SystemEntropy};
use custody_testkit::azure_sim::{Bandwidth, Bytes, Disk, Scenario};
use futures::{StreamExt as _, TryStreamExt as _};

const LINK: u64 = 500_000_000;
const IMAGE_BYTES: u64 = 2 << 30;
const PAIRS: usize = 5;
/// How a capture reads: so many bytes a request, so many requests at once.
const PIECE_BYTES: u64 = 2 << 20;
const AT_ONCE: usize = 4;
const IN_FLIGHT_BYTES: u64 = 8 << 20;
/// As `custody` drives its requests.
const THREADS: usize = 2;
const CONTAINER: &str = "plain";
const NAME: &str = "image.vhd";

fn main() -> ExitCode {
    let (simulator, size) = (custody_azure_sim(), Size::asked_for());
    let bytes = size.of(IMAGE_BYTES);
    let mut scenario = Scenario::lab().with_bandwidth(Bandwidth::link(LINK));
    scenario.disks = vec![Disk::new("web-01_OsDisk_1", Bytes::full(bytes, 1))];
    if let Some(machine) = scenario.machines.first_mut() {
        machine.data_disks.clear();
    }
    println!(
        "{}; {} MiB, {AT_ONCE} ranges at once, link {} MB/s, medians of {PAIRS} pairs",
        describe_machine(),
        bytes >> 20,
        LINK / 1_000_000
    );
    let azure = SimulatedAzure::start(&simulator, &scenario);
    let plain = PlainAzure::new(&azure);
    store(&plain);
    let curl = plain.stored_over_http(CONTAINER, NAME);
    let quarters = curl.pieces(curl.length.div_ceil(AT_ONCE as u64));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .expect("a runtime");
    let engine = Engine::new(EngineOptions::default()).expect("threads");
    let hasher = EngineHasher::new(engine).with_in_flight_bytes(IN_FLIGHT_BYTES);
    let blobs = blobs(&azure);
    let name = NAME.parse().expect("a name");
    let mut bounds = Bounds::default();
    // Throughput of at least 0.9 of the peer's is a wall time of at most 1 / 0.9 of its.
    let most = size.holds().then_some(1.0 / 0.9);
    Pair::new("azure reader with digests : curl", PAIRS).measure(
        &mut bounds,
        most,
        || {
            Run::timed(|| {
                runtime.block_on(async {
                    let image = blobs.open(&name).await.expect("the blob is there");
                    read(image.as_ref(), &hasher).await;
                });
            })
        },
        || Run::lasting(plain.curl().draw(&quarters, AT_ONCE)),
    );
    bounds.exit_code()
}

/// Has the cloud store a disk of the machine.
fn store(plain: &PlainAzure<'_>) {
    let disks = plain.disks();
    let snapshot = plain.snapshot(disks.first().map_or("", String::as_str), "bench");
    plain.copy(&plain.grant(&snapshot), CONTAINER, NAME);
    plain.await_copy(CONTAINER, NAME);
}

fn blobs(azure: &SimulatedAzure) -> BlobStore {
    let cloud = Arc::new(Cloud::public().expect("the public cloud"));
    let transport = CleanTransport::over(Arc::new(Router::new(&azure.plain_router())));
    let secret_file = azure.secret_file();
    let identity = Identity::ClientSecret {
        tenant: azure.tenant(),
        client: Scenario::LAB_CLIENT_ID.into(),
        secret_file,
    };
    let credential = identity
        .credential(&cloud, &transport)
        .expect("the secret can be read");
    let clock = Arc::new(SystemClock::new().expect("the host's clock"));
    let arm = Arm::new(cloud, transport, &credential, Patience::default(), clock);
    let account = ResourceId::new(
        azure.subscription(),
        "soc",
        "Microsoft.Storage/storageAccounts",
        Scenario::LAB_ACCOUNT,
    );
    let place = StoreLocation::new(account.expect("an id"), CONTAINER).expect("a container");
    BlobStore::new(arm, place, credential, Arc::new(SystemEntropy::new())).expect("a store")
}

/// The way of a capture: ranges a few ahead, each handed on to the digests in order.
async fn read(image: &dyn ImageReader, hasher: &EngineHasher) {
    let mut hash = hasher
        .start(image.length(), HashOptions::default())
        .expect("an image can be hashed");
    let pieces = ByteRange::at(0, image.length()).pieces(PIECE_BYTES);
    let mut reads = futures::stream::iter(pieces)
        .map(|piece| image.read(piece))
        .buffered(AT_ONCE);
    while let Some(extents) = reads.try_next().await.expect("the blob can be read") {
        for extent in extents {
            drop(hash.push(extent).await.expect("bytes in order"));
        }
    }
    drop(hash.finish().await.expect("all bytes came"));
}
