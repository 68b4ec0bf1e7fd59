use serde_json::json;

use super::{
    AttachedDisk, Bytes, Container, Disk, Identity, ImmutabilityPolicy, Machine, ManagedIdentity, RoleGrant,
    Scenario, StorageAccount,
};

const MIB: u64 = 1 << 20;

impl Scenario {
    /// The client id of the lab's application.
    pub const LAB_CLIENT_ID: &'static str = "33333333-3333-4333-8333-333333333333";
    /// Its secret. It has no worth outside the simulator, and tests look for it where it must not be.
    pub const LAB_CLIENT_SECRET: &'static str = "canary-client-secret~lab";
    /// The lab's machine.
    pub const LAB_MACHINE: &'static str = "web-01";
    /// The lab's storage account.
    pub const LAB_ACCOUNT: &'static str = "socevidence";
    /// The lab's container, under a locked policy of 365 days that lets append blobs grow.
    pub const LAB_CONTAINER: &'static str = "immutable";

    /// A small lab: one machine, with an operating-system disk and two data disks, of which one lies in another
    /// resource group; the storage account of a security operations center; an application, and a managed identity,
    /// that may do everything.
    #[must_use]
    pub fn lab() -> Self {
        let mut lab = Self::default();
        let subscription = lab.subscription(None).to_string();
        let network =
            format!("/subscriptions/{subscription}/resourceGroups/production/providers/Microsoft.Network");
        let interface = format!("{network}/networkInterfaces/web-01-nic");
        let group = format!("{network}/networkSecurityGroups/web-01-nsg");
        let subnet = format!("{network}/virtualNetworks/production-vnet/subnets/web");
        let subnet_group = format!("{network}/networkSecurityGroups/web-subnet-nsg");
        lab.resource_groups
            .push(("shared-disks".into(), "westeurope".into()));
        lab.identities = vec![
            Identity::with_secret(
                Self::LAB_CLIENT_ID,
                "44444444-4444-4444-8444-444444444444",
                Self::LAB_CLIENT_SECRET,
            )
            .with_assertion()
            .with_role(RoleGrant::everything()),
            Identity::managed(
                "55555555-5555-4555-8555-555555555555",
                "66666666-6666-4666-8666-666666666666",
                ManagedIdentity::System,
            )
            .with_role(RoleGrant::everything()),
        ];
        lab.disks = vec![
            Disk::new(
                "web-01_OsDisk_1",
                Bytes::sparse(16 * MIB, 11, &[(0, 5 * MIB), (8 * MIB, 9 * MIB + 512)]),
            )
            .with_os("Linux"),
            Disk::new("web-01-data-0", Bytes::sparse(8 * MIB, 12, &[(MIB, 3 * MIB)])),
            Disk::new("web-01-data-1", Bytes::full(4 * MIB, 13)).in_resource_group("shared-disks"),
        ];
        let mut machine = Machine::new(
            Self::LAB_MACHINE,
            AttachedDisk::managed("web-01_OsDisk_1"),
            vec![
                AttachedDisk::managed("web-01-data-0"),
                AttachedDisk::managed("web-01-data-1"),
            ],
        );
        machine.network_interfaces = vec![interface.clone()];
        machine.tags.insert("owner".into(), "web team".into());
        lab.machines = vec![machine];
        lab.storage_accounts = vec![StorageAccount::new(
            Self::LAB_ACCOUNT,
            vec![
                Container::new(Self::LAB_CONTAINER)
                    .with_policy(ImmutabilityPolicy::locked(365).with_protected_append_writes()),
                Container::new("plain"),
            ],
        )];
        lab.resources = vec![
            json!({
                "id": interface, "name": "web-01-nic", "type": "Microsoft.Network/networkInterfaces",
                "location": "westeurope", "etag": "W/\"00000000-0000-0000-0000-000000000001\"",
                "properties": {
                    "provisioningState": "Succeeded", "primary": true, "macAddress": "00-0D-3A-00-00-01",
                    "networkSecurityGroup": {"id": group},
                    "ipConfigurations": [{
                        "name": "ipconfig1", "id": format!("{interface}/ipConfigurations/ipconfig1"),
                        "properties": {
                            "privateIPAddress": "10.0.0.4", "privateIPAllocationMethod": "Dynamic", "primary": true,
                            "subnet": {"id": subnet}, "provisioningState": "Succeeded"
                        }
                    }]
                }
            }),
            json!({
                "id": subnet, "name": "web", "type": "Microsoft.Network/virtualNetworks/subnets",
                "etag": "W/\"00000000-0000-0000-0000-000000000003\"",
                "properties": {
                    "provisioningState": "Succeeded", "addressPrefix": "10.0.0.0/24",
                    "networkSecurityGroup": {"id": subnet_group},
                    "ipConfigurations": [{"id": format!("{interface}/ipConfigurations/ipconfig1")}],
                    "privateEndpointNetworkPolicies": "Disabled", "privateLinkServiceNetworkPolicies": "Enabled"
                }
            }),
            json!({
                "id": subnet_group, "name": "web-subnet-nsg", "type": "Microsoft.Network/networkSecurityGroups",
                "location": "westeurope", "etag": "W/\"00000000-0000-0000-0000-000000000004\"",
                "properties": {
                    "provisioningState": "Succeeded", "subnets": [{"id": subnet}],
                    "securityRules": [{
                        "name": "https", "id": format!("{subnet_group}/securityRules/https"),
                        "properties": {
                            "protocol": "Tcp", "sourceAddressPrefix": "Internet", "sourcePortRange": "*",
                            "destinationAddressPrefix": "*", "destinationPortRange": "443", "access": "Allow",
                            "direction": "Inbound", "priority": 100, "provisioningState": "Succeeded"
                        }
                    }]
                }
            }),
            json!({
                "id": group, "name": "web-01-nsg", "type": "Microsoft.Network/networkSecurityGroups",
                "location": "westeurope", "etag": "W/\"00000000-0000-0000-0000-000000000002\"",
                "properties": {
                    "provisioningState": "Succeeded",
                    "securityRules": [{
                        "name": "ssh", "id": format!("{group}/securityRules/ssh"),
                        "properties": {
                            "protocol": "Tcp", "sourceAddressPrefix": "*", "sourcePortRange": "*",
                            "destinationAddressPrefix": "*", "destinationPortRange": "22", "access": "Allow",
                            "direction": "Inbound", "priority": 1000, "provisioningState": "Succeeded"
                        }
                    }]
                }
            }),
        ];
        lab
    }

    /// The ARM id of a machine of the scenario's first subscription.
    #[must_use]
    pub fn machine_id(&self, name: &str) -> String {
        let subscription = self.subscription(None);
        format!(
            "/subscriptions/{subscription}/resourceGroups/production/providers/Microsoft.Compute/virtualMachines/{name}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_goes_through_json_and_back() {
        let text = serde_json::to_string(&Scenario::lab()).unwrap();
        let read = Scenario::from_json(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn an_unknown_member_of_a_scenario_is_refused() {
        let error = Scenario::from_json(r#"{"machnies": []}"#)
            .unwrap_err()
            .to_string();
        assert!(error.contains("machnies"), "{error}");
    }
}
