//! `/starling/chain/1` on libp2p streams: one question and one answer a stream, framed as announcements are.

use crate::announcements::{read_frame, write_frame};
use futures::{AsyncRead, AsyncWrite};
use ledger::question::{ANSWER_LEN_MAX, Answer, PROTOCOL, QUESTION_LEN_MAX, Question, WAIT_SECS};
use ledger::wire::{Wire, WireError};
use libp2p::StreamProtocol;
use libp2p::request_response::{self, Codec as CodecTrait, ProtocolSupport};
use std::io;
use std::time::Duration;

/// A question may wait for the next block, and the answer takes its time on a bad link.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(WAIT_SECS + 20);

/// Questions under way with one peer: one that waits, and a few that a person looks at.
const STREAMS_MAX: usize = 8;

pub(crate) type Behaviour = request_response::Behaviour<Codec>;

/// Answers, and asks nothing.
pub(crate) fn behaviour() -> Behaviour {
    let config = request_response::Config::default()
        .with_request_timeout(QUESTION_TIMEOUT)
        .with_max_concurrent_streams(STREAMS_MAX);
    request_response::Behaviour::with_codec(Codec, [(StreamProtocol::new(PROTOCOL), ProtocolSupport::Inbound)], config)
}

/// Lengths and bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Codec;

impl CodecTrait for Codec {
    type Protocol = StreamProtocol;
    type Request = Question;
    type Response = Answer;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Question>
    where
        T: AsyncRead + Unpin + Send,
    {
        Question::from_bytes(&read_frame(io, QUESTION_LEN_MAX).await?).map_err(invalid)
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Answer>
    where
        T: AsyncRead + Unpin + Send,
    {
        Answer::from_bytes(&read_frame(io, ANSWER_LEN_MAX).await?).map_err(invalid)
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, question: Question) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_frame(io, &question.to_bytes()).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, answer: Answer) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_frame(io, &answer.to_bytes()).await
    }
}

fn invalid(error: WireError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
