//! A virtual machine in a simulated Azure becomes sealed evidence, is verified, and a changed byte is found.
//!
//! `cargo demo` runs it. It starts a simulated Azure on this host with a machine of three disks (a partition, a file
//! system and files in the first, a BitLocker volume in the second, a LUKS volume in the third), captures the machine into
//! a container under a locked retention policy and the disks' keys into a vault, with the proof that they open the stored
//! copies, verifies the container, downloads it, changes one byte of the download, and shows that verification names the
//! place. It leaves its results in a new folder below the build directory, says where, and ends with 1 when anything is
//! not as it must be.
//!
//! Called with `--as-custody` it is the command line itself: the demonstration runs itself so, in a process that trusts
//! the simulator's certificate.

#![expect(clippy::print_stdout, reason = "a demonstration talks")]

mod demo_machine;

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{Cursor, Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use custody_cli::{Console, Exit};
use custody_testkit::azure_sim::{Bytes, Scenario, Simulator};
use serde_json::Value;

const SECTOR_BYTES: u64 = 512;
const IMAGE_BYTES: u64 = 24 << 20;
const PARTITION_START: u64 = 1 << 20;
const PARTITION_BYTES: u64 = 20 << 20;
/// FAT16 with logical block addresses.
const PARTITION_TYPE: u8 = 0x0e;
const AS_CUSTODY: &str = "--as-custody";
const MACHINE: &str = Scenario::LAB_MACHINE;
const OS_DISK: &str = "web-01_OsDisk_1";
const MEMO: &str = "Meet at the north gate at 21:40. Bring the second ledger.\n";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    if words.nth(1).is_some_and(|word| word == AS_CUSTODY) {
        let arguments = std::iter::once("custody".into()).chain(words);
        return custody_cli::run(arguments, &Arc::new(Console::system())).into();
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nthe demonstration failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let folder = new_folder()?;
    let disk = folder.join("os-disk.img");
    make_image(&disk)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let azure = runtime.block_on(Simulator::start(scenario(&disk)))?;
    azure.name_vaults_by_ports();
    let demo = Demo::new(&folder, &azure)?;

    title(
        "A simulated Azure on this host: one machine, an OS disk with files in it, a BitLocker and a LUKS data disk",
    );
    println!("{}: virtual machine {MACHINE}", demo.manager);
    println!("{}: a container under a locked policy of 365 days", demo.store);
    println!("the disks' keys: in a vault of the machine's owners, one of them wrapped");

    title("Capture: disk snapshots, keys, server-side copies, digests, read-back, proof of the keys, seal");
    demo.expect(
        Exit::Done,
        &["capture", "azure", "--vm", &azure_machine(), "--case", "DEMO-1"],
        &[
            "--examiner",
            "M. Example",
            "--authority",
            "a demonstration, no warrant",
            "--config",
            &text(&demo.settings)?,
        ],
    )?;
    must(
        azure.snapshots().is_empty() && azure.live_exports().is_empty(),
        "no disk snapshot and no access to one may be left",
    )?;
    println!("\nleft in the machine's subscription: no disk snapshot, no access to one");
    println!("in the security team's vault:");
    for name in azure.secret_names(Scenario::LAB_SOC_VAULT) {
        println!("  {name}");
    }

    title("Verify the container: every byte read again, every signature checked");
    demo.expect(
        Exit::Done,
        &["verify", &demo.store],
        &["--config", &text(&demo.settings)?],
    )?;

    title("The container, downloaded");
    let store = folder.join("downloaded");
    download(&azure, &store)?;
    print_tree(&store, 0)?;
    let acquisition = only_folder(&store.join("cases/DEMO-1"))?;
    check_with_coreutils(&acquisition)?;

    title("The disks' keys: in the escrow, and what each opens");
    demo.expect(Exit::Done, &["keys", "show", &text(&store)?], &[])?;

    title("Who did what, when: the log");
    let id = acquisition
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    demo.expect(Exit::Done, &["log", &text(&store)?, &id], &[])?;

    title("One byte of a memo on the OS disk is changed, in a copy of the download");
    let copy = folder.join("downloaded-with-one-byte-changed");
    copy_tree(&store, &copy)?;
    let item = acquisition
        .strip_prefix(&store)?
        .join(os_disk_item(&acquisition)?);
    let offset = change_a_byte(&copy.join(&item))?;
    println!("{}: byte {offset}: 'n' of \"north\" became 'N'\n", item.display());
    let (exit, report) = demo.json(&["verify", &text(&copy)?, "--json"])?;
    must(
        exit == Exit::Integrity,
        "the verification of the changed copy must end with 4",
    )?;
    let range = range_around(&report, &text(&item)?, offset)
        .ok_or("the verification does not name the changed place")?;
    demo.expect(Exit::Integrity, &["verify", &text(&copy)?], &[])?;
    println!("\nas it must: exit 4, and the changed byte {offset} lies in the range that is named, {range}");

    title("Look for yourself");
    println!("{}", folder.display());
    println!("  cd {} && sha256sum -c SHA256SUMS", acquisition.display());
    println!(
        "  jq -cS . {0}/log.jsonl | cmp - {0}/log.jsonl",
        acquisition.display()
    );
    println!(
        "  split -b 4M --filter=sha256sum {0} | cmp - {0}.chunks.sha256",
        store.join(&item).display()
    );
    println!("A disk image of this host is captured the same way: custody capture local --help");
    Ok(())
}

/// The machine, its OS disk with these bytes.
fn scenario(disk: &Path) -> Scenario {
    let mut lab = demo_machine::scenario();
    lab.disk_mut(OS_DISK).bytes = Bytes::File(disk.to_owned());
    lab
}

fn azure_machine() -> String {
    Scenario::lab().machine_id(MACHINE)
}

/// Every blob of the container, into files.
fn download(azure: &Simulator, to: &Path) -> Outcome<()> {
    for name in azure.blob_names(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER) {
        let blob = azure
            .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, &name)
            .ok_or("a blob that was listed is gone")?;
        let file = to.join(&name);
        fs::create_dir_all(file.parent().ok_or("a blob lies nowhere")?)?;
        fs::write(file, blob.bytes()?)?;
    }
    Ok(())
}

