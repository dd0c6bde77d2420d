//! Data compressed in every supported format.

use std::io::Write;

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

pub fn xz(bytes: &[u8]) -> Vec<u8> {
    by_tool("xz", bytes)
}

pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    by_tool("bzip2", bytes)
}

fn by_tool(tool: &str, bytes: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    std::fs::write(&path, bytes).unwrap();
    let done = std::process::Command::new(tool).arg("-c").arg(&path).output().unwrap();
    assert!(done.status.success(), "{tool}: {done:?}");
    done.stdout
}
