//! `custody setup azure`, by the real program, against a simulated Azure over TLS on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod schemas;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use custody_azure::arm::{RightPlace, RightStep, rights_for};
use custody_core::port::RightNeed;
use custody_testkit::azure_sim::{Container, ImmutabilityPolicy, RoleGrant, Scenario, Simulator};
use schemas::Schemas;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PROGRAM: &str = env!("CARGO_BIN_EXE_custody");

/// A simulated Azure, and the folder of a worker that is being set up.
struct Lab {
    azure: Simulator,
    folder: TempDir,
    scenario: Scenario,
    _runtime: Runtime,
}

impl Lab {
    fn new() -> Self {
        Self::of(Scenario::lab())
    }

    fn of(scenario: Scenario) -> Self {
        let runtime = Runtime::new().unwrap();
        let azure = runtime.block_on(Simulator::start(scenario.clone())).unwrap();
        let folder = tempfile::Builder::new()
            .prefix("custody-setup-")
            .tempdir()
            .unwrap();
        let lab = Self {
            azure,
            folder,
            scenario,
            _runtime: runtime,
        };
        lab.put_secret(0o600);
        fs::write(lab.path("custody.toml"), lab.cloud()).unwrap();
        lab
    }

    /// The lab's application may do this, and nothing else.
    fn with_roles(roles: Vec<RoleGrant>) -> Self {
        let mut scenario = Scenario::lab();
        scenario.identities[0].roles = roles;
        Self::of(scenario)
    }

    /// With this container beside the lab's own.
    fn with_container(container: Container) -> Self {
        let mut scenario = Scenario::lab();
        scenario.storage_accounts[0].containers.push(container);
        Self::of(scenario)
    }

    fn put_secret(&self, mode: u32) {
        fs::write(self.path("client-secret"), Scenario::LAB_CLIENT_SECRET).unwrap();
        fs::set_permissions(self.path("client-secret"), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// What no flag says: the endpoints of another cloud, with a comment of somebody's.
    fn cloud(&self) -> String {
        let services = &self.azure.endpoints().unwrap().tls;
        let account = services.blob[Scenario::LAB_ACCOUNT].trim_end_matches('/');
        let host = |url: &str| url.split('/').nth(2).unwrap().to_owned();
        format!(
            "# endpoints of the exercise\n[azure.cloud]\nname = \"simulated\"\nauthority = {:?}\nmanager = {:?}\n\
             manager-audience = \"https://management.azure.com\"\nblob = {:?}\nblob-hosts = [{:?}]\n\
             export-hosts = [{:?}] # one port for all\n",
            services.login,
            services.management,
            account.replace(Scenario::LAB_ACCOUNT, "{account}"),
            host(account),
            host(&services.exports),
        )
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self) -> String {
        fs::read_to_string(self.path("custody.toml")).unwrap()
    }

    fn group(&self, name: &str) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{name}",
            self.scenario.subscriptions[0]
        )
    }

    fn account(&self) -> String {
        format!(
            "{}/providers/Microsoft.Storage/storageAccounts/{}",
            self.group("soc"),
            Scenario::LAB_ACCOUNT
        )
    }

    fn store(&self, container: &str) -> String {
        let services = &self.azure.endpoints().unwrap().tls;
        let account = services.blob[Scenario::LAB_ACCOUNT].trim_end_matches('/');
        format!("{account}/{container}")
    }

    /// Every flag that setting up needs here, for this container.
    fn flags(&self, container: &str) -> Vec<String> {
        let tenant = &self.scenario.tenants[0];
        [
            "--identity",
            "client-secret",
            "--tenant",
            tenant,
            "--client",
            Scenario::LAB_CLIENT_ID,
            "--identity-file",
            "client-secret",
            "--account",
            &self.account(),
            "--container",
            container,
            "--source-group",
            &self.group("production"),
            &self.group("shared-disks"),
        ]
        .map(str::to_owned)
        .into()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("SSL_CERT_FILE", &self.azure.endpoints().unwrap().ca_certificate)
            // Whatever is asked elsewhere than at the simulator fails at once.
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .env("NO_PROXY", "127.0.0.1,localhost")
            .args(words)
            .args(["--state", "state", "--allow-temporary-state"]);
        command
    }

