//! No key in plain form is printed, logged, stored or passed on.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use custody_testkit::azure_sim::{Fault, FaultAction, Scenario};
use memchr::memmem;

use super::bad_luck::{PATIENCE, started};
use super::{CENTER, KeyLab};
use crate::lab::Run;

/// How long the sealing is held up, so that the process can be looked at.
const HELD_MILLIS: u64 = 1500;
/// Enough of a key that nothing else has it.
const CANARY_BYTES: usize = 24;

/// A key in every form in which it could be seen.
fn canaries(lab: &KeyLab) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for key in lab.keys() {
        // The first bytes of a key file are those of any.
        let own = &key[key.len() - CANARY_BYTES..];
        forms.push(own.to_vec());
        for text in [
            Base64::encode_string(key),
            Base64UrlUnpadded::encode_string(key),
            custody_core::hex::encode(key),
            custody_core::hex::encode(key).to_ascii_uppercase(),
            format!("{own:?}").trim_matches(['[', ']']).to_owned(),
        ] {
            let from = text.len().saturating_sub(CANARY_BYTES + 8);
            forms.push(text.as_bytes()[from..text.len() - 4].to_vec());
        }
    }
    forms
}

fn holds(bytes: &[u8], canaries: &[Vec<u8>]) -> bool {
    canaries
        .iter()
        .any(|canary| memmem::find(bytes, canary).is_some())
}

#[test]
fn no_key_is_told_kept_or_passed_on_by_a_capture() {
    for options in [&[][..], &["--json"], &["--wrapping-key", Scenario::LAB_SOC_KEY]] {
        let lab = KeyLab::new();
        let canaries = canaries(&lab);
        lab.lab.azure.inject(Fault::on(
            "PUT",
            "*manifest.json",
            FaultAction::Delay(HELD_MILLIS),
        ));
        let mut child = started(&lab, options);
        let process = Path::new("/proc").join(child.id().to_string());
        let begun = Instant::now();
        let mut looks = 0;
        while child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "{options:?}: it does not end");
            for file in ["cmdline", "environ"] {
                // A process that is gone, or that lets nobody look, shows nothing.
                let bytes = fs::read(process.join(file)).unwrap_or_default();
                assert!(!holds(&bytes, &canaries), "{options:?}: {file} holds a key");
                looks += usize::from(!bytes.is_empty());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(
            looks > 10,
            "{options:?}: the process could be looked at {looks} times"
        );
        let run = Run::of(&child.wait_with_output().unwrap()).expect(0);
        for text in [&run.out, &run.err] {
            assert!(!holds(text.as_bytes(), &canaries), "{options:?}: {text}");
        }
        for name in lab.lab.blobs() {
            let blob = lab
                .lab
                .azure
                .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, &name)
                .unwrap();
            assert!(
                !holds(&blob.bytes().unwrap(), &canaries),
                "{options:?}: {name} holds a key"
            );
            assert!(
                !holds(format!("{:?}", blob.metadata).as_bytes(), &canaries),
                "{name}"
            );
        }
        let mut folders = vec![lab.lab.path("")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    assert!(!holds(&fs::read(&path).unwrap(), &canaries), "{}", path.display());
                }
            }
        }
        for call in lab.lab.azure.journal() {
            assert!(
                !holds(format!("{call:?}").as_bytes(), &canaries),
                "{options:?}: {call:?}"
            );
        }
        // Only the secrets that are the keys hold them.
        for name in lab.lab.azure.secret_names(CENTER) {
            let kept = lab.kept(&name);
            let is_key = lab.kept_keys().contains(&name) && !options.contains(&"--wrapping-key");
            assert_eq!(
                holds(kept.value.as_bytes(), &canaries),
                is_key,
                "{options:?}: {name}"
            );
            assert!(
                !holds(format!("{:?}", kept.tags).as_bytes(), &canaries),
                "{options:?}: {name}"
            );
        }
    }
}
