use std::time::Duration;

use custody_azure::Patience;
use custody_azure::arm::{ResourceGroup, ResourceId};

use crate::azure::{AzurePlace, AzureSettings, CloudChoice};
use crate::failure::Failure;

/// Where Azure's side of captures will be, for a machine of the first of these groups.
pub(crate) fn place(settings: &AzureSettings, groups: &[ResourceGroup]) -> Result<AzurePlace, Failure> {
    let (account, container) = store(settings)?;
    let (snapshot_subscription, snapshot_group) = snapshot_group(settings, groups, &account);
    let snapshots = &settings.snapshots;
    Ok(AzurePlace {
        cloud: settings.cloud.clone().unwrap_or(CloudChoice::PUBLIC),
        identity: settings.identity.clone().ok_or_else(crate::azure::no_identity)?,
        container,
        snapshot_subscription,
        snapshot_group,
        network: snapshots.network.clone().unwrap_or_default(),
        consistency: snapshots.consistency.unwrap_or_default(),
        guest_state: crate::azure::GuestStateChoice::default(),
        vault: settings.vault.clone(),
        account,
    })
}

/// The storage account and the container that the settings name.
pub(crate) fn store(settings: &AzureSettings) -> Result<(ResourceId, String), Failure> {
    let unnamed = |what: &str| Failure::usage(format!("{what} is not named"));
    let account = settings.store.account.clone();
    let account = account.ok_or_else(|| unnamed("the storage account").with_next("give --account ID"))?;
    let container = settings.store.container.clone();
    let container = container.ok_or_else(|| unnamed("the container").with_next("give --container NAME"))?;
    Ok((account, container))
}

/// Subscription and name of the group in which disk snapshots of a machine in the first of these groups are made.
pub(crate) fn snapshot_group(
    settings: &AzureSettings,
    groups: &[ResourceGroup],
    account: &ResourceId,
) -> (String, String) {
    let machine = groups.first().cloned();
    let machine = machine.unwrap_or_else(|| ResourceGroup::of(account));
    let snapshots = &settings.snapshots;
    let subscription = snapshots.subscription.clone();
    let group = snapshots.resource_group.clone();
    (
        subscription.unwrap_or_else(|| machine.subscription().to_owned()),
        group.unwrap_or_else(|| machine.name().to_owned()),
    )
}

/// A check is an answer at once or none: what fails is asked again once or twice and not for a quarter of an hour.
pub(crate) fn patience() -> Patience {
    let mut patience = Patience::default();
    patience.retries = 2;
    patience.longest_wait = Duration::from_secs(5);
    patience.in_all = Duration::from_secs(30);
    patience
}
