//! A body that the network thread receives while its reader is still busy with what came before. The slower thread takes
//! everything that has come since it last asked: so the two threads change hands once for many pieces, not for each.

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::call::engine::Engine;

/// A body that is larger than this is worth it.
pub(crate) const LARGE: u64 = 1 << 20;
/// How many bytes are collected while the reader is busy.
const MOST: usize = 256 << 10;
/// And in how many pieces: each keeps the whole buffer that it was received in.
const MOST_PIECES: usize = 64;

/// The reader's end of a body that is received in the background.
pub(crate) struct ReadAhead {
    batches: mpsc::Receiver<Batch>,
    now: Batch,
    over: bool,
}

/// Why receiving ended without another piece.
#[derive(Debug)]
pub(crate) enum ReceiveError {
    /// The exchange broke.
    Http(reqwest::Error),
    /// Nothing receives any more.
    Lost,
}

/// The pieces that have arrived, and how the body ended, if it has.
#[derive(Default)]
struct Batch {
    pieces: Vec<Bytes>,
    end: Option<reqwest::Result<()>>,
}

impl ReadAhead {
    /// Starts receiving, until the reader is dropped.
    pub(crate) fn start(engine: &Engine, response: reqwest::Response) -> ReadAhead {
        let (sender, batches) = mpsc::channel(1);
        engine.spawn(receive(response, sender));
        ReadAhead { batches, now: Batch::default(), over: false }
    }

    /// The next piece; None at the end.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, ReceiveError> {
        while !self.over {
            if let Some(piece) = self.now.pieces.pop() {
                return Ok(Some(piece));
            }
            match self.now.end.take() {
                Some(Ok(())) => self.over = true,
                Some(Err(error)) => return Err(ReceiveError::Http(error)),
                None => {
                    self.now = self.batches.recv().await.ok_or(ReceiveError::Lost)?;
                    self.now.pieces.reverse();
                }
            }
        }
        Ok(None)
    }
}

async fn receive(mut response: reqwest::Response, batches: mpsc::Sender<Batch>) {
    let mut batch = Batch::default();
    let mut size = 0;
    loop {
        let has_some = !batch.pieces.is_empty() || batch.end.is_some();
        tokio::select! {
            biased;
            room = batches.reserve(), if has_some => {
                let Ok(room) = room else { return };
                let ended = batch.end.is_some();
                room.send(std::mem::take(&mut batch));
                size = 0;
                if ended {
                    return;
                }
            }
            () = batches.closed() => return,
            piece = response.chunk(), if batch.end.is_none() && size < MOST && batch.pieces.len() < MOST_PIECES => match piece {
                Ok(Some(piece)) => {
                    size += piece.len();
                    batch.pieces.push(piece);
                }
                Ok(None) => batch.end = Some(Ok(())),
                Err(error) => batch.end = Some(Err(error)),
            },
        }
    }
}
