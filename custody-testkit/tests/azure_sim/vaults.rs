//! Key vaults: who may, versions, deletion that can be undone, what keys do.

use azure_core::http::Method;
use custody_testkit::azure_sim::{Fault, FaultAction, RoleGrant, Scenario, Vault, VaultKey, VaultSecret};
use serde_json::{Value, json};

use crate::client::{Lab, Reply};

const CANARY: &str = "CANARY-of-a-vault";
const VERSION: &str = "7.5";

/// A lab with one vault, and a token for vaults.
struct VaultLab {
    lab: Lab,
    token: String,
    host: String,
}

impl VaultLab {
    async fn of(scenario: Scenario, vault: &str) -> Self {
        let lab = Lab::of(scenario).await;
        let token = lab.token("https://vault.azure.net").await;
        Self {
            lab,
            token,
            host: format!("https://{vault}.vault.azure.net"),
        }
    }

    async fn new(vault: Vault) -> Self {
        let name = vault.name.clone();
        Self::of(Scenario::lab().with_vault(vault), &name).await
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Reply {
        self.call_at(&self.host, method, path, body).await
    }

    async fn call_at(&self, host: &str, method: Method, path: &str, body: Value) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = format!("{host}{path}{separator}api-version={VERSION}");
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        self.lab.send(method, &url, &headers, text).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(Method::Get, path, Value::Null).await
    }
}

fn inner(reply: &Reply) -> String {
    reply.json()["error"]["innererror"]["code"]
        .as_str()
        .unwrap_or_default()
        .to_string()
}

#[tokio::test]
async fn a_call_without_a_token_is_told_where_one_is_to_be_had() {
    let vault = VaultLab::new(Vault::new("v1").with_secret(VaultSecret::new("a", CANARY))).await;
    let url = format!("{}/secrets/a?api-version={VERSION}", vault.host);
    for headers in [vec![], vec![("authorization", "Bearer e30.e30.e30")]] {
        let reply = vault.lab.send(Method::Get, &url, &headers, "").await;
        assert_eq!(reply.status, 401);
        let expected = format!(
            "Bearer authorization=\"https://login.microsoftonline.com/{}\", resource=\"https://vault.azure.net\"",
            vault.lab.tenant
        );
        assert_eq!(reply.header("www-authenticate"), Some(expected.as_str()));
    }
    let wrong = format!("Bearer {}", vault.lab.arm_token);
    let reply = vault
        .lab
        .send(Method::Get, &url, &[("authorization", &wrong)], "")
        .await;
    assert_eq!(reply.status, 401, "a token for another audience");
    let journal: Vec<String> = vault
        .lab
        .simulator
        .journal()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(journal.iter().all(|line| !line.contains(CANARY)), "{journal:?}");
}

#[tokio::test]
async fn every_set_is_a_new_version_and_each_stays_readable() {
    let vault = VaultLab::new(Vault::new("v2")).await;
    let mut ids = Vec::new();
    for value in ["one", "two"] {
        let body = json!({"value": value, "contentType": "BEK", "tags": {"n": value}});
        let set = vault.call(Method::Put, "/secrets/key-1", body).await;
        assert_eq!(set.status, 200, "{}", set.text());
        ids.push(set.json()["id"].as_str().unwrap().to_string());
    }
    assert_eq!(vault.get("/secrets/key-1").await.json()["value"], "two");
    // As Microsoft's clients ask for the latest version: with the slash before it.
    assert_eq!(vault.get("/secrets/key-1/").await.json()["value"], "two");
    let first = ids[0].strip_prefix(&vault.host).unwrap();
    let first = vault.get(first).await.json();
    assert_eq!(
        (&first["value"], &first["tags"]["n"]),
        (&json!("one"), &json!("one"))
    );
    let versions = vault.get("/secrets/key-1/versions").await.json();
    assert_eq!(versions["value"].as_array().unwrap().len(), 2);
    assert!(
        !versions.to_string().contains("\"value\":\"one\""),
        "a list has no values"
    );
    assert_eq!(vault.get("/secrets/absent").await.code(), "SecretNotFound");
    assert_eq!(vault.get("/secrets/a_b").await.status, 400);
}

