//! Keys from the owners' vaults, escrow and digests in the center's own, against simulated key vaults.

use std::collections::BTreeMap;

use crate::support::run;
use crate::support::vault_lab::{NAME, VaultLab, acquisition, base64, base64url, told};
use custody_core::Error;
use custody_core::digest::Sha256Digest;
use custody_core::port::{
    DigestEntry, DigestRegister as _, EscrowReceipt, EscrowedKey, KeyEscrow as _, KeyReference,
    KeyRequirement, KeySource as _, KeyWrapper as _, RightNeed, Rights as _, RightsFinding, Snapshotter as _,
};
use custody_testkit::azure_sim::{Fault, FaultAction, RoleGrant, Scenario, VaultSecret};
use custody_testkit::fake::pattern;
use futures::TryStreamExt as _;
use serde_json::json;

#[test]
fn a_plain_key_is_fetched_with_all_that_its_secret_says() {
    let lab = VaultLab::new();
    let (reference, fetched) = lab.fetch(0).unwrap();
    assert_eq!(fetched.key.expose(), lab.plain);
    assert!(fetched.original.is_none());
    assert_eq!(reference.attributes["read from"], "the disk snapshot");
    let said = |name: &str| fetched.attributes[name].as_str();
    assert_eq!(said("contentType"), "BEK");
    assert_eq!(said("tag MachineName"), "WEB-01");
    assert!(said("tag DiskEncryptionKeyFileName").ends_with(".BEK"));
    // The backslash is written out, as everywhere in records.
    assert_eq!(said("tag VolumeLetter"), "F:\\u{5c}");
}

#[test]
fn a_wrapped_key_is_unwrapped_by_its_vault_and_kept_as_it_was() {
    for (algorithm, is_standard) in [
        ("RSA-OAEP", false),
        ("RSA-OAEP-256", true),
        ("RSA1_5", false),
        ("", true),
    ] {
        let key = pattern(156, 9);
        let used = if algorithm.is_empty() {
            "RSA-OAEP"
        } else {
            algorithm
        };
        let lab = VaultLab::with(|scenario| {
            let wrapped = scenario.vaults[0].wrap(Scenario::LAB_KEK, used, &key);
            let secret = &mut scenario.vaults[0].secrets[1];
            secret.value = if is_standard {
                base64(&wrapped)
            } else {
                base64url(&wrapped)
            };
            secret
                .tags
                .insert("DiskEncryptionKeyEncryptionAlgorithm".into(), algorithm.into());
            // Tools write this over a wrapped key's content type.
            secret.content_type = Some("BEK".into());
        });
        let (_, fetched) = lab.fetch(1).unwrap();
        assert_eq!(fetched.key.expose(), key, "{algorithm}");
        let original = fetched.original.unwrap();
        assert_eq!(original.bytes.len(), 256);
        assert!(original.wrapping.starts_with(&format!(
            "{used} by https://production-keys.vault.azure.net/keys/"
        )));
        for part in ["n", "e", "kty", "kid", "alg"] {
            assert!(!original.attributes[part].is_empty(), "{part}");
        }
        assert!(!original.attributes.contains_key("d"));
        assert!(fetched.attributes["keyEncryptionKey"].contains("cannot be restored here"));
    }
}

#[test]
fn settings_that_name_a_wrapping_key_are_enough_without_the_tag() {
    let lab = VaultLab::with(|scenario| {
        scenario.vaults[0].secrets[1].tags.clear();
    });
    let (_, fetched) = lab.fetch(1).unwrap();
    assert_eq!(fetched.key.expose(), lab.wrapped);
}

#[test]
fn a_key_that_is_changed_after_the_plan_is_fetched_as_the_snapshot_had_it() {
    let lab = VaultLab::new();
    let disks = run(async { lab.lab.snapshotter().describe(&lab.lab.machine()).await })
        .unwrap()
        .disks;
    let planned = disks.iter().find(|disk| disk.name.contains("data-0")).unwrap();
    let rotated = VaultSecret::new(&lab.secrets[0].name, &base64(&pattern(156, 7)))
        .with_version("11111111111111111111111111111111");
    lab.lab.simulator.put_secret(Scenario::LAB_KEY_VAULT, &rotated);
    let old = planned.attributes["encryptionSettingsCollection"].clone();
    let mut settings: serde_json::Value = serde_json::from_str(&old).unwrap();
    let address = lab.address(&rotated);
    settings["encryptionSettings"][0]["diskEncryptionKey"]["secretUrl"] = json!(address);
    lab.lab
        .simulator
        .set_encryption_settings("web-01-data-0", &settings);
    let snapshot = lab.lab.snapshot("rotated", "web-01-data-0");
    // And once more after the snapshot: that is none of its content's.
    settings["encryptionSettings"][0]["diskEncryptionKey"]["secretUrl"] =
        json!("https://x.vault.azure.net/secrets/a/1");
    lab.lab
        .simulator
        .set_encryption_settings("web-01-data-0", &settings);
    let source = lab.source();
    let told = run(source.requirement(planned, &snapshot)).unwrap().value;
    let KeyRequirement::Keys(keys) = told else {
        panic!("{told:?}")
    };
    assert_eq!(keys[0].address, address);
    assert!(
        keys[0].attributes["planned"].contains("it was changed since"),
        "{:?}",
        keys[0]
    );
    assert_eq!(
        run(source.fetch(&keys[0])).unwrap().value.key.expose(),
        pattern(156, 7)
    );
}

