//! The real program against a simulated Azure, over TLS on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use custody_testkit::azure_sim::{Bytes, Fault, FaultAction, GuestStateOfSnapshots, Scenario, Simulator};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PROGRAM: &str = env!("CARGO_BIN_EXE_custody");
const PATIENCE: Duration = Duration::from_secs(60);
const DISKS: [&str; 3] = ["web-01_OsDisk_1", "web-01-data-0", "web-01-data-1"];

/// A simulated Azure with the lab's machine, and a worker's folder.
struct Lab {
    azure: Simulator,
    folder: TempDir,
    _runtime: Runtime,
}

impl Lab {
    /// Evidence goes into this container.
    fn new(container: &str) -> Self {
        Self::of(Scenario::lab(), container)
    }

    fn of(scenario: Scenario, container: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let subscription = scenario.subscriptions[0].clone();
        let tenant = scenario.tenants[0].clone();
        let azure = runtime.block_on(Simulator::start(scenario)).unwrap();
        let folder = tempfile::Builder::new()
            .prefix("custody-azure-")
            .tempdir()
            .unwrap();
        let services = &azure.endpoints().unwrap().tls;
        let account = services.blob[Scenario::LAB_ACCOUNT].trim_end_matches('/');
        let host = |url: &str| {
            url.trim_start_matches("https://")
                .split('/')
                .next()
                .unwrap()
                .to_owned()
        };
        let secret = folder.path().join("client-secret");
        fs::write(&secret, Scenario::LAB_CLIENT_SECRET).unwrap();
        let settings = format!(
            "[azure.cloud]\nname = \"simulated\"\nauthority = {:?}\nmanager = {:?}\n\
             manager-audience = \"https://management.azure.com\"\nblob = {:?}\nblob-hosts = [{:?}]\n\
             export-hosts = [{:?}]\n\n[azure.identity]\nkind = \"client-secret\"\ntenant = {tenant:?}\n\
             client = {:?}\nfile = {secret:?}\n\n[azure.store]\naccount = \"/subscriptions/{subscription}\
             /resourceGroups/soc/providers/Microsoft.Storage/storageAccounts/{}\"\ncontainer = {container:?}\n",
            services.login,
            services.management,
            account.replace(Scenario::LAB_ACCOUNT, "{account}"),
            host(account),
            host(&services.exports),
            Scenario::LAB_CLIENT_ID,
            Scenario::LAB_ACCOUNT,
        );
        let vaults: Vec<String> = services.vault.values().map(|url| host(url)).collect();
        let settings = settings.replacen(
            "\n[azure.identity]",
            &format!("vault-hosts = {vaults:?}\n\n[azure.identity]"),
            1,
        );
        fs::write(folder.path().join("custody.toml"), settings).unwrap();
        Self {
            azure,
            folder,
            _runtime: runtime,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn store(&self, container: &str) -> String {
        let services = &self.azure.endpoints().unwrap().tls;
        let account = services.blob[Scenario::LAB_ACCOUNT].trim_end_matches('/');
        format!("{account}/{container}")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("SSL_CERT_FILE", &self.azure.endpoints().unwrap().ca_certificate)
            .stdin(Stdio::null())
            .args(words)
            .args(["--state", "state", "--allow-temporary-state"]);
        command
    }

    fn custody(&self, words: &[&str]) -> Run {
        let run = Run::of(&self.command(words).output().unwrap());
        // Whatever is asked and whatever comes of it: nothing that opens anything is printed.
        for secret in [Scenario::LAB_CLIENT_SECRET, "sig=", "eyJ", "Bearer "] {
            assert!(
                !run.out.contains(secret) && !run.err.contains(secret),
                "{secret} in {run:?}"
            );
        }
        run
    }

    fn capture(&self, options: &[&str]) -> Run {
        let machine = Scenario::lab().machine_id(Scenario::LAB_MACHINE);
        let words = [
            [
                "capture",
                "azure",
                "--config",
                "custody.toml",
                "--vm",
                &machine,
                "--case",
                "C-1",
            ]
            .as_slice(),
            &["--examiner", "M. Example", "--authority", "Incident 1"],
            options,
        ]
        .concat();
        self.custody(&words)
    }

    fn blobs(&self, container: &str) -> Vec<String> {
        self.azure.blob_names(Scenario::LAB_ACCOUNT, container)
    }

    fn nothing_is_left_at_the_source(&self) {
        assert_eq!(self.azure.snapshots(), []);
        assert_eq!(self.azure.restore_points(), [""; 0]);
        assert_eq!(self.azure.live_exports(), [""; 0]);
    }

    /// No blob and no file of the worker, its secret's own aside, holds something that opens anything.
    fn no_secret_is_kept(&self, container: &str) {
        let canary = Scenario::LAB_CLIENT_SECRET.as_bytes();
        let holds = |bytes: &[u8], secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        for name in self.blobs(container) {
            let blob = self.azure.blob(Scenario::LAB_ACCOUNT, container, &name).unwrap();
            let bytes = blob.bytes().unwrap();
            for secret in [canary, b"&sig=".as_slice(), b"Bearer ey".as_slice()] {
                assert!(!holds(&bytes, secret), "{name} holds a secret");
            }
        }
        let mut folders = vec![self.path("state")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = fs::read(&path).unwrap();
                    assert!(
                        !holds(&bytes, canary) && !holds(&bytes, b"&sig="),
                        "{}",
                        path.display()
                    );
                }
            }
        }
    }
}

