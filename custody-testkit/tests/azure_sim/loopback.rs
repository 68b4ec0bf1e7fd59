use std::sync::Arc;
use std::time::Duration;

use azure_core::http::{HttpClient, Method, Request, Url, new_http_client};
use custody_testkit::azure_sim::{Fault, FaultAction, Scenario, Simulator};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

async fn text(client: &Arc<dyn HttpClient>, url: &str) -> (u16, String) {
    let request = Request::new(url.parse::<Url>().unwrap(), Method::Get);
    let (status, _, body) = client.execute_request(&request).await.unwrap().deconstruct();
    (status.into(), body.collect_string().await.unwrap())
}

#[tokio::test]
async fn answers_over_loopback_lead_to_loopback() {
    let simulator = Simulator::start(Scenario::lab()).await.unwrap();
    let endpoints = simulator.endpoints().unwrap();
    let client = new_http_client(None);
    let tenant = "11111111-1111-4111-8111-111111111111";
    let url = format!(
        "{}/{tenant}/v2.0/.well-known/openid-configuration",
        endpoints.plain.login
    );
    let (status, found) = text(&client, &url).await;
    assert_eq!(status, 200);
    assert!(
        found.contains(&format!("{}/{tenant}/oauth2/v2.0/token", endpoints.plain.login)),
        "{found}"
    );
    let (_, cloud) = text(
        &client,
        &format!(
            "{}/metadata/endpoints?api-version=2022-09-01",
            endpoints.plain.management
        ),
    )
    .await;
    assert!(
        cloud.contains(&format!(r#""resourceManager":"{}""#, endpoints.plain.management)),
        "{cloud}"
    );
    for url in [
        &endpoints.plain.login,
        &endpoints.tls.management,
        &endpoints.plain_router,
        &endpoints.tls.blob["socevidence"],
    ] {
        assert!(url.contains("://127.0.0.1:"), "{url}");
    }
}

#[tokio::test]
async fn sockets_and_process_serve_the_same_state_under_the_same_addresses() {
    let simulator = Simulator::start(Scenario::lab()).await.unwrap();
    let url = "https://login.microsoftonline.com/11111111-1111-4111-8111-111111111111/v2.0/.well-known/openid-configuration";
    let over_sockets = text(&simulator.loopback_transport(), url).await;
    assert_eq!(over_sockets, text(&simulator.transport(), url).await);
    assert!(
        over_sockets.1.contains("https://login.microsoftonline.com/"),
        "{}",
        over_sockets.1
    );
    let hostile = Request::new("https://evil.example/".parse::<Url>().unwrap(), Method::Get);
    assert!(
        simulator
            .loopback_transport()
            .execute_request(&hostile)
            .await
            .is_err()
    );
    assert_eq!(simulator.refused_hosts(), ["evil.example"]);
    assert_eq!(simulator.journal().len(), 2);
}

#[tokio::test]
async fn a_cut_connection_is_cut_for_sockets_too() {
    let simulator = Simulator::start(Scenario::lab()).await.unwrap();
    let transport = simulator.loopback_transport();
    let url = "https://login.microsoftonline.com/common/discovery/instance";
    let get = || Request::new(url.parse::<Url>().unwrap(), Method::Get);
    simulator.inject(Fault::on("GET", "*/instance", FaultAction::Truncate(5)));
    let (_, _, body) = transport.execute_request(&get()).await.unwrap().deconstruct();
    body.collect().await.unwrap_err();
    simulator.clear_faults();
    simulator.inject(Fault::on("GET", "*/instance", FaultAction::DropAfter));
    assert!(transport.execute_request(&get()).await.is_err());
}

#[tokio::test]
async fn the_certificate_is_good_for_loopback_and_for_the_clouds_names() {
    let simulator = Simulator::start(Scenario::lab()).await.unwrap();
    let endpoints = simulator.endpoints().unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(&endpoints.ca_certificate).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    for (name, fits) in [
        ("127.0.0.1", true),
        ("management.azure.com", true),
        ("socevidence.blob.core.windows.net", true),
        ("evil.example", false),
    ] {
        let address = endpoints.tls_router.trim_start_matches("https://");
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let shaken = connector
            .connect(ServerName::try_from(name).unwrap(), stream)
            .await;
        assert_eq!(shaken.is_ok(), fits, "{name}");
    }
}

#[tokio::test]
async fn dropping_it_closes_its_ports_and_removes_its_certificate() {
    let simulator = Simulator::start(Scenario::lab()).await.unwrap();
    let endpoints = simulator.endpoints().unwrap().clone();
    drop(simulator);
    assert!(!std::path::Path::new(&endpoints.ca_certificate).exists());
    let address = endpoints.plain_router.trim_start_matches("http://").to_string();
    let mut open = true;
    for _ in 0..100 {
        open = tokio::net::TcpStream::connect(&address).await.is_ok();
        if !open {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!open, "the port is still open");
}