#[tokio::test]
async fn lists_come_in_pages_that_lead_to_each_other() {
    let mut vault = Vault::new("v3");
    for number in 0..7 {
        vault = vault.with_secret(VaultSecret::new(&format!("s{number}"), "x"));
    }
    let vault = VaultLab::new(vault).await;
    let mut names = Vec::new();
    let mut next = Some("/secrets?maxresults=3".to_string());
    while let Some(path) = next {
        let page = vault.get(&path).await.json();
        for entry in page["value"].as_array().unwrap() {
            names.push(
                entry["id"]
                    .as_str()
                    .unwrap()
                    .rsplit('/')
                    .next()
                    .unwrap()
                    .to_string(),
            );
        }
        let link = page["nextLink"].as_str().map(str::to_string);
        next = link.map(|link| {
            link.strip_prefix(&vault.host)
                .unwrap()
                .replace(&format!("api-version={VERSION}&"), "")
        });
    }
    assert_eq!(names, ["s0", "s1", "s2", "s3", "s4", "s5", "s6"]);
}

#[tokio::test]
async fn limits_of_values_tags_and_content_types_are_the_documented_ones() {
    let vault = VaultLab::new(Vault::new("v4")).await;
    let tags = |count: usize| {
        let pairs = (0..count).map(|number| (format!("t{number}"), json!("x")));
        Value::Object(pairs.collect())
    };
    for (body, due) in [
        (json!({"value": "x".repeat(25 * 1024)}), 200),
        (json!({"value": "x".repeat(25 * 1024 + 1)}), 400),
        (json!({"value": "x", "tags": tags(15)}), 200),
        (json!({"value": "x", "tags": tags(16)}), 400),
        (json!({"value": "x", "tags": {"t": "x".repeat(512)}}), 200),
        (json!({"value": "x", "tags": {"t": "x".repeat(513)}}), 400),
        (json!({"value": "x", "contentType": "x".repeat(256)}), 400),
        (json!({}), 400),
    ] {
        let reply = vault.call(Method::Put, "/secrets/a", body).await;
        assert_eq!(reply.status, due, "{}", reply.text());
    }
}

