//! Peak memory of `custody capture azure`, for one disk, for three and for sixteen; large ones with little data, data in
//! ten thousand places, and disks that are stored by stream.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::process::ExitCode;

use custody_benches::{Bounds, SimulatedAzure, Size, custody, custody_azure_sim, describe_machine};
use custody_testkit::azure_sim::{AttachedDisk, Bytes, Disk, Machine, Scenario};

const AT_MOST_MIB: f64 = 128.0;
const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

fn main() -> ExitCode {
    let (custody, simulator, size) = (custody(), custody_azure_sim(), Size::asked_for());
    println!(
        "{}; peak resident set, nothing limits the link",
        describe_machine()
    );
    let mut bounds = Bounds::default();
    for (name, disks, bytes, places, data, way) in [
        ("one disk of 100 GiB", 1, 100 * GIB, 4, 256 * MIB, Way::Copied),
        ("three disks of 32 GiB", 3, 32 * GIB, 4, 256 * MIB, Way::Copied),
        ("sixteen disks of 8 GiB", 16, 8 * GIB, 4, 64 * MIB, Way::Copied),
        (
            "four disks of 16 GiB, in pieces",
            4,
            16 * GIB,
            10_000,
            MIB / 8,
            Way::Copied,
        ),
        (
            "four streamed disks of 1 GiB",
            4,
            GIB,
            4,
            128 * MIB,
            Way::Streamed,
        ),
    ] {
        let scenario = scenario(disks, size.of(bytes), places, data, way);
        let run = SimulatedAzure::start(&simulator, &scenario).capture(&custody, &[]);
        let peak_mib = u32::try_from(run.peak_bytes >> 20).map_or(f64::INFINITY, f64::from);
        let verdict = bounds.hold(name, peak_mib, AT_MOST_MIB);
        println!(
            "{name:<32} {:>8.1} s  peak {peak_mib:>3} MiB ({verdict})",
            run.wall.as_secs_f64()
        );
    }
    bounds.exit_code()
}

/// How disks come into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The service copies them.
    Copied,
    /// They demand a sign-in, so that they pass through the worker.
    Streamed,
}

/// So many disks, each with data of that many bytes in that many places, evenly.
fn scenario(disks: usize, bytes: u64, places: u64, data: u64, way: Way) -> Scenario {
    let mut scenario = Scenario::lab();
    // At least 256 KiB from one place to the next, half of them data: smaller holes would not be holes.
    let places = places.min(bytes / (256 << 10)).max(1);
    let step = bytes / places;
    let data = data.min(step / 2) & !0xffff;
    let allocated: Vec<(u64, u64)> = (0..places)
        .map(|place| (place * step) & !0xffff)
        .map(|start| (start, start + data))
        .collect();
    scenario.disks = (1_u64..)
        .take(disks)
        .map(|number| {
            let bytes = Bytes::sparse(bytes, number, &allocated);
            let mut disk = Disk::new(&format!("disk-{number}"), bytes);
            if way == Way::Streamed {
                disk.network.data_access_auth_mode = "AzureActiveDirectory".into();
            }
            disk
        })
        .collect();
    let mut attached = scenario
        .disks
        .iter()
        .map(|disk| AttachedDisk::managed(&disk.name));
    let first = attached.next().unwrap_or_default();
    scenario.machines = vec![Machine::new(Scenario::LAB_MACHINE, first, attached.collect())];
    scenario
}
