//! What the Resource Manager says of a machine, byte for byte as it says it: to be stored beside the disks.

mod disks;
mod network;
mod part;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use custody_core::extent::ByteRange;
use custody_core::ids::{MachineRef, RecordName, Timestamp};
use custody_core::port::{
    Clock, ImageReader as _, ImageReaderExt as _, MAX_MACHINE_RECORD_BYTES, Machine, MachineRecord,
    MachineRecords,
};
use custody_core::{Acted, Error, Result};
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::Value;

use crate::arm::{ActivityWindow, Arm, RawAnswer, ResourceId};
use crate::blob::{BlobImage, RemoteBlob};
use crate::cloud::HostKind;
use crate::http::Repeat;

/// The largest console log or picture that is taken.
const MAX_BOOT_DATA_BYTES: u64 = 64 * 1024 * 1024;
const COMPUTE_VERSION: (&str, &str) = ("api-version", "2024-03-01");
const AUTHORIZATION_VERSION: (&str, &str) = ("api-version", "2022-04-01");

/// How far back the Activity Log is read.
const ACTIVITY_WINDOW: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// What the Resource Manager says of a machine, as a port.
#[derive(Debug, Clone)]
pub struct AzureMachineRecords {
    arm: Arm,
    clock: Arc<dyn Clock>,
}

impl AzureMachineRecords {
    /// Through this client; the clock says until when the Activity Log is read, for the two weeks before.
    #[must_use]
    pub fn new(arm: Arm, clock: Arc<dyn Clock>) -> Self {
        Self { arm, clock }
    }

    async fn read(&self, machine: MachineRef) -> Result<Vec<MachineRecord>> {
        // Disks, snapshots and restore points have no machine to ask about.
        let Ok(id) = machine.as_str().parse::<ResourceId>() else {
            return Ok(Vec::new());
        };
        if id.kind() != "microsoft.compute/virtualmachines" {
            return Ok(Vec::new());
        }
        let until = self.clock.now();
        let back = i64::try_from(ACTIVITY_WINDOW.as_millis()).unwrap_or(i64::MAX);
        let from = Timestamp::from_unix_millis(until.unix_millis().saturating_sub(back))?;
        Ok(MachineExhibit::read(&self.arm, &id, &ActivityWindow::new(from, until)?).await)
    }
}

impl fmt::Display for AzureMachineRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "machine records of {}", self.arm)
    }
}

impl MachineRecords for AzureMachineRecords {
    fn records(&self, machine: &Machine, settled: BTreeSet<RecordName>) -> BoxStream<'_, MachineRecord> {
        let machine = machine.machine.clone();
        let read = async move {
            let records = match self.read(machine).await {
                Ok(records) => records,
                Err(error) => record("machine.json", "the machine", Err(error))
                    .into_iter()
                    .collect(),
            };
            futures::stream::iter(records)
        };
        read.flatten_stream()
            .filter(move |record| std::future::ready(!settled.contains(record.name())))
            .boxed()
    }
}

/// A record; none where its name is no record's, which no name of ours is.
fn record(name: &str, what: &str, outcome: Result<RawAnswer>) -> Option<MachineRecord> {
    let result = outcome.and_then(|raw| {
        if raw.body.len() as u64 > MAX_MACHINE_RECORD_BYTES {
            return Err(Error::malformed(what, format!("has {} bytes", raw.body.len())));
        }
        Ok(Acted {
            value: raw.body,
            service: raw.service,
        })
    });
    name.parse()
        .ok()
        .map(|name| MachineRecord::new(name, what, result))
}

/// The machine exhibit, being read. Reads only; a part that cannot be read does not stop the others.
#[derive(Debug)]
pub struct MachineExhibit<'a> {
    arm: &'a Arm,
    parts: Vec<MachineRecord>,
}

