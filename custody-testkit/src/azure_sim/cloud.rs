use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::Stream;
use hyper::HeaderMap;

use super::address::{Service, Way};
use super::arm;
use super::blob;
use super::clock::{CloudClock, http_date};
use super::entra::{answer_entra, answer_metadata};
use super::export;
use super::fault::{FaultAction, FaultPlan, error_answer, rewrite};
use super::http::{Answer, Call, Cut, Link, Links, Payload, Query};
use super::journal::{Journal, JournalEntry};
use super::scenario::Scenario;
use super::vault;
use super::world::World;

/// The simulated cloud: its state, and what happens to calls before and after they change it.
pub(crate) struct SimulatedCloud {
    world: Mutex<World>,
    pub(crate) clock: CloudClock,
    pub(crate) journal: Journal,
    pub(crate) faults: FaultPlan,
    links: Links,
    refused: Mutex<Vec<String>>,
    pub(crate) caller: IpAddr,
}

/// A request as it came in, by whatever way.
pub(crate) struct Incoming {
    pub(crate) way: Way,
    pub(crate) service: Service,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) from: IpAddr,
}

/// Bytes that are sent at a time.
const SENT_BYTES: u64 = 256 * 1024;
/// Between the last byte of a cut answer and the cut.
const FLUSH_TIME: std::time::Duration = std::time::Duration::from_millis(20);

