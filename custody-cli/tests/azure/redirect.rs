//! Redirects, through the real HTTP client: whoever they lead to is not even connected to.

use std::net::TcpListener;

use custody_testkit::azure_sim::{Fault, FaultAction};

use crate::lab::{Lab, small};

#[test]
fn i10_a_redirect_of_the_real_client_reaches_nobody() {
    for (host, method, path) in [
        ("management*", "GET", "*/virtualMachines/*"),
        ("management*", "PUT", "*/snapshots/*"),
        ("management*", "POST", "*/beginGetAccess"),
        ("md-*", "*", "*/abcd"),
        ("socevidence*", "*", "*"),
        ("login*", "POST", "*"),
    ] {
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let address = format!("https://{}/p", elsewhere.local_addr().unwrap());
        let fault = |action| Fault::on(method, path, action).at_host(host);
        let lab = Lab::of(
            small()
                .with_fault(fault(FaultAction::status(307, "TemporaryRedirect")))
                .with_fault(fault(FaultAction::Header("location".into(), address))),
        );
        let run = lab.capture(&["--json"]);
        assert_eq!(run.code, 3, "{method} {host} {path}: {run:?}");
        assert!(
            elsewhere.accept().is_err(),
            "{method} {host} {path}: the redirect was followed"
        );
        let asked = lab.azure.journal().into_iter().any(|call| call.status == 307);
        assert!(asked, "{method} {host} {path}: no redirect was answered");
    }
}
