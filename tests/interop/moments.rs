//! Moments at which programs are killed: chosen by a number that is printed, and the same ones with `OCIREG_TEST_SEED`.

use std::process::Child;
use std::time::Duration;

use super::noise;

/// How often; `make torture` asks for more. Each test that asks shows its moments, of which only a failed one's are seen.
pub fn rounds(usual: u64) -> u64 {
    println!("OCIREG_TEST_SEED={}", seed());
    std::env::var("OCIREG_TEST_KILLS").map_or(usual, |text| text.parse().unwrap())
}

/// Another one in each run, unless it is given.
fn seed() -> u64 {
    static CHOSEN: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        std::env::var("OCIREG_TEST_SEED").map_or(u64::from(now.subsec_nanos()), |text| text.parse().unwrap())
    })
}

/// Kills a process after a time that differs each round, up to a little more than a whole run takes.
pub fn kill_one(mut child: Child, round: u64, whole: Duration) {
    // Far apart for neighbouring rounds.
    let bytes = noise(4, seed().wrapping_add(round).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let part = f64::from(u16::from_le_bytes([bytes[2], bytes[3]])) / f64::from(u16::MAX);
    std::thread::sleep(whole.mul_f64(part * 1.07));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Some were killed early, some late, some in between.
pub fn expect_all_sorts(amounts: &[u64], total: u64) {
    let between = amounts.iter().filter(|amount| (1..total).contains(amount)).count();
    assert!(between * 10 >= amounts.len(), "only {between} of {} were killed on the way: {amounts:?}", amounts.len());
}