#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

#[test]
fn a_machine_is_captured_verified_and_nothing_is_left_at_its_side() {
    let lab = Lab::new(Scenario::LAB_CONTAINER);
    let captured = lab.capture(&["--json"]).expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");
    lab.nothing_is_left_at_the_source();
    assert_eq!(captured["items"].as_array().unwrap().len(), 3);
    for (item, disk) in captured["items"].as_array().unwrap().iter().zip([
        "web-01_OsDisk_1",
        "web-01-data-0",
        "web-01-data-1",
    ]) {
        let name = item["object"].as_str().unwrap();
        let blob = lab
            .azure
            .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, name)
            .unwrap();
        assert_eq!(blob.kind, "PageBlob");
        let stored = blob.bytes().unwrap();
        assert!(stored.starts_with(&lab.azure.disk_bytes(disk).unwrap()), "{disk}");
    }
    let records = lab.blobs(Scenario::LAB_CONTAINER);
    assert!(
        records.iter().any(|name| name.ends_with("virtual-machine.json")),
        "{records:?}"
    );
    lab.no_secret_is_kept(Scenario::LAB_CONTAINER);

    let store = lab.store(Scenario::LAB_CONTAINER);
    lab.custody(&["verify", &store, "--config", "custody.toml"])
        .expect(0);
    let listed = lab
        .custody(&["list", "--store", &store, "--config", "custody.toml", "--json"])
        .expect(0)
        .json();
    assert_eq!(listed["registered"][0]["state"], "complete", "{listed}");
    assert_eq!(listed["acquisitions"][0]["settled"], true, "{listed}");

    // The register, and an acquisition's log, are shown from the container itself.
    let register = lab
        .custody(&["log", &store, "--config", "custody.toml"])
        .expect(0);
    assert!(register.out.contains("acquisition.registered"), "{register:?}");
    let id = captured["acquisition"].as_str().unwrap();
    let own = lab
        .custody(&["log", &store, id, "--config", "custody.toml"])
        .expect(0);
    assert!(own.out.contains("acquisition.closed"), "{own:?}");
    assert_eq!(own.out, lab.custody(&["log", id]).expect(0).out);
    let other = lab
        .custody(&["log", &lab.store("plain"), "--config", "custody.toml"])
        .expect(3);
    assert!(other.err.contains("name the container"), "{other:?}");
    // Whoever does not say as whom is told what these commands take.
    for words in [["verify", &store], ["log", &store], ["list", "--store"]] {
        let words = if words[0] == "list" {
            [&words[..], &[&store]].concat()
        } else {
            words.to_vec()
        };
        let unsaid = lab.custody(&words).expect(2);
        assert!(unsaid.err.contains("--config FILE"), "{unsaid:?}");
        assert!(!unsaid.err.contains("--identity"), "{unsaid:?}");
    }
}