    fn run(&self, words: &[&str], answers: &str) -> Run {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who asks nothing may be gone before the answers are.
        drop(child.stdin.take().unwrap().write_all(answers.as_bytes()));
        let run = Run::of(&child.wait_with_output().unwrap());
        for secret in [
            Scenario::LAB_CLIENT_SECRET,
            "sig=",
            "eyJ",
            "Bearer ",
            "PRIVATE KEY",
        ] {
            assert!(
                !run.out.contains(secret) && !run.err.contains(secret),
                "{secret} in {run:?}"
            );
        }
        if let Ok(settings) = fs::read_to_string(self.path("custody.toml")) {
            assert!(!settings.contains(Scenario::LAB_CLIENT_SECRET), "{settings}");
        }
        run
    }

    fn setup(&self, words: &[&str]) -> Run {
        self.run(&[&["setup", "azure"], words].concat(), "")
    }

    /// With every flag, over whatever is there.
    fn set_up(&self, container: &str, more: &[&str]) -> Run {
        let flags = self.flags(container);
        let flags: Vec<&str> = flags.iter().map(String::as_str).chain(["--force"]).collect();
        self.setup(&[&flags, more].concat())
    }

    fn capture(&self) -> Run {
        self.capture_with(&[])
    }

    fn capture_with(&self, more: &[&str]) -> Run {
        let machine = self.scenario.machine_id(Scenario::LAB_MACHINE);
        let words = ["capture", "azure", "--config", "custody.toml", "--vm", &machine];
        let about = [
            "--case",
            "C-1",
            "--examiner",
            "M. Example",
            "--authority",
            "Incident 1",
        ];
        self.run(&[words.as_slice(), &about, &["--json"], more].concat(), "")
    }

    fn blobs(&self, container: &str) -> Vec<String> {
        self.azure.blob_names(Scenario::LAB_ACCOUNT, container)
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

/// The one check whose words hold these.
fn check<'a>(document: &'a Value, words: &str) -> &'a Value {
    let all = document["checks"].as_array().unwrap();
    let found: Vec<&Value> = all
        .iter()
        .filter(|check| check["check"].as_str().unwrap().contains(words))
        .collect();
    assert_eq!(found.len(), 1, "{words}: {document:#}");
    found[0]
}

fn commands(document: &Value) -> Vec<&str> {
    let all = document["commands"].as_array().unwrap();
    all.iter()
        .map(|command| command["command"].as_str().unwrap())
        .collect()
}

#[test]
fn settings_are_completed_and_checked_and_a_capture_works_with_them() {
    let lab = Lab::new();
    let done = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]).expect(0).json();
    Schemas::load().hold("output-setup", &done);
    assert_eq!(done["settings"]["state"], "changed");
    assert_eq!(done["key"]["origin"], "made");
    assert_eq!(done["commands"], serde_json::json!([]));
    let signed_in = check(&done, "sign-in for the Resource Manager")["found"]
        .as_str()
        .unwrap();
    for id in [
        &lab.scenario.tenants[0],
        Scenario::LAB_CLIENT_ID,
        &lab.scenario.identities[0].object_id,
    ] {
        assert!(signed_in.contains(id), "{id} is not in {signed_in}");
    }
    assert_eq!(check(&done, "vault")["state"], "left-out");
    assert!(
        check(&done, "storage account")["found"]
            .as_str()
            .unwrap()
            .contains("westeurope")
    );
    let settings = lab.settings();
    assert!(settings.starts_with(&lab.cloud()), "{settings}");
    assert_eq!(
        lab.blobs(Scenario::LAB_CONTAINER),
        [""; 0],
        "nothing is written without --probe"
    );

    let captured = lab.capture().expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");
    assert_eq!(captured["items"].as_array().unwrap().len(), 3);

    // Again, and again without a word: nothing is changed.
    let again = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]).expect(0).json();
    assert_eq!(again["settings"]["state"], "unchanged");
    assert_eq!(again["key"]["origin"], "existing");
    assert_eq!(again["key"]["fingerprint"], done["key"]["fingerprint"]);
    let group = lab.group("production");
    let silent = lab
        .setup(&["--check-only", "--source-group", &group, "--json"])
        .expect(0)
        .json();
    assert_eq!(silent["settings"]["changes"], serde_json::json!([]));
    assert_eq!(lab.settings(), settings);
}

