//! A simulated Azure with a machine, and a worker's folder with its settings.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use custody_testkit::azure_sim::{Bytes, LroStyle, Scenario, Simulator};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::secret_scan::Needles;

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
    /// Whatever is asked and whatever comes of it: nothing that opens anything is printed.
    #[track_caller]
    pub(crate) fn of(output: &Output) -> Self {
        let run = Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        for text in [&run.out, &run.err] {
            // What was taken out is shown as an ellipsis.
            let text = text.replace("sig=…", "").replace("earer …", "");
            for secret in [
                Scenario::LAB_CLIENT_SECRET,
                "sig=",
                "eyJ0",
                "Bearer ",
                "PRIVATE KEY",
            ] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
        run
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) struct Lab {
    pub(crate) azure: Simulator,
    pub(crate) scenario: Scenario,
    /// Where evidence goes.
    container: String,
    environment: BTreeMap<String, String>,
    folder: TempDir,
    _runtime: Runtime,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::of(Scenario::lab())
    }

    /// This cloud, and settings that are whole.
    pub(crate) fn of(scenario: Scenario) -> Self {
        let lab = Self::without_settings(scenario);
        lab.write_settings();
        lab
    }

    /// This cloud; nothing but the client's secret is in the worker's folder.
    pub(crate) fn without_settings(scenario: Scenario) -> Self {
        let runtime = Runtime::new().unwrap();
        let azure = runtime.block_on(Simulator::start(scenario.clone())).unwrap();
        let folder = tempfile::Builder::new()
            .prefix("custody-azure-")
            .tempdir()
            .unwrap();
        fs::write(folder.path().join("client-secret"), Scenario::LAB_CLIENT_SECRET).unwrap();
        let certificate = azure.endpoints().unwrap().ca_certificate.clone();
        let certificate = PathBuf::from(certificate).to_str().unwrap().to_owned();
        Self {
            azure,
            scenario,
            container: Scenario::LAB_CONTAINER.into(),
            environment: BTreeMap::from([("SSL_CERT_FILE".to_owned(), certificate)]),
            folder,
            _runtime: runtime,
        }
    }

    /// Evidence goes into this container instead of the lab's own.
    pub(crate) fn storing_in(mut self, container: &str) -> Self {
        self.container = container.into();
        self.write_settings();
        self
    }

    /// Sets a variable of the program's environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    fn write_settings(&self) {
        let settings = format!(
            "{}\n[azure.identity]\nkind = \"client-secret\"\ntenant = {:?}\nclient = {:?}\nfile = {:?}\n\n\
             [azure.store]\naccount = {:?}\ncontainer = {:?}\n",
            self.cloud(),
            self.scenario.tenants[0],
            Scenario::LAB_CLIENT_ID,
            self.path("client-secret"),
            self.account(),
            self.container,
        );
        fs::write(self.path("custody.toml"), settings).unwrap();
    }

    /// The settings that name the cloud's endpoints, with a comment of somebody's.
    pub(crate) fn cloud(&self) -> String {
        let services = &self.azure.endpoints().unwrap().tls;
        let account = services.blob[Scenario::LAB_ACCOUNT].trim_end_matches('/');
        let vaults: Vec<String> = services.vault.values().map(host_of).collect();
        format!(
            "# endpoints of the exercise\n[azure.cloud]\nname = \"simulated\"\nauthority = {:?}\nmanager = {:?}\n\
             manager-audience = \"https://management.azure.com\"\nblob = {:?}\nblob-hosts = [{:?}]\n\
             export-hosts = [{:?}] # one port for all\nvault-hosts = {vaults:?}\n",
            services.login,
            services.management,
            account.replace(Scenario::LAB_ACCOUNT, "{account}"),
            host_of(account),
            host_of(&services.exports),
        )
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn settings(&self) -> String {
        fs::read_to_string(self.path("custody.toml")).unwrap()
    }

    /// The id of the storage account.
    pub(crate) fn account(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/soc/providers/Microsoft.Storage/storageAccounts/{}",
            self.scenario.subscriptions[0],
            Scenario::LAB_ACCOUNT
        )
    }

    /// The address of where evidence goes.
    pub(crate) fn store(&self) -> String {
        self.store_of(&self.container)
    }

    pub(crate) fn store_of(&self, container: &str) -> String {
        let services = &self.azure.endpoints().unwrap().tls;
        let account = services.blob[Scenario::LAB_ACCOUNT].trim_end_matches('/');
        format!("{account}/{container}")
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

    #[track_caller]
    pub(crate) fn custody(&self, words: &[&str]) -> Run {
        Run::of(&self.command(words).output().unwrap())
    }

    /// The words of a capture from what these name, with more options.
    pub(crate) fn capture_of<'a>(source: [&'a str; 2], options: &[&'a str]) -> Vec<&'a str> {
        let about = [
            "--case",
            "C-1",
            "--examiner",
            "M. Example",
            "--authority",
            "Incident 1",
        ];
        let fixed = ["capture", "azure", "--config", "custody.toml"];
        [&fixed[..], &source, &about, options].concat()
    }

    /// The command that captures the machine.
    pub(crate) fn capture_command(&self, options: &[&str]) -> Command {
        let machine = self.scenario.machine_id(Scenario::LAB_MACHINE);
        self.command(&Self::capture_of(["--vm", &machine], options))
    }

    #[track_caller]
    pub(crate) fn capture(&self, options: &[&str]) -> Run {
        Run::of(&self.capture_command(options).output().unwrap())
    }

    #[track_caller]
    pub(crate) fn verify(&self) -> Run {
        self.custody(&["verify", &self.store(), "--config", "custody.toml"])
    }

    pub(crate) fn blobs(&self) -> Vec<String> {
        self.azure.blob_names(Scenario::LAB_ACCOUNT, &self.container)
    }

    #[track_caller]
    pub(crate) fn nothing_is_left_at_the_source(&self, when: &str) {
        assert_eq!(self.azure.snapshots(), [], "{when}");
        assert_eq!(self.azure.restore_points(), [""; 0], "{when}");
        assert_eq!(self.azure.live_exports(), [""; 0], "{when}");
    }

    /// No object of the store and no file of the worker's folder holds something that opens anything.
    #[track_caller]
    pub(crate) fn no_secret_is_kept(&self) {
        let secret = Scenario::LAB_CLIENT_SECRET.as_bytes();
        let needles = Needles::new().with_secret("the client's secret", secret);
        for name in self.blobs() {
            let blob = self.azure.blob(Scenario::LAB_ACCOUNT, &self.container, &name);
            assert_eq!(needles.find(&blob.unwrap().bytes().unwrap()), None, "{name}");
        }
        let own = [self.path("client-secret")];
        assert_eq!(needles.find_below(&self.path(""), &own), None);
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
                    .blob(Scenario::LAB_ACCOUNT, &self.container, name)
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