#[test]
fn encryption_that_is_called_off_between_plan_and_snapshot_loses_no_key() {
    let lab = VaultLab::new();
    let disks = run(async { lab.lab.snapshotter().describe(&lab.lab.machine()).await })
        .unwrap()
        .disks;
    let planned = disks.iter().find(|disk| disk.name.contains("data-0")).unwrap();
    let off = json!({"enabled": false});
    lab.lab.simulator.set_encryption_settings("web-01-data-0", &off);
    let snapshot = lab.lab.snapshot("switched", "web-01-data-0");
    let source = lab.source();
    let told = run(source.requirement(planned, &snapshot)).unwrap().value;
    let KeyRequirement::Keys(keys) = told else {
        panic!("{told:?}")
    };
    assert!(
        keys[0].attributes["contradicted by"].contains("is off"),
        "{keys:?}"
    );
    assert_eq!(run(source.fetch(&keys[0])).unwrap().value.key.expose(), lab.plain);
    // Of a disk of which nobody ever said otherwise, it is what there is.
    let mut plain = planned.clone();
    plain.attributes.remove("encryptionSettingsCollection");
    let told = run(source.requirement(&plain, &snapshot)).unwrap().value;
    assert_eq!(told, KeyRequirement::None);
}

#[test]
fn every_volume_of_a_disk_has_its_key_and_the_older_scheme_is_known() {
    let lab = VaultLab::with(|scenario| {
        let both: Vec<_> = ["web-01-data-0", "web-01-data-1"]
            .map(|disk| {
                scenario.disk_mut(disk).encryption_settings.clone().unwrap()["encryptionSettings"][0].clone()
            })
            .into();
        scenario.machines[0].os_disk.encryption_settings = Some(json!({
            "enabled": true, "diskEncryptionKey": both[0]["diskEncryptionKey"]
        }));
        let two = json!({"enabled": true, "encryptionSettingsVersion": "1.0", "encryptionSettings": both});
        scenario.disk_mut("web-01-data-0").encryption_settings = Some(two);
    });
    let (keys, _) = lab.requirement("web-01-data-0");
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0].attributes["encryptionSettingsVersion"], "1.0");
    let keys_of_volumes: Vec<_> = keys
        .iter()
        .map(|key| run(lab.source().fetch(key)).unwrap().value)
        .collect();
    assert_eq!(keys_of_volumes[0].key.expose(), lab.plain);
    assert_eq!(keys_of_volumes[1].key.expose(), lab.wrapped);
    let (keys, _) = lab.requirement("web-01_OsDisk_1");
    assert!(
        keys[0].attributes["read from"].starts_with("the machine's own model"),
        "{keys:?}"
    );
    assert_eq!(
        run(lab.source().fetch(&keys[0])).unwrap().value.key.expose(),
        lab.plain
    );
}

#[test]
fn a_disk_without_settings_says_how_it_is_encrypted_and_that_no_vault_has_its_key() {
    let lab = VaultLab::with(|scenario| {
        let disk = scenario.disk_mut("web-01_OsDisk_1");
        disk.encryption = "EncryptionAtRestWithCustomerKey".into();
        disk.disk_encryption_set =
            Some("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/diskEncryptionSets/d".into());
    });
    let (keys, reason) = lab.requirement("web-01_OsDisk_1");
    assert!(keys.is_empty());
    for words in [
        "EncryptionAtRestWithCustomerKey",
        "diskEncryptionSets/d",
        "no key is needed",
        "only from the image",
    ] {
        assert!(reason.contains(words), "{words}: {reason}");
    }
}

