use std::fmt;
use std::time::Duration;

use azure_core::http::Method;
use custody_core::{Acted, Error, Result, ServiceRecord};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::client::Arm;
use super::ending::{Reading, done_by};
use super::{DiskResource, ResourceId, VirtualMachine};
use crate::cloud::HostKind;
use crate::http::{Backoff, Failing, goes_on, is_gone, is_untold, may_pass};

/// The version of the disk resource provider's interface that is spoken.
pub(super) const DISK_VERSION: (&str, &str) = ("api-version", "2023-10-02");
/// The version of the compute resource provider's interface that is spoken.
pub(super) const COMPUTE_VERSION: (&str, &str) = ("api-version", "2024-03-01");

/// How often access is asked for again when the service says that it succeeded and does not give it.
const MAX_ACCESS_CALLS: u32 = 5;

/// Read access to a disk snapshot as the service granted it: an address that is the authority itself.
///
/// Shows the address up to its `?` and never what follows. Erased when dropped.
pub struct AccessGrant {
    address: Zeroizing<String>,
}

impl AccessGrant {
    /// The address without what makes it a grant.
    #[must_use]
    pub fn address(&self) -> &str {
        self.address.split('?').next().unwrap_or_default()
    }

    /// What makes it a grant. Never print, log or store what this returns.
    #[must_use]
    pub fn expose_query(&self) -> &str {
        self.address.split_once('?').map_or("", |(_, query)| query)
    }
}

impl fmt::Debug for AccessGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessGrant")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

/// What of a disk snapshot is exported.
///
/// Source: `GrantAccessData` in Microsoft's OpenAPI document, DiskRP 2023-10-02, read 2026-11-21.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ExportKind {
    /// The disk, as a fixed VHD.
    #[default]
    Vhd,
    /// The disk, as the VHDX in which snapshots of 4096-byte sectors are kept: `fileFormat`.
    Vhdx,
    /// The guest state (VMGS) beside the disk: `getSecureVMGuestStateSAS`.
    GuestState,
}

#[derive(Deserialize)]
struct AccessAnswer {
    #[serde(rename = "accessSAS", default)]
    access_sas: Option<String>,
    #[serde(rename = "securityDataAccessSAS", default)]
    security_data_access_sas: Option<String>,
}

/// The address in an answer.
enum Given {
    Address(Zeroizing<String>),
    /// The guest state's was asked for, and only the disk's was given.
    OnlyTheDisk,
    Nothing,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BootAnswer {
    #[serde(default)]
    console_screenshot_blob_uri: Option<String>,
    #[serde(default)]
    serial_console_log_blob_uri: Option<String>,
}

impl Arm {
    /// A virtual machine with its instance view.
    pub(crate) async fn machine(&self, id: &ResourceId) -> Result<Acted<VirtualMachine>> {
        let query = [("$expand", "instanceView"), COMPUTE_VERSION];
        self.read(id, &query, "Microsoft.Compute/virtualMachines/read")
            .await
    }

    /// A managed disk, a disk snapshot or a disk restore point.
    pub(crate) async fn disk(&self, id: &ResourceId) -> Result<Acted<DiskResource>> {
        self.read(id, &[DISK_VERSION], read_action(id)).await
    }

    /// The disk snapshots of a resource group.
    pub(crate) async fn snapshots(&self, subscription: &str, group: &str) -> Result<Vec<DiskResource>> {
        let path = format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/snapshots"
        );
        self.list(&path, &[DISK_VERSION], "Microsoft.Compute/snapshots/read")
            .await
    }

    /// Asks once for a disk snapshot, and waits until the service says what became of it.
    ///
    /// The request is never sent a second time from here: after a failure the caller reads the resource first.
    pub(crate) async fn create_snapshot(&self, id: &ResourceId, body: &Value) -> Result<ServiceRecord> {
        let address = self.address(id.as_str(), &[DISK_VERSION]);
        let acted = self
            .operate(
                Method::Put,
                address,
                Some(body),
                id,
                "Microsoft.Compute/snapshots/write",
            )
            .await?;
        Ok(acted.service)
    }

