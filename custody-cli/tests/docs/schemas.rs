//! Holds real records and real `--json` answers to the schemas in `docs/schemas/`, and shows that altered ones are
//! refused.

use std::fs;
use std::path::Path;

use crate::bench::{Bench, answer, expect_exit};
use crate::json_schemas::Schemas;
use custody_core::custody_log::Act;
use custody_core::digest::DiskData;
use custody_core::ids::EvidenceItemId;
use custody_core::port::ImageForm;
use serde_json::{Value, json};

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn with_state(bench: &Bench, words: &[&str]) -> Vec<String> {
    words
        .iter()
        .map(|word| (*word).to_owned())
        .chain(bench.state_words())
        .collect()
}

fn captured() -> (Bench, Value) {
    let bench = Bench::new();
    let (raw, vhd) = (bench.raw(), bench.vhd());
    let more = [
        "--exhibit",
        "MX 1",
        "MX 2",
        "--also",
        "md5,sha1",
        "--requester",
        "R",
        "--witness",
        "W",
        "--json",
    ];
    let output = bench.capture(&[&raw, &vhd], &more);
    expect_exit(&output, 0);
    let document = answer(&output);
    (bench, document)
}

#[test]
fn records_fit_their_schemas_and_altered_ones_do_not() {
    let schemas = Schemas::load();
    let (bench, document) = captured();
    schemas.hold("output-capture", &document);

    let folder = bench.acquisition(&bench.store());
    schemas.hold("manifest", &read_json(&folder.join("manifest.json")));
    let envelope = read_json(&folder.join("manifest.dsse.json"));
    schemas.hold("envelope", &envelope);
    schemas.hold(
        "statement",
        &serde_json::from_slice(&decoded(envelope["payload"].as_str().unwrap())).unwrap(),
    );

    let mut kinds = std::collections::BTreeSet::new();
    for log in [folder.join("log.jsonl"), bench.store().join("register.jsonl")] {
        for line in fs::read_to_string(log).unwrap().lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            schemas.hold("log-event", &event);
            kinds.insert(event["type"].as_str().unwrap().to_owned());
        }
    }
    for kind in [
        "store.opened",
        "acquire.done",
        "read-back.done",
        "seal.done",
        "acquisition.registered",
    ] {
        assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
    }
}

#[test]
fn what_only_some_sources_tell_fits_the_schemas_too() {
    let schemas = Schemas::load();
    let (bench, _) = captured();
    let folder = bench.acquisition(&bench.store());
    let log = fs::read_to_string(folder.join("log.jsonl")).unwrap();
    let mut event: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    let disk = &mut event["what"]["machine"]["disks"][0];
    disk.as_object_mut().unwrap().remove("length");
    disk["reckoned_length"] = json!("4096");
    schemas.hold("log-event", &event);
    let item: EvidenceItemId = serde_json::from_value(json!("item-1")).unwrap();
    let data = DiskData::Prefix { length: 4096.into() };
    for act in [
        Act::SourceOpened {
            item: item.clone(),
            attempt: 1,
            length: 4608.into(),
            form: Some(ImageForm::new("vhd-fixed", data)),
            attributes: [("etag".to_owned(), "\"e1\"".to_owned())].into(),
        },
        Act::AcquireStreamed {
            item,
            attempt: 2,
            reason: "the service cannot read it".into(),
        },
    ] {
        let said = serde_json::to_value(&act).unwrap();
        event["type"] = said["type"].clone();
        event["what"] = said["what"].clone();
        schemas.hold("log-event", &event);
    }
    let mut manifest = read_json(&folder.join("manifest.json"));
    let item = &mut manifest["items"][0];
    item["format"] = json!("vhdx");
    item["streamed"] = json!("the service cannot read it");
    item["snapshot"].as_object_mut().unwrap().remove("length");
    schemas.hold("manifest", &manifest);
}