#[test]
fn an_address_outside_of_the_clouds_vaults_is_never_asked() {
    for address in [
        "https://evil.example/secrets/a/1",
        "https://production-keys.vault.azure.net.evil.example/secrets/a/1",
        "http://production-keys.vault.azure.net/secrets/a/1",
        "https://socevidence.blob.core.windows.net/secrets/a/1",
    ] {
        let lab = VaultLab::new();
        let refused = run(lab.source().fetch(&KeyReference::new(address))).unwrap_err();
        assert!(matches!(refused.meaning(), Error::Refused { .. }), "{refused}");
        // Nor one that a secret's tag names.
        let lab = VaultLab::with(|scenario| {
            let tags = &mut scenario.vaults[0].secrets[1].tags;
            tags.insert(
                "DiskEncryptionKeyEncryptionKeyURL".into(),
                address.replace("secrets", "keys"),
            );
        });
        let refused = lab.fetch(1).unwrap_err();
        assert!(matches!(refused.meaning(), Error::Refused { .. }), "{refused}");
        assert!(lab.lab.simulator.refused_hosts().is_empty());
        let asked = lab.lab.simulator.journal();
        assert!(
            asked.iter().all(|call| !call.path.starts_with("/keys/")),
            "{asked:?}"
        );
    }
    let lab = VaultLab::new();
    let latest = KeyReference::new("https://production-keys.vault.azure.net/secrets/a");
    assert!(told(&run(lab.source().fetch(&latest)).unwrap_err()).contains("no version"));
}

#[test]
fn a_wrong_wrapping_key_and_text_that_is_no_key_are_refused() {
    let lab = VaultLab::with(|scenario| {
        scenario.vaults[0]
            .keys
            .push(custody_testkit::azure_sim::VaultKey::rsa("other"));
        let tags = &mut scenario.vaults[0].secrets[1].tags;
        let other = "https://production-keys.vault.azure.net/keys/other";
        tags.insert("DiskEncryptionKeyEncryptionKeyURL".into(), other.into());
    });
    let error = lab.fetch(1).unwrap_err();
    assert!(matches!(error.meaning(), Error::Integrity { .. }), "{error}");
    let lab = VaultLab::with(|scenario| scenario.vaults[0].secrets[0].value = "CANARY is no base64!".into());
    let error = lab.fetch(0).unwrap_err();
    assert!(
        told(&error).contains("not a key in base64") && !told(&error).contains("CANARY"),
        "{}",
        told(&error)
    );
    let lab = VaultLab::with(|scenario| {
        scenario.vaults[0].secrets[1]
            .tags
            .insert("DiskEncryptionKeyEncryptionAlgorithm".into(), "A256KW".into());
    });
    assert!(told(&lab.fetch(1).unwrap_err()).contains("A256KW"));
    let lab =
        VaultLab::with(|scenario| scenario.vaults[0].secrets[0].content_type = Some("Wrapped BEK".into()));
    assert!(told(&lab.fetch(0).unwrap_err()).contains("name the key by which"));
}

#[test]
fn an_expired_secret_is_given_and_its_time_is_told() {
    let lab = VaultLab::with(|scenario| scenario.vaults[0].secrets[0].expires = Some(1_600_000_000));
    let (_, fetched) = lab.fetch(0).unwrap();
    assert!(fetched.attributes["expires"].starts_with("2020-09-13T12:26:40Z"));
}

#[test]
fn an_entrusted_key_is_a_secret_as_the_runbook_makes_it() {
    let lab = VaultLab::new();
    for number in [0, 1] {
        let name = format!("20261128070{number}-web-01-data-{number}");
        let (reference, fetched) = lab.fetch(number).unwrap();
        let record = lab.record(reference, fetched);
        let receipt = run(lab.escrow().deposit(&name.parse().unwrap(), &record))
            .unwrap()
            .value;
        assert_eq!(
            (receipt.form.as_str(), receipt.wrapped_digest),
            (EscrowReceipt::ENTRUSTED, None)
        );
        let kept = lab.lab.simulator.secret(Scenario::LAB_SOC_VAULT, &name).unwrap();
        let due = if number == 0 { &lab.plain } else { &lab.wrapped };
        assert_eq!(kept.value, base64(due));
        assert_eq!(kept.content_type.as_deref(), Some("BEK"));
        let mut tags = lab.secrets[number].tags.clone();
        tags.retain(|name, _| !name.starts_with("DiskEncryptionKeyEncryption"));
        assert_eq!(
            kept.tags, tags,
            "all tags of the source but those of the wrapping that is gone"
        );
        let side = lab
            .lab
            .simulator
            .secret(Scenario::LAB_SOC_VAULT, &format!("{name}-custody-record"))
            .unwrap();
        assert_eq!(side.tags["custody-acquisition"], acquisition().to_string());
        assert!(side.tags.len() <= 15);
        assert!(side.value.contains(&lab.address(&lab.secrets[number])));
        assert_eq!(side.value.contains("\"original\""), number == 1);
        assert!(!side.value.contains(&base64(due)) && !side.value.contains(&base64url(due)));
    }
}

