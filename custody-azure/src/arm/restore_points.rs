use azure_core::http::Method;
use custody_core::{Acted, Result, ServiceRecord};
use serde_json::Value;

use super::client::Arm;
use super::compute::{COMPUTE_VERSION, DISK_VERSION};
use super::ending::Reading;
use super::{DiskResource, ResourceId, RestorePoint, RestorePointCollection};

/// The rights that reading them needs.
const READ_POINT: &str = "Microsoft.Compute/restorePointCollections/restorePoints/read";
const READ_COLLECTION: &str = "Microsoft.Compute/restorePointCollections/read";

impl Arm {
    /// A restore point with what it knows of its disks.
    pub(crate) async fn restore_point(&self, id: &ResourceId) -> Result<Acted<RestorePoint>> {
        let query = [("$expand", "instanceView"), COMPUTE_VERSION];
        self.read(id, &query, READ_POINT).await
    }

    /// The copies of disks that a restore point holds. Their names are the service's.
    pub(crate) async fn disk_restore_points(&self, point: &ResourceId) -> Result<Vec<DiskResource>> {
        self.list(
            &format!("{point}/diskRestorePoints"),
            &[DISK_VERSION],
            "Microsoft.Compute/restorePointCollections/restorePoints/diskRestorePoints/read",
        )
        .await
    }

    /// A collection with the restore points that it holds.
    pub(crate) async fn restore_point_collection(
        &self,
        id: &ResourceId,
    ) -> Result<Acted<RestorePointCollection>> {
        let query = [("$expand", "restorePoints"), COMPUTE_VERSION];
        self.read(id, &query, READ_COLLECTION).await
    }

    /// The collections of a resource group, without what they hold.
    pub(crate) async fn restore_point_collections(
        &self,
        subscription: &str,
        group: &str,
    ) -> Result<Vec<RestorePointCollection>> {
        let path = format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/restorePointCollections"
        );
        self.list(&path, &[COMPUTE_VERSION], READ_COLLECTION).await
    }

    /// Makes a collection, or sets the tags of one. Sent once: after a failure the caller reads it first.
    pub(crate) async fn put_restore_point_collection(&self, id: &ResourceId, body: &Value) -> Result<()> {
        let action = "Microsoft.Compute/restorePointCollections/write";
        self.put(id, body, action).await.map(drop)
    }

    /// Asks once for a restore point, and waits until the service says what became of it.
    ///
    /// The request is never sent a second time from here: after a failure the caller reads the resource first.
    pub(crate) async fn create_restore_point(&self, id: &ResourceId, body: &Value) -> Result<ServiceRecord> {
        let action = "Microsoft.Compute/restorePointCollections/restorePoints/write";
        self.put(id, body, action).await
    }

    /// Deletes a restore point with all its copies. One that is gone already is success.
    pub(crate) async fn delete_restore_point(&self, id: &ResourceId) -> Result<Acted<()>> {
        let action = "Microsoft.Compute/restorePointCollections/restorePoints/delete";
        self.remove(id, action, READ_POINT).await
    }

    /// Deletes a collection **and all that it holds**: the caller has looked that it holds nothing.
    ///
    /// Source: Microsoft's OpenAPI document, ComputeRP 2024-03-01, `RestorePointCollections_Delete`, read 2026-11-28.
    pub(crate) async fn delete_restore_point_collection(&self, id: &ResourceId) -> Result<Acted<()>> {
        let action = "Microsoft.Compute/restorePointCollections/delete";
        self.remove(id, action, READ_COLLECTION).await
    }

    async fn put(&self, id: &ResourceId, body: &Value, action: &'static str) -> Result<ServiceRecord> {
        let address = self.address(id.as_str(), &[COMPUTE_VERSION]);
        let acted = self.operate(Method::Put, address, Some(body), id, action).await?;
        Ok(acted.service)
    }

    async fn remove(
        &self,
        id: &ResourceId,
        action: &'static str,
        read_action: &'static str,
    ) -> Result<Acted<()>> {
        let address = self.address(id.as_str(), &[COMPUTE_VERSION]);
        let outcome = self.operate(Method::Delete, address, None, id, action).await;
        let reading = Reading {
            version: COMPUTE_VERSION,
            action: read_action,
        };
        self.deleted(outcome, id, reading).await
    }
}