#[test]
fn a_right_that_is_missing_is_named_with_its_scope_and_the_commands_that_give_it() {
    let right = "Microsoft.Compute/snapshots/delete";
    let data = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write";
    let mut grant = RoleGrant::new("/", &["*"], &["Microsoft.Storage/*/read", "*/add/action"]);
    grant = grant.without(right);
    let lab = Lab::with_roles(vec![grant]);
    let run = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]).expect(3);
    let found = run.json();
    Schemas::load().hold("output-setup", &found);
    let production = lab.group("production");
    let missing = check(&found, &format!("{right} at {production}"));
    assert_eq!(missing["state"], "missing", "{missing}");
    let kept = check(
        &found,
        &format!("Microsoft.Compute/snapshots/write at {production}"),
    );
    assert_eq!(kept["state"], "ok", "{kept}");
    assert_eq!(check(&found, data)["state"], "missing");
    let commands = commands(&found);
    let object = &lab.scenario.identities[0].object_id;
    let assign = format!(
        "az role assignment create --assignee-object-id {object} --assignee-principal-type ServicePrincipal --role 'Custody source for socevidence' --scope {production}"
    );
    assert!(commands.contains(&assign.as_str()), "{commands:#?}");
    let at_container = format!(
        "--scope {}/blobServices/default/containers/immutable",
        lab.account()
    );
    assert!(
        commands
            .iter()
            .any(|command| command.contains("'Custody evidence for") && command.ends_with(&at_container)),
        "{commands:#?}"
    );
    let definition = commands
        .iter()
        .find_map(|command| command.strip_prefix("az role definition create --role-definition '"))
        .unwrap();
    let definition: Value = serde_json::from_str(definition.trim_end_matches('\'')).unwrap();
    assert!(definition["Actions"].as_array().unwrap().contains(&right.into()));

    let text = lab.set_up(Scenario::LAB_CONTAINER, &[]).expect(3);
    assert!(
        text.out
            .contains(&format!("MISSING  right {right} at {production}: not held")),
        "{text:?}"
    );
    assert!(
        text.err.contains("not ready") && text.err.contains("--check-only"),
        "{text:?}"
    );
}

/// What `--print-roles` prints where no identity is named and no file is there.
fn printed_roles(lab: &Lab, more: &[&str]) -> Value {
    let groups = [lab.group("production"), lab.group("shared-disks")];
    let account = lab.account();
    let words = [
        "--config",
        "none.toml",
        "--print-roles",
        "--json",
        "--account",
        &account,
        "--container",
        Scenario::LAB_CONTAINER,
        "--source-group",
        &groups[0],
        &groups[1],
    ];
    let printed = lab.setup(&[&words, more].concat()).expect(0).json();
    Schemas::load().hold("output-setup-roles", &printed);
    assert!(!lab.path("none.toml").exists(), "it only prints");
    printed
}

/// These roles, assigned as they say, without one right.
fn grants_of(printed: &Value, without: &str) -> Vec<RoleGrant> {
    let mut grants = Vec::new();
    for role in printed["roles"].as_array().unwrap() {
        let list = |name: &str| -> Vec<&str> {
            let all = role["definition"][name].as_array().unwrap();
            all.iter()
                .map(|action| action.as_str().unwrap())
                .filter(|action| *action != without)
                .collect()
        };
        for scope in role["assign_at"].as_array().unwrap() {
            grants.push(RoleGrant::new(
                scope.as_str().unwrap(),
                &list("Actions"),
                &list("DataActions"),
            ));
        }
    }
    grants
}