#[test]
fn a_key_that_the_center_wraps_is_one_secret_that_nobody_can_use_without_its_key() {
    let lab = VaultLab::new();
    let wrapper = lab.wrapper();
    let (reference, fetched) = lab.fetch(0).unwrap();
    let wrapped = run(wrapper.wrap(&fetched.key, &acquisition())).unwrap().value;
    assert!(
        wrapped
            .wrapping
            .starts_with("RSA-OAEP-256 by https://soc-vault.vault.azure.net/keys/escrow/")
    );
    // That the runbook's form is off stands in the record, beside the key, and in the plan.
    assert!(wrapped.attributes["form"].contains("Microsoft's runbook"));
    let [caution] = &wrapper.cautions()[..] else {
        panic!("{:?}", wrapper.cautions())
    };
    assert!(
        caution.contains(&wrapped.attributes["form"]) && caution.contains("soc-vault"),
        "{caution}"
    );
    let mut record = lab.record(reference, fetched);
    record.key = EscrowedKey::Wrapped(wrapped);
    run(lab.escrow().deposit(&NAME.parse().unwrap(), &record)).unwrap();
    assert_eq!(lab.lab.simulator.secret_names(Scenario::LAB_SOC_VAULT), [NAME]);
    let kept = lab.lab.simulator.secret(Scenario::LAB_SOC_VAULT, NAME).unwrap();
    assert_ne!(kept.content_type.as_deref(), Some("BEK"));
    lab.assert_hidden(&kept.value);
    let record = run(lab.escrow().withdraw(&NAME.parse().unwrap())).unwrap().value;
    let EscrowedKey::Wrapped(key) = &record.key else {
        panic!("it is kept wrapped")
    };
    assert_eq!(
        run(wrapper.unwrap_key(key, &acquisition()))
            .unwrap()
            .value
            .expose(),
        lab.plain
    );
    // A record can name any key; only the center's is asked.
    let stray = key
        .clone()
        .with_attribute("kid", "https://production-keys.vault.azure.net/keys/disk-kek/1");
    assert!(
        matches!(run(wrapper.unwrap_key(&stray, &acquisition())), Err(error) if matches!(error.meaning(), Error::Refused { .. }))
    );
}

#[test]
fn a_key_that_is_too_long_for_the_centers_key_is_sealed_with_a_content_key_that_it_wraps() {
    let lab = VaultLab::new();
    let wrapper = lab.wrapper();
    for length in [190, 191, 200, 4096] {
        let plain = pattern(length, 4);
        let material = custody_core::port::KeyMaterial::new(zeroize::Zeroizing::new(plain.clone()));
        let wrapped = run(wrapper.wrap(&material, &acquisition())).unwrap().value;
        assert_eq!(wrapped.attributes.contains_key("enc"), length > 190, "{length}");
        let opened = run(wrapper.unwrap_key(&wrapped, &acquisition())).unwrap().value;
        assert_eq!(opened.expose(), plain, "{length}");
        if length == 190 {
            continue;
        }
        // It lies in the escrow like any other, and comes back from there.
        let (reference, fetched) = lab.fetch(0).unwrap();
        let mut record = lab.record(reference, fetched);
        let name = format!("{NAME}-{length}").parse().unwrap();
        record.key = EscrowedKey::Wrapped(wrapped.clone());
        run(lab.escrow().deposit(&name, &record)).unwrap();
        let kept = run(lab.escrow().withdraw(&name)).unwrap().value;
        let EscrowedKey::Wrapped(kept) = kept.key else {
            panic!("it is kept wrapped")
        };
        assert_eq!(kept, wrapped);
        let text = String::from_utf8(wrapped.bytes.clone()).unwrap();
        let place = text.len() - 30;
        let mut changed = text.into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let mut forged = wrapped.clone();
        forged.bytes = changed;
        let error = run(wrapper.unwrap_key(&forged, &acquisition())).unwrap_err();
        assert!(matches!(error.meaning(), Error::Integrity { .. }), "{error}");
    }
}