#[test]
fn going_on_works_on_as_many_disks_at_once_as_the_capture_did() {
    let lab = Lab::new(Scenario::LAB_CONTAINER);
    let begun = lab
        .capture(&["--preserve-only", "--parallel", "3", "--json"])
        .expect(3)
        .json();
    lab.custody(&["resume"]).expect(0);
    let id = begun["acquisition"].as_str().unwrap();
    let log = lab.custody(&["log", id, "--json"]).expect(0);
    let last: Value = serde_json::from_str(log.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["how"]["settings"]["parallel"], "3", "{last}");
}

#[test]
fn a_plan_changes_nothing_and_names_what_protects_the_container() {
    let lab = Lab::new(Scenario::LAB_CONTAINER);
    let plan = lab.capture(&["--dry-run", "--json"]).expect(0).json();
    assert_eq!(plan["protection"]["kind"], "locked-retention", "{plan}");
    assert_eq!(plan["items"].as_array().unwrap().len(), 3);
    lab.nothing_is_left_at_the_source();
    assert_eq!(lab.blobs(Scenario::LAB_CONTAINER), [""; 0]);
}

/// The lab's machine with Trusted Launch, of whose guest state a snapshot gives nothing.
fn trusted_launch() -> Scenario {
    let mut scenario = Scenario::lab();
    let disk = scenario.disk_mut("web-01_OsDisk_1");
    disk.security_type = "TrustedLaunch".into();
    disk.guest_state = Some(Bytes::Exactly(vec![7; 4096]));
    disk.guest_state_of_snapshots = GuestStateOfSnapshots::LeftOut;
    scenario
}

#[test]
fn guest_state_that_is_not_to_be_had_is_told_and_can_be_left_out() {
    let lab = Lab::of(trusted_launch(), Scenario::LAB_CONTAINER);
    let plan = lab.capture(&["--dry-run"]).expect(0);
    assert!(plan.out.contains("web-01_OsDisk_1.vmgs"), "{plan:?}");
    assert!(plan.out.contains("told when it is opened"), "{plan:?}");
    let failed = lab.capture(&[]).expect(3);
    assert!(failed.err.contains("getSecureVMGuestStateSAS"), "{failed:?}");
    assert!(failed.err.contains("1 of 4 items"), "{failed:?}");
    assert!(failed.err.contains("the other items are sealed"), "{failed:?}");
    assert_eq!(lab.azure.snapshots().len(), 1, "what is not stored is kept");
    assert_eq!(lab.azure.live_exports(), [""; 0]);

    let lab = Lab::of(trusted_launch(), Scenario::LAB_CONTAINER);
    let without = ["--without-guest-state", "--json"];
    let captured = lab.capture(&without).expect(0).json();
    assert_eq!(captured["items"].as_array().unwrap().len(), 3);
    let named = captured["not_acquired"].to_string();
    assert!(named.contains("guest state (VMGS)"), "{named}");
    lab.nothing_is_left_at_the_source();
}

#[test]
fn evidence_is_preserved_and_not_stored_where_nothing_protects_it() {
    let lab = Lab::new("plain");
    let refused = lab.capture(&[]).expect(3);
    assert!(refused.err.contains("less than was asked for"), "{refused:?}");
    assert_eq!(lab.azure.snapshots().len(), 3, "the evidence is preserved first");
    let again = lab.custody(&["resume"]).expect(3);
    assert!(again.err.contains("less than was asked for"), "{again:?}");
    assert!(!lab.blobs("plain").iter().any(|name| name.ends_with(".vhd")));
}

#[test]
fn without_a_policy_evidence_is_stored_only_when_that_is_asked_for_and_the_record_says_so() {
    let lab = Lab::new("plain");
    let captured = lab
        .capture(&["--require-protection", "none", "--json"])
        .expect(0)
        .json();
    assert_eq!(captured["state"], "complete", "{captured}");
    let manifest = lab
        .blobs("plain")
        .into_iter()
        .find(|name| name.ends_with("manifest.json"))
        .unwrap();
    let manifest = lab
        .azure
        .blob(Scenario::LAB_ACCOUNT, "plain", &manifest)
        .unwrap()
        .bytes()
        .unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["protection"]["before"]["kind"], "none", "{manifest}");
}

#[test]
fn snapshots_can_be_taken_first_and_the_rest_done_later() {
    let lab = Lab::new(Scenario::LAB_CONTAINER);
    lab.capture(&["--preserve-only"]).expect(3);
    assert_eq!(lab.azure.snapshots().len(), 3);
    lab.custody(&["resume"]).expect(0);
    lab.nothing_is_left_at_the_source();
    let store = lab.store(Scenario::LAB_CONTAINER);
    lab.custody(&["verify", &store, "--config", "custody.toml"])
        .expect(0);
}

