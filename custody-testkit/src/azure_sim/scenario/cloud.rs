use serde::{Deserialize, Serialize};

/// Host names of one Azure cloud.
///
/// Source of the public names: azure-rest-api-specs and the documentation of each service; of the export host's shape:
/// the example answers of the disk resource provider, api-version 2023-10-02.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Cloud {
    /// The name in `/metadata/endpoints`.
    pub name: String,
    /// Azure Resource Manager.
    pub management_host: String,
    /// Entra.
    pub login_host: String,
    /// The instance metadata service.
    pub metadata_host: String,
    /// What follows an account's name.
    pub blob_suffix: String,
    /// What follows the name and zone of a snapshot-export host.
    pub export_suffix: String,
    /// What follows a vault's name.
    pub vault_suffix: String,
    /// The audience of tokens for storage.
    pub storage_audience: String,
}

impl Default for Cloud {
    fn default() -> Self {
        Self {
            name: "AzureCloud".into(),
            management_host: "management.azure.com".into(),
            login_host: "login.microsoftonline.com".into(),
            metadata_host: "169.254.169.254".into(),
            blob_suffix: "blob.core.windows.net".into(),
            export_suffix: "blob.storage.azure.net".into(),
            vault_suffix: "vault.azure.net".into(),
            storage_audience: "https://storage.azure.com".into(),
        }
    }
}

impl Cloud {
    /// The cloud of the United States' government.
    #[must_use]
    pub fn government() -> Self {
        Self {
            name: "AzureUSGovernment".into(),
            management_host: "management.usgovcloudapi.net".into(),
            login_host: "login.microsoftonline.us".into(),
            blob_suffix: "blob.core.usgovcloudapi.net".into(),
            export_suffix: "blob.storage.usgovcloudapi.net".into(),
            vault_suffix: "vault.usgovcloudapi.net".into(),
            ..Self::default()
        }
    }

    /// The cloud operated in China.
    #[must_use]
    pub fn china() -> Self {
        Self {
            name: "AzureChinaCloud".into(),
            management_host: "management.chinacloudapi.cn".into(),
            login_host: "login.chinacloudapi.cn".into(),
            blob_suffix: "blob.core.chinacloudapi.cn".into(),
            export_suffix: "blob.storage.chinacloudapi.cn".into(),
            vault_suffix: "vault.azure.cn".into(),
            ..Self::default()
        }
    }

    /// The same cloud with other host names for ARM, Entra and blobs.
    #[must_use]
    pub fn with_hosts(mut self, management: &str, login: &str, blob_suffix: &str) -> Self {
        self.management_host = management.into();
        self.login_host = login.into();
        self.blob_suffix = blob_suffix.into();
        self
    }

    pub(crate) fn management_audience(&self) -> String {
        format!("https://{}", self.management_host)
    }
}
