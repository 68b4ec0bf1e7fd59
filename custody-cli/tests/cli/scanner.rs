//! The scan for secrets on which other tests rest: it finds what is planted, in every form and place, and fails where it
//! cannot look.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64ct::{Base64, Base64Unpadded, Base64Url, Base64UrlUnpadded, Encoding as _};
use custody_testkit::fake::pattern;

use crate::secret_scan::Needles;
use crate::secret_scan::process::{Process, Seen, watched};

const NAME: &str = "the planted key";
/// How long a process of these tests may show nothing.
const SHORT: Duration = Duration::from_millis(50);

fn planted() -> Vec<u8> {
    pattern(33, 91)
}

fn needles() -> Needles {
    Needles::new().with_secret(NAME, &planted())
}

/// Forms of some bytes, made by others than the scan.
fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let lower: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent = bytes.iter().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    });
    let texts = [
        Base64::encode_string(bytes),
        Base64Unpadded::encode_string(bytes),
        Base64Url::encode_string(bytes),
        Base64UrlUnpadded::encode_string(bytes),
        Base64::encode_string(bytes)
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D"),
        lower.concat(),
        custody_core::hex::encode(bytes),
        lower.concat().to_uppercase(),
        format!("{bytes:02x?}"),
        format!("{bytes:?}"),
        format!("{bytes:#?}").replace(['\n', ' '], ""),
        serde_json::to_string(bytes).unwrap(),
        bytes.escape_ascii().to_string(),
        percent.collect(),
    ];
    let texts = texts.into_iter().map(String::into_bytes);
    texts.chain([bytes.to_vec()]).collect()
}

