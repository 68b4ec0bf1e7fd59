//! A proxy between the worker and Azure.

use crate::lab::{Lab, small};
use crate::tunnel::{Conduct, Proxy};

const USER: &str = "worker";
const PASSWORD: &str = "canary-proxy-password";

fn behind(proxy: &Proxy) -> Lab {
    Lab::of(small()).with(
        "HTTPS_PROXY",
        &format!("http://{USER}:{PASSWORD}@{}", proxy.address),
    )
}

#[test]
fn a_capture_and_its_verification_go_through_the_proxy_and_nowhere_else() {
    let proxy = Proxy::start(Conduct::Tunnels);
    let lab = behind(&proxy);
    let captured = lab.capture(&["--json"]).expect(0);
    lab.each_disk_is_stored_once("through a proxy");
    let verified = lab.verify().expect(0);
    let mut hosts = lab.hosts().to_vec();
    hosts.sort();
    assert_eq!(proxy.targets(), hosts, "each service, and nothing else");
    // It was told who asks, and nobody else is.
    assert!(proxy.asked().iter().all(|asked| asked.authorization.is_some()));
    for run in [&captured, &verified] {
        assert!(
            !run.out.contains(PASSWORD) && !run.err.contains(PASSWORD),
            "{run:?}"
        );
    }
    assert!(!lab.journals().contains(PASSWORD));
}

#[test]
fn a_host_that_no_proxy_names_is_reached_without_the_proxy() {
    let proxy = Proxy::start(Conduct::Closes);
    let lab = behind(&proxy).with("NO_PROXY", "localhost,127.0.0.1");
    lab.capture(&["--dry-run"]).expect(0);
    assert_eq!(proxy.targets(), [""; 0]);
}

#[test]
fn a_proxy_that_refuses_is_named_and_never_its_password() {
    let conducts = [
        (
            Conduct::Answers("407 Proxy Authentication Required"),
            "proxy authorization required",
        ),
        (Conduct::Answers("502 Bad Gateway"), "unsuccessful"),
        (Conduct::Closes, "tunnel error"),
    ];
    std::thread::scope(|scope| {
        for (conduct, words) in conducts {
            scope.spawn(move || {
                let proxy = Proxy::start(conduct);
                let lab = behind(&proxy);
                let refused = lab.capture(&["--dry-run"]).expect(3);
                assert!(refused.err.contains(words), "{conduct:?}: {refused:?}");
                let named = format!("the proxy {}, which HTTPS_PROXY names", proxy.address);
                assert!(refused.err.contains(&named), "{conduct:?}: {refused:?}");
                assert!(
                    refused.err.contains("obtaining a token"),
                    "{conduct:?}: {refused:?}"
                );
                for secret in [PASSWORD, USER] {
                    assert!(
                        !refused.out.contains(secret) && !refused.err.contains(secret),
                        "{refused:?}"
                    );
                }
                assert!(lab.azure.journal().is_empty(), "{conduct:?}: it was gone round");
                // What does not pass by itself is told at once.
                if words.contains("authorization") {
                    // Who asks comes before anything that is asked.
                    assert_eq!(proxy.asked().len(), 1, "{conduct:?}");
                }
            });
        }
    });
}

#[test]
fn setting_up_names_a_proxy_that_refuses_and_never_its_password() {
    let proxy = Proxy::start(Conduct::Answers("407 Proxy Authentication Required"));
    let lab = behind(&proxy);
    let found = lab
        .custody(&[
            "setup",
            "azure",
            "--check-only",
            "--config",
            "custody.toml",
            "--source-group",
            "/subscriptions/s/resourceGroups/g",
        ])
        .expect(3);
    let named = format!("the proxy {}, which HTTPS_PROXY names", proxy.address);
    assert!(found.out.contains(&named), "{found:?}");
    for secret in [PASSWORD, USER] {
        assert!(
            !found.out.contains(secret) && !found.err.contains(secret),
            "{found:?}"
        );
    }
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let lab = Lab::of(small()).with("https_proxy", &format!("http://{address}"));
    let refused = lab.capture(&["--dry-run"]).expect(3);
    assert!(
        refused.err.contains(&format!("the proxy {address}")),
        "{refused:?}"
    );
}
