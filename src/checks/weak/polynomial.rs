//! Primes from half-filled words: a generator that puts 16 random bits in each word of 32 or 128 makes p and q, and so their
//! product, polynomials with small coefficients. The same bits of every word of the modulus are then zero. With at least ten
//! words and eight bits the chance that a random modulus looks so is below 2^-70.

use super::Rsa;
use crate::finding::rules;

/// Bits of the words that are tried.
const WIDTHS: [usize; 4] = [32, 64, 128, 256];
/// Bits side by side that must be zero in every word.
const ZEROS: usize = 8;
/// Fewer words say nothing.
const WORDS: usize = 10;

pub(super) fn look(key: &Rsa) -> Option<String> {
    let octets = key.n.to_le_bytes();
    let width = WIDTHS.into_iter().find(|width| sparse(&octets, width / 8))?;
    Some(format!(
        "the same bits of all its words of {width} bits are zero: its primes were made of words that were not filled"
    ))
}

/// Is there a run of bits that is zero in every word but the lowest, where the search for a prime ended, and the highest?
fn sparse(octets: &[u8], word: usize) -> bool {
    let words = octets.len() / word;
    if words < WORDS {
        return false;
    }
    let inner = || octets.chunks(word).skip(1).take(words.saturating_sub(2));
    let used: Vec<bool> = (0..word * 8).map(|bit| inner().any(|w| w[bit / 8] >> (bit % 8) & 1 == 1)).collect();
    used.windows(ZEROS).any(|run| run.iter().all(|used| !used))
}

rules! {
    /// Sparse words.
    WEAK_POLYNOMIAL = Error "weak-polynomial-primes" {
        summary: "the primes of an RSA key were made of words that were filled by halves: they can be found",
        help: "make a new key with another program, and have the certificate issued anew",
        source: "CompleteFTP's keys (CVE-2024, Boeck): polynomials with small coefficients are factored over the integers",
    }
}
