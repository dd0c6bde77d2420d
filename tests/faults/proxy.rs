//! Small real proxies: HTTP with CONNECT and forwarding, and SOCKS5. They resolve every name below `.test` to this
//! machine, so that such a host is found only through them.

use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Http,
    Socks5,
}

struct Shared {
    kind: Kind,
    credentials: Option<String>,
    refuses: bool,
    seen: Mutex<Vec<String>>,
    over: AtomicBool,
}

/// A proxy; it stops when dropped.
pub struct Proxy {
    pub host: String,
    shared: Arc<Shared>,
}

impl Proxy {
    pub fn start(kind: Kind) -> Proxy {
        Proxy::with(kind, None, false)
    }

    /// A proxy that requires the credentials `USER:PASSWORD`.
    pub fn locked(kind: Kind, credentials: &str) -> Proxy {
        Proxy::with(kind, Some(credentials.to_owned()), false)
    }

    /// A proxy that refuses every connection.
    pub fn refusing(kind: Kind) -> Proxy {
        Proxy::with(kind, None, true)
    }

    fn with(kind: Kind, credentials: Option<String>, refuses: bool) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let shared =
            Arc::new(Shared { kind, credentials, refuses, seen: Mutex::default(), over: AtomicBool::new(false) });
        let own = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if own.over.load(Ordering::SeqCst) {
                    break;
                }
                let own = own.clone();
                std::thread::spawn(move || match own.kind {
                    Kind::Http => http(stream, &own),
                    Kind::Socks5 => socks5(stream, &own),
                });
            }
        });
        Proxy { host, shared }
    }

    /// The requests it received: `CONNECT host:port`, `GET http://host/path`, `name host:port` or `address ip:port`.
    pub fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.host);
    }
}

fn connect(target: &str) -> Result<TcpStream> {
    let (host, port) = target.rsplit_once(':').ok_or_else(|| Error::other("no port"))?;
    let host = if host.ends_with(".test") { "127.0.0.1" } else { host };
    TcpStream::connect((host.trim_matches(['[', ']']), port.parse::<u16>().map_err(Error::other)?))
}

fn http(stream: TcpStream, shared: &Shared) -> Result<()> {
    let mut input = BufReader::new(stream.try_clone()?);
    let mut output = stream;
    let (mut line, mut headers) = (String::new(), vec![]);
    input.read_line(&mut line)?;
    loop {
        let mut header = String::new();
        if input.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        headers.push(header);
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let [method, target, _] = words[..] else { return Ok(()) };
    shared.seen.lock().unwrap().push(format!("{method} {target}"));
    let wanted = shared.credentials.as_ref().map(|credentials| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(credentials))
    });
    let given = headers.iter().find_map(|header| {
        let (name, value) = header.split_once(':')?;
        name.eq_ignore_ascii_case("proxy-authorization").then(|| value.trim().to_owned())
    });
    if wanted.is_some() && wanted != given {
        let asks =
            "HTTP/1.1 407 X\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return output.write_all(asks.as_bytes());
    }
    if shared.refuses {
        return output.write_all(b"HTTP/1.1 403 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    if method == "CONNECT" {
        let peer = connect(target)?;
        output.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
        return pipe(input, output, peer);
    }
    let rest = target.strip_prefix("http://").ok_or_else(|| Error::other("no absolute URL"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut peer = connect(&host)?;
    let mut head = format!("{method} /{path} HTTP/1.1\r\nConnection: close\r\n");
    for header in headers.iter().filter(|header| !header.to_ascii_lowercase().starts_with("proxy-")) {
        head.push_str(header);
    }
    peer.write_all(format!("{head}\r\n").as_bytes())?;
    pipe(input, output, peer)
}

fn socks5(mut stream: TcpStream, shared: &Shared) -> Result<()> {
    let mut bytes = |count: usize| -> Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    let hello = bytes(2)?;
    let methods = bytes(hello[1].into())?;
    let method = if shared.credentials.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        return stream.write_all(&[5, 0xff]);
    }
    stream.write_all(&[5, method])?;
    let mut bytes = |count: usize| -> Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    if let Some(wanted) = &shared.credentials {
        let length = bytes(2)?[1];
        let user = bytes(length.into())?;
        let length = bytes(1)?[0];
        let given = [user, b":".to_vec(), bytes(length.into())?].concat();
        let good = given == wanted.as_bytes();
        stream.write_all(&[1, u8::from(!good)])?;
        if !good {
            return Ok(());
        }
    }
    let mut bytes = |count: usize| -> Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    let (kind, host) = match bytes(4)?[3] {
        1 => ("address", IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(bytes(4)?).unwrap())).to_string()),
        4 => ("address", format!("[{}]", Ipv6Addr::from(<[u8; 16]>::try_from(bytes(16)?).unwrap()))),
        _ => {
            let length = bytes(1)?[0];
            ("name", String::from_utf8(bytes(length.into())?).map_err(Error::other)?)
        }
    };
    let port = bytes(2)?;
    let target = format!("{host}:{}", u16::from_be_bytes([port[0], port[1]]));
    shared.seen.lock().unwrap().push(format!("{kind} {target}"));
    let peer = if shared.refuses { Err(Error::other("no")) } else { connect(&target) };
    let status = if peer.is_ok() { 0 } else { 2 };
    stream.write_all(&[5, status, 0, 1, 0, 0, 0, 0, 0, 0])?;
    pipe(BufReader::new(stream.try_clone()?), stream, peer?)
}

/// Copies in both directions until both ends are done.
fn pipe(mut input: BufReader<TcpStream>, mut output: TcpStream, peer: TcpStream) -> Result<()> {
    let (mut from, mut to) = (peer.try_clone()?, peer);
    let back = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut output);
        let _ = output.shutdown(Shutdown::Both);
    });
    let _ = std::io::copy(&mut input, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    let _ = back.join();
    Ok(())
}