#[test]
fn the_roles_for_a_restore_point_and_for_sign_in_exports_are_enough_for_them() {
    let lab = Lab::new();
    let printed = printed_roles(&lab, &["--consistency", "restore-point"]);
    assert!(!printed.to_string().contains("/snapshots/"), "{printed}");
    let lab = Lab::with_roles(grants_of(&printed, "none of them"));
    let checked = lab.set_up(Scenario::LAB_CONTAINER, &["--consistency", "restore-point"]);
    checked.expect(0);
    assert!(lab.settings().contains("consistency = \"restore-point\""));
    let plan = lab.capture_with(&["--dry-run"]).expect(0).json();
    assert!(!plan.to_string().contains("is missing at"), "{plan}");
    let captured = lab.capture().expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");
    assert_eq!(lab.azure.restore_points(), [""; 0]);

    let protected = |roles: Vec<RoleGrant>| {
        let mut scenario = Scenario::lab();
        scenario.identities[0].roles = roles;
        scenario.disk_mut("web-01-data-0").network.data_access_auth_mode = "AzureActiveDirectory".into();
        Lab::of(scenario)
    };
    let printed = printed_roles(&lab, &["--sign-in-exports"]);
    let without = "Microsoft.Compute/snapshots/download/action";
    let lab = protected(grants_of(&printed, without));
    lab.set_up(Scenario::LAB_CONTAINER, &[]).expect(0);
    let plan = lab.capture_with(&["--dry-run"]).expect(3).json();
    assert!(plan["refusals"][0].to_string().contains(without), "{plan}");
    let lab = protected(grants_of(&printed, "none of them"));
    lab.set_up(Scenario::LAB_CONTAINER, &["--sign-in-exports"])
        .expect(0);
    lab.capture().expect(0);
}

#[test]
fn the_printed_roles_are_enough_for_a_capture_and_no_other_right_makes_up_for_one() {
    let lab = Lab::new();
    let printed = printed_roles(&lab, &[]);
    let grants = |without: &str| grants_of(&printed, without);
    let set_up_with = |without: &str| {
        let lab = Lab::with_roles(grants(without));
        let checked = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]);
        (lab, checked)
    };
    let (exact, checked) = set_up_with("none of them");
    checked.expect(0);
    let captured = exact.capture().expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");

    let steps = [
        RightStep::Describing,
        RightStep::DiskSnapshots,
        RightStep::SnapshotReading,
        RightStep::Storing,
    ];
    for right in rights_for(&steps).filter(|right| right.need() != RightNeed::ToRecord) {
        let (lab, checked) = set_up_with(right.action());
        let checked = checked.expect(3).json();
        let scope = match right.place() {
            RightPlace::Source | RightPlace::Snapshots => lab.group("production"),
            RightPlace::Account => lab.account(),
            RightPlace::Container => format!("{}/blobServices/default/containers/immutable", lab.account()),
        };
        let named = check(&checked, &format!("right {} at {scope}", right.action()));
        assert_eq!(named["state"], "missing", "{right:?}");
        // What the service demands of a disk whose snapshot is taken, the simulator does not.
        if right.action().ends_with("/disks/beginGetAccess/action") {
            continue;
        }
        let run = lab.capture();
        let left = lab.azure.snapshots().len() + lab.azure.live_exports().len();
        assert!(
            run.code != 0 || left > 0,
            "a capture does without {right:?}: {run:?}"
        );
    }
}

#[test]
fn a_container_without_a_policy_is_named_with_the_commands_that_make_one() {
    let lab = Lab::new();
    let words = [
        "--json",
        "--require-protection",
        "locked-retention",
        "--retention-days",
        "400",
    ];
    let found = lab.set_up("plain", &words).expect(3).json();
    assert_eq!(check(&found, "protection of the container")["state"], "missing");
    assert_eq!(check(&found, "log anchor")["state"], "ok");
    let at = format!(
        "--account-name socevidence --container-name plain --resource-group soc --subscription {}",
        lab.scenario.subscriptions[0]
    );
    let create = format!(
        "az storage container immutability-policy create {at} --period 400 --allow-protected-append-writes-all true"
    );
    let lock = format!(
        "az storage container immutability-policy lock {at} --if-match \"$(az storage container immutability-policy show {at} --query etag --output tsv)\""
    );
    assert_eq!(commands(&found), [create, lock]);

    let hold = lab
        .set_up("plain", &["--json", "--require-protection", "legal-hold"])
        .expect(3)
        .json();
    let command = commands(&hold);
    assert!(
        command.len() == 1 && command[0].starts_with("az storage container legal-hold set "),
        "{command:?}"
    );
    lab.set_up("plain", &["--require-protection", "none"]).expect(0);
}

