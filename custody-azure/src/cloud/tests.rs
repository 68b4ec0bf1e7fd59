use super::*;

fn clouds() -> [Cloud; 3] {
    [
        Cloud::public().unwrap(),
        Cloud::government().unwrap(),
        Cloud::china().unwrap(),
    ]
}

#[test]
fn each_cloud_admits_its_own_services_and_no_other_clouds() {
    for cloud in clouds() {
        for other in clouds() {
            let own = cloud.name() == other.name();
            assert_eq!(
                cloud.admit(HostKind::ResourceManager, other.manager()).is_ok(),
                own
            );
            assert_eq!(cloud.admit(HostKind::Login, other.authority()).is_ok(), own);
            let blob = other.blob_endpoint("evidence1").unwrap();
            assert_eq!(cloud.admit(HostKind::Blob, &blob).is_ok(), own);
        }
    }
}

#[test]
fn an_address_that_only_looks_like_ours_is_refused() {
    let cloud = Cloud::public().unwrap();
    for hostile in [
        "https://management.azure.com.evil.example/x",
        "https://evil.example/management.azure.com",
        "https://management.azure.com@evil.example/",
        "https://user:pw@management.azure.com/",
        "http://management.azure.com/",
        "https://management.azure.com:8443/",
        "https://xmanagement.azure.com/",
        "https://127.0.0.1/",
        "file:///etc/passwd",
        "not an address",
    ] {
        let outcome = cloud.admit_text(HostKind::ResourceManager, hostile);
        assert!(
            matches!(outcome, Err(Error::Refused { .. })),
            "{hostile} was admitted"
        );
    }
    for hostile in [
        "https://blob.core.windows.net/",
        "https://.blob.core.windows.net/",
        "https://evilblob.core.windows.net/",
        "https://a.blob.core.windows.net.evil.example/",
    ] {
        assert!(
            cloud.admit_text(HostKind::Blob, hostile).is_err(),
            "{hostile} was admitted"
        );
    }
    cloud
        .admit_text(
            HostKind::Export,
            "https://md-abc.z1.blob.storage.azure.net/t/abcd?sig=s",
        )
        .unwrap();
}

#[test]
fn a_refusal_names_the_host_and_never_the_query() {
    let cloud = Cloud::public().unwrap();
    let error = cloud
        .admit_text(HostKind::Export, "https://evil.example/path?sig=CANARY")
        .unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("evil.example") && !text.contains("CANARY") && !text.contains("/path"));
}

#[test]
fn a_custom_cloud_may_lie_on_the_loopback_by_port() {
    let mut endpoints = CloudEndpoints::new(
        "simulator",
        "https://127.0.0.1:8443/login",
        "https://127.0.0.1:8443",
        "https://127.0.0.1:8444/{account}",
    );
    endpoints.blob_hosts = vec!["127.0.0.1:8444".into()];
    let cloud = Cloud::from_endpoints(endpoints).unwrap();
    let blob = cloud.blob_endpoint("evidence1").unwrap();
    assert_eq!(blob.as_str(), "https://127.0.0.1:8444/evidence1");
    cloud.admit(HostKind::Blob, &blob).unwrap();
    assert!(
        cloud
            .admit_text(HostKind::Blob, "https://127.0.0.1:8443/evidence1")
            .is_err()
    );
}

#[test]
fn endpoints_that_are_not_https_or_say_too_much_are_refused() {
    for manager in [
        "http://127.0.0.1:80",
        "https://m/?x=1",
        "https://u@m/",
        "ftp://m",
        "m",
    ] {
        let endpoints = CloudEndpoints::new("c", "https://l", manager, "https://{account}.b.example");
        assert!(Cloud::from_endpoints(endpoints).is_err(), "{manager} was taken");
    }
    let no_account = CloudEndpoints::new("c", "https://l", "https://m", "https://b.example");
    assert!(Cloud::from_endpoints(no_account).is_err());
    let mut wide = CloudEndpoints::public();
    wide.blob_hosts = vec!["*.net".into()];
    assert!(Cloud::from_endpoints(wide).is_err());
}

#[test]
fn an_account_name_never_changes_the_host() {
    let cloud = Cloud::public().unwrap();
    for name in ["", "ab", "evil.example/", "UPPER", "a@b", &"a".repeat(25)] {
        assert!(cloud.blob_endpoint(name).is_err(), "{name:?} was taken");
    }
}

#[test]
fn a_token_for_disks_goes_only_to_names_that_no_storage_account_has() {
    for cloud in clouds() {
        assert_eq!(cloud.scope(HostKind::Export), None, "{cloud}");
        let scope = cloud.scope(HostKind::SignedInExport).unwrap();
        assert_eq!(scope, "https://disk.azure.com/.default", "{cloud}");
        let account = cloud.blob_endpoint("evidence1").unwrap();
        assert!(cloud.admit(HostKind::Export, &account).is_ok(), "{cloud}");
        assert!(
            cloud.admit(HostKind::SignedInExport, &account).is_err(),
            "{cloud}"
        );
        let disk = account.as_str().replace("evidence1", "md-abc");
        cloud.admit_text(HostKind::SignedInExport, &disk).unwrap();
    }
    let mut endpoints = CloudEndpoints::public();
    endpoints.export_hosts = vec!["127.0.0.1:8444".into()];
    endpoints.signed_in_export_hosts = Vec::new();
    let cloud = Cloud::from_endpoints(endpoints).unwrap();
    cloud
        .admit_text(HostKind::SignedInExport, "https://127.0.0.1:8444/md-a.z1/t/abcd")
        .unwrap();
    for wrong in [
        "m.d-*.blob.core.windows.net",
        "m*d-*.blob.core.windows.net",
        "md-*.net",
    ] {
        let mut endpoints = CloudEndpoints::public();
        endpoints.signed_in_export_hosts = vec![wrong.into()];
        assert!(Cloud::from_endpoints(endpoints).is_err(), "{wrong} was taken");
    }
}