#[test]
fn what_core_names_lies_under_the_name_that_the_disk_snapshot_has_in_azure() {
    let lab = VaultLab::new();
    let named = |name: &str| {
        let kept = lab.lab.simulator.secret(Scenario::LAB_SOC_VAULT, name);
        kept.unwrap_or_else(|| {
            panic!(
                "no {name} in {:?}",
                lab.lab.simulator.secret_names(Scenario::LAB_SOC_VAULT)
            )
        })
    };
    let (reference, fetched) = lab.fetch(0).unwrap();
    let record = lab.record(reference, fetched);
    let name = "20261128T070000Z-web-01_Data.0.vhd".parse().unwrap();
    let receipt = run(lab.escrow().deposit(&name, &record)).unwrap().value;
    let secret = "20261128T070000Z-web-01-Data-0";
    assert_eq!(
        (receipt.name.as_str(), receipt.version["secret"].as_str()),
        (name.as_str(), secret)
    );
    assert_eq!(named(secret).value, base64(&lab.plain));
    assert_eq!(
        named(&format!("{secret}-custody-record")).tags["custody-name"],
        name.as_str()
    );
    for (suffix, bytes) in [("-hash-SHA256", b"file"), ("-hash-SHA256-data", b"data")] {
        let entry = DigestEntry::new(format!("{name}{suffix}"), Sha256Digest::of(bytes), acquisition());
        for _ in 0..2 {
            run(lab.register().put(&entry)).unwrap();
        }
        let kept = named(&format!("{secret}{suffix}"));
        assert_eq!(kept.value, entry.digest.to_string().to_ascii_uppercase());
        assert_eq!(
            (kept.tags["custody-name"].as_str(), kept.versions),
            (entry.name.as_str(), 1)
        );
        assert_eq!(run(lab.register().find(&entry.name)).unwrap(), Some(entry.digest));
    }
    // Again: what lies there is found, and nothing is added.
    let again = run(lab.escrow().deposit(&name, &record)).unwrap().value;
    assert_eq!(again, receipt);
    assert_eq!(named(secret).versions, 1);
    let listed = run(lab.escrow().list(&acquisition()).try_collect::<Vec<_>>()).unwrap();
    let [listed] = listed.as_slice() else {
        panic!("{listed:?}")
    };
    assert_eq!(
        (listed.name.as_str(), listed.version["secret"].as_str()),
        (name.as_str(), secret)
    );
}

/// Keys of two items whose names are one to a vault: theirs, and the second one's is another by a digest.
fn two_that_fall_together(
    lab: &VaultLab,
) -> [(custody_core::ids::Segment, custody_core::port::EscrowRecord); 2] {
    let mut number = 0;
    ["20261128T070000Z-a_b.vhd", "20261128T070000Z-a.b.vhd"].map(|name| {
        let (reference, fetched) = lab.fetch(number).unwrap();
        let mut record = lab.record(reference, fetched);
        number += 1;
        record.item = format!("item-{number}").parse().unwrap();
        (name.parse().unwrap(), record)
    })
}

#[test]
fn two_items_whose_names_are_one_to_a_vault_keep_a_key_and_a_digest_each() {
    let lab = VaultLab::new();
    let escrow = lab.escrow();
    let [one, other] = two_that_fall_together(&lab);
    // At once, as a capture takes them.
    let (first, second) = run(async {
        futures::future::join(escrow.deposit(&one.0, &one.1), escrow.deposit(&other.0, &other.1)).await
    });
    let secrets = [first, second].map(|receipt| receipt.unwrap().value.version["secret"].clone());
    assert_eq!(secrets[0], "20261128T070000Z-a-b");
    assert!(secrets[1].starts_with("20261128T070000Z-a-b-"), "{secrets:?}");
    for ((name, record), due) in [&one, &other].into_iter().zip([&lab.plain, &lab.wrapped]) {
        let kept = run(escrow.withdraw(name)).unwrap().value;
        let EscrowedKey::Entrusted(key) = &kept.key else {
            panic!("it is kept in plain form")
        };
        assert_eq!((key.expose(), &kept.item), (due.as_slice(), &record.item));
        run(escrow.deposit(name, record)).unwrap();
        for suffix in ["-hash-SHA256", "-hash-SHA256-data"] {
            let name = format!("{name}{suffix}");
            let entry = DigestEntry::new(&name, Sha256Digest::of(name.as_bytes()), acquisition());
            run(lab.register().put(&entry)).unwrap();
            run(lab.register().put(&entry)).unwrap();
            let other = DigestEntry::new(&name, Sha256Digest::of(b"another"), acquisition());
            let error = run(lab.register().put(&other)).unwrap_err();
            assert!(matches!(error.meaning(), Error::AlreadyExists { .. }), "{error}");
        }
    }
    for (name, _) in [&one, &other] {
        let digest = format!("{name}-hash-SHA256");
        assert_eq!(
            run(lab.register().find(&digest)).unwrap(),
            Some(Sha256Digest::of(digest.as_bytes()))
        );
    }
    assert_eq!(
        run(escrow.list(&acquisition()).try_collect::<Vec<_>>())
            .unwrap()
            .len(),
        2
    );
    for name in lab.lab.simulator.secret_names(Scenario::LAB_SOC_VAULT) {
        assert_eq!(
            lab.lab
                .simulator
                .secret(Scenario::LAB_SOC_VAULT, &name)
                .unwrap()
                .versions,
            1,
            "{name}"
        );
    }
    assert_eq!(lab.lab.simulator.secret_names(Scenario::LAB_SOC_VAULT).len(), 8);
}

