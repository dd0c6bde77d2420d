//! Tar archives of any bytes: a script of entries, or the bytes of an archive, whose checksums are made right, so that changes of them
//! are not all refused at once.

/// Where links that want to leave the folder lead: beside it.
pub const OUTSIDE: &str = "/proc/self/cwd/outside";

/// Archives, one after another.
pub fn archives(bytes: &[u8]) -> Vec<Vec<u8>> {
    match bytes.strip_prefix(b"#") {
        Some(script) => scripted(script),
        None => repaired(bytes),
    }
}

/// A line an entry: `f PATH CONTENT`, `d PATH`, `l PATH TARGET` (a symbolic link), `h PATH TARGET` (a hard link), `p PATH` (a pipe),
/// `x KEY VALUE` (a record of an extended header for the next), `m MODE` (of the next), and `-` for the next archive. In any of them
/// `%` is the path outside.
fn scripted(script: &[u8]) -> Vec<Vec<u8>> {
    let (mut all, mut now) = (Vec::new(), Vec::new());
    let (mut records, mut mode) = (Vec::new(), 0o755);
    for line in script.split(|byte| *byte == b'\n').take(200) {
        let line = line.split(|byte| *byte == b'%').collect::<Vec<_>>().join(OUTSIDE.as_bytes());
        let mut words = line.splitn(3, |byte| *byte == b' ');
        let (kind, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let rest = words.next().unwrap_or_default();
        match kind {
            b"-" => all.push(ended(std::mem::take(&mut now))),
            b"x" => records.extend(record(name, rest)),
            b"m" => mode = u32::from_str_radix(std::str::from_utf8(name).unwrap_or_default(), 8).unwrap_or(0o755),
            _ => {
                if !records.is_empty() {
                    entry(&mut now, b'x', b"PaxHeader", b"", &std::mem::take(&mut records), 0o644);
                }
                let (flag, target, content) = match kind {
                    b"d" => (b'5', &b""[..], &b""[..]),
                    b"l" => (b'2', rest, &b""[..]),
                    b"h" => (b'1', rest, &b""[..]),
                    b"p" => (b'6', &b""[..], &b""[..]),
                    _ => (b'0', &b""[..], rest),
                };
                entry(&mut now, flag, name, target, content, std::mem::replace(&mut mode, 0o755));
            }
        }
    }
    all.push(ended(now));
    all
}

/// `LENGTH KEY=VALUE` and a line's end, where the length is that of all of it.
fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

fn entry(into: &mut Vec<u8>, flag: u8, name: &[u8], target: &[u8], content: &[u8], mode: u32) {
    let mut block = [0; 512];
    if name.len() > 100 {
        entry(into, b'L', b"././@LongLink", b"", &[name, b"\0"].concat(), 0);
    }
    if target.len() > 100 {
        entry(into, b'K', b"././@LongLink", b"", &[target, b"\0"].concat(), 0);
    }
    let mut put = |at: usize, most: usize, bytes: &[u8]| {
        let bytes = &bytes[..bytes.len().min(most)];
        block[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(0, 100, name);
    put(100, 8, format!("{:07o}\0", mode & 0o7777).as_bytes());
    put(108, 8, b"0000000\0");
    put(116, 8, b"0000000\0");
    put(124, 12, format!("{:011o}\0", content.len()).as_bytes());
    put(136, 12, b"00000000000\0");
    put(156, 1, &[flag]);
    put(157, 100, target);
    put(257, 8, b"ustar\x0000");
    sum(&mut block);
    into.extend(block);
    into.extend(content);
    into.resize(into.len().next_multiple_of(512), 0);
}

fn sum(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block[..512].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn ended(mut archive: Vec<u8>) -> Vec<u8> {
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// Headers with their right sums. A block of zeros ends an archive, and another begins.
fn repaired(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut all, mut now, mut at) = (Vec::new(), Vec::new(), 0);
    while at + 512 <= bytes.len() {
        let mut block = bytes[at..at + 512].to_vec();
        at += 512;
        if block.iter().all(|byte| *byte == 0) {
            if !now.is_empty() {
                all.push(ended(std::mem::take(&mut now)));
            }
            continue;
        }
        sum(&mut block);
        let digits = String::from_utf8_lossy(&block[124..135]).into_owned();
        let size = usize::from_str_radix(digits.trim_matches(['\0', ' ']), 8).unwrap_or(0);
        now.extend(block);
        let end = at.saturating_add(size.min(bytes.len()).next_multiple_of(512)).min(bytes.len());
        now.extend(&bytes[at..end]);
        at = end;
    }
    now.extend(&bytes[at..]);
    all.push(ended(now));
    all
}