    /// Deletes a resource. One that is gone already is success.
    pub(crate) async fn delete_disk_resource(&self, id: &ResourceId) -> Result<Acted<()>> {
        let address = self.address(id.as_str(), &[DISK_VERSION]);
        let action = "Microsoft.Compute/snapshots/delete";
        let outcome = self.operate(Method::Delete, address, None, id, action).await;
        let reading = Reading {
            version: DISK_VERSION,
            action: read_action(id),
        };
        self.deleted(outcome, id, reading).await
    }

    /// Begins timed read access to what is exported.
    ///
    /// The service answers in four ways, and all are taken: at once, through a location, in the operation's status,
    /// or with success and no address, after which asking again gives it.
    ///
    /// # Errors
    /// [`Error::Refused`] when the address leads to a host that is not one of the cloud's; [`Error::Unsupported`] when
    /// the guest state was asked for, and only the disk's address was given: access to the disk is granted all the
    /// same; otherwise the service's.
    ///
    /// # Cancel safety
    /// Dropping the future may leave access granted; [`end_access`](Self::end_access) ends it.
    pub async fn begin_access(
        &self,
        id: &ResourceId,
        lifetime: Duration,
        kind: ExportKind,
    ) -> Result<Acted<AccessGrant>> {
        let action = access_action(id, Access::Begin);
        let mut body = json!({ "access": "Read", "durationInSeconds": lifetime.as_secs() });
        let asked: Option<(&str, Value)> = match kind {
            ExportKind::Vhd => None,
            ExportKind::Vhdx => Some(("fileFormat", "VHDX".into())),
            ExportKind::GuestState => Some((GUEST_STATE, true.into())),
        };
        if let (Some(members), Some((name, value))) = (body.as_object_mut(), asked) {
            members.insert(name.into(), value);
        }
        let path = format!("{id}/beginGetAccess");
        for _ in 0..MAX_ACCESS_CALLS {
            let address = self.address(&path, &[DISK_VERSION]);
            let acted = self
                .operate(Method::Post, address, Some(&body), id, action)
                .await?;
            let answered = |error: Error| error.answered(acted.service.clone());
            let given = match acted.value {
                Some(value) => access_sas(id, value, kind).map_err(answered)?,
                None => Given::Nothing,
            };
            match given {
                Given::Address(sas) => {
                    self.cloud()
                        .admit_text(HostKind::Export, &sas)
                        .map_err(answered)?;
                    return Ok(Acted {
                        value: AccessGrant { address: sas },
                        service: acted.service,
                    });
                }
                Given::OnlyTheDisk => {
                    let why = "the answer has an accessSAS and no securityDataAccessSAS";
                    return Err(answered(no_guest_state(id, why)));
                }
                Given::Nothing => {}
            }
            self.clock.sleep(self.sending.patience.poll_floor).await;
        }
        Err(Failing { object: id, action }.failed(
            "begin access",
            "the service says that it succeeded, and gives no address",
        ))
    }

    /// The addresses of the serial console's log and of the screen. They are grants: never shown, never stored.
    pub(crate) async fn boot_diagnostics(
        &self,
        machine: &ResourceId,
    ) -> Result<Acted<[Option<Zeroizing<String>>; 2]>> {
        const ACTION: &str = "Microsoft.Compute/virtualMachines/retrieveBootDiagnosticsData/action";
        let address = self.address(
            &format!("{machine}/retrieveBootDiagnosticsData"),
            &[COMPUTE_VERSION],
        );
        let answer = self
            .send(Method::Post, address, None, &[200], machine, ACTION)
            .await?;
        let mut found: BootAnswer = answer.parse(machine)?;
        let addresses = [
            found.serial_console_log_blob_uri.take(),
            found.console_screenshot_blob_uri.take(),
        ];
        Ok(Acted {
            value: addresses.map(|address| address.map(Zeroizing::new)),
            service: answer.service,
        })
    }

