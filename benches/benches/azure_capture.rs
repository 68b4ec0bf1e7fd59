//! `custody capture azure` of a machine with three disks, beside what it cannot be faster than and beside the steps of
//! Copy-VmDigitalEvidence in their order; all against one simulated Azure behind a link and with copies of known speed.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench prints its figures"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use custody_benches::{
    Bounds, PlainAzure, Readable, Run, SimulatedAzure, Size, custody, custody_azure_sim, describe_machine,
    median, scattered_image,
};
use custody_testkit::azure_sim::{AttachedDisk, Bandwidth, Bytes, Disk, Machine, Scenario};

/// The link between the worker and the cloud, in bytes a second: slow enough that no processor decides.
const LINK: u64 = 100_000_000;
/// Each server-side copy, in bytes a second: what is reckoned with for Azure.
const COPY: u64 = 60 << 20;
const ROUNDS: usize = 3;
const AT_MOST: f64 = 1.15;

/// Length of a disk and where its data is, in MiB.
const DISKS: [(&str, u64, u64, u64); 3] = [
    ("os", 1536, 0, 1024),
    ("data-0", 1024, 0, 1024),
    ("data-1", 1024, 256, 768),
];
/// What curl asks for at once, and in one request: as much as custody does.
const AT_ONCE: usize = 12;
const PIECE_BYTES: u64 = 2 << 20;
/// A container without protection, for what is not ours.
const PLAIN: &str = "plain";

fn main() -> ExitCode {
    let (custody, simulator, size) = (custody(), custody_azure_sim(), Size::asked_for());
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let images: Vec<PathBuf> = DISKS
        .iter()
        .map(|&(name, length, start, end)| {
            let path = folder.path().join(name);
            let of = |mib: u64| size.of(mib << 20) * u64::from(mib > 0);
            scattered_image(&path, of(length), std::slice::from_ref(&(of(start)..of(end))));
            path
        })
        .collect();
    println!(
        "{}; three disks, link {} MB/s, copies {} MiB/s each, medians of {ROUNDS} rounds",
        describe_machine(),
        LINK / 1_000_000,
        COPY >> 20
    );
    let azure = SimulatedAzure::start(&simulator, &scenario(&images));
    let plain = PlainAzure::new(&azure);
    let disks = plain.disks();
    let mut rounds = Rounds::default();
    for round in 0..ROUNDS {
        rounds.captures.push(azure.capture(&custody, &[]).wall);
        rounds.hashes.push(hash(&custody, &images));
        rounds.measure_terms(&plain, &disks, round);
    }
    let mut bounds = Bounds::default();
    rounds.report(&mut bounds, size);
    let runbook = replay_runbook(&plain, &disks);
    println!(
        "the runbook's steps, one disk after the other, nothing read back    {:>7.1} s (reported)",
        runbook.as_secs_f64()
    );
    bounds.exit_code()
}

fn scenario(images: &[PathBuf]) -> Scenario {
    let mut scenario = Scenario::lab();
    scenario.disks = DISKS
        .iter()
        .zip(images)
        .map(|((name, ..), image)| Disk::new(name, Bytes::File(image.clone())))
        .collect();
    let attached = |index: usize| AttachedDisk::managed(DISKS.get(index).map_or("", |disk| disk.0));
    scenario.machines = vec![Machine::new(
        Scenario::LAB_MACHINE,
        attached(0),
        vec![attached(1), attached(2)],
    )];
    let timing = scenario.timing.clone().with_copy_speed(COPY);
    scenario.with_timing(timing).with_bandwidth(Bandwidth::link(LINK))
}

/// `custody hash` of all images together, alone on the machine.
fn hash(custody: &Path, images: &[PathBuf]) -> Duration {
    let words = std::iter::once(Path::new("hash")).chain(images.iter().map(PathBuf::as_path));
    Run::of(custody.as_os_str(), words).wall
}

/// What was measured, a value a round.
#[derive(Debug, Default)]
struct Rounds {
    captures: Vec<Duration>,
    copies: Vec<Duration>,
    reads: Vec<Duration>,
    hashes: Vec<Duration>,
    read_backs: Vec<Duration>,
}

impl Rounds {
    /// Each thing that a capture waits for, by itself.
    fn measure_terms(&mut self, plain: &PlainAzure<'_>, disks: &[String], round: usize) {
        let snapshots: Vec<String> = disks
            .iter()
            .enumerate()
            .map(|(number, disk)| plain.snapshot(disk, &format!("bench-{round}-{number}")))
            .collect();
        let grants: Vec<String> = snapshots.iter().map(|id| plain.grant(id)).collect();

        let start = Instant::now();
        let name = |number| format!("round-{round}-{number}.vhd");
        for (number, grant) in grants.iter().enumerate() {
            plain.copy(grant, PLAIN, &name(number));
        }
        for number in 0..grants.len() {
            plain.await_copy(PLAIN, &name(number));
        }
        self.copies.push(start.elapsed());

        let sources: Vec<Readable> = grants.iter().map(|grant| plain.export(grant)).collect();
        self.reads.push(draw(plain, &sources));
        let stored: Vec<Readable> = (0..grants.len())
            .map(|number| plain.stored(PLAIN, &name(number)))
            .collect();
        self.read_backs.push(draw(plain, &stored));
        snapshots.iter().for_each(|id| plain.delete(id));
    }

    fn report(self, bounds: &mut Bounds, size: Size) {
        let [capture, copy, read, hash, read_back] = [
            self.captures,
            self.copies,
            self.reads,
            self.hashes,
            self.read_backs,
        ]
        .map(|walls| median(walls).as_secs_f64());
        for (name, seconds) in [
            ("server-side copies, alone", copy),
            ("one read of the allocated source, by curl", read),
            ("custody hash of the images together, alone", hash),
            ("one read-back of the stored copies, by curl", read_back),
        ] {
            println!("{name:<67} {seconds:>7.1} s");
        }
        let due = copy.max(read).max(hash) + read_back;
        let ratio = capture / due;
        let verdict = size.verdict(bounds, "azure capture of three disks", ratio, AT_MOST);
        println!(
            "custody capture azure : the longest of three + one read-back        ours {capture:.1} s  due {due:.1} s  \
             ratio {ratio:.2} ({verdict})"
        );
    }
}

fn draw(plain: &PlainAzure<'_>, from: &[Readable]) -> Duration {
    let pieces: Vec<_> = from
        .iter()
        .flat_map(|readable| readable.pieces(PIECE_BYTES))
        .collect();
    plain.curl().draw(&pieces, AT_ONCE)
}

/// Snapshot, access, a copy to the container and one to the share, the digest of the share's copy, then the snapshot is
/// deleted; the next disk. A second container stands for the share. No digest and no key is stored.
fn replay_runbook(plain: &PlainAzure<'_>, disks: &[String]) -> Duration {
    let start = Instant::now();
    for (number, disk) in disks.iter().enumerate() {
        let snapshot = plain.snapshot(disk, &format!("runbook-{number}"));
        let grant = plain.grant(&snapshot);
        let (evidence, share) = (format!("runbook-{number}.vhd"), format!("runbook-{number}-share"));
        plain.copy(&grant, Scenario::LAB_CONTAINER, &evidence);
        plain.copy(&grant, PLAIN, &share);
        plain.await_copy(PLAIN, &share);
        // A mounted share reads holes like anything else.
        let read = plain.stored(PLAIN, &share);
        plain.curl().digest(read.whole());
        plain.await_copy(Scenario::LAB_CONTAINER, &evidence);
        plain.delete(&snapshot);
    }
    start.elapsed()
}