#[test]
fn a_container_that_is_not_there_is_missing_and_not_merely_unknown() {
    let lab = Lab::new();
    let found = lab.set_up("nowhere", &["--json"]).expect(3).json();
    assert_eq!(check(&found, "container nowhere")["state"], "missing");
    assert_eq!(
        check(&found, "protection of the container")["state"],
        "could-not-check"
    );
    assert!(
        commands(&found)[0]
            .starts_with("az storage container-rm create --storage-account socevidence --name nowhere ")
    );
}

#[test]
fn an_unlocked_policy_is_to_be_locked_and_one_without_appends_has_no_place_for_the_log() {
    let lab = Lab::with_container(
        Container::new("unlocked")
            .with_policy(ImmutabilityPolicy::unlocked(30).with_protected_append_writes()),
    );
    let found = lab.set_up("unlocked", &["--json"]).expect(3).json();
    let command = commands(&found);
    assert!(
        command.len() == 1 && command[0].starts_with("az storage container immutability-policy lock "),
        "{command:?}"
    );
    let lab = Lab::with_container(Container::new("shut").with_policy(ImmutabilityPolicy::locked(30)));
    let found = lab.set_up("shut", &["--json"]).expect(3).json();
    let anchor = check(&found, "log anchor");
    assert_eq!(anchor["state"], "missing");
    assert!(
        anchor["next"][0].as_str().unwrap().contains("another container"),
        "{anchor}"
    );
}

