use std::collections::BTreeMap;

use super::scenario::{Cloud, Scenario};

/// By which way a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// With production's addresses, over a transport below the client's policies.
    Production,
    /// Over http on loopback.
    PlainLoopback,
    /// Over https on loopback.
    TlsLoopback,
}

/// A service that answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Service {
    /// Tokens.
    Entra,
    /// The instance metadata service.
    Metadata,
    /// Azure Resource Manager.
    Arm,
    /// The blobs of an account.
    Blob(String),
    /// A key vault, by its name.
    Vault(String),
    /// The host of a disk's or a snapshot's export, by its first label and its zone: `md-x.z1`. Empty: any.
    Export(String),
}

/// Which host is which service, and at which loopback ports each is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    cloud: Cloud,
    accounts: Vec<String>,
    vaults: Vec<String>,
    plain_ports: BTreeMap<Service, u16>,
    tls_ports: BTreeMap<Service, u16>,
}

impl Addresses {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            cloud: scenario.cloud.clone(),
            accounts: scenario
                .storage_accounts
                .iter()
                .map(|account| account.name.clone())
                .collect(),
            vaults: scenario
                .vaults
                .iter()
                .map(|vault| vault.name.to_lowercase())
                .collect(),
            ..Self::default()
        }
    }

    /// Every service that gets a loopback port of its own.
    pub(crate) fn services(&self) -> Vec<Service> {
        let mut services = vec![
            Service::Entra,
            Service::Metadata,
            Service::Arm,
            Service::Export(String::new()),
        ];
        services.extend(self.accounts.iter().cloned().map(Service::Blob));
        services.extend(self.vaults.iter().cloned().map(Service::Vault));
        services
    }

    pub(crate) fn set_ports(&mut self, plain: BTreeMap<Service, u16>, tls: BTreeMap<Service, u16>) {
        (self.plain_ports, self.tls_ports) = (plain, tls);
    }

    /// The service behind a production host name; none when the cloud has no such host.
    pub(crate) fn service_of(&self, host: &str) -> Option<Service> {
        let host = host.to_ascii_lowercase();
        let host = host
            .strip_suffix(":443")
            .or_else(|| host.strip_suffix(":80"))
            .unwrap_or(&host);
        let label = |suffix: &str| host.strip_suffix(suffix).and_then(|rest| rest.strip_suffix('.'));
        if host == self.cloud.login_host {
            return Some(Service::Entra);
        }
        if host == self.cloud.metadata_host {
            return Some(Service::Metadata);
        }
        if host == self.cloud.management_host {
            return Some(Service::Arm);
        }
        if let Some(label) = label(&self.cloud.export_suffix)
            && label.starts_with("md-")
        {
            return Some(Service::Export(label.to_string()));
        }
        if let Some(name) = label(&self.cloud.vault_suffix) {
            let vault = self.vaults.iter().find(|vault| *vault == name);
            return vault.cloned().map(Service::Vault);
        }
        let account = label(&self.cloud.blob_suffix)?;
        self.accounts
            .iter()
            .find(|name| *name == account)
            .cloned()
            .map(Service::Blob)
    }

    /// The production host of a service.
    pub(crate) fn host_of(&self, service: &Service) -> String {
        match service {
            Service::Entra => self.cloud.login_host.clone(),
            Service::Metadata => self.cloud.metadata_host.clone(),
            Service::Arm => self.cloud.management_host.clone(),
            Service::Blob(account) => format!("{account}.{}", self.cloud.blob_suffix),
            Service::Vault(name) => format!("{name}.{}", self.cloud.vault_suffix),
            Service::Export(label) => format!("{label}.{}", self.cloud.export_suffix),
        }
    }

    /// What an address of the service begins with, by the way that the caller came: no slash at the end.
    ///
    /// On loopback the account, or the export host's label, is the first segment of the path, as with Azurite.
    pub(crate) fn base(&self, way: Way, service: &Service) -> String {
        let (scheme, ports) = match way {
            Way::Production if *service == Service::Metadata => {
                return format!("http://{}", self.host_of(service));
            }
            Way::Production => return format!("https://{}", self.host_of(service)),
            Way::PlainLoopback => ("http", &self.plain_ports),
            Way::TlsLoopback => ("https", &self.tls_ports),
        };
        let (key, prefix) = match service {
            Service::Export(label) => (Service::Export(String::new()), format!("/{label}")),
            Service::Blob(account) => (service.clone(), format!("/{account}")),
            other => (other.clone(), String::new()),
        };
        let port = ports.get(&key).copied().unwrap_or_default();
        format!("{scheme}://127.0.0.1:{port}{prefix}")
    }

    /// The service and the encoded path that a call is really for, when it came to the port of `service`: takes away
    /// the first segment where a loopback address has one.
    pub(crate) fn below_prefix(service: Service, path: &str) -> (Service, String) {
        let trimmed = path.strip_prefix('/').unwrap_or(path);
        let (first, rest) = trimmed
            .split_once('/')
            .map_or((trimmed, ""), |(first, rest)| (first, rest));
        match &service {
            Service::Blob(account) if first == account => (service, format!("/{rest}")),
            Service::Export(label) if label.is_empty() => {
                (Service::Export(first.to_string()), format!("/{rest}"))
            }
            _ => (service, path.to_string()),
        }
    }

    /// The service, encoded path and query that an address from outside means, be it production's or loopback's.
    pub(crate) fn locate(&self, address: &str) -> Option<(Service, String, String)> {
        let (scheme, rest) = address.split_once("://")?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let Some(port) = authority.strip_prefix("127.0.0.1:") else {
            return Some((self.service_of(authority)?, path.to_string(), query.to_string()));
        };
        let port: u16 = port.parse().ok()?;
        let ports = if scheme == "https" {
            &self.tls_ports
        } else {
            &self.plain_ports
        };
        let (service, _) = ports.iter().find(|(_, candidate)| **candidate == port)?;
        let (service, path) = Self::below_prefix(service.clone(), path);
        Some((service, path, query.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_only_look_like_the_clouds_own_are_not() {
        let addresses = Addresses::new(&Scenario::lab());
        assert_eq!(addresses.service_of("management.azure.com"), Some(Service::Arm));
        assert_eq!(
            addresses.service_of("MANAGEMENT.azure.com:443"),
            Some(Service::Arm)
        );
        assert_eq!(
            addresses.service_of("socevidence.blob.core.windows.net"),
            Some(Service::Blob("socevidence".into()))
        );
        for host in [
            "management.azure.com.evil.example",
            "management.azure.com:8443",
            "evil-management.azure.com",
            "other.blob.core.windows.net",
            "xblob.core.windows.net",
            "blob.storage.azure.net",
            "127.0.0.1",
        ] {
            assert_eq!(addresses.service_of(host), None, "{host}");
        }
    }

    #[test]
    fn an_address_on_loopback_leads_back_to_its_service() {
        let mut addresses = Addresses::new(&Scenario::lab());
        let export = Service::Export(String::new());
        addresses.set_ports(BTreeMap::new(), BTreeMap::from([(export, 4443)]));
        let base = addresses.base(Way::TlsLoopback, &Service::Export("md-1.z2".into()));
        assert_eq!(base, "https://127.0.0.1:4443/md-1.z2");
        let (service, path, query) = addresses.locate(&format!("{base}/token/abcd?sig=x")).unwrap();
        assert_eq!(
            (service, path.as_str(), query.as_str()),
            (Service::Export("md-1.z2".into()), "/token/abcd", "sig=x")
        );
        assert_eq!(addresses.locate("https://127.0.0.1:1/x"), None);
    }
}
