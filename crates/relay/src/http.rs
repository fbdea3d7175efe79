//! The web half of the relay: the page, where the relay can be reached, and how it is.
//!
//! GET and HEAD of files and of four fixed paths. Nothing is stored, nothing is run, and no body is read.

mod encoding;
mod files;
pub(crate) mod host;
mod media_type;
mod path;
mod policy;
mod range;
pub(crate) mod sample;
pub(crate) mod whereabouts;

use crate::counters::Counters;
use files::Wish;
use host::Authority;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, UPGRADE};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use whereabouts::{Visit, Whereabouts};

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

const WELL_KNOWN: &str = "/.well-known/starling.json";
const HEALTH: &str = "/healthz";
const METRICS: &str = "/metrics.json";

/// Everything a response needs.
#[derive(Debug)]
pub(crate) struct Site {
    /// The page's folder, canonical.
    pub(crate) page: PathBuf,
    pub(crate) whereabouts: Whereabouts,
    pub(crate) counters: Arc<Counters>,
    pub(crate) metrics_for_all: bool,
    pub(crate) behind_proxy: bool,
}

/// One client's connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) local: SocketAddr,
    /// The other end of the socket: the client or a proxy.
    pub(crate) neighbour: SocketAddr,
}

impl Site {
    /// Answers one request.
    pub(crate) async fn respond<B>(&self, request: Request<B>, client: Client) -> Response<Body> {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let secure = self.is_secure(request.headers(), client);
        let Some(authority) = authority(&request, client) else {
            return text(StatusCode::BAD_REQUEST, "the Host header is missing, repeated or not a host\n");
        };
        let local = (!self.is_proxy(client)).then(|| client.local.ip());
        let visit = Visit { authority, secure, local };
        let mut response = self.route(&request, client, &visit).await.unwrap_or_else(|error| {
            log::warn!("{}: {error}", request.uri().path());
            text(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read\n")
        });
        policy::apply(
            response.headers_mut(),
            request.uri().path(),
            &visit.authority,
            visit.secure,
            &self.whereabouts.public,
        );
        response
    }

    async fn route<B>(&self, request: &Request<B>, client: Client, visit: &Visit) -> io::Result<Response<Body>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            // A body may follow that we will not read.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return Ok(response);
        }
        if request.headers().contains_key(UPGRADE) {
            // WebSockets are told apart by a connection's first request; this is a later one of a proxy's.
            let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "open a new connection to upgrade\n");
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return Ok(response);
        }
        match request.uri().path() {
            WELL_KNOWN => Ok(json(&self.whereabouts.describe(visit))),
            HEALTH => Ok(text(StatusCode::OK, "ok\n")),
            METRICS if self.may_see_metrics(client, request.headers()) => Ok(json(&self.counters.stats())),
            METRICS => Ok(not_found()),
            path => self.file(path, Wish { method: request.method(), headers: request.headers() }).await,
        }
    }

    async fn file(&self, path: &str, wish: Wish<'_>) -> io::Result<Response<Body>> {
        if let Some(file) = self.whereabouts.sample.as_ref().and_then(|sample| sample.file(path)) {
            let served = files::serve(&file, &file, encoding::Encoding::Identity, wish).await?;
            return Ok(served.unwrap_or_else(not_found));
        }
        let Some(relative) = path::relative(path) else { return Ok(not_found()) };
        Ok(files::page_file(&self.page, &relative, wish).await?.unwrap_or_else(not_found))
    }

    /// This machine, and not a proxy on it that speaks for somebody else.
    fn may_see_metrics(&self, client: Client, headers: &HeaderMap) -> bool {
        let direct = client.neighbour.ip().to_canonical().is_loopback() && !headers.contains_key("x-forwarded-for");
        self.metrics_for_all || direct
    }

    fn is_proxy(&self, client: Client) -> bool {
        self.behind_proxy && may_be_proxy(client.neighbour.ip())
    }

    fn is_secure(&self, headers: &HeaderMap, client: Client) -> bool {
        let scheme = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
        self.is_proxy(client) && scheme.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
    }
}

/// Whether a neighbour's forwarding headers may be believed: only those of our own network reach us unproxied.
pub(crate) fn may_be_proxy(neighbour: IpAddr) -> bool {
    match neighbour.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
    }
}

/// The one host the request names. An HTTP/1.0 client may name none; it used our address.
fn authority<B>(request: &Request<B>, client: Client) -> Option<Authority> {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Authority::parse(host.to_str().ok()?).ok(),
        (None, _) if request.version() == hyper::Version::HTTP_10 => Some(Authority::of_socket(client.local)),
        (_, _) => None,
    }
}

fn not_found() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "not found\n")
}

fn text(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut response = Response::new(full(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn json(value: &impl serde::Serialize) -> Response<Body> {
    let body = serde_json::to_vec(value).expect("our own structs have string keys");
    let mut response = Response::new(full(Bytes::from(body)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn full(bytes: Bytes) -> Body {
    UnsyncBoxBody::new(Full::new(bytes).map_err(|never| match never {}))
}
