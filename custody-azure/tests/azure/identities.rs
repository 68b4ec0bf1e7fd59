//! As whom: each kind of identity, by what it proves itself with, and what it never shows.

use std::path::Path;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use custody_azure::arm::{Arm, ResourceId};
use custody_azure::{CleanTransport, Cloud, Identity, ManagedIdentity, Patience};
use custody_core::Error;
use custody_testkit::azure_sim::{self, RoleGrant, Scenario};
use serde_json::{Value, json};

use crate::support::lab::Lab;
use crate::support::{CANARY, all_of, run};

const MANAGEMENT: [&str; 1] = ["https://management.azure.com/.default"];

fn credential(lab: &Lab, identity: &Identity) -> Arc<dyn TokenCredential> {
    let transport = CleanTransport::over(lab.simulator.transport());
    identity
        .credential(&Cloud::public().unwrap(), &transport)
        .unwrap()
}

/// The object id in the token that this identity gets, or why it gets none.
fn whose_token(lab: &Lab, identity: &Identity) -> Result<String, String> {
    let credential = credential(lab, identity);
    let shown = format!("{identity} {identity:?} {credential:?}");
    assert!(!shown.contains(CANARY), "{shown}");
    match run(async { credential.get_token(&MANAGEMENT, None).await }) {
        Ok(token) => {
            let claims = token.token.secret().split('.').nth(1).unwrap();
            let claims: Value =
                serde_json::from_slice(&Base64UrlUnpadded::decode_vec(claims).unwrap()).unwrap();
            Ok(claims["oid"].as_str().unwrap().to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Calls with this identity's token, and says what came of it.
fn refusal(lab: &Lab, identity: &Identity) -> String {
    let arm = Arm::new(
        Arc::new(Cloud::public().unwrap()),
        CleanTransport::over(lab.simulator.transport()),
        &credential(lab, identity),
        Patience::short(),
        Arc::new(lab.clock.clone()),
    );
    let id: ResourceId = lab.machine().as_str().parse().unwrap();
    all_of(&run(arm.missing_actions(&id, &[])).unwrap_err())
}

#[test]
fn the_managed_identity_that_is_named_is_the_one_that_is_asked_for() {
    let name = |n: u32| {
        format!(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/c{n}"
        )
    };
    let mut scenario = Scenario::lab();
    for n in 1..=3 {
        let managed = azure_sim::ManagedIdentity::UserAssigned(name(n));
        scenario.identities.push(azure_sim::Identity::managed(
            &format!("client-{n}"),
            &format!("object-{n}"),
            managed,
        ));
    }
    let lab = Lab::of(scenario);
    let own = lab.scenario.identities[1].object_id.clone();
    for (which, object) in [
        (ManagedIdentity::System, own.as_str()),
        (ManagedIdentity::Client("client-1".into()), "object-1"),
        (ManagedIdentity::Object("object-2".into()), "object-2"),
        (ManagedIdentity::Resource(name(3)), "object-3"),
    ] {
        let identity = Identity::ManagedIdentity(which);
        assert_eq!(
            whose_token(&lab, &identity).unwrap(),
            object,
            "{identity}: no other one is taken"
        );
    }
    let unknown = Identity::ManagedIdentity(ManagedIdentity::Client("client-9".into()));
    let refused = refusal(&lab, &unknown);
    assert!(
        refused.contains("obtaining a token") && refused.contains("has not been assigned"),
        "{refused}"
    );
}

/// A token that somebody signed: the simulator looks at all of it but the signature.
fn signed(audience: &str, subject: &str, seconds: i64) -> String {
    let now = jiff::Timestamp::now().as_second();
    let part = |value: Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    [
        part(json!({"alg": "RS256", "typ": "JWT"})),
        part(json!({"aud": audience, "sub": subject, "iss": subject, "exp": now + seconds})),
        Base64UrlUnpadded::encode_string(CANARY.as_bytes()),
    ]
    .join(".")
}

/// Its file is read when a token is asked for: what is renewed there is what is shown, and what is not valid is refused.
fn proves_itself_by_a_file(identity: &Identity, file: &Path, valid: &str, stale: &str) {
    let lab = Lab::new();
    let application = lab.scenario.identities[0].object_id.clone();
    std::fs::write(file, stale).unwrap();
    let refused = refusal(&lab, identity);
    assert!(refused.contains("obtaining a token"), "{refused}");
    for part in valid.split('.').chain(stale.split('.')) {
        assert!(!refused.contains(part), "{refused}");
    }
    // It is renewed: the same credential succeeds.
    let credential = credential(&lab, identity);
    run(async { credential.get_token(&MANAGEMENT, None).await }).unwrap_err();
    std::fs::write(file, format!("{valid}\n")).unwrap();
    run(async { credential.get_token(&MANAGEMENT, None).await }).unwrap();
    assert_eq!(whose_token(&lab, identity).unwrap(), application);
}

#[test]
fn a_service_account_proves_itself_by_a_token_in_a_file_that_others_renew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let identity = Identity::WorkloadIdentity {
        tenant: Scenario::lab().tenants[0].clone(),
        client: Scenario::LAB_CLIENT_ID.into(),
        token_file: file.clone(),
    };
    let federated = |seconds| {
        signed(
            "api://AzureADTokenExchange",
            "system:serviceaccount:soc:custody",
            seconds,
        )
    };
    proves_itself_by_a_file(&identity, &file, &federated(600), &federated(-600));
}

#[test]
fn an_application_proves_itself_by_an_assertion_in_a_file_that_others_renew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("assertion");
    let tenant = Scenario::lab().tenants[0].clone();
    let audience = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
    let identity = Identity::ClientAssertion {
        tenant,
        client: Scenario::LAB_CLIENT_ID.into(),
        assertion_file: file.clone(),
    };
    let assertion = |subject, seconds| signed(&audience, subject, seconds);
    proves_itself_by_a_file(
        &identity,
        &file,
        &assertion(Scenario::LAB_CLIENT_ID, 600),
        &assertion("another-application", 600),
    );
}

#[test]
fn an_application_proves_itself_by_a_secret_in_a_file_that_is_shown_nowhere() {
    let mut scenario = Scenario::lab();
    let secret = format!("{CANARY}-right");
    scenario.identities.push(
        azure_sim::Identity::with_secret("client-of-the-test", "object-of-the-test", &secret)
            .with_role(RoleGrant::everything()),
    );
    let lab = Lab::of(scenario);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let identity = Identity::ClientSecret {
        tenant: lab.scenario.tenants[0].clone(),
        client: "client-of-the-test".into(),
        secret_file: file.clone(),
    };
    let transport = CleanTransport::over(lab.simulator.transport());
    let missing = identity.credential(&Cloud::public().unwrap(), &transport);
    assert!(matches!(missing.unwrap_err().meaning(), Error::NotFound { .. }));
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    assert_eq!(whose_token(&lab, &identity).unwrap(), "object-of-the-test");

    std::fs::write(&file, format!("{CANARY}-wrong")).unwrap();
    let refused = refusal(&lab, &identity);
    assert!(
        refused.contains("obtaining a token") && !refused.contains(CANARY),
        "{refused}"
    );
}

#[test]
fn a_secret_file_that_cannot_be_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let (cloud, transport) = (Cloud::public().unwrap(), CleanTransport::new());
    let identity = Identity::ClientSecret {
        tenant: "11111111-1111-4111-8111-111111111111".into(),
        client: "c".into(),
        secret_file: file.clone(),
    };
    for wrong in [
        Vec::new(),
        vec![b'x'; 70_000],
        [CANARY.as_bytes(), &[0xff]].concat(),
    ] {
        std::fs::write(&file, wrong).unwrap();
        let error = identity.credential(&cloud, &transport).unwrap_err();
        assert!(matches!(error.meaning(), Error::Malformed { .. }), "{error}");
        assert!(!all_of(&error).contains(CANARY));
    }
}
