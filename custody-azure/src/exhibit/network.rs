//! The machine's place in the network, and the security groups over it.

use serde_json::Value;

use super::MachineExhibit;
use super::part::{Found, Part, each};

/// The version of the network resource provider's interface that is spoken.
const VERSION: (&str, &str) = ("api-version", "2023-11-01");

const INTERFACE: Part = Part {
    stem: "network-interface",
    what: "network interface, which names its subnets and its security group",
    action: "Microsoft.Network/networkInterfaces/read",
    version: VERSION,
};
const SUBNET: Part = Part {
    stem: "subnet",
    what: "subnet, which names the security group over it",
    action: "Microsoft.Network/virtualNetworks/subnets/read",
    version: VERSION,
};
const GROUP: Part = Part {
    stem: "network-security-group",
    what: "network security group",
    action: "Microsoft.Network/networkSecurityGroups/read",
    version: VERSION,
};

impl MachineExhibit<'_> {
    /// Network interfaces, the subnets of their addresses, and the security groups over both.
    ///
    /// Source: Microsoft's OpenAPI documents of the network provider, 2023-11-01, `NetworkInterface`, `Subnet`.
    pub(super) async fn network(&mut self, machine: &Value) {
        let (mut interfaces, mut subnets, mut groups) =
            (Found::default(), Found::default(), Found::default());
        for listed in each(machine, "/properties/networkProfile/networkInterfaces") {
            interfaces.add(listed.pointer("/id"));
        }
        for interface in self.all(&INTERFACE, interfaces).await {
            groups.add(interface.pointer("/properties/networkSecurityGroup/id"));
            for address in each(&interface, "/properties/ipConfigurations") {
                subnets.add(address.pointer("/properties/subnet/id"));
            }
        }
        for subnet in self.all(&SUBNET, subnets).await {
            groups.add(subnet.pointer("/properties/networkSecurityGroup/id"));
        }
        self.all(&GROUP, groups).await;
    }
}