#[test]
fn of_two_names_that_fall_together_a_key_takes_the_one_that_its_disk_snapshot_took() {
    let lab = VaultLab::new();
    let [one, mut other] = two_that_fall_together(&lab);
    let resource = {
        let entry = run(lab.escrow().deposit(&one.0, &one.1)).unwrap().value;
        assert_eq!(entry.version["secret"], "20261128T070000Z-a-b");
        run(lab.escrow().deposit(&other.0, &other.1))
            .unwrap()
            .value
            .version["secret"]
            .clone()
    };
    // In another vault, the other way round: the snapshot's own name decides, and not who comes first.
    let lab = VaultLab::new();
    other.1.source = other.1.source.with_attribute("disk snapshot", &resource);
    for (name, record, due) in [
        (&other.0, &other.1, resource.as_str()),
        (&one.0, &one.1, "20261128T070000Z-a-b"),
    ] {
        let receipt = run(lab.escrow().deposit(name, record)).unwrap().value;
        assert_eq!(receipt.version["secret"], due);
        run(lab.escrow().withdraw(name)).unwrap();
    }
}

#[test]
fn an_element_of_the_settings_that_cannot_be_read_is_named_and_keeps_no_other_key_from_being_taken() {
    let lab = VaultLab::with(|scenario| {
        let settings = scenario
            .disk_mut("web-01-data-0")
            .encryption_settings
            .as_mut()
            .unwrap();
        let elements = settings["encryptionSettings"].as_array_mut().unwrap();
        elements.insert(0, json!({"diskEncryptionKey": {"secretUrl": null}}));
    });
    let (keys, _) = lab.requirement("web-01-data-0");
    assert_eq!(keys.len(), 2);
    assert_eq!(
        run(lab.source().fetch(&keys[0])).unwrap().value.key.expose(),
        lab.plain
    );
    let error = run(lab.source().fetch(&keys[1])).unwrap_err();
    assert!(
        told(&error).contains("volume 0") && told(&error).contains("other means"),
        "{}",
        told(&error)
    );
    let machine = run(async { lab.lab.snapshotter().describe(&lab.lab.machine()).await }).unwrap();
    let found = run(lab.rights().check(&machine));
    let named = found.iter().any(|finding| {
        matches!(finding, RightsFinding::Unchecked { scope, reason }
            if scope.contains("web-01-data-0") && reason.contains("volume 0"))
    });
    assert!(named, "{found:?}");
}

#[test]
fn a_deposit_that_was_cut_off_anywhere_is_settled_by_another_one() {
    // The record and then the key are put: each once without, once with the first answer lost. The first of the two
    // calls of a client asks whom a token must be for.
    for (nth, action) in [
        (2, FaultAction::DropBefore),
        (2, FaultAction::DropAfter),
        (3, FaultAction::DropBefore),
        (3, FaultAction::DropAfter),
    ] {
        let lab = VaultLab::new();
        let (reference, fetched) = lab.fetch(1).unwrap();
        let record = lab.record(reference, fetched);
        lab.lab
            .simulator
            .inject(Fault::on("PUT", "/secrets/*", action.clone()).nth(nth));
        let escrow = lab.escrow();
        run(escrow.deposit(&NAME.parse().unwrap(), &record)).unwrap_err();
        let listed = run(escrow.list(&acquisition()).try_collect::<Vec<_>>()).unwrap();
        assert_eq!(
            listed.len(),
            usize::from(nth == 3 && action == FaultAction::DropAfter),
            "{nth} {action:?}"
        );
        let receipt = run(escrow.deposit(&NAME.parse().unwrap(), &record))
            .unwrap()
            .value;
        assert_eq!(receipt.name, NAME);
        for name in [NAME.to_owned(), format!("{NAME}-custody-record")] {
            assert_eq!(
                lab.lab
                    .simulator
                    .secret(Scenario::LAB_SOC_VAULT, &name)
                    .unwrap()
                    .versions,
                1,
                "{name}"
            );
        }
        assert_eq!(
            run(escrow.list(&acquisition()).try_collect::<Vec<_>>())
                .unwrap()
                .len(),
            1
        );
    }
}

