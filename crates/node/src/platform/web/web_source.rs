//! A URL as a source: content messages in, HTTP range requests out, content messages back.
//!
//! Beside the file at `URL` lie `URL.manifest` (its canonical bytes) and `URL.outboard` (its tree). The file is
//! read in the ranges that the download wants, and every group is checked against the tree before it is handed
//! on; the download checks it again against the link. So an operator can make it fail, never make it lie.

use crate::event_loop::Report;
use bytes::Bytes;
use content::{Bitfield, ContentId, GroupRange, Message, Outboard, Refusal, Root, layout};
use futures::StreamExt;
use futures::channel::mpsc;
use js_sys::{ArrayBuffer, Uint8Array};
use protocol::{Code, Input, PeerKey};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response};

/// Why the URL did not give what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum WebSourceError {
    #[error("no answer")]
    Unreachable,
    #[error("status {0}")]
    Status(u16),
    #[error("the answer is not the range that was asked for")]
    WrongRange,
    #[error("the tree does not belong to the content")]
    WrongTree,
    #[error("the bytes do not match the tree")]
    Changed,
}

/// Answers content messages for one URL until the sender is dropped.
pub(crate) async fn run(url: String, key: PeerKey, mut asked: mpsc::Receiver<Message>, mut report: Report) {
    let mut tree: Option<Rc<Outboard>> = None;
    while let Some(message) = asked.next().await {
        let outcome = match message {
            Message::GetManifest { id } => manifest(&url, id).await.map(|message| vec![message]),
            Message::Follow { root } => match outboard(&url, root).await {
                Ok(outboard) => {
                    let bits = Bitfield::full(layout::chunk_count(outboard.length()));
                    tree = Some(Rc::new(outboard));
                    Ok(vec![Message::Holds { root, bits }])
                }
                Err(error) => Err(error),
            },
            Message::Want { root, range, known } => match tree.clone() {
                Some(tree) => {
                    // Ranges are asked side by side: each is one request, and the browser keeps a few connections.
                    let (url, mut report) = (url.clone(), report.clone());
                    super::spawn(async move {
                        let answers = match groups(&url, &tree, range, known).await {
                            Ok(groups) => groups,
                            Err(error) => {
                                log::warn!("{url}: {error}");
                                vec![Message::Refuse { root, range, reason: Refusal::Unreadable }]
                            }
                        };
                        for message in answers {
                            report.hear(Input::Content { peer: key, message }).await;
                        }
                    });
                    continue;
                }
                None => Ok(vec![Message::Refuse { root, range, reason: Refusal::Withdrawn }]),
            },
            _ => Ok(Vec::new()),
        };
        match outcome {
            Ok(answers) => {
                for message in answers {
                    report.hear(Input::Content { peer: key, message }).await;
                }
            }
            Err(error) => {
                log::warn!("{url}: {error}");
                report.hear(Input::Notice { code: Code::SampleUnavailable }).await;
                report.hear(Input::ContentClosed { peer: key }).await;
            }
        }
    }
}

async fn manifest(url: &str, id: ContentId) -> Result<Message, WebSourceError> {
    let bytes = get(&format!("{url}.manifest"), None).await?;
    Ok(Message::Manifest { id, bytes: bytes.into() })
}

async fn outboard(url: &str, root: Root) -> Result<Outboard, WebSourceError> {
    let bytes = get(&format!("{url}.outboard"), None).await?;
    let outboard = Outboard::from_bytes(&bytes).map_err(|_| WebSourceError::WrongTree)?;
    if outboard.root() == root { Ok(outboard) } else { Err(WebSourceError::WrongTree) }
}

async fn groups(url: &str, tree: &Outboard, range: GroupRange, known: u8) -> Result<Vec<Message>, WebSourceError> {
    let wanted = range.byte_range(tree.length());
    let bytes = get(url, Some((wanted.start, wanted.end))).await?;
    if bytes.len() as u64 != wanted.end - wanted.start {
        return Err(WebSourceError::WrongRange);
    }
    tree.encode(range, known, &Bytes::from(bytes)).map_err(|_| WebSourceError::Changed)
}

/// One GET, of `range` (end exclusive) if there is one and it is not empty.
async fn get(url: &str, range: Option<(u64, u64)>) -> Result<Vec<u8>, WebSourceError> {
    let request = Request::new_with_str(url).map_err(|_| WebSourceError::Unreachable)?;
    let range = range.filter(|(start, end)| start < end);
    if let Some((start, end)) = range {
        let value = format!("bytes={start}-{}", end - 1);
        request.headers().set("Range", &value).map_err(|_| WebSourceError::Unreachable)?;
    }
    let window = web_sys::window().ok_or(WebSourceError::Unreachable)?;
    let response: Response = JsFuture::from(window.fetch_with_request(&request))
        .await
        .map_err(|_| WebSourceError::Unreachable)?
        .unchecked_into();
    let expected = if range.is_some() { 206 } else { 200 };
    if response.status() != expected {
        return Err(WebSourceError::Status(response.status()));
    }
    let body = response.array_buffer().map_err(|_| WebSourceError::Unreachable)?;
    let buffer: ArrayBuffer = JsFuture::from(body).await.map_err(|_| WebSourceError::Unreachable)?.unchecked_into();
    Ok(Uint8Array::new(&buffer).to_vec())
}
