//! Answers against Microsoft's API descriptions: types, enumerations, what is required.

use std::path::{Path, PathBuf};

use azure_core::http::Method;
use jsonschema::{Draft, Retrieve, Uri};
use serde_json::{Value, json};

use crate::client::{Lab, snapshot_of};
use custody_testkit::azure_sim::Scenario;

const DISKS: &str = "compute/resource-manager/Microsoft.Compute/DiskRP/stable/2023-10-02";
const MACHINES: &str = "compute/resource-manager/Microsoft.Compute/ComputeRP/stable/2024-03-01";
const STORAGE: &str = "storage/resource-manager/Microsoft.Storage/stable/2023-05-01";
const MONITOR: &str = "monitor/resource-manager/Microsoft.Insights/stable/2015-04-01";
const NETWORK: &str = "network/resource-manager/Microsoft.Network/stable/2023-11-01";
const VAULT_DATA: &str = "keyvault/data-plane/Microsoft.KeyVault/stable/7.5";
const VAULTS: &str = "keyvault/resource-manager/Microsoft.KeyVault/stable/2023-07-01";
const RIGHTS: &str = "authorization/resource-manager/Microsoft.Authorization/stable/2022-04-01";

pub(crate) fn specification() -> PathBuf {
    let fixtures = std::env::var("CUSTODY_FIXTURES")
        .map(PathBuf::from)
        .unwrap_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures"));
    fixtures
        .canonicalize()
        .expect("the fixtures are there")
        .join("azure-rest-api-specs/specification")
}

/// Reads what a description refers to. Some files of the network provider are not among the fixtures: what others
/// refer to in them holds for anything.
struct Files;

impl Retrieve for Files {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let path = Path::new(uri.path().as_str());
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(serde_json::from_str(&text)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => placeholder(path),
            Err(error) => Err(error.into()),
        }
    }
}

/// A description in which everything holds that the others in its folder refer to.
fn placeholder(missing: &Path) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    let name = missing
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut definitions = serde_json::Map::new();
    for entry in std::fs::read_dir(missing.parent().unwrap_or(missing))? {
        let path = entry?.path();
        if !path.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(path)?;
        for reference in text.split(&format!("{name}#/definitions/")).skip(1) {
            let definition = reference.split('"').next().unwrap_or_default();
            definitions.insert(definition.to_string(), json!({}));
        }
    }
    Ok(json!({"definitions": definitions}))
}

/// Holds an answer against a definition.
pub(crate) fn hold(answer: &Value, file: &str, definition: &str) {
    let path = specification().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let known: Value = serde_json::from_str(&text).unwrap();
    assert!(
        known["definitions"][definition].is_object(),
        "{definition} is not in {file}"
    );
    let schema = json!({"$ref": format!("file://{}#/definitions/{definition}", path.display())});
    let validator = jsonschema::options()
        .with_draft(Draft::Draft4)
        .with_retriever(Files)
        .build(&schema)
        .unwrap();
    let faults: Vec<String> = validator
        .iter_errors(answer)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(
        faults.is_empty(),
        "{definition} of {file}: {faults:#?}\n{answer:#}"
    );
}

#[tokio::test]
#[ignore = "needs the project's shared fixtures"]
async fn answers_of_the_compute_provider_are_as_described() {
    let lab = Lab::new().await;
    let machine = Scenario::lab().machine_id(Scenario::LAB_MACHINE);
    let machines = format!("{MACHINES}/virtualMachine.json");
    let read = lab
        .arm(
            Method::Get,
            &format!("{machine}?$expand=instanceView"),
            Value::Null,
        )
        .await
        .json();
    hold(&read, &machines, "VirtualMachine");
    let view = lab
        .arm(Method::Get, &format!("{machine}/instanceView"), Value::Null)
        .await
        .json();
    hold(&view, &machines, "VirtualMachineInstanceView");
    let boot = lab
        .arm(
            Method::Post,
            &format!("{machine}/retrieveBootDiagnosticsData"),
            Value::Null,
        )
        .await
        .json();
    hold(&boot, &machines, "RetrieveBootDiagnosticsDataResult");
    hold(
        &lab.arm(Method::Get, &lab.disk("web-01-data-0"), Value::Null)
            .await
            .json(),
        &format!("{DISKS}/disk.json"),
        "Disk",
    );
    let snapshots = format!("{DISKS}/snapshot.json");
    let started = lab
        .arm(
            Method::Put,
            &lab.snapshot("one"),
            snapshot_of(&lab.disk("web-01-data-0")),
        )
        .await;
    hold(&started.json(), &snapshots, "Snapshot");
    let status = lab.finish(&started).await;
    hold(&status["properties"]["output"], &snapshots, "Snapshot");
    let read = lab
        .arm(Method::Get, &lab.snapshot("one"), Value::Null)
        .await
        .json();
    hold(&read, &snapshots, "Snapshot");
    let list = format!(
        "{}/providers/Microsoft.Compute/snapshots",
        lab.group("production")
    );
    hold(
        &lab.arm(Method::Get, &list, Value::Null).await.json(),
        &snapshots,
        "SnapshotList",
    );
    let begun = lab
        .arm(
            Method::Post,
            &format!("{}/beginGetAccess", lab.snapshot("one")),
            json!({"access": "Read", "durationInSeconds": 60}),
        )
        .await;
    let access = lab.finish(&begun).await["properties"]["output"].clone();
    hold(&access, &format!("{DISKS}/diskRPCommon.json"), "AccessUri");
    let error = lab
        .arm(Method::Delete, &lab.snapshot("one"), Value::Null)
        .await
        .json();
    hold(
        &error,
        "compute/resource-manager/Microsoft.Compute/common-types/v1/common.json",
        "CloudError",
    );
}