#[test]
fn answers_about_a_store_fit_their_schemas_and_altered_ones_do_not() {
    let schemas = Schemas::load();
    let (bench, _) = captured();
    let store = bench.store().to_str().unwrap().to_owned();

    let proven = bench.custody(with_state(&bench, &["verify", &store, "--json"]));
    expect_exit(&proven, 0);
    schemas.hold("output-verify", &answer(&proven));

    // Without the state folder the signer is nobody's; with a damaged item there are findings with ranges.
    let not_proven = bench.custody(["verify", &store, "--json"]);
    expect_exit(&not_proven, 1);
    schemas.hold("output-verify", &answer(&not_proven));
    let item = bench.acquisition(&bench.store()).join("disk.raw");
    let mut bytes = fs::read(&item).unwrap();
    bytes[5] ^= 1;
    fs::remove_file(&item).unwrap();
    fs::write(&item, bytes).unwrap();
    let damaged = bench.custody(with_state(&bench, &["verify", &store, "--json"]));
    expect_exit(&damaged, 4);
    schemas.hold("output-verify", &answer(&damaged));

    let listed = bench.custody(with_state(&bench, &["list", "--store", &store, "--json"]));
    expect_exit(&listed, 0);
    schemas.hold("output-list", &answer(&listed));

    let log = bench.custody(["log", &store, "--json"]);
    expect_exit(&log, 0);
    for line in String::from_utf8(log.stdout).unwrap().lines() {
        schemas.hold("log-event", &serde_json::from_str(line).unwrap());
    }
}

#[test]
fn answers_about_captures_that_did_not_end_fit_their_schemas() {
    let schemas = Schemas::load();
    let bench = Bench::new();
    let raw = bench.raw();
    let planned = bench.capture(&[&raw], &["--dry-run", "--json"]);
    expect_exit(&planned, 0);
    schemas.hold("output-plan", &answer(&planned));

    let noted = bench.capture(&[&raw], &["--preserve-only", "--json"]);
    expect_exit(&noted, 3);
    schemas.hold("output-capture", &answer(&noted));
    let resumed = bench.custody(with_state(&bench, &["resume", "--json"]));
    expect_exit(&resumed, 0);
    schemas.hold("output-resume", &answer(&resumed));
    let nothing = bench.custody(with_state(&bench, &["resume", "--json"]));
    expect_exit(&nothing, 0);
    schemas.hold("output-resume", &answer(&nothing));

    // Of three that are open one cannot be opened, and one has lost its source.
    let all = with_state(&bench, &["resume", "--all", "--json"]);
    let nothing = bench.custody(&all);
    expect_exit(&nothing, 0);
    schemas.hold("output-resume-all", &answer(&nothing));
    let lost = bench.path("lost.raw");
    fs::copy(&raw, &lost).unwrap();
    let noted = [&raw, &raw, &lost].map(|image| {
        let noted = bench.capture(&[image], &["--preserve-only", "--json"]);
        answer(&noted)["acquisition"].as_str().unwrap().to_owned()
    });
    fs::remove_file(&lost).unwrap();
    let acquisitions = bench.path("state/acquisitions");
    fs::write(acquisitions.join(&noted[1]).join("log.jsonl"), "no line\n").unwrap();
    let some = answer(&bench.custody(&all));
    schemas.hold("output-resume-all", &some);
    let ended_well = noted.map(|id| {
        let all = some["acquisitions"].as_array().unwrap();
        let one = all.iter().find(|one| one["acquisition"] == id);
        one.unwrap()["exit"] == 0
    });
    assert_eq!(ended_well, [true, false, false]);

    let noted = bench.capture(&[&raw], &["--preserve-only", "--json"]);
    let id = answer(&noted)["acquisition"].as_str().unwrap().to_owned();
    let abandoned = bench.custody(with_state(
        &bench,
        &["abandon", &id, "--reason", "the wrong disk", "--json"],
    ));
    expect_exit(&abandoned, 0);
    schemas.hold("output-capture", &answer(&abandoned));
}

