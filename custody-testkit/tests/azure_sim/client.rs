//! A client without policies: what is sent is what the test says.

use std::sync::Arc;

use azure_core::http::headers::{HeaderName, HeaderValue};
use azure_core::http::{HttpClient, Method, Request, Url};
use bytes::Bytes;
use custody_testkit::azure_sim::{Scenario, Simulator};
use serde_json::{Value, json};

pub(crate) const ARM: &str = "https://management.azure.com";
pub(crate) const ACCOUNT: &str = "https://socevidence.blob.core.windows.net";
pub(crate) const LOGIN: &str = "https://login.microsoftonline.com";
pub(crate) const COMPUTE: &str = "2023-10-02";

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let each = self.headers.iter();
        each.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The error's code, in whatever form the service has it.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        let code = json["error"]["code"].as_str().or_else(|| json["error"].as_str());
        code.or_else(|| self.header("x-ms-error-code"))
            .unwrap_or_default()
            .to_string()
    }
}

/// A lab, and someone signed in to it.
pub(crate) struct Lab {
    pub(crate) simulator: Simulator,
    pub(crate) transport: Arc<dyn HttpClient>,
    pub(crate) subscription: String,
    pub(crate) tenant: String,
    pub(crate) arm_token: String,
    pub(crate) storage_token: String,
}

impl Lab {
    pub(crate) async fn new() -> Self {
        Self::of(Scenario::lab()).await
    }

    pub(crate) async fn of(scenario: Scenario) -> Self {
        let (subscription, tenant) = (scenario.subscriptions[0].clone(), scenario.tenants[0].clone());
        let simulator = Simulator::new(scenario).unwrap();
        let mut lab = Self {
            transport: simulator.transport(),
            simulator,
            subscription,
            tenant,
            arm_token: String::new(),
            storage_token: String::new(),
        };
        lab.arm_token = lab.token("https://management.azure.com").await;
        lab.storage_token = lab.token("https://storage.azure.com").await;
        lab
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        self.try_send(method, url, headers, body).await.unwrap()
    }

    pub(crate) async fn try_send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> azure_core::Result<Reply> {
        let mut request = Request::new(url.parse::<Url>().unwrap(), method);
        for (name, value) in headers {
            request.insert_header(
                HeaderName::from((*name).to_string()),
                HeaderValue::from((*value).to_string()),
            );
        }
        request.set_body(body.into());
        let response = self.transport.execute_request(&request).await?;
        let (status, headers, body) = response.deconstruct();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_str().to_string(), value.as_str().to_string()));
        Ok(Reply {
            status: status.into(),
            headers: headers.collect(),
            body: body.collect().await?,
        })
    }

    pub(crate) async fn token_reply(&self, form: &str) -> Reply {
        let url = format!("{LOGIN}/{}/oauth2/v2.0/token", self.tenant);
        self.send(Method::Post, &url, &[], form.to_string()).await
    }

    pub(crate) async fn token(&self, audience: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={audience}/.default",
            Scenario::LAB_CLIENT_ID,
            Scenario::LAB_CLIENT_SECRET
        );
        self.token_reply(&form).await.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_string()
    }

    /// A call to ARM, as the lab's application.
    pub(crate) async fn arm(&self, method: Method, path: &str, body: Value) -> Reply {
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = format!("{ARM}{path}{separator}api-version={COMPUTE}");
        self.arm_url(method, &url, body).await
    }

    /// The same to an address that is used as it stands.
    pub(crate) async fn arm_url(&self, method: Method, url: &str, body: Value) -> Reply {
        let bearer = format!("Bearer {}", self.arm_token);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(
            method,
            url,
            &[("authorization", &bearer), ("content-type", "application/json")],
            body,
        )
        .await
    }

    /// A call to the lab's account, as the lab's application.
    pub(crate) async fn blob(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let bearer = format!("Bearer {}", self.storage_token);
        let mut all = vec![("authorization", bearer.as_str()), ("x-ms-version", "2024-08-04")];
        all.extend(headers);
        self.send(method, &format!("{ACCOUNT}{path}"), &all, body).await
    }

    pub(crate) fn group(&self, group: &str) -> String {
        format!("/subscriptions/{}/resourceGroups/{group}", self.subscription)
    }

    pub(crate) fn disk(&self, name: &str) -> String {
        format!(
            "{}/providers/Microsoft.Compute/disks/{name}",
            self.group("production")
        )
    }

    pub(crate) fn snapshot(&self, name: &str) -> String {
        format!(
            "{}/providers/Microsoft.Compute/snapshots/{name}",
            self.group("production")
        )
    }

    /// Waits for an operation by its status; the last status.
    pub(crate) async fn finish(&self, started: &Reply) -> Value {
        let url = started
            .header("azure-asyncoperation")
            .expect("an operation")
            .to_string();
        for _ in 0..10 {
            let status = self.arm_url(Method::Get, &url, Value::Null).await.json();
            if status["status"] != "InProgress" {
                return status;
            }
        }
        panic!("the operation does not end");
    }

    /// Takes a snapshot and waits for it.
    pub(crate) async fn take(&self, name: &str, disk: &str) -> Value {
        let started = self
            .arm(Method::Put, &self.snapshot(name), snapshot_of(&self.disk(disk)))
            .await;
        assert_eq!(started.status, 202, "{}", started.text());
        self.finish(&started).await["properties"]["output"].clone()
    }

    /// Grants access to a snapshot and waits for the address.
    pub(crate) async fn access(&self, name: &str) -> String {
        let path = format!("{}/beginGetAccess", self.snapshot(name));
        let started = self
            .arm(
                Method::Post,
                &path,
                json!({"access": "Read", "durationInSeconds": 3600}),
            )
            .await;
        assert_eq!(started.status, 202, "{}", started.text());
        self.finish(&started).await["properties"]["output"]["accessSAS"]
            .as_str()
            .unwrap()
            .to_string()
    }
}

/// The body of a request for a snapshot.
pub(crate) fn snapshot_of(disk: &str) -> Value {
    json!({
        "location": "westeurope", "tags": {"custody": "test"},
        "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": disk}}
    })
}