#[test]
fn evidence_is_preserved_while_the_container_is_not_there_and_stored_once_it_is() {
    let lab = Lab::new(Scenario::LAB_CONTAINER);
    let missing = FaultAction::status(404, "ContainerNotFound");
    lab.azure
        .inject(Fault::on("*", "*", missing).at_host("socevidence*"));
    let refused = lab.capture(&["--preserve-only"]).expect(3);
    assert!(
        refused.err.contains("not found") && refused.err.contains("custody resume"),
        "{refused:?}"
    );
    assert_eq!(lab.azure.snapshots().len(), 3);
    assert_eq!(
        refused.out.matches("kept         disk snapshot").count(),
        3,
        "{refused:?}"
    );
    let listed = lab.custody(&["list"]).expect(0);
    for words in ["nothing is there yet", "not found", "custody resume"] {
        assert!(listed.out.contains(words), "{words}: {listed:?}");
    }
    let again = lab.custody(&["resume", "--json"]).expect(3).json();
    assert_eq!(again["kept"].as_array().unwrap().len(), 3, "{again}");
    lab.azure.clear_faults();
    lab.custody(&["resume"]).expect(0);
    lab.nothing_is_left_at_the_source();
    lab.no_secret_is_kept(Scenario::LAB_CONTAINER);
    let store = lab.store(Scenario::LAB_CONTAINER);
    lab.custody(&["verify", &store, "--config", "custody.toml"])
        .expect(0);
}

#[test]
fn all_disks_can_be_taken_at_one_instant_and_resume_goes_on_the_same_way() {
    let lab = Lab::new(Scenario::LAB_CONTAINER);
    let asked = ["--consistency", "restore-point"];
    let planned = lab
        .capture(&[asked.as_slice(), &["--dry-run"]].concat())
        .expect(0);
    assert!(
        planned
            .out
            .contains("one crash-consistent restore point of 3 disks")
            && planned.out.contains("deletes both once the copies of all disks"),
        "{planned:?}"
    );
    lab.nothing_is_left_at_the_source();
    let preserved = lab
        .capture(&[asked.as_slice(), &["--preserve-only", "--json"]].concat())
        .expect(3)
        .json();
    assert_eq!(lab.azure.restore_points().len(), 2);
    assert_eq!(lab.azure.snapshots(), []);
    // A part of it cannot be ordered away; the refusal names the others and changes nothing.
    let kept = preserved["kept"].as_array().unwrap();
    assert_eq!(kept.len(), 3, "{preserved}");
    let discard = kept[0].as_str().unwrap();
    let acquisition = preserved["acquisition"].as_str().unwrap();
    let words = [
        "abandon",
        acquisition,
        "--reason",
        "by mistake",
        "--discard",
        discard,
    ];
    let refused = lab.custody(&words).expect(3);
    assert!(
        refused.err.contains("it can only be deleted together with")
            && refused.err.contains(kept[1].as_str().unwrap()),
        "{refused:?}"
    );
    assert_eq!(lab.azure.restore_points().len(), 2);
    lab.custody(&["resume"]).expect(0);
    lab.nothing_is_left_at_the_source();
    let store = lab.store(Scenario::LAB_CONTAINER);
    lab.custody(&["verify", &store, "--config", "custody.toml"])
        .expect(0);
}

#[test]
fn i05_what_never_came_into_a_container_is_given_up_with_its_snapshots_kept() {
    let lab = Lab::new("no-such-container");
    let preserved = lab.capture(&["--json"]).expect(3).json();
    let id = preserved["acquisition"].as_str().unwrap();
    let snapshot = preserved["kept"][0].as_str().unwrap();
    let refused = lab
        .custody(&["abandon", id, "--reason", "typo", "--discard", snapshot])
        .expect(3);
    assert!(refused.err.contains("without discarding"), "{refused:?}");
    lab.custody(&["abandon", id, "--reason", "the container was misspelt"])
        .expect(0);
    assert_eq!(lab.azure.snapshots().len(), 3, "kept");
    let listed = lab.custody(&["list"]).expect(0);
    assert!(
        listed.out.contains("abandoned") && listed.out.contains("never came there"),
        "{listed:?}"
    );
    assert!(
        listed.out.contains("is kept: the acquisition was abandoned"),
        "{listed:?}"
    );
    lab.custody(&["resume"]).expect(0);
}