/// The file name of the OS disk's stored copy.
fn os_disk_item(acquisition: &Path) -> Outcome<String> {
    for entry in fs::read_dir(acquisition)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.contains("OsDisk") && Path::new(&name).extension().is_some_and(|end| end == "vhd") {
            return Ok(name);
        }
    }
    Err("the OS disk was not stored".into())
}

/// The command line, run as a process that trusts the simulator, with a state folder of its own.
struct Demo {
    state: PathBuf,
    settings: PathBuf,
    certificate: String,
    manager: String,
    /// The container's address.
    store: String,
}

impl Demo {
    fn new(folder: &Path, azure: &Simulator) -> Outcome<Self> {
        let endpoints = azure.endpoints().ok_or("the simulator does not listen")?;
        let services = &endpoints.tls;
        let account = services
            .blob
            .get(Scenario::LAB_ACCOUNT)
            .ok_or("the simulator has no storage account")?
            .trim_end_matches('/');
        let template = account.replace(Scenario::LAB_ACCOUNT, "{account}");
        let host = |url: &str| {
            url.trim_start_matches("https://")
                .split('/')
                .next()
                .map(str::to_owned)
        };
        let hosts = host(account).into_iter().chain(host(&services.exports));
        let hosts: Vec<String> = hosts.map(|host| format!("{host:?}")).collect();
        let vaults: Vec<String> = services.vault.values().filter_map(|url| host(url)).collect();
        let vault = services.vault.get(Scenario::LAB_SOC_VAULT);
        let vault = vault.ok_or("the simulator has no vault")?;
        let secret = folder.join("client-secret");
        fs::write(&secret, Scenario::LAB_CLIENT_SECRET)?;
        let settings = folder.join("custody.toml");
        let lab = Scenario::lab();
        let subscription = lab.subscriptions.first().ok_or("the lab has no subscription")?;
        let storage_account = format!(
            "/subscriptions/{subscription}/resourceGroups/soc/providers/Microsoft.Storage/storageAccounts/{}",
            Scenario::LAB_ACCOUNT
        );
        let vault_id = format!(
            "/subscriptions/{subscription}/resourceGroups/soc/providers/Microsoft.KeyVault/vaults/{}",
            Scenario::LAB_SOC_VAULT
        );
        let text = format!(
            "[azure.cloud]\nname = \"simulated\"\nauthority = {:?}\nmanager = {:?}\n\
             manager-audience = \"https://management.azure.com\"\nblob = {template:?}\n\
             blob-hosts = [{hosts}]\nexport-hosts = [{hosts}]\nvault-hosts = {vaults:?}\n\n\
             [azure.identity]\nkind = \"client-secret\"\ntenant = {:?}\nclient = {:?}\nfile = {:?}\n\n\
             [azure.store]\naccount = {:?}\ncontainer = {:?}\nprotection = \"locked-retention\"\n\n\
             [azure.vault]\naddress = {vault:?}\nid = {:?}\n",
            services.login,
            services.management,
            lab.tenants.first().ok_or("the lab has no tenant")?,
            Scenario::LAB_CLIENT_ID,
            secret,
            storage_account,
            Scenario::LAB_CONTAINER,
            vault_id,
            hosts = hosts.join(", "),
        );
        fs::write(&settings, text)?;
        Ok(Self {
            state: folder.join("state"),
            settings,
            certificate: endpoints.ca_certificate.clone(),
            manager: services.management.clone(),
            store: format!("{account}/{}", Scenario::LAB_CONTAINER),
        })
    }

