use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use custody_testkit::azure_sim::Scenario;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Run, folder_on_disk};

/// `custody-azure-sim`, a process of its own, and a folder for a worker beside it.
pub struct SimulatedAzure {
    child: Child,
    ready: Value,
    folder: TempDir,
    machine: String,
    subscription: String,
}

impl SimulatedAzure {
    /// Serves the scenario until it is dropped.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(program: &Path, scenario: &Scenario) -> Self {
        let folder = folder_on_disk();
        let file = folder.path().join("scenario.json");
        let text = serde_json::to_string(scenario).expect("a scenario is JSON");
        fs::write(&file, text).expect("a scenario can be written");
        let mut child = Command::new(program)
            .arg("--scenario")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulator can be started");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output is piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the simulator says where it listens");
        let simulated = Self {
            child,
            ready: serde_json::from_str(&line).expect("the simulator started"),
            folder,
            machine: scenario.machine_id(Scenario::LAB_MACHINE),
            subscription: scenario.subscriptions.first().cloned().unwrap_or_default(),
        };
        simulated.write_settings();
        simulated
    }

    /// The address of a service over TLS: `login`, `management`, `exports`.
    #[must_use]
    pub fn address(&self, service: &str) -> String {
        self.text(&format!("/tls/{service}"))
    }

    /// The address of the lab's account over TLS.
    #[must_use]
    pub fn account(&self) -> String {
        self.address(&format!("blob/{}", Scenario::LAB_ACCOUNT))
    }

    /// The port that serves all hosts by http.
    #[must_use]
    pub fn plain_router(&self) -> String {
        self.text("/plainRouter")
    }

    /// The certificate to trust.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.text("/caCertificate").into()
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> String {
        self.text("/tenantId")
    }

    /// The lab's machine, by its id.
    #[must_use]
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// The subscription of everything.
    #[must_use]
    pub fn subscription(&self) -> &str {
        &self.subscription
    }

    /// The file with the client's secret.
    #[must_use]
    pub fn secret_file(&self) -> PathBuf {
        self.folder.path().join("client-secret")
    }

    /// `custody capture azure` of the lab's machine into the lab's container, with a state folder of its own.
    ///
    /// # Panics
    /// As [`Run::of`].
    #[must_use]
    pub fn capture(&self, custody: &Path, options: &[&str]) -> Run {
        let state = tempfile::tempdir_in(self.folder.path()).expect("a folder for the state");
        let config = self.folder.path().join("custody.toml");
        let fixed = ["capture", "azure", "--case", "bench", "--examiner", "bench"];
        let mut arguments: Vec<OsString> = fixed.iter().map(OsString::from).collect();
        arguments.extend(["--authority", "bench", "--vm", &self.machine].map(OsString::from));
        arguments.extend(["--config".into(), config.into(), "--state".into()]);
        arguments.push(state.path().join("state").into());
        arguments.extend(options.iter().map(OsString::from));
        let trust = [("SSL_CERT_FILE", self.certificate().into_os_string())];
        Run::with_environment(custody.as_os_str(), arguments, &trust)
    }

    /// The most memory that the simulator has had so far, in bytes.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
        kib.unwrap_or(0_u64) * 1024
    }

    fn text(&self, pointer: &str) -> String {
        self.ready
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("the simulator does not say {pointer}"))
            .trim_end_matches('/')
            .to_owned()
    }

    fn write_settings(&self) {
        let secret = self.secret_file();
        fs::write(&secret, Scenario::LAB_CLIENT_SECRET).expect("a secret can be written");
        let (account, exports) = (self.account(), self.address("exports"));
        let settings = format!(
            "[azure.cloud]\nname = \"simulated\"\nauthority = {:?}\nmanager = {:?}\n\
             manager-audience = \"https://management.azure.com\"\nblob = {:?}\nblob-hosts = [{:?}]\n\
             export-hosts = [{:?}]\n\n[azure.identity]\nkind = \"client-secret\"\ntenant = {:?}\n\
             client = {:?}\nfile = {secret:?}\n\n[azure.store]\naccount = \"/subscriptions/{}\
             /resourceGroups/soc/providers/Microsoft.Storage/storageAccounts/{}\"\ncontainer = {:?}\n",
            self.address("login"),
            self.address("management"),
            account.replace(Scenario::LAB_ACCOUNT, "{account}"),
            authority(&account),
            authority(&exports),
            self.tenant(),
            Scenario::LAB_CLIENT_ID,
            self.subscription,
            Scenario::LAB_ACCOUNT,
            Scenario::LAB_CONTAINER,
        );
        fs::write(self.folder.path().join("custody.toml"), settings).expect("settings can be written");
    }
}

fn authority(url: &str) -> &str {
    let rest = url.trim_start_matches("https://");
    rest.split('/').next().unwrap_or(rest)
}

impl fmt::Debug for SimulatedAzure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedAzure")
            .field("machine", &self.machine)
            .finish_non_exhaustive()
    }
}

impl Drop for SimulatedAzure {
    fn drop(&mut self) {
        // It removes its files when it is told to end.
        let process = rustix::process::Pid::from_child(&self.child);
        if rustix::process::kill_process(process, rustix::process::Signal::TERM).is_err() {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}