#[test]
fn a_planted_secret_is_found_whole_or_by_half_in_every_form_and_is_not_shown() {
    let (needles, secret) = (needles(), planted());
    let (first, second) = secret.split_at(secret.len() / 2);
    for part in [&secret[..], first, second] {
        // What stands around it, within the same form.
        for before in 0..4 {
            for behind in 0..4 {
                let around = [&vec![b'<'; before][..], part, &vec![b'>'; behind]].concat();
                for form in forms(&around) {
                    let text = [b"some text ", &form[..], b" and more"].concat();
                    let found = needles.find(&text);
                    let shown = String::from_utf8_lossy(&text).into_owned();
                    let found = found.unwrap_or_else(|| panic!("not found: {shown}"));
                    assert!(found.contains(NAME), "{found}");
                    assert_eq!(needles.find(found.as_bytes()), None, "{found}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_secret_is_not_taken_for_one() {
    let needles = needles();
    for other in [pattern(33, 92), vec![0; 64], pattern(4096, 93)] {
        for form in forms(&other) {
            assert_eq!(needles.find(&form), None);
        }
    }
    // Of a short one no half is looked for.
    let short = Needles::new().with_secret("a short one", b"pass-phrase");
    assert_eq!(short.find(b"pass"), None);
    assert!(short.find(b"the pass-phrase").unwrap().contains("a short one"));
}

#[test]
fn marks_of_tokens_and_signatures_are_found_unless_what_they_mark_was_taken_out() {
    let needles = Needles::new().with_mark("DiskOperations");
    for text in [
        "https://md-1.example/abcd?sv=1&sig=abc",
        "https%3A%2F%2Fmd-1.example%3Fsig%3Dabc",
        "Authorization: Bearer abc",
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.c2ln",
        "sig=… and once more sig=abc",
        "/providers/Microsoft.Compute/locations/x/DiskOperations/1",
    ] {
        assert!(needles.find(text.as_bytes()).is_some(), "{text}");
    }
    for text in [
        "?sv=1&sig=…&se=2",
        "sig%3D…",
        "Authorization: Bearer …",
        "signature",
    ] {
        assert_eq!(needles.find(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn a_secret_in_a_file_at_any_depth_or_in_a_name_is_found_and_where() {
    let (needles, secret) = (needles(), planted());
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b");
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("clean"), "nothing").unwrap();
    assert_eq!(needles.find_below(folder.path(), &[]), None);
    let file = deep.join("log.jsonl");
    fs::write(&file, format!("{{\"key\":{secret:?}}}")).unwrap();
    let found = needles.find_below(folder.path(), &[]).unwrap();
    assert!(found.contains("log.jsonl") && found.contains(NAME), "{found}");
    assert_eq!(
        needles.find_below(folder.path(), std::slice::from_ref(&file)),
        None
    );
    fs::remove_file(&file).unwrap();
    fs::create_dir(deep.join(custody_core::hex::encode(&secret))).unwrap();
    let found = needles.find_below(folder.path(), &[]).unwrap();
    assert!(found.contains("the name of a file"), "{found}");
}

/// A program of the system; nothing of this process's own environment is passed on.
fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command
}

/// A process that waits for the end of its standard input; ended when dropped.
struct Waiting(Child);

impl Waiting {
    fn started(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::null());
        Self(command.stderr(Stdio::null()).spawn().unwrap())
    }

    fn look(&self) -> Result<Seen, String> {
        Process::of(self.0.id()).look(&needles())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // Its children read to the end of the same input.
        drop(self.0.stdin.take());
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_secret_in_the_arguments_or_the_environment_of_a_process_or_of_what_it_started_is_found() {
    let hidden = custody_core::hex::encode(&planted());
    let clean = Waiting::started(&mut program("cat"));
    assert_eq!(clean.look(), Ok(Seen::Everything));

    let told = Waiting::started(program("cat").args(["-", &hidden]));
    let found = told.look().unwrap_err();
    assert!(found.contains("cmdline") && found.contains(NAME), "{found}");

    let told = Waiting::started(program("cat").env("KEY", &hidden));
    let found = told.look().unwrap_err();
    assert!(found.contains("environ") && found.contains(NAME), "{found}");

    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    fs::write(&script, format!("KEY={hidden} cat\n:\n")).unwrap();
    let passes_on = Waiting::started(program("sh").arg(&script));
    let begun = Instant::now();
    let found = loop {
        match passes_on.look() {
            Err(found) => break found,
            Ok(seen) => assert_eq!(seen, Seen::Everything),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "it is not found");
    };
    assert!(found.contains("environ"), "{found}");
    assert!(!found.contains(&format!("/{} ", passes_on.0.id())), "{found}");
}

#[test]
fn a_run_that_shows_a_secret_is_an_error_and_any_other_is_seen_to_its_end() {
    let needles = needles();
    let mut shows = program("sleep");
    shows.arg("600").env("KEY", custody_core::hex::encode(&planted()));
    let found = watched(shows, b"", &needles, || false).map(|seen| seen.looks);
    assert!(
        found.as_ref().is_err_and(|found| found.contains(NAME)),
        "{found:?}"
    );

    let mut clean = program("sh");
    clean.args(["-c", "cat; sleep 0.2"]);
    let seen = watched(clean, b"what is read", &needles, || false).unwrap();
    assert_eq!(seen.output.stdout, b"what is read");
    assert!(seen.output.status.success());
    assert!(seen.looks > 0);

    let mut killed = program("sleep");
    killed.arg("600");
    let mut asked = 0;
    let enough = || {
        asked += 1;
        asked > 3
    };
    let seen = watched(killed, b"", &needles, enough).unwrap();
    assert_eq!(seen.output.status.code(), None);
    assert_eq!(seen.looks, 3);
}

#[test]
fn a_process_that_runs_and_cannot_be_looked_at_is_no_process_without_secrets() {
    let looked_at = |files: &[(&str, &str)], state: &str| {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        fs::write(folder.path().join("stat"), format!("7 (a) Z) name) {state} 1 7")).unwrap();
        let look = Process::at(folder.path().to_owned(), SHORT).look(&needles());
        (look, folder)
    };
    let both = [("cmdline", "a\0b\0"), ("environ", "A=B\0")];
    for (files, what) in [
        (&both[..1], "environ"),
        (&both[1..], "cmdline"),
        (&[("cmdline", "a\0"), ("environ", "")], "environ"),
        (&[("cmdline", ""), ("environ", "A=B\0")], "cmdline"),
    ] {
        let (look, _folder) = looked_at(files, "S");
        let refused = look.unwrap_err();
        assert!(refused.contains(what), "{files:?}: {refused}");
        assert_eq!(looked_at(files, "Z").0, Ok(Seen::Ended), "{files:?}");
    }
    let refused = looked_at(&both, "S").0.unwrap_err();
    assert!(refused.contains("started cannot be seen"), "{refused}");
}

#[test]
fn a_process_that_has_ended_is_no_process_that_hides() {
    let mut ended = Waiting::started(&mut program("cat"));
    ended.0.kill().unwrap();
    // Not waited for: it is there still, and has nothing to show once it has taken its end.
    let begun = Instant::now();
    while ended.look() != Ok(Seen::Ended) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", ended.look());
    }
    assert!(Path::new("/proc").join(ended.0.id().to_string()).exists());
    ended.0.wait().unwrap();
    assert_eq!(ended.look(), Ok(Seen::Ended));
}
