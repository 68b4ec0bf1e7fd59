//! A small typed client of Azure Resource Manager: what custody reads, makes and deletes there, and nothing else.

mod activity;
mod client;
mod compute;
mod ending;
mod model;
mod operation;
mod permissions;
mod region;
mod resource_group;
mod resource_id;
mod restore_points;
mod rights;
mod role_definition;
mod storage;

pub use activity::ActivityWindow;
pub use client::{Arm, RawAnswer};
pub(crate) use compute::no_guest_state;
pub use compute::{AccessGrant, ExportKind};
pub(crate) use model::*;
pub use permissions::{MissingActions, RoleAction};
pub(crate) use region::{common_region, region};
pub use resource_group::ResourceGroup;
pub use resource_id::ResourceId;
pub(crate) use rights::DOWNLOAD;
pub use rights::{RIGHTS, Right, RightPlace, RightStep, rights_for};
pub use role_definition::{CustomRole, RoleDefinition};
pub use storage::{ContainerProtection, PolicyState};