#[test]
fn a_later_version_that_somebody_adds_changes_nothing() {
    let lab = VaultLab::new();
    let (reference, fetched) = lab.fetch(0).unwrap();
    let record = lab.record(reference, fetched);
    run(lab.escrow().deposit(&NAME.parse().unwrap(), &record)).unwrap();
    let entry = DigestEntry::new(
        format!("{NAME}-hash-SHA256"),
        Sha256Digest::of(b"disk"),
        acquisition(),
    );
    run(lab.register().put(&entry)).unwrap();
    lab.lab.clock.advance(std::time::Duration::from_secs(2));
    for name in [
        NAME.to_owned(),
        format!("{NAME}-custody-record"),
        entry.name.clone(),
    ] {
        lab.lab
            .simulator
            .put_secret(Scenario::LAB_SOC_VAULT, &VaultSecret::new(&name, "Zm9yZ2Vk"));
    }
    let kept = run(lab.escrow().withdraw(&NAME.parse().unwrap())).unwrap().value;
    let EscrowedKey::Entrusted(key) = &kept.key else {
        panic!("it is kept in plain form")
    };
    assert_eq!(key.expose(), lab.plain);
    assert_eq!(run(lab.register().find(&entry.name)).unwrap(), Some(entry.digest));
    run(lab.register().put(&entry)).unwrap();
}

#[test]
fn a_digest_is_a_secret_as_the_runbook_makes_it_with_tags_of_what_it_is_of() {
    let lab = VaultLab::new();
    let digest = Sha256Digest::of(b"disk");
    let mut entry = DigestEntry::new(format!("{NAME}-hash-SHA256"), digest, acquisition())
        .with_label("case", "2026-0042")
        .with_label("blob", "x".repeat(600));
    for number in 0..20 {
        entry = entry.with_label(format!("more-{number}"), "x");
    }
    run(lab.register().put(&entry)).unwrap();
    let kept = lab
        .lab
        .simulator
        .secret(Scenario::LAB_SOC_VAULT, &entry.name)
        .unwrap();
    assert_eq!(kept.value, digest.to_string().to_ascii_uppercase());
    assert_eq!(kept.content_type.as_deref(), Some("text/plain"));
    assert_eq!((kept.tags.len(), kept.versions), (15, 1));
    assert_eq!(kept.tags["case"], "2026-0042");
    assert_eq!(kept.tags["acquisition"], acquisition().to_string());
    assert!(kept.tags["blob"].ends_with('…') && kept.tags["blob"].chars().count() == 256);
    // A digest that the runbook put there from Linux is in lower case.
    let other = format!("{NAME}-hash-SHA256-data");
    lab.lab.simulator.put_secret(
        Scenario::LAB_SOC_VAULT,
        &VaultSecret::new(&other, &digest.to_string()),
    );
    assert_eq!(run(lab.register().find(&other)).unwrap(), Some(digest));
}

#[test]
fn missing_rights_in_the_centers_vault_are_named() {
    for action in [
        "Microsoft.KeyVault/vaults/secrets/setSecret/action",
        "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
        "Microsoft.KeyVault/vaults/keys/wrap/action",
    ] {
        let lab = VaultLab::with(|scenario| {
            scenario.identities[1].roles = vec![RoleGrant::everything().without(action)];
        });
        let (reference, fetched) = lab.fetch(0).unwrap();
        let error = if action.contains("/keys/") {
            run(lab.wrapper().wrap(&fetched.key, &acquisition()))
                .map(drop)
                .unwrap_err()
        } else {
            let record = lab.record(reference, fetched);
            run(lab.escrow().deposit(&NAME.parse().unwrap(), &record))
                .map(drop)
                .unwrap_err()
        };
        assert!(
            matches!(error.meaning(), Error::PermissionDenied { .. }),
            "{error}"
        );
        assert!(told(&error).contains(action), "{}", told(&error));
    }
}

#[test]
#[ignore = "needs the Azure SDK for Python"]
fn microsofts_python_clients_read_what_was_kept_and_unwrap_it() {
    let lab = VaultLab::listening();
    for number in [0, 1] {
        let (reference, fetched) = lab.fetch(number).unwrap();
        let wrapped = run(lab.wrapper().wrap(&fetched.key, &acquisition()))
            .unwrap()
            .value;
        let mut record = lab.record(reference, fetched);
        run(lab
            .escrow()
            .deposit(&format!("{NAME}-{number}").parse().unwrap(), &record))
        .unwrap();
        record.key = EscrowedKey::Wrapped(wrapped);
        run(lab
            .escrow()
            .deposit(&format!("{NAME}-{number}-wrapped").parse().unwrap(), &record))
        .unwrap();
    }
    let digest = Sha256Digest::of(b"disk");
    let entry = DigestEntry::new(format!("{NAME}-0-hash-SHA256"), digest, acquisition())
        .with_label("case", "2026-0042");
    run(lab.register().put(&entry)).unwrap();
    let endpoints = lab.lab.simulator.endpoints().unwrap().clone();
    let python = std::env::var("CUSTODY_AZURE_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/escrow.py");
    let output = std::process::Command::new(python)
        .arg(script)
        .env("REQUESTS_CA_BUNDLE", &endpoints.ca_certificate)
        .env("NO_PROXY", "127.0.0.1")
        .env("SIM_LOGIN", &endpoints.tls.login)
        .env("SIM_VAULT", &endpoints.tls.vault[Scenario::LAB_SOC_VAULT])
        .env("SIM_TENANT", &lab.lab.scenario.tenants[0])
        .env("SIM_CLIENT", Scenario::LAB_CLIENT_ID)
        .env("SIM_SECRET", Scenario::LAB_CLIENT_SECRET)
        .env("NAME", NAME)
        .env("KEYS", format!("{} {}", base64(&lab.plain), base64(&lab.wrapped)))
        .env("DIGEST", digest.to_string())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim_end(),
        "all held",
        "{complaint}"
    );
}