impl<'a> MachineExhibit<'a> {
    /// Reads everything that belongs to the machine: itself, its instance view, disks and the disk encryption sets
    /// that they name, network interfaces, their subnets and the security groups over either, role assignments at its scope, boot diagnostics, and the Activity
    /// Log of its resource group in the window.
    ///
    /// # Errors
    /// None: what could not be read is a part that says so.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn read(arm: &'a Arm, machine: &ResourceId, window: &ActivityWindow) -> Vec<MachineRecord> {
        let mut exhibit = Self {
            arm,
            parts: Vec::new(),
        };
        let described = exhibit
            .one(
                "virtual-machine.json",
                "the virtual machine",
                machine.as_str(),
                &[COMPUTE_VERSION],
                "Microsoft.Compute/virtualMachines/read",
            )
            .await;
        exhibit
            .one(
                "instance-view.json",
                "its instance view",
                &format!("{machine}/instanceView"),
                &[COMPUTE_VERSION],
                "Microsoft.Compute/virtualMachines/instanceView/read",
            )
            .await;
        let described = described.unwrap_or_default();
        exhibit.disks(&described).await;
        exhibit.network(&described).await;
        exhibit
            .pages(
                "role-assignments",
                "role assignments at its scope",
                &format!("{machine}/providers/Microsoft.Authorization/roleAssignments"),
                &[AUTHORIZATION_VERSION],
                "Microsoft.Authorization/roleAssignments/read",
            )
            .await;
        exhibit.boot_diagnostics(machine).await;
        let (path, query) = window.request(machine);
        let query: Vec<(&str, &str)> = query
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        exhibit
            .pages(
                "activity-log",
                "the Activity Log of its resource group",
                &path,
                &query,
                "Microsoft.Insights/eventtypes/values/read",
            )
            .await;
        exhibit.parts
    }

    /// Serial console and screen, where boot diagnostics are on. The addresses that the service answers are grants:
    /// they are used and not kept.
    async fn boot_diagnostics(&mut self, machine: &ResourceId) {
        let addresses = self.arm.boot_diagnostics(machine).await;
        for (file, what, pick) in [
            ("serial-console.log", "the serial console's log", 0),
            ("console-screen.bmp", "the console's screen", 1),
        ] {
            let outcome = match &addresses {
                Ok(found) => match found.value.get(pick).and_then(Option::as_ref) {
                    Some(address) => self.grant_bytes(what, address).await.map(|body| RawAnswer {
                        body,
                        service: found.service.clone(),
                    }),
                    None => Err(Error::NotFound { object: what.into() }),
                },
                Err(error) => Err(retold(error)),
            };
            self.keep(file, what, outcome);
        }
    }

    async fn grant_bytes(&self, what: &str, address: &str) -> Result<Bytes> {
        // In an account of the machine's owner, or, where the platform keeps them, on a host of the exports' kind.
        let admitted = |kind| Ok((self.arm.cloud().admit_text(kind, address)?, kind));
        let (address, kind) = admitted(HostKind::Blob).or_else(|_: Error| admitted(HostKind::Export))?;
        let pipeline = self.arm.sending().pipeline(kind, Repeat::Freely, None);
        let remote = RemoteBlob::new(pipeline, address, what.to_owned(), "reading boot diagnostics");
        let facts = remote.head().await?.value;
        let image = BlobImage::new(remote, &facts);
        if image.length() > MAX_BOOT_DATA_BYTES {
            return Err(Error::malformed(what, format!("has {} bytes", image.length())));
        }
        image.read_bytes(ByteRange::at(0, image.length())).await
    }

    /// Reads one resource, keeps it, and gives it parsed for what it leads to.
    async fn one(
        &mut self,
        file: &str,
        what: &str,
        path: &str,
        query: &[(&str, &str)],
        action: &'static str,
    ) -> Option<Value> {
        let outcome = self.arm.fetch(path, query, action).await;
        let parsed = outcome
            .as_ref()
            .ok()
            .and_then(|raw| serde_json::from_slice(&raw.body).ok());
        self.keep(file, what, outcome);
        parsed
    }

    /// Reads a list, each page a part of its own.
    async fn pages(
        &mut self,
        stem: &str,
        what: &str,
        path: &str,
        query: &[(&str, &str)],
        action: &'static str,
    ) {
        let (pages, end) = self.arm.fetch_pages(path, query, action).await;
        let count = pages.len();
        for (number, page) in (1..).zip(pages) {
            self.keep(
                &format!("{stem}-{number}.json"),
                &format!("{what}, page {number}"),
                Ok(page),
            );
        }
        if let Err(error) = end {
            let number = count + 1;
            self.keep(
                &format!("{stem}-{number}.json"),
                &format!("{what}, page {number}"),
                Err(error),
            );
        }
    }

    fn keep(&mut self, file: &str, what: &str, outcome: Result<RawAnswer>) {
        self.parts.extend(record(file, what, outcome));
    }
}

fn told(error: &Error) -> String {
    let mut text = error.to_string();
    for cause in error.causes() {
        text = format!("{text}: {cause}");
    }
    text
}

/// The same meaning again, for the second of two parts that one refusal concerns.
fn retold(error: &Error) -> Error {
    let service = error.service().cloned().unwrap_or_default();
    let again = match error.meaning() {
        Error::PermissionDenied {
            object, operation, ..
        } => Error::PermissionDenied {
            object: object.clone(),
            operation,
            source: None,
        },
        Error::NotFound { object } => Error::NotFound {
            object: object.clone(),
        },
        _ => Error::Provider {
            object: "boot diagnostics".into(),
            operation: "reading",
            source: Some(told(error).into()),
        },
    };
    again.answered(service)
}
