use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming as IncomingBody};
use hyper::header::{CONTENT_LENGTH, HOST};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::address::{Addresses, Service, Way};
use super::cloud::{Incoming, SimulatedCloud};
use super::http::Cut;
use super::tls::Authority;
use super::transport::HOST_HEADER;

/// Where a simulator listens. Addresses have no slash at the end.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Endpoints {
    /// Each service by http.
    pub plain: ServiceUrls,
    /// Each service by https.
    pub tls: ServiceUrls,
    /// One port by http for all of them: the `Host` header, or `x-sim-host`, says which.
    pub plain_router: String,
    /// One port by https for all of them.
    pub tls_router: String,
    /// The certificate that the others are signed with, in PEM.
    pub ca_certificate: String,
}

/// Addresses of the services.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServiceUrls {
    /// Entra.
    pub login: String,
    /// The instance metadata service.
    pub metadata: String,
    /// Azure Resource Manager.
    pub management: String,
    /// The hosts of exports; the first segment of the path names which.
    pub exports: String,
    /// Blobs, by account; the address ends with the account's name, as Azurite's do.
    pub blob: BTreeMap<String, String>,
    /// Key vaults, by name.
    pub vault: BTreeMap<String, String>,
}

type AnswerBody = BoxBody<Bytes, io::Error>;

/// What a port serves.
#[derive(Clone)]
struct Port {
    cloud: Arc<SimulatedCloud>,
    /// None: the request's host decides, and addresses in answers are production's.
    service: Option<Service>,
    way: Way,
    tls: Option<TlsAcceptor>,
}

/// Opens all ports.
pub(crate) async fn listen(
    cloud: &Arc<SimulatedCloud>,
    folder: &Path,
) -> io::Result<(Endpoints, Vec<JoinHandle<()>>)> {
    let (services, names) = {
        let world = cloud.world();
        (world.addresses.services(), certificate_names(&world.addresses))
    };
    let authority = Authority::new(names, folder)?;
    let mut tasks = Vec::new();
    let (mut plain, mut tls) = (BTreeMap::new(), BTreeMap::new());
    for service in services {
        for (way, ports) in [(Way::PlainLoopback, &mut plain), (Way::TlsLoopback, &mut tls)] {
            let acceptor = (way == Way::TlsLoopback).then(|| authority.acceptor.clone());
            let port = Port {
                cloud: Arc::clone(cloud),
                service: Some(service.clone()),
                way,
                tls: acceptor,
            };
            ports.insert(service.clone(), open(port, &mut tasks).await?);
        }
    }
    let router = |tls| Port {
        cloud: Arc::clone(cloud),
        service: None,
        way: Way::Production,
        tls,
    };
    let plain_router = open(router(None), &mut tasks).await?;
    let tls_router = open(router(Some(authority.acceptor.clone())), &mut tasks).await?;

    let mut world = cloud.world();
    world.addresses.set_ports(plain, tls);
    let endpoints = Endpoints {
        plain: urls(&world.addresses, Way::PlainLoopback),
        tls: urls(&world.addresses, Way::TlsLoopback),
        plain_router: format!("http://127.0.0.1:{plain_router}"),
        tls_router: format!("https://127.0.0.1:{tls_router}"),
        ca_certificate: authority.certificate.to_string_lossy().into_owned(),
    };
    Ok((endpoints, tasks))
}

fn certificate_names(addresses: &Addresses) -> Vec<String> {
    let hosts = addresses.services().into_iter().map(|service| match service {
        Service::Export(_) => addresses.host_of(&Service::Export("*.z1".into())),
        other => addresses.host_of(&other),
    });
    hosts
        .filter(|host| !host.starts_with(|c: char| c.is_ascii_digit()))
        .collect()
}

fn urls(addresses: &Addresses, way: Way) -> ServiceUrls {
    let base = |service: &Service| addresses.base(way, service);
    let accounts = addresses
        .services()
        .into_iter()
        .filter_map(|service| match &service {
            Service::Blob(account) => Some((account.clone(), base(&service))),
            _ => None,
        });
    let vaults = addresses
        .services()
        .into_iter()
        .filter_map(|service| match &service {
            Service::Vault(name) => Some((name.clone(), base(&service))),
            _ => None,
        });
    ServiceUrls {
        login: base(&Service::Entra),
        metadata: base(&Service::Metadata),
        management: base(&Service::Arm),
        exports: base(&Service::Export(String::new()))
            .trim_end_matches('/')
            .to_string(),
        blob: accounts.collect(),
        vault: vaults.collect(),
    }
}

async fn open(port: Port, tasks: &mut Vec<JoinHandle<()>>) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let number = listener.local_addr()?.port();
    tasks.push(tokio::spawn(accept(listener, port)));
    Ok(number)
}

async fn accept(listener: TcpListener, port: Port) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, from)) = accepted else { return };
                // Answers are small and many: waiting to fill a segment would only slow tests down.
                drop(stream.set_nodelay(true));
                let port = port.clone();
                connections.spawn(async move {
                    match port.tls.clone() {
                        None => port.serve(stream, from.ip()).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                port.serve(stream, from.ip()).await;
                            }
                        }
                    }
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

impl Port {
    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, from: IpAddr) {
        let service = service_fn(|request| self.answer(request, from));
        // A connection that breaks is the client's business, or a fault that was asked for.
        drop(
            http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await,
        );
    }

    async fn answer(&self, request: Request<IncomingBody>, from: IpAddr) -> io::Result<Response<AnswerBody>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let given = parts.headers.get(HOST_HEADER).or_else(|| parts.headers.get(HOST));
        let host = given.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let found = match &self.service {
            Some(service) => Some(Addresses::below_prefix(service.clone(), parts.uri.path())),
            None => self
                .cloud
                .service_of(host)
                .map(|service| (service, parts.uri.path().to_string())),
        };
        let Some((service, path)) = found else {
            return whole(421, "the simulated cloud has no such host\n");
        };
        let method = parts.method.as_str().to_string();
        let (answer, links) = self.cloud.answer(Incoming {
            way: self.way,
            service,
            method: method.clone(),
            path,
            query: parts.uri.query().unwrap_or_default().to_string(),
            headers: parts.headers,
            body,
            from,
        });
        if !answer.delay.is_zero() {
            tokio::time::sleep(answer.delay).await;
        }
        if answer.cut == Cut::BeforeAnswer {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionReset,
                "closed, as a fault demands",
            ));
        }
        let mut response = Response::builder().status(answer.status);
        for (name, value) in &answer.headers {
            response = response.header(name.as_str(), value.as_str());
        }
        let bodiless = matches!(answer.status, 204 | 304);
        if !bodiless {
            response = response.header(CONTENT_LENGTH, answer.announced_length());
        }
        let body = if method == "HEAD" || bodiless {
            Full::default().map_err(never).boxed()
        } else {
            StreamBody::new(Box::pin(answer.into_stream(links)).map_ok(Frame::data)).boxed()
        };
        response.body(body).map_err(io::Error::other)
    }
}

fn never(error: Infallible) -> io::Error {
    match error {}
}

fn whole(status: u16, text: &'static str) -> io::Result<Response<AnswerBody>> {
    let body = Full::new(Bytes::from_static(text.as_bytes()))
        .map_err(never)
        .boxed();
    Response::builder()
        .status(status)
        .body(body)
        .map_err(io::Error::other)
}