#[test]
fn i05_what_azure_began_and_did_not_finish_is_named_in_log_result_and_list() {
    let lab = Lab::new(Scenario::LAB_CONTAINER);
    let fails = FaultAction::OperationFails("DiskServiceInternalError".into());
    lab.azure.inject(Fault::on("PUT", "*/snapshots/*", fails).nth(1));
    let failed = lab.capture(&["--json"]).expect(3).json();
    let list = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    let kept = list(&failed["kept"]);
    assert_eq!(kept.len(), 3, "what is there is named, finished or not: {failed}");
    let log = lab
        .custody(&["log", failed["acquisition"].as_str().unwrap(), "--json"])
        .expect(0);
    let lines = log
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let named: Vec<Value> = lines.filter(|line| line["type"] == "snapshot.kept").collect();
    let [named] = &named[..] else { panic!("{named:?}") };
    let name = named["what"]["snapshot"].as_str().unwrap();
    assert!(kept.iter().any(|kept| kept == name), "{failed}");
    let id = failed["acquisition"].as_str().unwrap();
    let listed = lab.custody(&["list"]).expect(0);
    assert!(
        listed.out.contains(name) && listed.out.contains("is kept: it was begun and not finished"),
        "{listed:?}"
    );
    // Named once more by the run that finds it again, and listed once.
    let again = lab.custody(&["resume", "--json"]).expect(3).json();
    assert_eq!(again["kept"], failed["kept"], "{again}");
    let listed = lab.custody(&["list"]).expect(0);
    assert_eq!(
        listed.out.matches("is kept: it was begun").count(),
        1,
        "{listed:?}"
    );
    // It goes by a custodian's order.
    let mut words = vec!["abandon", id, "--reason", "the service gave it up"];
    words.extend(kept.iter().flat_map(|kept| ["--discard", kept.as_str()]));
    lab.custody(&words).expect(0);
    lab.nothing_is_left_at_the_source();
}