#[test]
fn what_is_said_of_a_store_that_did_not_answer_at_first_fits_its_schemas() {
    let schemas = Schemas::load();
    let bench = Bench::new();
    let raw = bench.raw();
    bench.block_store();
    let kept = bench.capture(&[&raw], &["--json"]);
    expect_exit(&kept, 3);
    schemas.hold("output-capture", &answer(&kept));
    let listed = bench.custody(with_state(&bench, &["list", "--json"]));
    expect_exit(&listed, 0);
    let listed = answer(&listed);
    schemas.hold("output-list", &listed);
    assert!(
        listed["acquisitions"][0]["not_stored_because"].is_string(),
        "{listed}"
    );
    bench.unblock_store();
    expect_exit(&bench.custody(with_state(&bench, &["resume"])), 0);
    let listed = bench.custody(with_state(&bench, &["list", "--json"]));
    schemas.hold("output-list", &answer(&listed));
    let log = bench.acquisition(&bench.store()).join("log.jsonl");
    let mut kinds = Vec::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        schemas.hold("log-event", &event);
        kinds.push(event["type"].as_str().unwrap().to_owned());
    }
    assert!(kinds.contains(&"acquisition.bound".to_owned()), "{kinds:?}");
}

/// Every form of line about keys, whether or not a capture on this host comes to write it.
fn key_lines() -> Vec<Value> {
    let source = json!({"address": "https://vault.example/secrets/a/1", "attributes": {"kind": "BEK"}});
    let wrapped = json!({"wrapping": "RSA-OAEP", "length": "256", "sha256": "0".repeat(64), "attributes": {"kek": "a"}});
    let failure = json!({"error": "vault: not found", "causes": ["gone"], "remedy": "fix-request"});
    let verdict = |word: &str| json!({"verdict": word});
    let volume = json!({
        "range": {"start": "0", "end": "512"}, "format": "luks2", "identifier": "a-b", "notes": ["key slot 0"],
        "verdict": verdict("does-not-open"),
    });
    let unsure =
        json!({"verdict": {"verdict": "cannot-tell", "reason": "no key is at hand"}, "volumes": [volume]});
    let receipt =
        json!({"name": "s", "form": "age", "wrapped_digest": "0".repeat(64), "version": {"id": "1"}});
    let at = |more: Value| {
        let mut what = json!({"item": "item-1", "key": 1, "name": "s-key-2"});
        what.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        what
    };
    let line = |kind: &str, what: Value| json!({"type": kind, "what": what});
    let need = |need: Value| json!({"item": "item-1", "need": need});
    vec![
        line("key.requirement", need(json!({"kind": "none"}))),
        line(
            "key.requirement",
            need(json!({"kind": "unknown", "reason": "not said"})),
        ),
        line(
            "key.requirement",
            need(json!({"kind": "keys", "keys": [{"key": 1, "name": "s", "source": source}]})),
        ),
        line("key.not-told", json!({"item": "item-1", "failure": failure})),
        line("key.intent", at(json!({"deed": "fetch"}))),
        line(
            "key.done",
            at(json!({"told": {"deed": "fetch", "original": wrapped}})),
        ),
        line(
            "key.done",
            at(json!({"told": {"deed": "wrap", "wrapped": wrapped}})),
        ),
        line(
            "key.done",
            at(json!({"told": {"deed": "deposit", "receipt": receipt, "original": wrapped}})),
        ),
        line("key.done", at(json!({"told": {"deed": "withdraw"}}))),
        line("key.done", at(json!({"told": {"deed": "unwrap"}}))),
        line(
            "key.failed",
            at(json!({"deed": "deposit", "failure": failure, "left": "object"})),
        ),
        line(
            "key.proof",
            json!({"item": "item-1", "key": 1, "proof": {"verdict": verdict("opens")}}),
        ),
        line("key.proof", json!({"item": "item-1", "proof": unsure})),
        line("key.proof-failed", json!({"item": "item-1", "failure": failure})),
        line(
            "key.not-taken",
            json!({"item": "item-1", "reason": "nobody has it"}),
        ),
        line("key.given-up", json!({"item": "item-1", "reason": "purged"})),
    ]
}

