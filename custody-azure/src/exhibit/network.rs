//! The machine's place in the network, and the security groups over it.

use custody_core::{Error, Result};
use serde_json::Value;

use super::MachineExhibit;
use crate::arm::ResourceId;

/// The version of the network resource provider's interface that is spoken.
const NETWORK_VERSION: (&str, &str) = ("api-version", "2023-11-01");

/// Ids that answers lead to, each once, in the order in which they are met; and what is no id.
#[derive(Debug, Default)]
struct Found {
    ids: Vec<Result<ResourceId>>,
}

impl Found {
    fn add(&mut self, text: Option<&Value>) {
        // None there: no group is over it. Of another form: something is, and cannot be told.
        let Some(text) = text.filter(|value| !value.is_null()) else {
            return;
        };
        let id: Result<ResourceId> = match text.as_str() {
            Some(text) => text.parse(),
            None => Err(Error::malformed("Azure resource id", "it is no text")),
        };
        let is_known = id.as_ref().is_ok_and(|id| {
            let mut known = self.ids.iter().flatten();
            known.any(|other| other == id)
        });
        if !is_known {
            self.ids.push(id);
        }
    }
}

/// A kind of resource that makes up the machine's network.
struct Part {
    stem: &'static str,
    what: &'static str,
    action: &'static str,
}

const INTERFACE: Part = Part {
    stem: "network-interface",
    what: "network interface, which names its subnets and its security group",
    action: "Microsoft.Network/networkInterfaces/read",
};
const SUBNET: Part = Part {
    stem: "subnet",
    what: "subnet, which names the security group over it",
    action: "Microsoft.Network/virtualNetworks/subnets/read",
};
const GROUP: Part = Part {
    stem: "network-security-group",
    what: "network security group",
    action: "Microsoft.Network/networkSecurityGroups/read",
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

    /// Keeps each of these, or why it could not be read; gives those that could.
    async fn all(&mut self, part: &Part, found: Found) -> Vec<Value> {
        let mut read = Vec::new();
        for (number, id) in (1..).zip(found.ids) {
            let file = format!("{}-{number}.json", part.stem);
            match id {
                Ok(id) => {
                    let what = format!("{} ({id})", part.what);
                    let one = self.one(&file, &what, id.as_str(), &[NETWORK_VERSION], part.action);
                    read.extend(one.await);
                }
                Err(error) => self.keep(&file, part.what, Err(error)),
            }
        }
        read
    }
}

/// The elements of a list within an answer.
fn each<'a>(answer: &'a Value, place: &str) -> impl Iterator<Item = &'a Value> {
    answer
        .pointer(place)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}
