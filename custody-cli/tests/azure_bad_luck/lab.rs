//! A simulated Azure with a machine of small disks, and a worker's folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use custody_testkit::azure_sim::{Bytes, LroStyle, Scenario, Simulator};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PROGRAM: &str = env!("CARGO_BIN_EXE_custody");
pub(crate) const DISKS: [&str; 3] = ["web-01_OsDisk_1", "web-01-data-0", "web-01-data-1"];

/// The lab's machine with disks of a few pages, and operations that are answered at once: nothing waits for a look.
pub(crate) fn small() -> Scenario {
    let mut scenario = Scenario::lab();
    for (disk, kibibytes) in DISKS.into_iter().zip([256, 128, 64]) {
        scenario.disk_mut(disk).bytes = Bytes::full(kibibytes << 10, kibibytes);
    }
    scenario.timing.long_running.style = LroStyle::Direct;
    scenario.timing.copy_polls = 0;
    scenario
}

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }
}

pub(crate) struct Lab {
    pub(crate) azure: Simulator,
    pub(crate) environment: BTreeMap<String, String>,
    folder: TempDir,
    _runtime: Runtime,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::of(small())
    }

    pub(crate) fn of(scenario: Scenario) -> Self {
        let runtime = Runtime::new().unwrap();
        let subscription = scenario.subscriptions[0].clone();
        let tenant = scenario.tenants[0].clone();
        let azure = runtime.block_on(Simulator::start(scenario)).unwrap();
        let folder = tempfile::Builder::new()
            .prefix("custody-bad-luck-")
            .tempdir()
            .unwrap();
        let services = &azure.endpoints().unwrap().tls;
        let account = services.blob[Scenario::LAB_ACCOUNT].trim_end_matches('/');
        let secret = folder.path().join("client-secret");
        fs::write(&secret, Scenario::LAB_CLIENT_SECRET).unwrap();
        let settings = format!(
            "[azure.cloud]\nname = \"simulated\"\nauthority = {:?}\nmanager = {:?}\n\
             manager-audience = \"https://management.azure.com\"\nblob = {:?}\nblob-hosts = [{:?}]\n\
             export-hosts = [{:?}]\n\n[azure.identity]\nkind = \"client-secret\"\ntenant = {tenant:?}\n\
             client = {:?}\nfile = {secret:?}\n\n[azure.store]\naccount = \"/subscriptions/{subscription}\
             /resourceGroups/soc/providers/Microsoft.Storage/storageAccounts/{}\"\ncontainer = {:?}\n",
            services.login,
            services.management,
            account.replace(Scenario::LAB_ACCOUNT, "{account}"),
            host_of(account),
            host_of(&services.exports),
            Scenario::LAB_CLIENT_ID,
            Scenario::LAB_ACCOUNT,
            Scenario::LAB_CONTAINER,
        );
        fs::write(folder.path().join("custody.toml"), settings).unwrap();
        let certificate = azure.endpoints().unwrap().ca_certificate.clone();
        let environment = BTreeMap::from([(
            "SSL_CERT_FILE".to_owned(),
            PathBuf::from(certificate).to_str().unwrap().to_owned(),
        )]);
        Self {
            azure,
            environment,
            folder,
            _runtime: runtime,
        }
    }

    /// Sets a variable of the program's environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The hosts and ports at which the cloud is: sign-in, Resource Manager, blobs, exports.
    pub(crate) fn hosts(&self) -> [String; 4] {
        let services = &self.azure.endpoints().unwrap().tls;
        [
            services.login.as_str(),
            &services.management,
            &services.blob[Scenario::LAB_ACCOUNT],
            &services.exports,
        ]
        .map(host_of)
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null())
            .args(words)
            .args(["--state", "state", "--allow-temporary-state"]);
        command
    }

    pub(crate) fn custody(&self, words: &[&str]) -> Run {
        Run::of(&self.command(words).output().unwrap())
    }

    /// The words of a capture of the machine.
    pub(crate) fn capture_words(options: &[&str]) -> Vec<String> {
        let machine = Scenario::lab().machine_id(Scenario::LAB_MACHINE);
        let fixed = [
            "capture",
            "azure",
            "--config",
            "custody.toml",
            "--vm",
            &machine,
            "--case",
            "C-1",
            "--examiner",
            "M. Example",
            "--authority",
            "Incident 1",
        ];
        fixed.iter().chain(options).map(ToString::to_string).collect()
    }

    pub(crate) fn capture(&self, options: &[&str]) -> Run {
        let words = Self::capture_words(options);
        self.custody(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub(crate) fn verify(&self) -> Run {
        let services = &self.azure.endpoints().unwrap().tls;
        let account = services.blob[Scenario::LAB_ACCOUNT].trim_end_matches('/');
        let store = format!("{account}/{}", Scenario::LAB_CONTAINER);
        self.custody(&["verify", &store, "--config", "custody.toml"])
    }

    pub(crate) fn blobs(&self) -> Vec<String> {
        self.azure
            .blob_names(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER)
    }

    /// The text of all logs on the worker's disk.
    pub(crate) fn journals(&self) -> String {
        let folders = fs::read_dir(self.path("state/acquisitions"))
            .into_iter()
            .flatten();
        let logs = folders.map(|folder| folder.unwrap().path().join("log.jsonl"));
        let whole = |text: String| text.rsplit_once('\n').map(|(lines, _)| lines.to_owned());
        // A line that is still being written was not durable when its writer was killed.
        logs.filter_map(|log| fs::read_to_string(log).ok().and_then(whole))
            .collect()
    }

    pub(crate) fn nothing_is_left_at_the_source(&self, when: &str) {
        assert_eq!(self.azure.snapshots(), [], "{when}");
        assert_eq!(self.azure.live_exports(), [""; 0], "{when}");
    }

    /// Each disk is stored, as it is, under one name.
    pub(crate) fn each_disk_is_stored_once(&self, when: &str) {
        let names = self.blobs();
        let copies: Vec<&String> = names.iter().filter(|name| name.ends_with(".vhd")).collect();
        assert_eq!(copies.len(), DISKS.len(), "{when}: {names:?}");
        for disk in DISKS {
            let bytes = self.azure.disk_bytes(disk).unwrap();
            let is_it = |name: &&&String| {
                let blob = self
                    .azure
                    .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, name)
                    .unwrap();
                blob.versions == 1 && blob.bytes().unwrap().starts_with(&bytes)
            };
            assert_eq!(copies.iter().filter(is_it).count(), 1, "{when}: {disk}");
        }
    }
}

fn host_of(url: impl AsRef<str>) -> String {
    let rest = url.as_ref().trim_start_matches("https://");
    rest.split('/').next().unwrap().to_owned()
}

/// Runs it for all, a few at a time: most of the time each waits.
pub(crate) fn side_by_side<T: Copy + Send + Sync>(all: &[T], run: impl Fn(T) + Sync) {
    for few in all.chunks(10) {
        std::thread::scope(|scope| {
            let threads: Vec<_> = few.iter().map(|one| scope.spawn(|| run(*one))).collect();
            for thread in threads {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
        });
    }
}
