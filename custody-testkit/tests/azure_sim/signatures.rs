use std::time::Duration;

use azure_core::http::Method;
use base64ct::{Base64, Encoding as _};
use custody_testkit::azure_sim::Scenario;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::client::{ACCOUNT, Lab, Reply};

/// The parts of a user delegation key, in the order of the string to sign.
struct Key {
    parts: [String; 6],
    value: Vec<u8>,
}

async fn key(lab: &Lab) -> Key {
    let body = "<KeyInfo><Start></Start><Expiry>2099-01-01T00:00:00Z</Expiry></KeyInfo>";
    let path = "/?restype=service&comp=userdelegationkey";
    assert_eq!(
        lab.blob(Method::Post, path, &[], body).await.status,
        400,
        "too long a life"
    );
    let now = jiff::Timestamp::now();
    let date = |at: jiff::Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (start, expiry) = (date(now), date(now + jiff::SignedDuration::from_hours(24)));
    let body = format!("<KeyInfo><Start>{start}</Start><Expiry>{expiry}</Expiry></KeyInfo>");
    let answer = lab.blob(Method::Post, path, &[], body).await.text();
    let part = |name: &str| {
        let after = answer
            .split(&format!("<{name}>"))
            .nth(1)
            .expect("the element is there");
        after.split('<').next().unwrap().to_string()
    };
    let names = [
        "SignedOid",
        "SignedTid",
        "SignedStart",
        "SignedExpiry",
        "SignedService",
        "SignedVersion",
    ];
    Key {
        parts: names.map(part),
        value: Base64::decode_vec(&part("Value")).unwrap(),
    }
}

/// What a signature says.
#[derive(Clone)]
struct Fields {
    permissions: &'static str,
    starts: String,
    expires: String,
    address: &'static str,
    protocol: &'static str,
}

fn fields() -> Fields {
    let hours = |hours| jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours);
    let date = |at: jiff::Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Fields {
        permissions: "r",
        starts: date(hours(-1)),
        expires: date(hours(8)),
        address: "127.0.0.1",
        protocol: "https",
    }
}

fn sign(key: &Key, blob: &str, fields: &Fields) -> String {
    const VERSION: &str = "2022-11-02";
    let Fields {
        permissions,
        starts,
        expires,
        address,
        protocol,
    } = fields;
    let resource = format!("/blob/socevidence/{blob}");
    let mut lines = vec![*permissions, starts, expires, &resource];
    lines.extend(key.parts.iter().map(String::as_str));
    lines.extend([
        "", "", "", address, protocol, VERSION, "b", "", "", "", "", "", "", "",
    ]);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.value).unwrap();
    mac.update(lines.join("\n").as_bytes());
    let sig = Base64::encode_string(&mac.finalize().into_bytes())
        .replace('+', "%2B")
        .replace('=', "%3D");
    let [oid, tid, start, expiry, service, version] = &key.parts;
    format!(
        "sp={permissions}&st={starts}&se={expires}&skoid={oid}&sktid={tid}&skt={start}&ske={expiry}&sks={service}&\
         skv={version}&sip={address}&spr={protocol}&sv={VERSION}&sr=b&sig={}",
        sig.replace('/', "%2F")
    )
}

async fn read(lab: &Lab, query: &str) -> Reply {
    lab.send(Method::Get, &format!("{ACCOUNT}/plain/a?{query}"), &[], "")
        .await
}

async fn stored(scenario: Scenario) -> (Lab, Key) {
    let lab = Lab::of(scenario).await;
    lab.blob(
        Method::Put,
        "/plain/a",
        &[("x-ms-blob-type", "BlockBlob")],
        "evidence",
    )
    .await;
    let key = key(&lab).await;
    (lab, key)
}