#[tokio::test]
async fn a_deleted_name_is_taken_until_it_is_recovered_or_purged() {
    let mut settings = Vault::new("v5").with_secret(VaultSecret::new("a", "first"));
    settings.purge_protection = false;
    let vault = VaultLab::new(settings).await;
    let deleted = vault.call(Method::Delete, "/secrets/a", Value::Null).await.json();
    assert!(
        deleted["recoveryId"]
            .as_str()
            .unwrap()
            .ends_with("/deletedsecrets/a")
    );
    assert_eq!(vault.get("/secrets/a").await.status, 404);
    assert_eq!(vault.get("/deletedsecrets/a").await.status, 200);
    let again = vault
        .call(Method::Put, "/secrets/a", json!({"value": "other"}))
        .await;
    assert_eq!((again.status, again.code()), (409, "Conflict".into()));
    assert_eq!(inner(&again), "ObjectIsDeletedButRecoverable");
    vault
        .call(Method::Post, "/deletedsecrets/a/recover", Value::Null)
        .await;
    assert_eq!(vault.get("/secrets/a").await.json()["value"], "first");
    vault.call(Method::Delete, "/secrets/a", Value::Null).await;
    assert_eq!(
        vault
            .call(Method::Delete, "/deletedsecrets/a", Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(
        vault
            .call(Method::Put, "/secrets/a", json!({"value": "other"}))
            .await
            .status,
        200
    );
    vault
        .lab
        .simulator
        .change_vault("v5", |vault| vault.purge_protection = true);
    vault.call(Method::Delete, "/secrets/a", Value::Null).await;
    assert_eq!(
        vault
            .call(Method::Delete, "/deletedsecrets/a", Value::Null)
            .await
            .status,
        403
    );
    vault
        .lab
        .simulator
        .advance(std::time::Duration::from_secs(91 * 24 * 3600));
    let token = vault.lab.token("https://vault.azure.net").await;
    let vault = VaultLab { token, ..vault };
    assert_eq!(
        vault
            .call(Method::Put, "/secrets/a", json!({"value": "third"}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_disabled_secret_is_refused_and_an_expired_one_is_given() {
    let mut expired = VaultSecret::new("expired", "x");
    expired.expires = Some(1);
    let mut disabled = VaultSecret::new("disabled", CANARY);
    disabled.enabled = false;
    let vault = VaultLab::new(Vault::new("v6").with_secret(expired).with_secret(disabled)).await;
    assert_eq!(vault.get("/secrets/expired").await.status, 200);
    let refused = vault.get("/secrets/disabled").await;
    assert_eq!((refused.status, inner(&refused)), (403, "SecretDisabled".into()));
    assert!(!refused.text().contains(CANARY));
    let update = json!({"attributes": {"enabled": true}});
    assert_eq!(
        vault
            .call(Method::Patch, "/secrets/disabled", update)
            .await
            .status,
        200
    );
    assert_eq!(vault.get("/secrets/disabled").await.json()["value"], CANARY);
}

#[tokio::test]
async fn keys_wrap_and_unwrap_by_the_algorithm_and_nothing_else_opens_it() {
    let vault = VaultLab::new(
        Vault::new("v7")
            .with_key(VaultKey::rsa("kek"))
            .with_key(VaultKey::rsa("other")),
    )
    .await;
    let secret = "c2VjcmV0LWtleS1ieXRlcw";
    for algorithm in ["RSA-OAEP", "RSA-OAEP-256", "RSA1_5"] {
        let body = json!({"alg": algorithm, "value": secret});
        let wrapped = vault.call(Method::Post, "/keys/kek/wrapkey", body).await.json();
        let wrapped = wrapped["value"].as_str().unwrap();
        let unwrap = |alg: &str, value: &str| json!({"alg": alg, "value": value});
        let plain = vault
            .call(Method::Post, "/keys/kek//unwrapkey", unwrap(algorithm, wrapped))
            .await;
        assert_eq!(plain.json()["value"], secret, "{}", plain.text());
        if algorithm != "RSA1_5" {
            let other = vault
                .call(Method::Post, "/keys/other/unwrapkey", unwrap(algorithm, wrapped))
                .await;
            assert_eq!(other.status, 400);
            let wrong = if algorithm == "RSA-OAEP" {
                "RSA-OAEP-256"
            } else {
                "RSA-OAEP"
            };
            assert_eq!(
                vault
                    .call(Method::Post, "/keys/kek/unwrapkey", unwrap(wrong, wrapped))
                    .await
                    .status,
                400
            );
        }
    }
    let key = vault.get("/keys/kek").await.json();
    assert_eq!(key["key"]["kty"], "RSA");
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        assert!(key["key"][private].is_null(), "{private}");
    }
}

#[tokio::test]
async fn keys_sign_digests_that_others_verify() {
    use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
    let vault = VaultLab::new(
        Vault::new("v8")
            .with_key(VaultKey::p256("sign"))
            .with_key(VaultKey::rsa("rsa")),
    )
    .await;
    let digest = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg";
    for (key, algorithm) in [("sign", "ES256"), ("rsa", "RS256")] {
        let body = json!({"alg": algorithm, "value": digest});
        let signed = vault
            .call(Method::Post, &format!("/keys/{key}/sign"), body)
            .await
            .json();
        let signature = signed["value"].as_str().unwrap();
        let body = json!({"alg": algorithm, "digest": digest, "value": signature});
        let told = vault
            .call(Method::Post, &format!("/keys/{key}/verify"), body)
            .await
            .json();
        assert_eq!(told["value"], true);
        let other = "m4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg";
        let body = json!({"alg": algorithm, "digest": other, "value": signature});
        let told = vault
            .call(Method::Post, &format!("/keys/{key}/verify"), body)
            .await
            .json();
        assert_eq!(told["value"], false);
        if key == "sign" {
            let jwk = vault.get("/keys/sign").await.json()["key"].clone();
            let part = |text: &Value| crate::vaults::decode(text.as_str().unwrap());
            let point = [vec![4], part(&jwk["x"]), part(&jwk["y"])].concat();
            let public = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
            let signature = p256::ecdsa::Signature::from_slice(&decode(signature)).unwrap();
            public.verify_prehash(&decode(digest), &signature).unwrap();
        }
    }
    let body = json!({"alg": "RSA-OAEP", "value": digest});
    let refused = vault.call(Method::Post, "/keys/sign/wrapkey", body).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    use base64ct::{Base64UrlUnpadded, Encoding as _};
    Base64UrlUnpadded::decode_vec(text).unwrap()
}

#[tokio::test]
async fn a_disabled_or_expired_key_does_what_the_documentation_says() {
    let mut expired = VaultKey::rsa("expired");
    expired.expires = Some(1);
    let vault = VaultLab::new(
        Vault::new("v9")
            .with_key(VaultKey::rsa("kek"))
            .with_key(expired.clone()),
    )
    .await;
    let wrapped = Vault::new("v9")
        .with_key(VaultKey::rsa("kek"))
        .with_key(expired)
        .wrap("expired", "RSA-OAEP", b"key");
    let value = {
        use base64ct::{Base64UrlUnpadded, Encoding as _};
        Base64UrlUnpadded::encode_string(&wrapped)
    };
    let unwrap = json!({"alg": "RSA-OAEP", "value": value});
    assert_eq!(
        vault
            .call(Method::Post, "/keys/expired/unwrapkey", unwrap)
            .await
            .status,
        200
    );
    let wrap = json!({"alg": "RSA-OAEP", "value": "a2V5"});
    assert_eq!(
        vault
            .call(Method::Post, "/keys/expired/wrapkey", wrap.clone())
            .await
            .status,
        403
    );
    vault.lab.simulator.disable_in_vault("v9", "kek");
    let refused = vault.call(Method::Post, "/keys/kek/wrapkey", wrap).await;
    assert_eq!((refused.status, inner(&refused)), (403, "KeyDisabled".into()));
}

#[tokio::test]
async fn a_backup_is_restored_in_its_subscription_and_geography_only() {
    let second = "99999999-9999-4999-8999-999999999999";
    let mut elsewhere = Vault::new("elsewhere");
    elsewhere.subscription = Some(second.into());
    let mut overseas = Vault::new("overseas");
    overseas.location = "eastus".into();
    let mut near = Vault::new("near");
    near.location = "northeurope".into();
    let mut scenario = Scenario::lab().with_vault(
        Vault::new("v10")
            .with_key(VaultKey::rsa("kek"))
            .with_secret(VaultSecret::new("a", CANARY)),
    );
    for vault in [elsewhere, overseas, near] {
        scenario = scenario.with_vault(vault);
    }
    scenario.subscriptions.push(second.into());
    let vault = VaultLab::of(scenario, "v10").await;
    for (kind, name) in [("keys", "kek"), ("secrets", "a")] {
        let backup = vault
            .call(Method::Post, &format!("/{kind}/{name}/backup"), Value::Null)
            .await;
        assert!(!backup.text().contains(CANARY));
        for (host, due) in [
            ("elsewhere", 400),
            ("overseas", 400),
            ("near", 200),
            ("near", 409),
        ] {
            let host = format!("https://{host}.vault.azure.net");
            let reply = vault
                .call_at(&host, Method::Post, &format!("/{kind}/restore"), backup.json())
                .await;
            assert_eq!(reply.status, due, "{host}: {}", reply.text());
        }
    }
}

#[tokio::test]
async fn roles_policies_and_firewalls_refuse_each_with_its_code() {
    const GET: &str = "Microsoft.KeyVault/vaults/secrets/getSecret/action";
    let mut scenario =
        Scenario::lab().with_vault(Vault::new("v11").with_secret(VaultSecret::new("a", CANARY)));
    let mut role = RoleGrant::everything();
    role.data_actions = vec!["Microsoft.KeyVault/vaults/secrets/readMetadata/action".into()];
    scenario.identities[0].roles = vec![role];
    let object = scenario.identities[0].object_id.clone();
    let vault = VaultLab::of(scenario, "v11").await;
    let refused = vault.get("/secrets/a").await;
    assert_eq!((refused.status, inner(&refused)), (403, "ForbiddenByRbac".into()));
    assert!(refused.text().contains(GET), "{}", refused.text());
    assert_eq!(vault.get("/secrets").await.status, 200);
    vault.lab.simulator.change_vault("v11", |vault| {
        *vault = vault.clone().with_access_policy(&object, &["get"], &[]);
    });
    assert_eq!(vault.get("/secrets/a").await.status, 200);
    let refused = vault.get("/secrets").await;
    assert_eq!((refused.status, inner(&refused)), (403, "AccessDenied".into()));
    assert!(refused.text().contains("does not have secrets list permission"));
    vault
        .lab
        .simulator
        .change_vault("v11", |vault| vault.network_default_deny = true);
    let refused = vault.get("/secrets/a").await;
    assert_eq!(
        (refused.status, inner(&refused)),
        (403, "ForbiddenByFirewall".into())
    );
    vault
        .lab
        .simulator
        .change_vault("v11", |vault| vault.network_allowed = vec!["127.0.0.1/32".into()]);
    assert_eq!(vault.get("/secrets/a").await.status, 200);
    vault
        .lab
        .simulator
        .change_vault("v11", |vault| vault.public_network_access = false);
    assert_eq!(inner(&vault.get("/secrets/a").await), "ForbiddenByConnection");
}

#[tokio::test]
async fn a_fault_answers_in_the_vaults_form_with_an_inner_code() {
    let vault = VaultLab::new(Vault::new("v12").with_secret(VaultSecret::new("a", "x"))).await;
    let action = FaultAction::status(409, "Conflict/ObjectIsBeingDeleted");
    vault
        .lab
        .simulator
        .inject(Fault::on("GET", "/secrets/*", action).times(1));
    let reply = vault.get("/secrets/a").await;
    assert_eq!(
        (reply.status, reply.code(), inner(&reply)),
        (409, "Conflict".into(), "ObjectIsBeingDeleted".into())
    );
    assert_eq!(vault.get("/secrets/a").await.status, 200);
}

#[tokio::test]
async fn a_snapshot_keeps_the_encryption_settings_that_the_disk_had() {
    let lab = Lab::of(Scenario::lab_with_keys(b"plain", b"wrapped")).await;
    lab.take("before", "web-01-data-0").await;
    lab.simulator.set_encryption_settings(
        "web-01-data-0",
        &json!({"enabled": true, "encryptionSettings": []}),
    );
    let count = |value: &Value| {
        value["properties"]["encryptionSettingsCollection"]["encryptionSettings"]
            .as_array()
            .map(Vec::len)
    };
    let before = lab
        .arm(Method::Get, &lab.snapshot("before"), Value::Null)
        .await
        .json();
    let now = lab
        .arm(Method::Get, &lab.disk("web-01-data-0"), Value::Null)
        .await
        .json();
    assert_eq!((count(&before), count(&now)), (Some(1), Some(0)));
}
