//! Request bodies. A large one is read piece by piece on the caller's thread and handed to the network thread, so
//! that memory stays small, a stalled server is noticed, and an early response (401, 413) ends the sending.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::byte_rates::Pace;
use crate::call::{Call, WaitLimit};
use crate::error::Result;
use crate::stream::source::{Source, PIECE};

/// How many bytes are passed to the network at once: the slowest accepted speed is that many within the idle limit.
const FRAME: usize = 32 << 10;
/// Bodies up to this size are passed to the HTTP crate as a whole.
pub(crate) const SMALL: usize = 64 << 10;

/// The body of a request.
pub enum Body<'a> {
    /// No body.
    Empty,
    /// Bytes in memory: can be sent repeatedly.
    Bytes(Bytes),
    /// Bytes from a source, of this number: sent once.
    Stream {
        /// Delivers the bytes.
        source: &'a mut dyn Source,
        /// The number of bytes.
        size: u64,
        /// The progress of the transfer before the first of them.
        done: u64,
    },
}

impl Body<'_> {
    /// The members of a form (application/x-www-form-urlencoded), wiped when it is dropped: they may be secret.
    pub(crate) fn form(members: &[(&str, &str)]) -> Body<'static> {
        // At once in its size: what grows leaves copies behind.
        let most = members.iter().map(|(name, value)| name.len() + value.len() * 3 + 2).sum();
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(most));
        form.extend_pairs(members);
        Body::Bytes(Bytes::from_owner(Zeroizing::new(form.finish())))
    }

    /// Whether the body can be sent again.
    pub fn can_be_repeated(&self) -> bool {
        !matches!(self, Body::Stream { .. })
    }

    /// Prepares to send it again, or to the target of a redirect; false when its bytes are gone.
    pub fn rewind(&mut self) -> Result<bool> {
        match self {
            Body::Empty | Body::Bytes(_) => Ok(true),
            Body::Stream { source, .. } => source.rewind(),
        }
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        match self {
            Body::Empty => 0,
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Stream { size, .. } => *size,
        }
    }

    /// Whether its bytes are handed to the network piece by piece.
    pub(crate) fn is_piped(&self) -> bool {
        match self {
            Body::Empty => false,
            Body::Bytes(bytes) => bytes.len() > SMALL,
            Body::Stream { size, .. } => *size > 0,
        }
    }

    /// Whether nothing is sent.
    pub fn is_empty(&self) -> bool {
        matches!(self, Body::Empty)
    }
}

/// The end of the pipe from which the HTTP crate reads.
struct Piped {
    pieces: mpsc::Receiver<Bytes>,
    left: u64,
}

impl http_body::Body for Piped {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, std::io::Error>>> {
        self.pieces.poll_recv(context).map(|piece| match piece {
            Some(piece) => {
                self.left = self.left.saturating_sub(piece.len() as u64);
                Some(Ok(Frame::data(piece)))
            }
            None if self.left == 0 => None,
            None => Some(Err(std::io::Error::other("the upload's source ended early"))),
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A pipe for a body of a given size.
pub(crate) fn pipe(size: u64) -> (mpsc::Sender<Bytes>, reqwest::Body) {
    let (sender, pieces) = mpsc::channel(8);
    (sender, reqwest::Body::wrap(Piped { pieces, left: size }))
}

pub(crate) struct UploadLimits {
    /// For sending the next piece.
    pub(crate) piece: WaitLimit,
    /// For the response after the last piece.
    pub(crate) response: WaitLimit,
}

/// Sends the pieces of a source while a request is in progress, until its response arrives.
pub(crate) fn feed<F: Future>(
    call: &Call,
    sending: F,
    sender: mpsc::Sender<Bytes>,
    source: &mut dyn Source,
    (size, done): (u64, u64),
    (limits, pace): (&UploadLimits, &Pace),
) -> Result<F::Output> {
    let mut sending = std::pin::pin!(sending);
    let mut sent = 0u64;
    while sent < size {
        let mut piece = source.piece(usize::try_from(size - sent).unwrap_or(PIECE).min(PIECE))?;
        if piece.is_empty() {
            return Err(short(size, sent));
        }
        let mut looked = false;
        while !piece.is_empty() {
            let frame = piece.split_to(piece.len().min(FRAME).min(pace.portion()));
            sent += frame.len() as u64;
            if let Some(response) = pause(call, sending.as_mut(), pace.take(frame.len()))? {
                return Ok(response);
            }
            // While there is room, checking for a response once per piece is often enough.
            match sender.try_reserve() {
                Ok(room) if looked => {
                    room.send(frame);
                    continue;
                }
                _ => looked = true,
            }
            if let Some(response) = hand_over(call, sending.as_mut(), &sender, frame, limits.piece)? {
                return Ok(response);
            }
        }
        call.moved_to(done + sent)?;
    }
    drop(sender);
    call.wait(Some(limits.response), sending)
}

/// Waits as long as the caller's own limit demands, which is not counted for the server; a response ends it.
fn pause<F: Future>(call: &Call, sending: Pin<&mut F>, wait: Duration) -> Result<Option<F::Output>> {
    if wait.is_zero() {
        return Ok(None);
    }
    call.wait(None, async {
        tokio::select! {
            biased;
            response = sending => Some(response),
            () = tokio::time::sleep(wait) => None,
        }
    })
}

/// Passes a frame to the network when there is room for it; the response instead, if that comes first.
fn hand_over<F: Future>(
    call: &Call,
    mut sending: Pin<&mut F>,
    sender: &mpsc::Sender<Bytes>,
    frame: Bytes,
    limit: WaitLimit,
) -> Result<Option<F::Output>> {
    call.wait(Some(limit), async {
        tokio::select! {
            biased;
            response = &mut sending => Some(response),
            room = sender.reserve() => {
                // If there will never be room, the body was dropped: the response has the reason.
                match room {
                    Ok(room) => { room.send(frame); None }
                    Err(_) => Some(sending.await),
                }
            }
        }
    })
}

fn short(size: u64, sent: u64) -> crate::error::Error {
    let message = format!("the source of the upload ended after {sent} bytes of {size}");
    crate::error::Error::new(crate::error::Code::SizeMismatch, message)
}