    /// Ends every access that was granted to the resource. Where there is none, or no such resource, is success. Where
    /// the operation does not tell how it ended, the resource does.
    ///
    /// # Errors
    /// The service's, when access may still live.
    ///
    /// # Cancel safety
    /// Calling again settles it.
    pub async fn end_access(&self, id: &ResourceId) -> Result<Acted<()>> {
        let action = access_action(id, Access::End);
        let address = self.address(&format!("{id}/endGetAccess"), &[DISK_VERSION]);
        let mut backoff = Backoff::new(self.sending.patience);
        loop {
            let error = match self
                .operate(Method::Post, address.clone(), None, id, action)
                .await
            {
                Ok(Acted { service, .. }) => return Ok(Acted { value: (), service }),
                Err(error) if is_gone(&error) => return Ok(done_by(&error)),
                Err(error) => error,
            };
            if is_untold(&error)
                && let Some(service) = self.without_access(id).await
            {
                return Ok(Acted { value: (), service });
            }
            if !may_pass(&error) || goes_on(&error) {
                return Err(error);
            }
            // Ending it twice is the same as once, and a grant must not live on for a failure that passes.
            let Some(wait) = backoff.after(&error) else {
                return Err(error);
            };
            self.clock.sleep(wait).await;
        }
    }
}

/// What asks for the guest state.
const GUEST_STATE: &str = "getSecureVMGuestStateSAS";

/// That the service has no guest state to give, and what a person can do.
pub(crate) fn no_guest_state(id: &ResourceId, why: &str) -> Error {
    Error::Unsupported {
        operation: "a grant on the guest state (getSecureVMGuestStateSAS)",
        provider: format!(
            "{id} ({why}; to have the guest state, deallocate the machine and export it from the disk itself; to do \
             without, capture again and leave it out)"
        ),
    }
}

/// The address in an operation's result: as the result itself, or inside what repeats the whole answer.
fn access_sas(id: &ResourceId, value: Value, kind: ExportKind) -> Result<Given> {
    let value = match value.pointer("/properties/output") {
        Some(inner) => inner.clone(),
        None => value,
    };
    let answer: AccessAnswer =
        serde_json::from_value(value).map_err(|error| super::client::malformed(id, &error))?;
    let address = |sas: Option<String>| sas.filter(|sas| !sas.is_empty()).map(Zeroizing::new);
    let (disk, guest_state) = (
        address(answer.access_sas),
        address(answer.security_data_access_sas),
    );
    Ok(match (kind, disk, guest_state) {
        (ExportKind::GuestState, _, Some(sas)) => Given::Address(sas),
        (ExportKind::GuestState, Some(_), None) => Given::OnlyTheDisk,
        (ExportKind::Vhd | ExportKind::Vhdx, Some(sas), _) => Given::Address(sas),
        _ => Given::Nothing,
    })
}

enum Access {
    Begin,
    End,
}

/// The right that beginning or ending access needs, by the kind of the resource.
fn access_action(id: &ResourceId, access: Access) -> &'static str {
    match (id.kind().as_str(), access) {
        ("microsoft.compute/disks", Access::Begin) => "Microsoft.Compute/disks/beginGetAccess/action",
        ("microsoft.compute/disks", Access::End) => "Microsoft.Compute/disks/endGetAccess/action",
        ("microsoft.compute/snapshots", Access::Begin) => "Microsoft.Compute/snapshots/beginGetAccess/action",
        ("microsoft.compute/snapshots", Access::End) => "Microsoft.Compute/snapshots/endGetAccess/action",
        (_, Access::Begin) => {
            "Microsoft.Compute/restorePointCollections/restorePoints/diskRestorePoints/beginGetAccess/action"
        }
        (_, Access::End) => {
            "Microsoft.Compute/restorePointCollections/restorePoints/diskRestorePoints/endGetAccess/action"
        }
    }
}

/// The right that reading needs, by the kind of the resource.
fn read_action(id: &ResourceId) -> &'static str {
    match id.kind().as_str() {
        "microsoft.compute/disks" => "Microsoft.Compute/disks/read",
        "microsoft.compute/snapshots" => "Microsoft.Compute/snapshots/read",
        _ => "Microsoft.Compute/restorePointCollections/restorePoints/diskRestorePoints/read",
    }
}
