use std::ops::Range;
use std::thread::sleep;
use std::time::Duration;

use custody_testkit::azure_sim::Scenario;
use serde_json::{Value, json};

use crate::curl::{Answer, Curl, Request};
use crate::router::HOST_HEADER;
use crate::simulated_azure::SimulatedAzure;

/// How long to wait between two looks at what the service is doing.
const LOOK: Duration = Duration::from_millis(250);
const COMPUTE: &str = "api-version=2023-10-02";
const BLOB_VERSION: (&str, &str) = ("x-ms-version", "2021-12-02");

/// Azure asked with curl alone, one call after the other: the peer of a capture.
#[derive(Debug)]
pub struct PlainAzure<'a> {
    azure: &'a SimulatedAzure,
    curl: Curl,
    manager_token: String,
    storage_token: String,
}

/// Something that can be read in ranges.
#[derive(Debug, Clone)]
pub struct Readable {
    request: Request,
    /// Its length in bytes.
    pub length: u64,
    /// The ranges that the service says hold data.
    pub allocated: Vec<Range<u64>>,
}

impl Readable {
    /// Requests for all data, in pieces of at most so many bytes.
    #[must_use]
    pub fn pieces(&self, most: u64) -> Vec<Request> {
        let cut = |range: &Range<u64>| {
            let (mut at, end) = (range.start, range.end);
            std::iter::from_fn(move || {
                let next = end.min(at + most);
                let piece = at..next;
                at = next;
                (!piece.is_empty()).then_some(piece)
            })
        };
        self.allocated
            .iter()
            .flat_map(cut)
            .map(|piece| self.request.clone().with_range(piece))
            .collect()
    }

    /// A request for everything, data or not.
    #[must_use]
    pub const fn whole(&self) -> &Request {
        &self.request
    }
}

impl<'a> PlainAzure<'a> {
    /// Signs in.
    ///
    /// # Panics
    /// As all methods here: when the service does not answer as it should.
    #[must_use]
    pub fn new(azure: &'a SimulatedAzure) -> Self {
        let curl = Curl::trusting(azure.certificate());
        let token = |scope: &str| {
            let address = format!("{}/{}/oauth2/v2.0/token", azure.address("login"), azure.tenant());
            let body = format!(
                "grant_type=client_credentials&client_id={}&client_secret={}&scope={scope}/.default",
                Scenario::LAB_CLIENT_ID,
                Scenario::LAB_CLIENT_SECRET
            );
            let answer = curl.send(&Request::new("POST", address).with_body(body));
            format!("Bearer {}", text(&json_of(&answer), "/access_token"))
        };
        Self {
            azure,
            manager_token: token("https://management.azure.com"),
            storage_token: token("https://storage.azure.com"),
            curl,
        }
    }

    /// Itself, for what needs no sign-in.
    #[must_use]
    pub const fn curl(&self) -> &Curl {
        &self.curl
    }

    /// The ids of the machine's disks, the one with the operating system first.
    #[must_use]
    pub fn disks(&self) -> Vec<String> {
        let machine = json_of(&self.manage("GET", self.azure.machine(), None));
        let data = machine.pointer("/properties/storageProfile/dataDisks");
        let data = data.and_then(Value::as_array).map_or(0, Vec::len);
        let disks = (0..data).map(|number| format!("dataDisks/{number}"));
        std::iter::once("osDisk".to_owned())
            .chain(disks)
            .map(|disk| {
                text(
                    &machine,
                    &format!("/properties/storageProfile/{disk}/managedDisk/id"),
                )
            })
            .collect()
    }