#[test]
fn what_is_said_of_keys_fits_the_schemas_and_is_what_the_program_reads() {
    let schemas = Schemas::load();
    let (bench, _) = captured();
    let folder = bench.acquisition(&bench.store());
    let log = fs::read_to_string(folder.join("log.jsonl")).unwrap();
    let mut event: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    for line in key_lines() {
        let read: Act = serde_json::from_value(line.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), line);
        event["type"] = line["type"].clone();
        event["what"] = line["what"].clone();
        schemas.hold("log-event", &event);
    }
}

#[test]
fn answers_about_keys_fit_their_schemas() {
    let schemas = Schemas::load();
    let bench = Bench::new();
    fs::write(bench.path("disk.key"), "a passphrase").unwrap();
    let identity = age::x25519::Identity::generate();
    fs::write(bench.path("custodians.txt"), identity.to_public().to_string()).unwrap();
    let keys = |file: &str| {
        let more = ["--key-recipients", "custodians.txt", "--key-file", file, "--json"];
        let output = bench.capture(&[&bench.raw()], &more);
        expect_exit(&output, 3);
        answer(&output)
    };
    schemas.hold("output-capture", &keys("1=disk.key"));
    let folder = bench.acquisition(&bench.store());
    schemas.hold("manifest", &read_json(&folder.join("manifest.json")));
    for line in fs::read_to_string(folder.join("log.jsonl")).unwrap().lines() {
        schemas.hold("log-event", &serde_json::from_str(line).unwrap());
    }
    let store = bench.store().to_str().unwrap().to_owned();
    let id = folder.file_name().unwrap().to_str().unwrap().to_owned();
    for of in [&store, &id] {
        let shown = bench.custody(with_state(&bench, &["keys", "show", of, "--json"]));
        expect_exit(&shown, 0);
        schemas.hold("output-keys-show", &answer(&shown));
    }
    let words = ["keys", "prove", &store, "--key-file", "disk.key", "--json"];
    let proven = bench.custody(with_state(&bench, &words));
    schemas.hold("output-keys-prove", &answer(&proven));
    let listed = bench.custody(with_state(&bench, &["list", "--json"]));
    schemas.hold("output-list", &answer(&listed));

    fs::write(bench.path("long.key"), vec![7; (8 << 20) + 1]).unwrap();
    let open = keys("1=long.key");
    schemas.hold("output-capture", &open);
    let words = [
        "keys",
        "give-up",
        open["acquisition"].as_str().unwrap(),
        "item-1",
        "--reason",
        "too long",
        "--json",
    ];
    let given_up = bench.custody(with_state(&bench, &words));
    expect_exit(&given_up, 0);
    schemas.hold("output-keys-give-up", &answer(&given_up));
}

#[test]
fn answers_about_this_program_fit_their_schemas() {
    let schemas = Schemas::load();
    let bench = Bench::new();
    for (words, schema) in [
        (vec!["key", "new", "--json"], "output-key"),
        (vec!["key", "show", "--json"], "output-key"),
        (vec!["key", "list", "--json"], "output-key-list"),
    ] {
        let output = bench.custody(with_state(&bench, &words));
        expect_exit(&output, 0);
        schemas.hold(schema, &answer(&output));
    }
    for (words, schema) in [
        (["selftest", "--json"], "output-selftest"),
        (["--version", "--json"], "output-version"),
    ] {
        let output = bench.custody(words);
        expect_exit(&output, 0);
        schemas.hold(schema, &answer(&output));
    }
}

