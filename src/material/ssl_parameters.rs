//! Dovecot 2.2's `ssl-parameters.dat`: records of a prime's bits, a length and that many octets of PKCS#3, ended by a zero. The
//! numbers have 32 bits in the byte order of the machine that wrote them; there is no magic and no version.

use super::dh::DhParams;

/// One set of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Bits that were asked for.
    pub bits: u32,
    /// The parameters.
    pub params: DhParams,
}

/// What Dovecot would not read either, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not such a file at all.
    Foreign,
    /// Ends within the record that begins at this octet.
    Truncated(usize),
    /// The zero at the end is missing.
    Unterminated,
    /// There are two records of so many bits.
    Duplicated(u32),
    /// So many octets follow the zero at the end.
    Trailing(usize),
    /// The record at this octet does not hold parameters of the size that it says.
    Damaged(usize),
}

/// The records of a file, in order.
pub fn read(bytes: &[u8]) -> Result<Vec<Record>, Fault> {
    // A first record that starts with a SEQUENCE and has the bits of a modulus, in one order or the other.
    let plausible = |order: &fn([u8; 4]) -> u32| {
        let bits = number(bytes, 0, *order);
        bits.is_some_and(|bits| (1..=MAX_BITS).contains(&bits)) && bytes.get(8).is_none_or(|tag| *tag == SEQUENCE)
    };
    let orders: [fn([u8; 4]) -> u32; 2] = [u32::from_le_bytes, u32::from_be_bytes];
    // Of a cut number nobody can say what it was, and what is too long was never read.
    let order = orders.into_iter().find(plausible).filter(|_| bytes.len() <= MAX_FILE).ok_or(Fault::Foreign)?;
    let mut records: Vec<Record> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let bits = number(bytes, at, order).ok_or(Fault::Truncated(at))?;
        if bits == 0 {
            let trailing = bytes.len() - at - 4;
            return if trailing == 0 { Ok(records) } else { Err(Fault::Trailing(trailing)) };
        }
        let length = number(bytes, at + 4, order).ok_or(Fault::Truncated(at))? as usize;
        let der = bytes[at + 8..].get(..length).ok_or(Fault::Truncated(at))?;
        let params = DhParams::from_der(der).map_err(|_| Fault::Damaged(at))?;
        if params.bits() != bits as usize {
            return Err(Fault::Damaged(at));
        }
        if records.iter().any(|record| record.bits == bits) {
            return Err(Fault::Duplicated(bits));
        }
        records.push(Record { bits, params });
        at += 8 + length;
    }
    Err(Fault::Unterminated)
}

fn number(bytes: &[u8], at: usize, order: fn([u8; 4]) -> u32) -> Option<u32> {
    Some(order(*bytes.get(at..)?.first_chunk()?))
}

/// Dovecot reads no larger file.
const MAX_FILE: usize = 1 << 20;

/// More than anybody has asked Dovecot for, and less than the other byte order makes of 512.
const MAX_BITS: u32 = 65_535;

/// The tag that PKCS#3 parameters begin with.
const SEQUENCE: u8 = super::der::tag::SEQUENCE;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::material::dh::Group;

    fn record(bits: u32, order: fn(u32) -> [u8; 4]) -> Vec<u8> {
        let der = Group::Ffdhe2048.params().to_der();
        [&order(bits)[..], &order(der.len() as u32), &der].concat()
    }

    #[test]
    fn both_byte_orders_are_read_and_faults_are_told_apart() {
        let orders: [fn(u32) -> [u8; 4]; 2] = [u32::to_le_bytes, u32::to_be_bytes];
        for order in orders {
            let one = record(2048, order);
            let whole = [&one[..], &[0; 4]].concat();
            assert_eq!(read(&whole), Ok(vec![Record { bits: 2048, params: Group::Ffdhe2048.params() }]));
            assert_eq!(read(&one), Err(Fault::Unterminated));
            for cut in 4..one.len() {
                assert_eq!(read(&one[..cut]), Err(Fault::Truncated(0)), "{cut}");
            }
            assert_eq!(read(&[&whole[..], b"x"].concat()), Err(Fault::Trailing(1)));
            assert_eq!(read(&[&one[..], &whole].concat()), Err(Fault::Duplicated(2048)));
            assert_eq!(read(&[&record(1024, order)[..], &[0; 4]].concat()), Err(Fault::Damaged(0)));
            assert_eq!(read(&[&one[..], &[0; 2]].concat()), Err(Fault::Truncated(one.len())));
        }
        for foreign in [&b""[..], b"abc", b"-----BEGIN DH PARAMETERS-----\n", &[0; 4], &[0x30, 0x82, 1, 8, 2]] {
            assert_eq!(read(foreign), Err(Fault::Foreign));
        }
    }
}