    /// Runs a command, shows it and what it prints, and demands how it ends.
    fn expect(&self, exit: Exit, command: &[&str], options: &[&str]) -> Outcome<()> {
        println!(
            "$ custody {} {}\n",
            command.join(" "),
            options
                .iter()
                .map(|word| quoted(word))
                .collect::<Vec<_>>()
                .join(" ")
        );
        let words = [command, options].concat();
        let (found, printed) = self.run(&words)?;
        println!("{}", printed.trim_end());
        must(
            found == i32::from(exit.code()),
            &format!("it ended with {found}, {} was due", exit.code()),
        )
    }

    /// Runs a command that answers in JSON.
    fn json(&self, command: &[&str]) -> Outcome<(Exit, Value)> {
        let (exit, printed) = self.run(command)?;
        let exit = [Exit::Done, Exit::Integrity]
            .into_iter()
            .find(|known| i32::from(known.code()) == exit)
            .ok_or("it ended in another way")?;
        Ok((exit, serde_json::from_str(&printed)?))
    }

    fn run(&self, words: &[&str]) -> Outcome<(i32, String)> {
        let ended = Command::new(std::env::current_exe()?)
            .arg(AS_CUSTODY)
            .args(words)
            .arg("--state")
            .arg(&self.state)
            // The build directory may lie in memory: good enough for a demonstration, refused for a real capture.
            .arg("--allow-temporary-state")
            .env("SSL_CERT_FILE", &self.certificate)
            .env_remove("HTTPS_PROXY")
            .env_remove("https_proxy")
            .output()?;
        let (out, err) = (
            String::from_utf8_lossy(&ended.stdout),
            String::from_utf8_lossy(&ended.stderr),
        );
        // Failures are told behind the data; progress is left out.
        let told = err
            .lines()
            .skip_while(|line| !line.starts_with("custody: error:"));
        let told: String = told.map(|line| format!("{line}\n")).collect();
        let code = ended.status.code().ok_or("it was killed")?;
        Ok((code, format!("{out}{told}")))
    }
}