    /// Takes a snapshot of a disk and gives its id.
    #[must_use]
    pub fn snapshot(&self, disk: &str, name: &str) -> String {
        let id = format!(
            "/subscriptions/{}/resourceGroups/production/providers/Microsoft.Compute/snapshots/{name}",
            self.azure.subscription()
        );
        let body = json!({
            "location": "westeurope",
            "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": disk}}
        });
        self.finish(&self.manage("PUT", &id, Some(&body)));
        id
    }

    /// Grants read access to a snapshot and gives the address.
    #[must_use]
    pub fn grant(&self, snapshot: &str) -> String {
        let body = json!({"access": "Read", "durationInSeconds": 14_400});
        let begun = self.manage("POST", &format!("{snapshot}/beginGetAccess"), Some(&body));
        text(&json_of(&self.finish(&begun)), "/accessSAS")
    }

    /// Ends access to a snapshot, and deletes it.
    pub fn delete(&self, snapshot: &str) {
        self.finish(&self.manage("POST", &format!("{snapshot}/endGetAccess"), None));
        self.finish(&self.manage("DELETE", snapshot, None));
    }

    /// Asks for a server-side copy to a blob of that name.
    pub fn copy(&self, source: &str, container: &str, name: &str) {
        let request = self
            .blob("PUT", container, name)
            .with_header("x-ms-copy-source", source)
            .with_body("");
        let answer = self.curl.send(&request);
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    /// Waits until the service says that the copy is done.
    pub fn await_copy(&self, container: &str, name: &str) {
        let request = self.blob("HEAD", container, name);
        loop {
            match self.curl.send(&request).header("x-ms-copy-status") {
                Some("pending") => sleep(LOOK),
                Some("success") => return,
                other => panic!("the copy to {name}: {other:?}"),
            }
        }
    }

    /// What an address with a signature leads to.
    #[must_use]
    pub fn export(&self, address: &str) -> Readable {
        self.readable(&Request::new("GET", address))
    }

    /// A stored blob.
    #[must_use]
    pub fn stored(&self, container: &str, name: &str) -> Readable {
        self.readable(&self.blob("GET", container, name))
    }

    /// A stored blob, by the port that needs no TLS.
    #[must_use]
    pub fn stored_over_http(&self, container: &str, name: &str) -> Readable {
        let address = format!("{}/{container}/{name}", self.azure.plain_router());
        let host = format!("{}.blob.core.windows.net", Scenario::LAB_ACCOUNT);
        let request = Request::new("GET", address)
            .with_header(HOST_HEADER, &host)
            .with_header("authorization", &self.storage_token)
            .with_header(BLOB_VERSION.0, BLOB_VERSION.1);
        self.readable(&request)
    }

    fn readable(&self, request: &Request) -> Readable {
        let list = self.curl.send(&request.clone().with_query("comp=pagelist"));
        assert_eq!(list.status, 200, "{list:?}");
        let body = String::from_utf8_lossy(&list.body);
        let numbers = |tag: &str| -> Vec<u64> {
            let (before, number) = (format!("<{tag}>"), |rest: &str| {
                rest.split('<').next().and_then(|text| text.parse().ok())
            });
            let found = body.split(&before).skip(1).map(number);
            found.map(|number| number.expect("a number")).collect()
        };
        let ends = numbers("End").into_iter().map(|last| last + 1);
        let length = list
            .header("x-ms-blob-content-length")
            .and_then(|text| text.parse().ok());
        Readable {
            request: request.clone(),
            length: length.expect("the list tells the length"),
            allocated: numbers("Start")
                .into_iter()
                .zip(ends)
                .map(|(start, end)| start..end)
                .collect(),
        }
    }

    fn blob(&self, method: &'static str, container: &str, name: &str) -> Request {
        let address = format!("{}/{container}/{name}", self.azure.account());
        Request::new(method, address)
            .with_header("authorization", &self.storage_token)
            .with_header(BLOB_VERSION.0, BLOB_VERSION.1)
    }

    fn manage(&self, method: &'static str, id: &str, body: Option<&Value>) -> Answer {
        let address = format!("{}{id}?{COMPUTE}", self.azure.address("management"));
        let request = Request::new(method, address)
            .with_header("authorization", &self.manager_token)
            .with_header("content-type", "application/json");
        let answer = self.curl.send(&match body {
            Some(body) => request.with_body(body.to_string()),
            None if method == "POST" => request.with_body(""),
            None => request,
        });
        assert!(answer.status < 300, "{method} {id}: {answer:?}");
        answer
    }

    /// Waits for a long operation and gives its last answer.
    fn finish(&self, begun: &Answer) -> Answer {
        let address = begun.header("location").expect("a long operation has an address");
        let request = Request::new("GET", address).with_header("authorization", &self.manager_token);
        loop {
            let answer = self.curl.send(&request);
            match answer.status {
                202 => sleep(LOOK),
                200 => return answer,
                _ => panic!("the operation failed: {answer:?}"),
            }
        }
    }
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("no {pointer} in {value}"))
        .to_owned()
}
