//! The fault server: answers each request with the bytes that a case provides, and then closes, resets or stays silent.
//! It is only for faults; correct behaviour is tested against real registries.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A request as received.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub at: Instant,
    /// How many requests came before it.
    pub number: usize,
    /// The client's port: which connection it came by.
    pub port: u16,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The first byte of a `Range: bytes=N-…`.
    pub fn range_start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
    }
}

/// What happens after the bytes.
#[derive(Clone, Copy, PartialEq)]
pub enum Then {
    KeepAlive,
    Close,
    Reset,
    Stall,
    /// Announces an answer without end.
    Flood,
}

/// A response.
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    cut: Option<usize>,
    framed: bool,
    early: bool,
    after: usize,
    lost: bool,
    raw: bool,
    pace: Option<Duration>,
    then: Then,
}

pub fn reply(status: u16) -> Reply {
    Reply {
        status,
        headers: vec![],
        body: vec![],
        cut: None,
        framed: true,
        early: false,
        after: 0,
        lost: false,
        raw: false,
        pace: None,
        then: Then::KeepAlive,
    }
}

impl Reply {
    pub fn header(mut self, name: &str, value: impl ToString) -> Reply {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn body(mut self, body: impl AsRef<[u8]>) -> Reply {
        self.body = body.as_ref().to_vec();
        self
    }

    pub fn json(self, body: &str) -> Reply {
        self.header("Content-Type", "application/json").body(body)
    }

    /// Sends only that many bytes of the body.
    pub fn cut(mut self, bytes: usize, then: Then) -> Reply {
        (self.cut, self.then) = (Some(bytes), then);
        self
    }

    /// No Content-Length: the end of the connection is the end of the body.
    pub fn unframed(mut self) -> Reply {
        (self.framed, self.then) = (false, Then::Close);
        self
    }

    pub fn then(mut self, then: Then) -> Reply {
        self.then = then;
        self
    }

    /// Sends the body byte by byte, with a pause before each.
    pub fn paced(mut self, pace: Duration) -> Reply {
        self.pace = Some(pace);
        self
    }

    /// Sends nothing.
    pub fn lost(mut self) -> Reply {
        self.lost = true;
        self
    }

    /// Answers before the request's body was read.
    pub fn early(mut self) -> Reply {
        self.early = true;
        self
    }

    /// Answers when that many bytes of the request's body were read.
    pub fn after(mut self, bytes: usize) -> Reply {
        (self.early, self.after) = (true, bytes);
        self
    }

    /// The body as it would be without a fault.
    #[allow(dead_code)]
    pub fn bytes_of_body(&self) -> Vec<u8> {
        self.body.clone()
    }

    fn bytes(&self, head_only: bool) -> Vec<u8> {
        if self.lost {
            return vec![];
        }
        if self.raw {
            return self.body.clone();
        }
        let mut bytes = format!("HTTP/1.1 {} X\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if self.framed && !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        if !head_only {
            bytes.extend_from_slice(&self.body[..self.cut.unwrap_or(self.body.len()).min(self.body.len())]);
        }
        bytes
    }
}

/// The response to an accepted PUT: it names the digest of the body.
pub fn created(seen: &Seen) -> Reply {
    let blob = seen
        .target
        .split("digest=")
        .nth(1)
        .and_then(|rest| rest.split('&').next())
        .map(|digest| digest.replace("%3A", ":"));
    let digest = blob.unwrap_or_else(|| crate::common::digest(&seen.body).to_string());
    reply(201).header("Docker-Content-Digest", digest)
}

/// Exactly these bytes as the response.
pub fn verbatim(bytes: impl AsRef<[u8]>) -> Reply {
    Reply { raw: true, ..reply(200).body(bytes).then(Then::Close) }
}

/// No answer at all: the connection breaks after the request.
pub fn lost() -> Reply {
    reply(200).lost().then(Then::Reset)
}

/// The response to a GET of a blob, with or without a range.
pub fn serve(blob: &[u8], seen: &Seen) -> Reply {
    match seen.range_start() {
        Some(start) => reply(206)
            .header("Content-Range", format!("bytes {start}-{}/{}", blob.len() - 1, blob.len()))
            .body(&blob[start..]),
        None => reply(200).body(blob),
    }
}

type Handler = dyn Fn(&Seen) -> Reply + Send + Sync;

pub struct Server {
    pub host: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    over: Arc<AtomicBool>,
}

impl Server {
    pub fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (seen, over) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::<AtomicBool>::default());
        let (handler, all, ended): (Arc<Handler>, _, _) = (Arc::new(handler), seen.clone(), over.clone());
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                let (handler, all, ended) = (handler.clone(), all.clone(), ended.clone());
                std::thread::spawn(move || drop(talk(connection.unwrap(), &*handler, &all, &ended)));
            }
        });
        Server { host, seen, over }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self, method: &str, path_part: &str) -> usize {
        self.seen().iter().filter(|seen| seen.method == method && seen.target.contains(path_part)).count()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.host);
    }
}