#[tokio::test]
#[ignore = "needs the project's shared fixtures"]
async fn answers_about_restore_points_are_as_described() {
    let lab = Lab::new().await;
    let collection = format!(
        "{}/providers/Microsoft.Compute/restorePointCollections/c1",
        lab.group("production")
    );
    let machine = Scenario::lab().machine_id(Scenario::LAB_MACHINE);
    let body = json!({"location": "westeurope", "properties": {"source": {"id": machine}}});
    let file = format!("{MACHINES}/restorePoint.json");
    hold(
        &lab.arm(Method::Put, &collection, body).await.json(),
        &file,
        "RestorePointCollection",
    );
    let point = format!("{collection}/restorePoints/p1");
    let body = json!({"properties": {"consistencyMode": "CrashConsistent"}});
    let started = lab.arm(Method::Put, &point, body).await;
    hold(&started.json(), &file, "RestorePoint");
    lab.finish(&started).await;
    let read = lab
        .arm(Method::Get, &format!("{point}?$expand=instanceView"), Value::Null)
        .await
        .json();
    hold(&read, &file, "RestorePoint");
    let disks = lab
        .arm(Method::Get, &format!("{point}/diskRestorePoints"), Value::Null)
        .await
        .json();
    hold(
        &disks,
        &format!("{DISKS}/diskRestorePoint.json"),
        "DiskRestorePointList",
    );
    assert_eq!(disks["value"].as_array().unwrap().len(), 3);
}

#[tokio::test]
#[ignore = "needs the project's shared fixtures"]
async fn answers_of_the_other_providers_are_as_described() {
    let lab = Lab::new().await;
    let get = |path: String| {
        let lab = &lab;
        async move { lab.arm(Method::Get, &path, Value::Null).await.json() }
    };
    let account = format!(
        "{}/providers/Microsoft.Storage/storageAccounts/socevidence",
        lab.group("soc")
    );
    hold(
        &get(account.clone()).await,
        &format!("{STORAGE}/storage.json"),
        "StorageAccount",
    );
    let service = format!("{account}/blobServices/default");
    hold(
        &get(service.clone()).await,
        &format!("{STORAGE}/blob.json"),
        "BlobServiceProperties",
    );
    let container = format!("{service}/containers/immutable");
    let hold_set = lab
        .arm(
            Method::Post,
            &format!("{container}/setLegalHold"),
            json!({"tags": ["case1"]}),
        )
        .await;
    hold(&hold_set.json(), &format!("{STORAGE}/blob.json"), "LegalHold");
    hold(
        &get(container.clone()).await,
        &format!("{STORAGE}/blob.json"),
        "BlobContainer",
    );
    hold(
        &get(format!("{service}/containers")).await,
        &format!("{STORAGE}/blob.json"),
        "ListContainerItems",
    );
    let policy = get(format!("{container}/immutabilityPolicies/default")).await;
    hold(&policy, &format!("{STORAGE}/blob.json"), "ImmutabilityPolicy");
    let events = format!(
        "/subscriptions/{}/providers/Microsoft.Insights/eventtypes/management/values",
        lab.subscription
    );
    let filter = "$filter=eventTimestamp%20ge%20'2020-01-01T00:00:00Z'";
    let events = get(format!("{events}?{filter}")).await;
    assert_eq!(events["value"].as_array().unwrap().len(), 1);
    hold(
        &events,
        &format!("{MONITOR}/activityLogs_API.json"),
        "EventDataCollection",
    );
    let network = format!("{}/providers/Microsoft.Network", lab.group("production"));
    let interface = get(format!("{network}/networkInterfaces/web-01-nic")).await;
    hold(
        &interface,
        &format!("{NETWORK}/networkInterface.json"),
        "NetworkInterface",
    );
    let subnet = get(format!("{network}/virtualNetworks/production-vnet/subnets/web")).await;
    hold(&subnet, &format!("{NETWORK}/virtualNetwork.json"), "Subnet");
    for group in ["web-01-nsg", "web-subnet-nsg"] {
        let group = get(format!("{network}/networkSecurityGroups/{group}")).await;
        hold(
            &group,
            &format!("{NETWORK}/networkSecurityGroup.json"),
            "NetworkSecurityGroup",
        );
    }
    let roles = get(format!(
        "{}/providers/Microsoft.Authorization/roleAssignments",
        lab.group("production")
    ))
    .await;
    hold(
        &roles,
        &format!("{RIGHTS}/authorization-RoleAssignmentsCalls.json"),
        "RoleAssignmentListResult",
    );
}