#[test]
fn a_plan_names_the_rights_that_are_missing_in_vaults() {
    let lab = VaultLab::with(|scenario| {
        let role = RoleGrant::everything()
            .without("Microsoft.KeyVault/vaults/keys/unwrap/action")
            .without("Microsoft.KeyVault/vaults/secrets/setSecret/action");
        scenario.identities[1].roles = vec![role];
    });
    let machine = run(async { lab.lab.snapshotter().describe(&lab.lab.machine()).await }).unwrap();
    let due = |place: &str, action: &str| RightsFinding::Missing {
        scope: lab.vault_id(place),
        right: format!("Microsoft.KeyVault/vaults/{action}/action"),
        need: RightNeed::ToCapture,
    };
    let found = run(lab.rights().check(&machine));
    assert_eq!(
        found,
        [
            due(Scenario::LAB_KEY_VAULT, "keys/unwrap"),
            due(Scenario::LAB_SOC_VAULT, "secrets/setSecret")
        ]
    );
    let lab = VaultLab::new();
    assert_eq!(run(lab.rights().check(&machine)), []);
    lab.policy(&["get"], &["unwrapKey"]);
    match run(lab.rights().check(&machine)).as_slice() {
        [RightsFinding::Unchecked { scope, reason }] => {
            assert_eq!(*scope, lab.vault_id(Scenario::LAB_KEY_VAULT));
            assert!(reason.contains("access policies decide"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tag_whose_name_is_not_ascii_lies_in_the_escrow_as_it_lay_in_its_vault() {
    let lab = VaultLab::with(|scenario| {
        let tags = &mut scenario.vaults[0].secrets[0].tags;
        tags.insert("größe".into(), "groß\\".into());
    });
    let (reference, fetched) = lab.fetch(0).unwrap();
    assert!(
        fetched.attributes.keys().all(|name| name.is_ascii()),
        "{fetched:?}"
    );
    let record = lab.record(reference, fetched);
    run(lab.escrow().deposit(&NAME.parse().unwrap(), &record)).unwrap();
    let kept = lab.lab.simulator.secret(Scenario::LAB_SOC_VAULT, NAME).unwrap();
    assert_eq!(kept.tags["größe"], "groß\\");
}

#[test]
fn no_key_is_in_any_text_of_ours_nor_in_an_address_that_was_asked() {
    let lab = VaultLab::new();
    let mut texts = Vec::new();
    for number in [0, 1] {
        let (reference, fetched) = lab.fetch(number).unwrap();
        texts.push(format!("{reference:?} {fetched:?} {fetched:#?}"));
        let record = lab.record(reference, fetched);
        texts.push(format!("{record:?} {record:#?}"));
        let name = format!("{NAME}-{number}");
        let receipt = run(lab.escrow().deposit(&name.parse().unwrap(), &record)).unwrap();
        texts.push(format!("{receipt:?}"));
        let other = lab.record(
            KeyReference::new("https://elsewhere"),
            lab.fetch(number).unwrap().1,
        );
        let error = run(lab.escrow().deposit(&name.parse().unwrap(), &other)).unwrap_err();
        texts.push(format!("{error:?} {}", told(&error)));
        texts.push(format!(
            "{:?}",
            run(lab.escrow().withdraw(&name.parse().unwrap())).unwrap()
        ));
    }
    let (source, escrow, wrapper) = (lab.source(), lab.escrow(), lab.wrapper());
    texts.push(format!(
        "{source:?} {source} {escrow:?} {escrow} {wrapper:?} {wrapper} {:?}",
        lab.register()
    ));
    texts.extend(
        lab.lab
            .simulator
            .journal()
            .iter()
            .map(|entry| format!("{entry:?}")),
    );
    for text in &texts {
        lab.assert_hidden(text);
    }
    assert!(texts.len() > 20);
    let tags: BTreeMap<_, _> = lab
        .lab
        .simulator
        .secret(Scenario::LAB_SOC_VAULT, &format!("{NAME}-1"))
        .unwrap()
        .tags;
    lab.assert_hidden(&format!("{tags:?}"));
}
