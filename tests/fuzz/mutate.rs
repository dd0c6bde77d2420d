//! Changes of seeds, at random but the same for the same number.

pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64, name: &str) -> Dice {
        let mixed = name
            .bytes()
            .fold(seed ^ 0x9e37_79b9_7f4a_7c15, |all, byte| (all ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        Dice(mixed | 1)
    }

    pub fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 16) % below.max(1) as u64) as usize
    }
}

/// What parsers count, end at, or look for.
const PIECES: [&[u8]; 34] = [
    b"\"",
    b"\\",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"/",
    b"..",
    b"@",
    b"%",
    b" ",
    b"\t",
    b"\0",
    b"\xff",
    b"\xe2\x80\xae",
    b"=",
    b";",
    b"<",
    b">",
    b"://",
    b"-1",
    b"0",
    b"18446744073709551615",
    b"9223372036854775807",
    b"null",
    b"\\u0000",
    b"*",
    b"&a [*a]",
    b"sha256:",
    b"\x1b[2J",
];

/// A seed, or parts of two, with some changes.
pub fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut all = seeds[dice.roll(seeds.len())].clone();
    if dice.roll(8) == 0 {
        let other = &seeds[dice.roll(seeds.len())];
        all.truncate(dice.roll(all.len() + 1));
        all.extend(&other[dice.roll(other.len() + 1)..]);
    }
    for _ in 0..=dice.roll(4) {
        let (from, to) = (dice.roll(all.len() + 1), dice.roll(all.len() + 1));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 64));
        match dice.roll(8) {
            0 => drop(all.drain(from..to)),
            1 => drop(all.splice(from..from, all[from..to].to_vec())),
            2 | 3 if from < all.len() => all[from] = dice.roll(256) as u8,
            4 if from < all.len() => all[from] ^= 1 << dice.roll(8),
            5 if dice.roll(4) == 0 => all.truncate(to),
            _ => drop(all.splice(from..from, PIECES[dice.roll(PIECES.len())].iter().copied())),
        }
    }
    all.truncate(1 << 16);
    all
}