#[tokio::test]
#[ignore = "needs the project's shared fixtures"]
async fn answers_of_vaults_are_as_described() {
    let mut scenario = Scenario::lab_with_keys(b"plain", b"wrapped");
    scenario.vaults[1].purge_protection = false;
    let lab = Lab::of(scenario).await;
    let token = format!("Bearer {}", lab.token("https://vault.azure.net").await);
    let call = |method: Method, path: &str, body: Value| {
        let url = format!("https://soc-vault.vault.azure.net{path}?api-version=7.5");
        let (lab, token) = (&lab, token.as_str());
        async move {
            let body = if body.is_null() {
                String::new()
            } else {
                body.to_string()
            };
            let headers = [("authorization", token), ("content-type", "application/json")];
            lab.send(method, &url, &headers, body).await
        }
    };
    let digest = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg";
    let secret = json!({"value": "x", "contentType": "BEK", "tags": {"a": "b"}, "attributes": {"exp": 4_000_000_000_u64}});
    let (secrets, keys) = (
        format!("{VAULT_DATA}/secrets.json"),
        format!("{VAULT_DATA}/keys.json"),
    );
    for (method, path, body, file, definition) in [
        (Method::Put, "/secrets/a", secret, &secrets, "SecretBundle"),
        (Method::Get, "/secrets/a", Value::Null, &secrets, "SecretBundle"),
        (
            Method::Patch,
            "/secrets/a",
            json!({"contentType": "x"}),
            &secrets,
            "SecretBundle",
        ),
        (Method::Get, "/secrets", Value::Null, &secrets, "SecretListResult"),
        (
            Method::Get,
            "/secrets/a/versions",
            Value::Null,
            &secrets,
            "SecretListResult",
        ),
        (
            Method::Post,
            "/secrets/a/backup",
            Value::Null,
            &secrets,
            "BackupSecretResult",
        ),
        (
            Method::Delete,
            "/secrets/a",
            Value::Null,
            &secrets,
            "DeletedSecretBundle",
        ),
        (
            Method::Get,
            "/deletedsecrets",
            Value::Null,
            &secrets,
            "DeletedSecretListResult",
        ),
        (
            Method::Post,
            "/deletedsecrets/a/recover",
            Value::Null,
            &secrets,
            "SecretBundle",
        ),
        (
            Method::Post,
            "/keys/k/create",
            json!({"kty": "RSA"}),
            &keys,
            "KeyBundle",
        ),
        (
            Method::Post,
            "/keys/e/create",
            json!({"kty": "EC", "crv": "P-256"}),
            &keys,
            "KeyBundle",
        ),
        (Method::Get, "/keys/escrow", Value::Null, &keys, "KeyBundle"),
        (Method::Get, "/keys", Value::Null, &keys, "KeyListResult"),
        (
            Method::Get,
            "/keys/k/versions",
            Value::Null,
            &keys,
            "KeyListResult",
        ),
        (
            Method::Post,
            "/keys/k/wrapkey",
            json!({"alg": "RSA-OAEP", "value": "a2V5"}),
            &keys,
            "KeyOperationResult",
        ),
        (
            Method::Post,
            "/keys/e/sign",
            json!({"alg": "ES256", "value": digest}),
            &keys,
            "KeyOperationResult",
        ),
        (
            Method::Post,
            "/keys/e/verify",
            json!({"alg": "ES256", "digest": digest, "value": "a2V5"}),
            &keys,
            "KeyVaultError",
        ),
        (
            Method::Post,
            "/keys/k/backup",
            Value::Null,
            &keys,
            "BackupKeyResult",
        ),
        (Method::Delete, "/keys/k", Value::Null, &keys, "DeletedKeyBundle"),
        (
            Method::Get,
            "/deletedkeys",
            Value::Null,
            &keys,
            "DeletedKeyListResult",
        ),
        (
            Method::Get,
            "/secrets/absent",
            Value::Null,
            &secrets,
            "KeyVaultError",
        ),
    ] {
        let reply = call(method, path, body).await;
        let common = format!("{VAULT_DATA}/common.json");
        let file = if definition == "KeyVaultError" {
            &common
        } else {
            file
        };
        assert_eq!(
            reply.status == 200,
            definition != "KeyVaultError",
            "{path}: {}",
            reply.text()
        );
        hold(&reply.json(), file, definition);
    }
    for vault in ["production-keys", "soc-vault"] {
        let group = if vault == "soc-vault" { "soc" } else { "production" };
        let path = format!("{}/providers/Microsoft.KeyVault/vaults/{vault}", lab.group(group));
        let read = lab.arm(Method::Get, &path, Value::Null).await.json();
        hold(&read, &format!("{VAULTS}/keyvault.json"), "Vault");
    }
    let disk = lab
        .arm(Method::Get, &lab.disk("web-01-data-0"), Value::Null)
        .await
        .json();
    hold(&disk, &format!("{DISKS}/disk.json"), "Disk");
    assert!(
        disk["properties"]["encryptionSettingsCollection"]["enabled"]
            .as_bool()
            .unwrap()
    );
}