fn talk(stream: TcpStream, handler: &Handler, all: &Mutex<Vec<Seen>>, over: &AtomicBool) -> std::io::Result<()> {
    let mut input = BufReader::new(stream.try_clone()?);
    let mut output = stream.try_clone()?;
    let port = stream.peer_addr()?.port();
    while let Some(mut seen) = read_head(&mut input)? {
        seen.number = all.lock().unwrap().len();
        seen.port = port;
        let length: usize = seen.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        // A case may want to answer before the body: it first sees the request without it.
        let mut answer = handler(&seen);
        if !answer.early {
            seen.body = vec![0; length];
            input.read_exact(&mut seen.body)?;
            if length > 0 {
                answer = handler(&seen);
            }
        } else if answer.after > 0 {
            seen.body = vec![0; answer.after.min(length)];
            input.read_exact(&mut seen.body)?;
        }
        let head_only = seen.method == "HEAD";
        all.lock().unwrap().push(seen);
        let bytes = answer.bytes(head_only);
        let paced = if answer.pace.is_some() && !head_only { answer.body.len() } else { 0 };
        output.write_all(&bytes[..bytes.len() - paced])?;
        for byte in &bytes[bytes.len() - paced..] {
            std::thread::sleep(answer.pace.unwrap_or_default());
            output.write_all(&[*byte])?;
        }
        output.flush()?;
        match answer.then {
            Then::KeepAlive => {}
            Then::Close => {
                // Unread bytes would turn the close into a reset, which may overtake the response.
                output.shutdown(std::net::Shutdown::Write)?;
                std::io::copy(&mut input, &mut std::io::sink())?;
                return Ok(());
            }
            Then::Reset => return reset(&stream),
            Then::Flood => {
                let heads = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(4096);
                while !over.load(Ordering::SeqCst) {
                    output.write_all(heads.as_bytes())?;
                }
                return Ok(());
            }
            Then::Stall => {
                while !over.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                return Ok(());
            }
        }
    }
    Ok(())
}

fn read_head(input: &mut BufReader<TcpStream>) -> std::io::Result<Option<Seen>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut headers = vec![];
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok(Some(Seen { method, target, headers, body: vec![], at: Instant::now(), number: 0, port: 0 }));
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
}

/// A port at which nothing listens, and which no other server gets meanwhile: connections are refused.
pub struct Nobody {
    pub host: String,
    /// It is the near end of a connection.
    _connection: (TcpListener, TcpStream),
}

impl Nobody {
    pub fn new() -> Nobody {
        let far = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(far.local_addr().unwrap()).unwrap();
        Nobody { host: near.local_addr().unwrap().to_string(), _connection: (far, near) }
    }
}

// SO_LINGER 0 makes the close a RST.
pub fn reset(stream: &TcpStream) -> std::io::Result<()> {
    let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    nix::sys::socket::setsockopt(stream, nix::sys::socket::sockopt::Linger, &linger)?;
    stream.shutdown(std::net::Shutdown::Read)?;
    Ok(())
}