#[test]
fn answers_about_digests_and_failures_fit_their_schemas() {
    let schemas = Schemas::load();
    let bench = Bench::new();
    fs::write(
        bench.path("sums"),
        bench.custody(["hash", "disk.raw", "twin.vhd"]).stdout,
    )
    .unwrap();
    let missing = bench.custody(["hash", "disk.raw", "missing", "--json"]);
    expect_exit(&missing, 3);
    schemas.hold("output-hash", &answer(&missing));
    let matched = bench.custody(["hash", "--check", "sums", "--json"]);
    expect_exit(&matched, 0);
    schemas.hold("output-hash-check", &answer(&matched));
    let others = bench.custody(["hash", "--algorithm", "md5,sha3-256", "disk.raw", "--json"]);
    expect_exit(&others, 0);
    schemas.hold("output-hash", &answer(&others));
    let tree = bench.custody(["hash", "--tree", "disk.raw", "--json"]);
    expect_exit(&tree, 0);
    schemas.hold("output-hash", &answer(&tree));
    let chunks = bench.custody(["hash", "--chunks", "disk.raw"]).stdout;
    fs::write(bench.path("chunks"), &chunks).unwrap();
    let against = bench.custody(["hash", "--against", "chunks", "disk.raw", "--json"]);
    expect_exit(&against, 0);
    schemas.hold("output-hash-against", &answer(&against));
    fs::write(
        bench.path("chunks"),
        vec![b'0'; 64]
            .into_iter()
            .chain(chunks.into_iter().skip(64))
            .collect::<Vec<_>>(),
    )
    .unwrap();
    let damaged = bench.custody(["hash", "--against", "chunks", "disk.raw", "--json"]);
    expect_exit(&damaged, 4);
    schemas.hold("output-hash-against", &answer(&damaged));
    let all = bench
        .custody(["hash", "--algorithm", "md5,sha3-512", "disk.raw"])
        .stdout;
    fs::write(bench.path("all"), all).unwrap();
    let tree = bench.custody(["hash", "--tree", "twin.vhd"]).stdout;
    fs::write(bench.path("tree"), tree).unwrap();
    let away = [b"0".repeat(64).as_slice(), b"  gone\n"].concat();
    fs::write(bench.path("away"), away).unwrap();
    let words = ["hash", "--check", "--ignore-missing", "--json"];
    let passed = bench.custody([&words[..], &["all", "tree", "away"]].concat());
    expect_exit(&passed, 3);
    schemas.hold("output-hash-check", &answer(&passed));
    fs::write(bench.vhd(), "changed").unwrap();
    let other_tree = bench.custody(["hash", "--check", "--json", "all", "tree"]);
    expect_exit(&other_tree, 4);
    schemas.hold("output-hash-check", &answer(&other_tree));
    let changed = bench.custody(["hash", "--check", "sums", "--json"]);
    expect_exit(&changed, 4);
    schemas.hold("output-hash-check", &answer(&changed));

    for (words, code) in [
        (vec!["verify", "no-such-store", "--json"], 3),
        (vec!["no-such-command", "--json"], 2),
        (vec!["--json"], 2),
    ] {
        let refused = bench.custody(words);
        expect_exit(&refused, code);
        schemas.hold("output-error", &answer(&refused));
    }
}

/// Base64, RFC 4648 section 4.
fn decoded(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    for four in text.as_bytes().chunks(4) {
        let sextets = four.iter().filter_map(|c| ALPHABET.iter().position(|a| a == c));
        let bits = sextets.clone().fold(0_usize, |bits, sextet| bits << 6 | sextet);
        let count = sextets.count();
        let whole = (bits << (6 * (4 - count))).to_be_bytes();
        bytes.extend_from_slice(&whole[whole.len() - 3..whole.len() - 3 + count * 6 / 8]);
    }
    bytes
}
