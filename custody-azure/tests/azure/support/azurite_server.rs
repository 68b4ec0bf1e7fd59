//! Azurite, Microsoft's emulator of blob storage, as a program of its own on loopback, over TLS.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::time::OffsetDateTime;
use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use custody_azure::arm::{Arm, ResourceId};
use custody_azure::{BlobStore, CleanTransport, Cloud, CloudEndpoints, Patience, StoreLocation};
use custody_core::port::{GrantExpiry, ReadGrant};
use custody_testkit::fake::{FakeClock, SeededEntropy};
use hmac::{Hmac, KeyInit as _, Mac as _};
use tempfile::TempDir;

use crate::support::run;

pub(crate) const ACCOUNT: &str = "socevidence";
/// The account that stands for the host of disk exports.
const EXPORTS: &str = "exports";
/// Known to Azurite for as long as it runs.
const KEY: &[u8] = b"an account key of this test and of nothing else";
const VERSION: &str = "2023-11-03";

/// A running Azurite; stopped when dropped.
pub(crate) struct Azurite {
    child: Child,
    _folder: TempDir,
    address: String,
    http: reqwest::Client,
    containers: AtomicU64,
}

impl Azurite {
    /// Starts the program that `CUSTODY_AZURITE` names: its `main.js`.
    pub(crate) fn start() -> Self {
        let program = std::env::var("CUSTODY_AZURITE").expect("CUSTODY_AZURITE names Azurite's main.js");
        let folder = tempfile::Builder::new()
            .prefix("custody-azurite-")
            .tempdir()
            .unwrap();
        let (key, certificate) = (
            folder.path().join("key.pem"),
            folder.path().join("certificate.pem"),
        );
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=azurite",
            ])
            .args(["-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut child = Command::new("node")
            .arg(program)
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0", "--disableTelemetry"])
            .args(["--skipApiVersionCheck", "--oauth", "basic", "--location"])
            .arg(folder.path().join("data"))
            .arg("--cert")
            .arg(&certificate)
            .arg("--key")
            .arg(&key)
            .env(
                "AZURITE_ACCOUNTS",
                format!("{ACCOUNT}:{0};{EXPORTS}:{0}", Base64::encode_string(KEY)),
            )
            // It asks itself for the source of a copy.
            .env("NODE_EXTRA_CA_CERTS", &certificate)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs Azurite");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains("successfully listen"))
            .expect("Azurite listens");
        let address = ready
            .split_whitespace()
            .last()
            .unwrap()
            .trim_end_matches('/')
            .to_owned();
        // It writes a line for each request: somebody must read them.
        std::thread::spawn(move || lines.for_each(drop));
        let root = reqwest::Certificate::from_pem(&fs::read(&certificate).unwrap()).unwrap();
        let http = reqwest::Client::builder()
            .tls_certs_only([root])
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self {
            child,
            _folder: folder,
            address,
            http,
            containers: AtomicU64::new(0),
        }
    }

    /// An empty container of its own.
    pub(crate) fn container(&self) -> String {
        let name = format!("container-{}", self.containers.fetch_add(1, Ordering::Relaxed));
        self.put(ACCOUNT, &format!("{name}?restype=container"), &[], b"");
        name
    }

    /// A store in a container, as a process sees it that was started anew.
    pub(crate) fn store(&self, container: &str) -> BlobStore {
        static SEED: AtomicU64 = AtomicU64::new(1);
        let host = self.address.trim_start_matches("https://").to_owned();
        // Nobody answers for the Resource Manager and the sign-in service here, and nobody is to be asked.
        let nobody = "https://127.0.0.1:9/";
        let mut endpoints = CloudEndpoints::new(
            "azurite",
            nobody,
            nobody,
            &format!("{}/{{account}}", self.address),
        );
        endpoints.blob_hosts = vec![host.clone()];
        endpoints.export_hosts = vec![host];
        let credential: Arc<dyn TokenCredential> = Arc::new(Bearer);
        let arm = Arm::new(
            Arc::new(Cloud::from_endpoints(endpoints).unwrap()),
            CleanTransport::over(Arc::new(self.http.clone())),
            &credential,
            Patience::short(),
            Arc::new(FakeClock::new()),
        );
        let account = ResourceId::new("any", "any", "Microsoft.Storage/storageAccounts", ACCOUNT).unwrap();
        let location = StoreLocation::new(account, container).unwrap();
        let entropy = SeededEntropy::new(SEED.fetch_add(1, Ordering::Relaxed));
        BlobStore::new(arm, location, credential, Arc::new(entropy)).unwrap()
    }

    /// Puts a block blob by hand, over whatever is there.
    pub(crate) fn put_blob(&self, container: &str, name: &str, bytes: &[u8]) {
        let name = name.replace('%', "%25");
        self.put(
            ACCOUNT,
            &format!("{container}/{name}"),
            &[("x-ms-blob-type", "BlockBlob")],
            bytes,
        );
    }

    /// Everything that could change in a container.
    pub(crate) fn listing(&self, container: &str) -> String {
        let url = format!(
            "{}/{ACCOUNT}/{container}?restype=container&comp=list",
            self.address
        );
        run(async {
            let answer = self.asked(self.http.get(url)).send().await.unwrap();
            answer.error_for_status().unwrap().text().await.unwrap()
        })
    }

    /// A page blob under another account, the bytes in it, and a signature that lets it be read: what an exported disk
    /// is to a copy.
    pub(crate) fn export(&self, bytes: &[u8]) -> ReadGrant {
        let container = format!("md-{}", self.containers.fetch_add(1, Ordering::Relaxed));
        self.put(EXPORTS, &format!("{container}?restype=container"), &[], b"");
        let length = bytes.len().to_string();
        self.put(
            EXPORTS,
            &format!("{container}/abcd"),
            &[
                ("x-ms-blob-type", "PageBlob"),
                ("x-ms-blob-content-length", &length),
            ],
            b"",
        );
        let range = format!("bytes=0-{}", bytes.len() - 1);
        self.put(
            EXPORTS,
            &format!("{container}/abcd?comp=page"),
            &[("x-ms-page-write", "update"), ("x-ms-range", &range)],
            bytes,
        );
        let expiry = "2099-01-01T00:00:00Z";
        let address = format!("{}/{EXPORTS}/{container}/abcd", self.address);
        let canonical = format!("/blob/{EXPORTS}/{container}/abcd");
        let signed = [
            "r", "", expiry, &canonical, "", "", "https", VERSION, "b", "", "", "", "", "", "", "",
        ];
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(KEY).unwrap();
        mac.update(signed.join("\n").as_bytes());
        let signature = Base64::encode_string(&mac.finalize().into_bytes())
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        let query = format!("sv={VERSION}&sr=b&sp=r&spr=https&se={expiry}&sig={signature}");
        ReadGrant::new(address, query, Some(GrantExpiry::at(expiry.parse().unwrap())))
    }

    fn put(&self, account: &str, path: &str, headers: &[(&'static str, &str)], body: &[u8]) {
        let mut request = self
            .http
            .put(format!("{}/{account}/{path}", self.address))
            .header("content-length", body.len())
            .body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        run(async {
            let answer = self.asked(request).send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert!(status.is_success(), "{path}: {status} {text}");
        });
    }

    fn asked(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.header("x-ms-version", VERSION).bearer_auth(token())
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Gives a token of the form that Azurite checks: issuer, audience and life, not the signature.
#[derive(Debug)]
struct Bearer;

#[async_trait]
impl TokenCredential for Bearer {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let expires = OffsetDateTime::now_utc() + azure_core::time::Duration::hours(1);
        Ok(AccessToken::new(Secret::new(token()), expires))
    }
}

fn token() -> String {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let part = |value: serde_json::Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let header = part(serde_json::json!({"alg": "HS256", "typ": "JWT"}));
    let claims = part(serde_json::json!({
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/11111111-1111-4111-8111-111111111111/",
        "iat": now - 300, "nbf": now - 300, "exp": now + 3600,
    }));
    let signature = Base64UrlUnpadded::encode_string(b"not checked");
    format!("{header}.{claims}.{signature}")
}
