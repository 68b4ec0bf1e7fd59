use azure_core::http::Url;
use custody_core::{Error, Result};

/// Where a cloud's services are, as configuration tells it.
///
/// A host rule is a host name with an optional port (`127.0.0.1:8443`), or `*.` and the end of host names; what stands
/// before the `*` (`md-*.blob.core.windows.net`) is how they begin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloudEndpoints {
    /// The cloud's name, for records.
    pub name: String,
    /// Where tokens come from.
    pub authority: String,
    /// Azure Resource Manager.
    pub manager: String,
    /// The audience of its tokens.
    pub manager_audience: String,
    /// The audience of tokens for key vaults.
    pub vault_audience: String,
    /// The audience of tokens for reading an exported disk that demands one.
    pub disk_audience: String,
    /// The address of a storage account's blobs, with `{account}` for its name.
    pub blob_template: String,
    /// Hosts that hold blobs.
    pub blob_hosts: Vec<String>,
    /// Hosts that exported disks are read from.
    pub export_hosts: Vec<String>,
    /// Those of them that are shown a token for disks, where one demands it; none says: all of them.
    pub signed_in_export_hosts: Vec<String>,
    /// Hosts of key vaults.
    pub vault_hosts: Vec<String>,
}

impl CloudEndpoints {
    /// The endpoints of a cloud by its parts; change the fields for what differs.
    #[must_use]
    pub fn new(name: &str, authority: &str, manager: &str, blob_template: &str) -> Self {
        Self {
            name: name.into(),
            authority: authority.into(),
            manager: manager.into(),
            manager_audience: manager.trim_end_matches('/').into(),
            vault_audience: "https://vault.azure.net".into(),
            disk_audience: "https://disk.azure.com".into(),
            blob_template: blob_template.into(),
            blob_hosts: Vec::new(),
            export_hosts: Vec::new(),
            signed_in_export_hosts: Vec::new(),
            vault_hosts: Vec::new(),
        }
    }

    /// Those of public Azure.
    ///
    /// Export hosts: `md-….blob.storage.azure.net` is the form in Microsoft's OpenAPI examples (DiskRP 2023-10-02,
    /// read 2026-11-21); `md-….blob.core.windows.net` is the older form. A token goes to names of that form alone: no
    /// storage account has one, because account names have no hyphen (source: `StorageAccountCreateParameters.Name` in
    /// Microsoft.WindowsAzure.Management.Storage, read 2026-11-28).
    #[must_use]
    pub fn public() -> Self {
        let mut endpoints = Self::new(
            "public",
            "https://login.microsoftonline.com",
            "https://management.azure.com",
            "https://{account}.blob.core.windows.net",
        );
        endpoints.blob_hosts = vec!["*.blob.core.windows.net".into()];
        endpoints.export_hosts = vec![
            "*.blob.storage.azure.net".into(),
            "*.blob.core.windows.net".into(),
        ];
        endpoints.signed_in_export_hosts = of_managed_disks(&endpoints.export_hosts);
        endpoints.vault_hosts = vec!["*.vault.azure.net".into()];
        endpoints
    }

    /// Those of Azure Government. Which hosts its exports use was not seen: add to `export_hosts` what is refused.
    #[must_use]
    pub fn government() -> Self {
        let mut endpoints = Self::new(
            "government",
            "https://login.microsoftonline.us",
            "https://management.usgovcloudapi.net",
            "https://{account}.blob.core.usgovcloudapi.net",
        );
        endpoints.vault_audience = "https://vault.usgovcloudapi.net".into();
        endpoints.blob_hosts = vec!["*.blob.core.usgovcloudapi.net".into()];
        endpoints.export_hosts = vec!["*.blob.core.usgovcloudapi.net".into()];
        endpoints.signed_in_export_hosts = of_managed_disks(&endpoints.export_hosts);
        endpoints.vault_hosts = vec!["*.vault.usgovcloudapi.net".into()];
        endpoints
    }

    /// Those of Azure in China. Which hosts its exports use was not seen: add to `export_hosts` what is refused.
    #[must_use]
    pub fn china() -> Self {
        let mut endpoints = Self::new(
            "china",
            "https://login.chinacloudapi.cn",
            "https://management.chinacloudapi.cn",
            "https://{account}.blob.core.chinacloudapi.cn",
        );
        endpoints.vault_audience = "https://vault.azure.cn".into();
        endpoints.blob_hosts = vec!["*.blob.core.chinacloudapi.cn".into()];
        endpoints.export_hosts = vec!["*.blob.core.chinacloudapi.cn".into()];
        endpoints.signed_in_export_hosts = of_managed_disks(&endpoints.export_hosts);
        endpoints.vault_hosts = vec!["*.vault.azure.cn".into()];
        endpoints
    }
}

/// The rules for the names that managed disks have among the hosts of these rules.
fn of_managed_disks(rules: &[String]) -> Vec<String> {
    rules.iter().map(|rule| format!("md-{rule}")).collect()
}

/// An endpoint of configuration: https, without query, fragment or user information.
pub(super) fn https(text: &str, what: &str) -> Result<Url> {
    let malformed = |reason: &str| Error::malformed(format!("{what} endpoint"), reason.to_owned());
    let mut url = Url::parse(text).map_err(|error| malformed(&error.to_string()))?;
    if url.scheme() != "https" || url.host_str().is_none() {
        return Err(malformed("it is not an https address"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(malformed("it has more than host, port and path"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}