/// A new folder below the build directory, beside those of earlier runs.
fn new_folder() -> Outcome<PathBuf> {
    let program = std::env::current_exe()?;
    let build = program
        .ancestors()
        .nth(3)
        .ok_or("this program lies in no build directory")?;
    let demos = build.join("custody-demo");
    fs::create_dir_all(&demos)?;
    for number in 1.. {
        let folder = demos.join(format!("run-{number}"));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err("no free folder".into())
}

/// A disk image with a master boot record, one partition, and files in it. What nothing was written to stays a hole.
fn make_image(path: &Path) -> Outcome<()> {
    let mut volume = Cursor::new(vec![0; usize::try_from(PARTITION_BYTES)?]);
    fatfs::format_volume(
        &mut volume,
        fatfs::FormatVolumeOptions::new().volume_label(*b"EVIDENCE   "),
    )?;
    {
        let files = fatfs::FileSystem::new(&mut volume, fatfs::FsOptions::new())?;
        let root = files.root_dir();
        root.create_dir("papers")?
            .create_file("memo.txt")?
            .write_all(MEMO.as_bytes())?;
        root.create_file("ledger.csv")?
            .write_all(b"date,amount\n2026-11-03,4800\n2026-11-17,5200\n")?;
    }
    let image = OpenOptions::new().write(true).create_new(true).open(path)?;
    image.set_len(IMAGE_BYTES)?;
    image.write_all_at(&boot_record()?, 0)?;
    let sectors = volume.get_ref().chunks(usize::try_from(SECTOR_BYTES)?);
    for (offset, sector) in (PARTITION_START..)
        .step_by(usize::try_from(SECTOR_BYTES)?)
        .zip(sectors)
    {
        if sector.iter().any(|byte| *byte != 0) {
            image.write_all_at(sector, offset)?;
        }
    }
    Ok(())
}

/// A master boot record with one partition: no code, its entry at 446, and the mark at the end.
fn boot_record() -> Outcome<Vec<u8>> {
    let mut record = vec![0; 446];
    // Not bootable; start and end in cylinders, heads and sectors as "too large to say" around the type.
    record.extend_from_slice(&[0x00, 0xfe, 0xff, 0xff, PARTITION_TYPE, 0xfe, 0xff, 0xff]);
    record.extend_from_slice(&u32::try_from(PARTITION_START / SECTOR_BYTES)?.to_le_bytes());
    record.extend_from_slice(&u32::try_from(PARTITION_BYTES / SECTOR_BYTES)?.to_le_bytes());
    record.resize(510, 0);
    record.extend_from_slice(&[0x55, 0xaa]);
    Ok(record)
}

/// Changes one letter of the memo inside the stored image; gives its offset.
fn change_a_byte(item: &Path) -> Outcome<u64> {
    fs::set_permissions(item, fs::Permissions::from_mode(0o600))?;
    let mut bytes = Vec::new();
    let mut file = OpenOptions::new().read(true).write(true).open(item)?;
    file.read_to_end(&mut bytes)?;
    let memo = bytes
        .windows(MEMO.len())
        .position(|window| window == MEMO.as_bytes());
    let letter = MEMO.find("north").ok_or("the memo has no such word")?;
    let offset = (memo.ok_or("the memo is not in the image")? + letter) as u64;
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(b"N")?;
    file.sync_all()?;
    Ok(offset)
}

/// The range of bytes that the report names for this item and that has the offset in it.
fn range_around(report: &Value, item: &str, offset: u64) -> Option<String> {
    let findings = report.pointer("/acquisitions/0/items/0/findings")?.as_array()?;
    let ranges = findings
        .iter()
        .filter(|finding| finding.get("object").and_then(Value::as_str) == Some(item))
        .filter_map(|finding| finding.get("ranges")?.as_array())
        .flatten();
    let bytes = |range: &Value, end: &str| range.get(end)?.as_str()?.parse::<u64>().ok();
    ranges
        .filter_map(|range| Some((bytes(range, "start")?, bytes(range, "end")?)))
        .find(|(start, end)| (*start..*end).contains(&offset))
        .map(|(start, end)| format!("{start}..{end}"))
}

/// Runs `sha256sum -c SHA256SUMS`, where there is one: a check by a program that is not ours.
fn check_with_coreutils(acquisition: &Path) -> Outcome<()> {
    println!("\n$ sha256sum -c SHA256SUMS");
    match Command::new("sha256sum")
        .args(["-c", "SHA256SUMS"])
        .current_dir(acquisition)
        .output()
    {
        Ok(output) => {
            print!("{}", String::from_utf8_lossy(&output.stdout));
            must(output.status.success(), "sha256sum must agree")
        }
        Err(error) => {
            println!("sha256sum could not be run here: {error}");
            Ok(())
        }
    }
}

fn print_tree(folder: &Path, depth: usize) -> Outcome<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let indent = "  ".repeat(depth);
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            println!("{indent}{}/", name.display());
            print_tree(&entry.path(), depth + 1)?;
        } else {
            println!("{indent}{}  ({} bytes)", name.display(), entry.metadata()?.len());
        }
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            std::io::copy(&mut File::open(entry.path())?, &mut File::create_new(&target)?)?;
        }
    }
    Ok(())
}

fn only_folder(within: &Path) -> Outcome<PathBuf> {
    let mut entries = fs::read_dir(within)?;
    let first = entries.next().ok_or("the case has no acquisition")??;
    must(entries.next().is_none(), "the case must have one acquisition")?;
    Ok(first.path())
}

fn title(text: &str) {
    println!("\n== {text}\n");
}

fn must(holds: bool, what: &str) -> Outcome<()> {
    if holds { Ok(()) } else { Err(what.into()) }
}

fn text(path: &Path) -> Outcome<String> {
    Ok(path
        .to_str()
        .ok_or("the build directory's name is not UTF-8")?
        .to_owned())
}

fn quoted(word: &str) -> String {
    if word.contains(' ') {
        format!("'{word}'")
    } else {
        word.to_owned()
    }
}