#[test]
fn i06_a_restore_point_that_was_there_is_a_source_and_stays() {
    let lab = Lab::new(Scenario::LAB_CONTAINER);
    let made = lab
        .capture(&["--consistency", "restore-point", "--preserve-only", "--json"])
        .expect(3)
        .json();
    let id = made["acquisition"].as_str().unwrap();
    lab.custody(&["abandon", id, "--reason", "taken for later"])
        .expect(0);
    let there = lab.azure.restore_points();
    let point = there.iter().find(|id| id.contains("/restorePoints/")).unwrap();
    let words = [
        "capture",
        "azure",
        "--config",
        "custody.toml",
        "--restore-point",
        point,
        "--case",
        "C-1",
        "--examiner",
        "M. Example",
        "--authority",
        "Incident 1",
    ];
    let plan = lab.custody(&[&words[..], &["--dry-run"]].concat()).expect(0);
    assert!(!plan.out.contains("deletes"), "{plan:?}");
    let captured = lab.custody(&[&words[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");
    assert_eq!(captured["items"].as_array().unwrap().len(), 3, "{captured}");
    assert_eq!(
        captured.get("kept"),
        None,
        "what others made is not ours to keep: {captured}"
    );
    for (item, disk) in captured["items"].as_array().unwrap().iter().zip(DISKS) {
        let name = item["object"].as_str().unwrap();
        let blob = lab
            .azure
            .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, name);
        let stored = blob.unwrap().bytes().unwrap();
        assert!(stored.starts_with(&lab.azure.disk_bytes(disk).unwrap()), "{disk}");
    }
    assert_eq!(lab.azure.restore_points(), there);
    assert_eq!(lab.azure.live_exports(), [""; 0]);
    let store = lab.store(Scenario::LAB_CONTAINER);
    lab.custody(&["verify", &store, "--config", "custody.toml"])
        .expect(0);
}

#[test]
fn i11_another_region_is_taken_only_when_that_is_asked_for() {
    let mut scenario = Scenario::lab();
    scenario.storage_accounts[0].location = "North Europe".into();
    let lab = Lab::of(scenario, Scenario::LAB_CONTAINER);
    let plan = lab.capture(&["--dry-run", "--json"]).expect(3).json();
    assert_eq!(plan["machine"]["region"], "westeurope", "{plan}");
    assert_eq!(plan["protection"]["region"], "northeurope", "{plan}");
    let reason = plan["refusals"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("--allow-other-region"), "{plan}");
    let captured = lab.capture(&["--allow-other-region", "--json"]).expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");
    let id = captured["acquisition"].as_str().unwrap();
    let log = lab.custody(&["log", id, "--json"]).expect(0);
    let opening: Value = serde_json::from_str(log.out.lines().next().unwrap()).unwrap();
    assert_eq!(opening["what"]["settings"]["regions"], "any", "{opening}");
}

#[test]
fn a_machine_that_has_no_one_instant_is_refused_with_the_reason_and_nothing_else_is_made() {
    let mut scenario = Scenario::lab();
    scenario.disk_mut("web-01-data-0").sku = "UltraSSD_LRS".into();
    let lab = Lab::of(scenario, Scenario::LAB_CONTAINER);
    let settings = lab.path("custody.toml");
    let mut text = fs::read_to_string(&settings).unwrap();
    text.push_str("\n[azure.snapshots]\nconsistency = \"restore-point\"\n");
    fs::write(&settings, text).unwrap();
    for options in [&["--dry-run"][..], &[]] {
        let refused = lab.capture(options).expect(3);
        assert!(
            refused
                .err
                .contains("disk web-01-data-0 is of the type UltraSSD_LRS")
                && refused.err.contains("--consistency disk-snapshots"),
            "{refused:?}"
        );
        lab.nothing_is_left_at_the_source();
    }
    // What it says to do is what helps: the flag goes before the file.
    lab.capture(&["--consistency", "disk-snapshots", "--preserve-only"])
        .expect(3);
    assert_eq!(lab.azure.snapshots().len(), 3);
}

#[test]
fn a_capture_that_is_killed_while_azure_copies_is_finished_by_another_process() {
    let mut scenario = Scenario::lab();
    scenario.timing.copy_polls = 3;
    let lab = Lab::of(scenario, Scenario::LAB_CONTAINER);
    let machine = Scenario::lab().machine_id(Scenario::LAB_MACHINE);
    let words = [
        "capture",
        "azure",
        "--config",
        "custody.toml",
        "--vm",
        &machine,
        "--case",
        "C-1",
        "--examiner",
        "M",
        "--authority",
        "I",
    ];
    let mut child = lab
        .command(&words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let copying = || {
        let names = lab.blobs(Scenario::LAB_CONTAINER);
        names.iter().any(|name| {
            let blob = lab
                .azure
                .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, name);
            blob.is_some_and(|blob| blob.copy_status == Some("pending"))
        })
    };
    while !copying() && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "no copy was begun");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    lab.custody(&["resume"]).expect(0);
    lab.nothing_is_left_at_the_source();
    let store = lab.store(Scenario::LAB_CONTAINER);
    lab.custody(&["verify", &store, "--config", "custody.toml"])
        .expect(0);
}

#[test]
fn what_is_missing_from_the_settings_is_named_with_where_to_put_it() {
    let lab = Lab::new(Scenario::LAB_CONTAINER);
    let machine = Scenario::lab().machine_id(Scenario::LAB_MACHINE);
    let base = [
        "capture",
        "azure",
        "--vm",
        &machine,
        "--case",
        "C",
        "--examiner",
        "M",
        "--authority",
        "I",
    ];
    let none = lab.custody(&base).expect(2);
    assert!(
        none.err.contains("as whom") && none.err.contains("--identity"),
        "{none:?}"
    );
    let words = [base.as_slice(), &["--identity", "azure-cli"]].concat();
    let none = lab.custody(&words).expect(2);
    assert!(none.err.contains("--account"), "{none:?}");
    let named = [
        "capture",
        "azure",
        "--vm",
        "web-01",
        "--case",
        "C",
        "--examiner",
        "M",
        "--authority",
        "I",
    ];
    let none = lab.custody(&named).expect(2);
    assert!(none.err.contains("--subscription"), "{none:?}");
}