#[test]
fn a_file_is_made_from_nothing_and_a_missing_identity_file_is_named() {
    let lab = Lab::new();
    fs::remove_file(lab.path("custody.toml")).unwrap();
    fs::remove_file(lab.path("client-secret")).unwrap();
    let flags = lab.flags(Scenario::LAB_CONTAINER);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let found = lab
        .setup(&[&flags, ["--json"].as_slice()].concat())
        .expect(3)
        .json();
    assert_eq!(found["settings"]["state"], "made");
    for service in ["sign-in for the Resource Manager", "sign-in for storage"] {
        let sign_in = check(&found, service);
        assert_eq!(sign_in["state"], "missing", "{sign_in}");
        assert!(
            sign_in["found"].as_str().unwrap().contains("client-secret"),
            "{sign_in}"
        );
        assert!(
            sign_in["next"][0].as_str().unwrap().contains("--identity-file"),
            "{sign_in}"
        );
    }
    // Nobody has signed in: nothing is known of the rest, and nothing of it is called missing or fine.
    let rest = found["checks"].as_array().unwrap().iter().filter(|check| {
        let what = check["check"].as_str().unwrap();
        what.starts_with("right ") || what.contains("container") || what.contains("clock")
    });
    let mut unknown = 0;
    for check in rest.filter(|check| check["state"] != "left-out") {
        assert_eq!(check["state"], "could-not-check", "{check}");
        unknown += 1;
    }
    assert!(unknown > 20, "{found:#}");
    let settings = lab.settings();
    assert!(
        settings.contains("# As whom custody asks") && settings.contains("kind = \"client-secret\""),
        "{settings}"
    );
    let mode = fs::metadata(lab.path("custody.toml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
    // It is a whole settings file: the next command understands it.
    let captured = lab.capture().expect(3);
    assert!(captured.out.contains("client-secret"), "{captured:?}");
}

#[test]
fn what_was_not_said_is_named_by_its_flag_and_nothing_is_asked_or_written() {
    let lab = Lab::new();
    let before = lab.settings();
    let account = lab.account();
    for (words, flag) in [
        (vec![], "--identity KIND"),
        (vec!["--identity", "managed-identity"], "--account ID"),
        (
            vec!["--identity", "azure-cli", "--account", &account],
            "--container NAME",
        ),
        (vec!["--identity", "client-secret"], "--tenant ID"),
        (
            vec!["--identity", "client-secret", "--tenant", "t", "--client", "c"],
            "--identity-file FILE",
        ),
        (
            vec!["--identity", "azure-cli", "--client", "c"],
            "leave --client out",
        ),
    ] {
        let run = lab.setup(&[words.as_slice(), &["--json"]].concat()).expect(2);
        let next = run.json()["next"].to_string();
        assert!(
            next.contains(flag) && !next.contains("terminal"),
            "{flag}: {run:?}"
        );
        let run = lab.setup(&words).expect(2);
        assert!(
            run.err.contains(flag) && !run.err.contains("]: "),
            "{flag}: {run:?}"
        );
    }
    for (words, named) in [
        (
            [
                "--account",
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d",
            ],
            "no storage account",
        ),
        (
            ["--source-group", "production"],
            "/subscriptions/SUBSCRIPTION/resourceGroups/NAME",
        ),
        (["--identty", "azure-cli"], "--identty"),
        (["--retention-days", "0"], "--retention-days"),
    ] {
        let run = lab.setup(&words).expect(2);
        assert!(run.err.contains(named), "{named}: {run:?}");
    }
    assert_eq!(lab.settings(), before);
    fs::remove_file(lab.path("custody.toml")).unwrap();
    let run = lab.setup(&["--check-only"]).expect(3);
    assert!(run.err.contains("--config"), "{run:?}");
    assert!(
        !lab.path("state").exists(),
        "nothing is made before the settings are whole"
    );
}

#[test]
fn a_file_that_says_otherwise_is_changed_only_when_that_is_asked_for() {
    let lab = Lab::new();
    lab.set_up(Scenario::LAB_CONTAINER, &[]).expect(0);
    let before = lab.settings();
    let refused = lab.setup(&["--container", "plain", "--json"]).expect(2).json();
    assert_eq!(
        refused["causes"],
        serde_json::json!(["azure.store.container: \"immutable\" -> \"plain\""])
    );
    assert!(refused["next"].to_string().contains("--force"), "{refused}");
    let refused = lab.setup(&["--check-only", "--container", "plain"]).expect(2);
    assert!(refused.err.contains("--check-only"), "{refused:?}");
    assert_eq!(lab.settings(), before);
    // A person says no, and then yes.
    let answers = |last: &str| format!("{}{last}\n", "\n".repeat(8));
    let words = ["setup", "azure", "--container", "plain", "--ask"];
    let refused = lab.run(&words, &answers("no")).expect(2);
    assert!(refused.err.contains("-> \"plain\""), "{refused:?}");
    assert_eq!(lab.settings(), before);
    let written = lab.run(&words, &answers("yes"));
    assert!(written.out.contains("(changed)"), "{written:?}");
    assert_eq!(
        lab.settings()
            .lines()
            .filter(|line| !before.contains(line))
            .collect::<Vec<_>>(),
        ["container = \"plain\"", "protection = \"locked-retention\""]
    );
}

#[test]
fn a_person_is_asked_with_explanations_and_never_for_a_secret() {
    let lab = Lab::new();
    let tenant = lab.scenario.tenants[0].clone();
    let groups = format!("{} {}", lab.group("production"), lab.group("shared-disks"));
    let answers = [
        "the-cat",
        "client-secret",
        &tenant,
        Scenario::LAB_CLIENT_ID,
        "client-secret",
        "socevidence",
        &lab.account(),
        "",
        "",
        "",
        &groups,
        "yes",
    ]
    .join("\n");
    let run = lab
        .run(&["setup", "azure", "--ask"], &format!("{answers}\n"))
        .expect(0);
    assert!(run.err.contains("not understood"), "{run:?}");
    assert!(run.err.contains("container [immutable]: "), "{run:?}");
    assert!(
        run.err.contains("Only its path") || run.err.contains("only its path"),
        "{run:?}"
    );
    assert!(run.out.contains("ok       sign-in"), "{run:?}");
    assert!(lab.settings().contains("container = \"immutable\""));

    // Answers that end too early: nothing is guessed.
    fs::write(lab.path("custody.toml"), lab.cloud()).unwrap();
    let run = lab.run(&["setup", "azure", "--ask"], "client-secret\n").expect(2);
    assert!(
        run.err.contains("nobody answered: tenant") && run.err.contains("--tenant"),
        "{run:?}"
    );
    assert_eq!(lab.settings(), lab.cloud());
}

#[test]
fn a_probe_really_writes_and_leaves_the_store_as_provable_as_before() {
    let lab = Lab::new();
    let probed = lab
        .set_up(Scenario::LAB_CONTAINER, &["--probe", "--json"])
        .expect(0);
    assert!(
        probed
            .err
            .contains("they stay as long as its policy or hold says"),
        "{probed:?}"
    );
    let probed = probed.json();
    Schemas::load().hold("output-setup", &probed);
    for what in ["writing into the container", "reading back", "appending to a log"] {
        assert_eq!(check(&probed, what)["state"], "ok", "{probed}");
    }
    let names = lab.blobs(Scenario::LAB_CONTAINER);
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("probe/")), "{names:?}");
    lab.capture().expect(0);
    let store = lab.store(Scenario::LAB_CONTAINER);
    lab.run(&["verify", &store, "--config", "custody.toml"], "")
        .expect(0);
}

