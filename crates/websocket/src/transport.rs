//! The dial-only [`Transport`].

use crate::addr::Endpoint;
use crate::socket::Connection;
use core::pin::Pin;
use core::task::{Context, Poll};
use futures::future::{BoxFuture, FutureExt, Pending};
use libp2p_core::Multiaddr;
use libp2p_core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};
use send_wrapper::SendWrapper;

/// Dials WebSocket addresses with the browser's own `WebSocket`, in a page or in a worker.
#[derive(Clone, Copy, Debug, Default)]
pub struct Transport;

/// Why a connection could not be made. Browsers tell a page nothing more on purpose.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The constructor refused the URL: blocked port, mixed content, content security policy.
    #[error("the browser refuses to dial {url}")]
    Refused {
        /// The URL.
        url: String,
    },
    /// The connection ended before it was open.
    #[error("{url} closed before it opened, code {code}")]
    Closed {
        /// The URL.
        url: String,
        /// RFC 6455, section 7.4; 1006 when there was no answer.
        code: u16,
    },
}

impl libp2p_core::Transport for Transport {
    type Output = Connection;
    type Error = Error;
    type ListenerUpgrade = Pending<Result<Connection, Error>>;
    type Dial = BoxFuture<'static, Result<Connection, Error>>;

    fn listen_on(&mut self, _: ListenerId, addr: Multiaddr) -> Result<(), TransportError<Error>> {
        Err(TransportError::MultiaddrNotSupported(addr))
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    fn dial(&mut self, addr: Multiaddr, opts: DialOpts) -> Result<Self::Dial, TransportError<Error>> {
        if opts.role.is_listener() {
            return Err(TransportError::MultiaddrNotSupported(addr));
        }
        let Ok(endpoint) = Endpoint::try_from(&addr) else {
            return Err(TransportError::MultiaddrNotSupported(addr));
        };
        Ok(SendWrapper::new(async move {
            let mut connection = Connection::dial(&endpoint.url).ok_or(Error::Refused { url: endpoint.url.clone() })?;
            match connection.opened().await {
                Ok(()) => Ok(connection),
                Err(code) => Err(Error::Closed { url: endpoint.url, code }),
            }
        })
        .boxed())
    }

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<TransportEvent<Self::ListenerUpgrade, Error>> {
        Poll::Pending
    }
}