impl SimulatedCloud {
    pub(crate) fn new(scenario: Scenario) -> std::io::Result<Self> {
        let caller = scenario.caller_address.parse().map_err(|error| {
            std::io::Error::new(
                std::io::ErrorKind::InvalidInput,
                format!("callerAddress of the scenario: {error}"),
            )
        })?;
        let clock = CloudClock::default();
        Ok(Self {
            faults: FaultPlan::new(&scenario.faults),
            links: Links::new(&scenario.bandwidth),
            journal: Journal::default(),
            refused: Mutex::default(),
            caller,
            world: Mutex::new(World::new(scenario, clock.now())?),
            clock,
        })
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The service behind a production host; a host that is none is written down.
    pub(crate) fn service_of(&self, host: &str) -> Option<Service> {
        let found = self.world().addresses.service_of(host);
        if found.is_none() {
            self.refused
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(host.to_string());
        }
        found
    }

    pub(crate) fn refused_hosts(&self) -> Vec<String> {
        self.refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Answers a request, and writes it down.
    pub(crate) fn answer(&self, incoming: Incoming) -> (Answer, Vec<Arc<Link>>) {
        let host = self.world().addresses.host_of(&incoming.service);
        let actions = self
            .faults
            .meet(&host, &incoming.method, &incoming.path, &incoming.query);
        let mut world = self.world();
        let call = Call {
            way: incoming.way,
            query: Query::parse(&incoming.query),
            request_id: world.fresh_guid("request"),
            at: self.clock.now(),
            service: incoming.service,
            method: incoming.method,
            path: incoming.path,
            headers: incoming.headers,
            body: incoming.body,
            from: incoming.from,
        };
        let answer = self.perform(&mut world, &call, &actions);
        drop(world);
        self.journal.push(entry(&host, &call, &answer));
        let links = self.links.over(&host);
        (answer, links)
    }

    fn perform(&self, world: &mut World, call: &Call, actions: &[FaultAction]) -> Answer {
        let mut answer = match refused_by(call, actions) {
            Some(answer) => answer,
            None => {
                world.settle(call.at);
                dispatch(world, call, actions)
            }
        };
        answer.set_header("date", http_date(call.at));
        answer.set_header("x-ms-request-id", &call.request_id);
        if call.method == "HEAD" && answer.status >= 400 {
            answer = answer.with_body(Bytes::new());
        }
        if matches!(call.service, Service::Blob(_) | Service::Export(_))
            && let Some(id) = call.header("x-ms-client-request-id")
        {
            answer.set_header("x-ms-client-request-id", id);
        }
        actions
            .iter()
            .fold(answer, |answer, action| rewrite(action, answer))
    }
}

/// What a fault answers in the service's stead.
fn refused_by(call: &Call, actions: &[FaultAction]) -> Option<Answer> {
    actions.iter().find_map(|action| match action {
        FaultAction::DropBefore => Some(Answer {
            cut: Cut::BeforeAnswer,
            ..Answer::empty(500)
        }),
        FaultAction::Status {
            status,
            code,
            message,
            retry_after,
        } => {
            let sentence = format!("The simulator was told to answer {code}.");
            let text = if message.is_empty() { &sentence } else { message };
            let answer = error_answer(&call.service, *status, code, text);
            Some(match retry_after {
                Some(seconds) => answer.with_header("retry-after", seconds.to_string()),
                None => answer,
            })
        }
        _ => None,
    })
}

fn dispatch(world: &mut World, call: &Call, actions: &[FaultAction]) -> Answer {
    match &call.service {
        Service::Entra => answer_entra(world, call),
        Service::Metadata => answer_metadata(world, call),
        Service::Arm => arm::answer(world, call, actions),
        Service::Blob(account) => blob::answer(world, call, account, actions),
        Service::Vault(name) => vault::answer(world, call, name),
        Service::Export(label) => export::answer(world, call, label),
    }
}

fn entry(host: &str, call: &Call, answer: &Answer) -> JournalEntry {
    let path = match &call.service {
        Service::Export(_) => {
            let mut parts = call.path.trim_start_matches('/').splitn(2, '/');
            parts.next();
            format!("/…/{}", parts.next().unwrap_or_default())
        }
        Service::Arm if call.path.to_lowercase().contains("/diskoperations/") => {
            let before = call.path.rsplit_once('/').map_or("", |(before, _)| before);
            format!("{before}/…")
        }
        _ => call.path.clone(),
    };
    let told = |name: &str| match name {
        "comp" | "restype" => format!("{name}={}", call.query.value(name).unwrap_or_default()),
        _ => name.to_string(),
    };
    JournalEntry {
        at: call.at.into(),
        host: host.to_string(),
        method: call.method.clone(),
        path,
        query: call.query.names().map(told).collect::<Vec<_>>().join("&"),
        status: if answer.cut == Cut::BeforeAnswer {
            0
        } else {
            answer.status
        },
        request_id: call.request_id.clone(),
        authorized: call.header("authorization").is_some(),
        request_bytes: call.body.len() as u64,
        answer_bytes: if call.method == "HEAD" {
            0
        } else {
            answer.payload.length()
        },
    }
}

impl Answer {
    /// What Content-Length says.
    pub(crate) fn announced_length(&self) -> u64 {
        match self.cut {
            Cut::Longer(more) => self.payload.length() + more,
            _ => self.payload.length(),
        }
    }

    /// The bytes of the body, as fast as the links let them.
    pub(crate) fn into_stream(
        self,
        links: Vec<Arc<Link>>,
    ) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
        let length = self.payload.length();
        let (ends, breaks) = match self.cut {
            Cut::Never => (length, false),
            Cut::BeforeAnswer => (0, true),
            Cut::After(bytes) => (bytes.min(length), true),
            Cut::Longer(more) => (length + more, false),
        };
        futures::stream::unfold((0_u64, false), move |(sent, over)| {
            let (payload, links) = (self.payload.clone(), links.clone());
            async move {
                if over {
                    return None;
                }
                if sent >= ends {
                    if breaks {
                        // What was sent must have left before the connection breaks.
                        tokio::time::sleep(FLUSH_TIME).await;
                    }
                    let error =
                        std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the connection was cut");
                    return breaks.then_some((Err(error), (sent, true)));
                }
                let piece = piece(&payload, sent, (ends - sent).min(SENT_BYTES));
                match piece {
                    Ok(bytes) => {
                        Link::send(&links, bytes.len() as u64).await;
                        let next = sent + bytes.len() as u64;
                        Some((Ok(bytes), (next, false)))
                    }
                    Err(error) => Some((Err(error), (sent, true))),
                }
            }
        })
    }
}

fn piece(payload: &Payload, sent: u64, most: u64) -> std::io::Result<Bytes> {
    let left = payload.length().saturating_sub(sent).min(most);
    if left == 0 {
        // More than was announced.
        return Ok(BytesMut::zeroed(super::content::index(most)).freeze());
    }
    match payload {
        Payload::Bytes(bytes) => {
            Ok(bytes.slice(super::content::index(sent)..super::content::index(sent + left)))
        }
        Payload::Part { content, offset, .. } => content.read(offset + sent..offset + sent + left),
    }
}