#[test]
fn a_probe_that_is_refused_names_the_right_and_one_without_appends_the_policy() {
    let data = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";
    let grant = RoleGrant::new("/", &["*"], &[&format!("{data}/read")]);
    let lab = Lab::with_roles(vec![grant]);
    let found = lab
        .set_up(Scenario::LAB_CONTAINER, &["--probe", "--json"])
        .expect(3)
        .json();
    let writing = check(&found, "writing into the container");
    assert!(
        writing["next"].to_string().contains(&format!("{data}/write")),
        "{writing}"
    );
    assert_ne!(check(&found, "reading back")["state"], "ok");

    let lab = Lab::with_container(Container::new("shut").with_policy(ImmutabilityPolicy::locked(30)));
    let found = lab.set_up("shut", &["--probe", "--json"]).expect(3).json();
    assert_eq!(check(&found, "writing into the container")["state"], "ok");
    assert_ne!(check(&found, "appending to a log")["state"], "ok");
}

#[test]
fn a_clock_that_is_off_and_a_secret_that_others_can_read_are_wrong() {
    let lab = Lab::new();
    lab.put_secret(0o644);
    lab.azure.advance(Duration::from_secs(600));
    let found = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]).expect(3).json();
    let clock = check(&found, "clock");
    assert_eq!(clock["state"], "wrong", "{clock}");
    assert!(clock["found"].as_str().unwrap().contains("behind"), "{clock}");
    let secret = check(&found, "file with the secret");
    assert_eq!(secret["state"], "wrong", "{secret}");
    assert!(
        secret["next"][0].as_str().unwrap().starts_with("chmod 600 "),
        "{secret}"
    );
}

#[test]
fn a_state_folder_that_would_not_last_is_refused_and_only_checking_makes_nothing() {
    let lab = Lab::new();
    lab.set_up(Scenario::LAB_CONTAINER, &[]).expect(0);
    fs::remove_dir_all(lab.path("state")).unwrap();
    let group = lab.group("production");
    let words = ["--check-only", "--json", "--source-group", &group];
    let found = lab.setup(&words).expect(3).json();
    assert_eq!(check(&found, "state folder")["state"], "missing", "{found}");
    assert_eq!(found["key"], Value::Null);
    assert!(!lab.path("state").exists());
    fs::create_dir(lab.path("state")).unwrap();
    fs::set_permissions(lab.path("state"), fs::Permissions::from_mode(0o755)).unwrap();
    let found = lab.setup(&words).expect(3).json();
    let state = check(&found, "state folder");
    assert_eq!(state["state"], "wrong", "{state}");
    assert!(state["found"].as_str().unwrap().contains("chmod 700"), "{state}");
}

#[test]
fn a_wrong_secret_is_told_without_the_secret() {
    let lab = Lab::new();
    fs::write(lab.path("client-secret"), "canary-wrong-secret").unwrap();
    let run = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]).expect(3);
    assert!(!run.out.contains("canary-wrong-secret") && !run.err.contains("canary-wrong-secret"));
    let found = run.json();
    let sign_in = check(&found, "sign-in for the Resource Manager");
    assert_eq!(sign_in["state"], "could-not-check", "{sign_in}");
    assert!(
        sign_in["next"][0]
            .as_str()
            .unwrap()
            .contains("az ad app credential list"),
        "{sign_in}"
    );
}