#[tokio::test]
async fn a_signature_lets_its_holder_do_what_it_says_and_no_more() {
    let (lab, key) = stored(Scenario::lab()).await;
    let query = sign(&key, "plain/a", &fields());
    assert_eq!(read(&lab, &query).await.text(), "evidence");
    let write = lab
        .send(
            Method::Put,
            &format!("{ACCOUNT}/plain/a?{query}"),
            &[("x-ms-blob-type", "BlockBlob")],
            "x",
        )
        .await;
    assert_eq!(write.code(), "AuthorizationPermissionMismatch");
    let other = lab
        .send(Method::Get, &format!("{ACCOUNT}/plain/b?{query}"), &[], "")
        .await;
    assert_eq!(other.code(), "AuthenticationFailed");
}

#[tokio::test]
async fn every_field_is_signed() {
    let (lab, key) = stored(Scenario::lab()).await;
    let query = sign(&key, "plain/a", &fields());
    for field in query.split('&') {
        let (name, value) = field.split_once('=').unwrap();
        let changed = match name {
            "st" | "se" | "skt" | "ske" => "2098-01-01T00:00:00Z".to_string(),
            _ => format!("{value}0"),
        };
        let tampered = query.replace(&format!("&{field}"), &format!("&{name}={changed}"));
        let tampered = if name == "sp" {
            tampered.replacen("sp=r&", "sp=rw&", 1)
        } else {
            tampered
        };
        assert_ne!(tampered, query, "{name}");
        assert_eq!(read(&lab, &tampered).await.status, 403, "{name}");
    }
}

#[tokio::test]
async fn time_address_protocol_and_revocation_are_checked() {
    let (lab, key) = stored(Scenario::lab()).await;
    let with = |change: &dyn Fn(&mut Fields)| {
        let mut fields = fields();
        change(&mut fields);
        sign(&key, "plain/a", &fields)
    };
    let early = with(&|fields| fields.starts = "2098-01-01T00:00:00Z".into());
    assert_eq!(read(&lab, &early).await.code(), "AuthenticationFailed");
    let late = with(&|fields| fields.expires = "2020-01-01T00:00:00Z".into());
    assert_eq!(read(&lab, &late).await.code(), "AuthenticationFailed");
    let elsewhere = with(&|fields| fields.address = "10.1.2.3");
    assert_eq!(
        read(&lab, &elsewhere).await.code(),
        "AuthorizationSourceIPMismatch"
    );
    let range = with(&|fields| fields.address = "127.0.0.0-127.0.0.9");
    assert_eq!(read(&lab, &range).await.status, 200);
    let good = with(&|_| {});
    lab.simulator.advance(Duration::from_secs(9 * 3600));
    assert_eq!(read(&lab, &good).await.code(), "AuthenticationFailed", "expired");

    let (lab, key) = stored(Scenario::lab()).await;
    let good = sign(&key, "plain/a", &fields());
    assert_eq!(read(&lab, &good).await.status, 200);
    let account = format!(
        "{}/providers/Microsoft.Storage/storageAccounts/socevidence",
        lab.group("soc")
    );
    let path = format!("{account}/revokeUserDelegationKeys");
    assert_eq!(
        lab.arm(Method::Post, &path, serde_json::Value::Null).await.status,
        200
    );
    assert_eq!(read(&lab, &good).await.code(), "AuthenticationFailed", "revoked");
}

#[tokio::test]
async fn keys_of_the_account_open_nothing() {
    let (lab, _) = stored(Scenario::lab()).await;
    let service = "sv=2022-11-02&sr=b&sp=r&se=2099-01-01T00:00:00Z&sig=AAAA";
    assert_eq!(
        read(&lab, service).await.code(),
        "KeyBasedAuthenticationNotPermitted"
    );
    let shared = [("authorization", "SharedKey socevidence:AAAA")];
    let refused = lab
        .send(Method::Get, &format!("{ACCOUNT}/plain/a"), &shared, "")
        .await;
    assert_eq!(refused.code(), "KeyBasedAuthenticationNotPermitted");
    let nobody = lab
        .send(Method::Get, &format!("{ACCOUNT}/plain/a"), &[], "")
        .await;
    assert_eq!(nobody.status, 401);
    assert!(
        nobody
            .header("www-authenticate")
            .unwrap()
            .contains("resource_id=https://storage.azure.com")
    );
}
