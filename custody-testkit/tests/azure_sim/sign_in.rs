use std::time::Duration;

use azure_core::http::Method;
use custody_testkit::azure_sim::{Identity, ManagedIdentity, RoleGrant, Scenario};
use serde_json::Value;

use crate::client::{ARM, LOGIN, Lab};

const METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01";

#[tokio::test]
async fn a_wrong_secret_gets_no_token_and_is_not_repeated() {
    let lab = Lab::new().await;
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret=wrong&scope=https://storage.azure.com/.default",
        Scenario::LAB_CLIENT_ID
    );
    let refused = lab.token_reply(&form).await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_client"));
    assert_eq!(refused.json()["error_codes"][0], 7_000_215);
}

#[tokio::test]
async fn there_are_no_tokens_for_hosts_that_are_not_the_clouds_own() {
    let lab = Lab::new().await;
    for audience in [
        "https://evil.example",
        "https://management.azure.com.evil.example",
    ] {
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={audience}/.default",
            Scenario::LAB_CLIENT_ID,
            Scenario::LAB_CLIENT_SECRET
        );
        assert_eq!(
            lab.token_reply(&form).await.code(),
            "invalid_resource",
            "{audience}"
        );
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_audience_and_its_life_only() {
    let lab = Lab::new().await;
    let url = format!("{ARM}/subscriptions?api-version=2022-12-01");
    let call = |token: &str| {
        let bearer = format!("Bearer {token}");
        let (lab, url) = (&lab, &url);
        async move {
            lab.send(Method::Get, url, &[("authorization", &bearer)], "")
                .await
        }
    };
    assert_eq!(call(&lab.arm_token).await.status, 200);
    assert_eq!(
        call(&lab.storage_token).await.code(),
        "InvalidAuthenticationTokenAudience"
    );
    let mut forged = lab.arm_token.clone();
    let at = forged.len() - 20;
    forged.replace_range(at..=at, if &forged[at..=at] == "A" { "B" } else { "A" });
    assert_eq!(call(&forged).await.code(), "InvalidAuthenticationToken");
    lab.simulator.advance(Duration::from_secs(3600));
    assert_eq!(call(&lab.arm_token).await.code(), "ExpiredAuthenticationToken");
    assert_eq!(
        lab.send(Method::Get, &url, &[], "").await.code(),
        "AuthenticationFailed"
    );
}

#[tokio::test]
async fn the_metadata_service_answers_with_strings_after_it_was_not_ready() {
    let mut scenario = Scenario::lab();
    scenario.timing.metadata_misses = 1;
    let own =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/own";
    scenario = scenario.with_identity(
        Identity::managed(
            "user-client",
            "user-object",
            ManagedIdentity::UserAssigned(own.into()),
        )
        .with_role(RoleGrant::everything()),
    );
    let lab = Lab::of(scenario).await;
    let url = format!("{METADATA}&resource=https://management.azure.com/");
    let ask = |url: String| {
        let lab = &lab;
        async move { lab.send(Method::Get, &url, &[("metadata", "true")], "").await }
    };
    assert_eq!(ask(url.clone()).await.status, 404);
    let token = ask(url.clone()).await.json();
    assert!(
        token["expires_on"].is_string() && token["expires_in"].is_string(),
        "{token}"
    );
    let user = ask(format!("{url}&msi_res_id={own}")).await.json();
    assert_eq!(user["client_id"], "user-client");
    assert_eq!(ask(format!("{url}&client_id=nobody")).await.status, 400);
    assert_eq!(
        lab.send(Method::Get, &url, &[], "").await.status,
        400,
        "without the Metadata header"
    );
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let url = format!("{ARM}/subscriptions?api-version=2022-12-01");
    let read = lab
        .send(Method::Get, &url, &[("authorization", &bearer)], "")
        .await;
    assert_eq!(read.status, 200);
}

#[tokio::test]
async fn a_federated_assertion_is_taken_while_it_lives() {
    use base64ct::{Base64UrlUnpadded, Encoding as _};
    let lab = Lab::new().await;
    let assertion = |expires: i64, audience: &str| {
        let part = |text: String| Base64UrlUnpadded::encode_string(text.as_bytes());
        let claims = format!(r#"{{"aud":"{audience}","exp":{expires},"sub":"system:serviceaccount:a:b"}}"#);
        format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#.into()), part(claims))
    };
    let ask = |assertion: String| {
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_assertion={assertion}&client_assertion_type=\
             urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&scope=https://storage.azure.com/.default",
            Scenario::LAB_CLIENT_ID
        );
        let lab = &lab;
        async move { lab.token_reply(&form).await }
    };
    let far = 4_102_444_800;
    assert_eq!(
        ask(assertion(far, "api://AzureADTokenExchange")).await.status,
        200
    );
    assert_eq!(ask(assertion(1, "api://AzureADTokenExchange")).await.status, 401);
    assert_eq!(ask(assertion(far, "https://evil.example")).await.status, 401);
}

#[tokio::test]
async fn discovery_names_the_token_endpoint_of_the_same_cloud() {
    let lab = Lab::new().await;
    let url = format!("{LOGIN}/{}/v2.0/.well-known/openid-configuration", lab.tenant);
    let found: Value = lab.send(Method::Get, &url, &[], "").await.json();
    assert_eq!(
        found["token_endpoint"],
        format!("{LOGIN}/{}/oauth2/v2.0/token", lab.tenant)
    );
}

#[tokio::test]
async fn a_host_that_only_looks_like_azure_is_refused_and_written_down() {
    let lab = Lab::new().await;
    for url in [
        "https://management.azure.com.evil.example/x",
        "https://evil.example/",
        "http://management.azure.com/",
    ] {
        lab.try_send(Method::Get, url, &[], "").await.unwrap_err();
    }
    assert_eq!(
        lab.simulator.refused_hosts(),
        ["management.azure.com.evil.example", "evil.example"]
    );
}
