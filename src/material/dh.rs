//! Diffie-Hellman parameters (PKCS#3, X9.42) and the named groups of RFC 7919. The groups are computed from the formula that
//! defines them, so there is no table of digits that would have to be believed; other groups are known by fingerprint.

mod known;

pub use known::Known;

use super::der::{self, DerError, tag};

/// Parameters: a prime and a generator, as big-endian octets without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhParams {
    /// The prime modulus.
    pub p: Vec<u8>,
    /// The generator.
    pub g: Vec<u8>,
    /// The order of the generator, where X9.42 tells it.
    pub q: Option<Vec<u8>>,
}

impl DhParams {
    /// From the DER of a PKCS#3 DHParameter or of X9.42 DomainParameters (RFC 3279, 2.3.3). What may follow besides q (a length
    /// there; j and a seed here) changes nothing in p and g and is left out.
    pub fn from_der(bytes: &[u8]) -> Result<DhParams, DerError> {
        let mut inside = der::whole(bytes, tag::SEQUENCE)?;
        let offset = inside.offset();
        let mut params = DhParams { p: inside.unsigned()?.to_vec(), g: inside.unsigned()?.to_vec(), q: None };
        if params.p.is_empty() {
            return Err(DerError { what: "a modulus of zero", offset });
        }
        if inside.peek() == Some(tag::INTEGER) {
            // A length of the private value, which is a small number, or q, which is a large one.
            let third = inside.unsigned()?;
            params.q = (third.len() > 4).then(|| third.to_vec());
        }
        inside.optional(tag::INTEGER)?;
        inside.optional(tag::SEQUENCE)?;
        inside.end()?;
        Ok(params)
    }

    /// The DER of a DHParameter without a length.
    pub fn to_der(&self) -> Vec<u8> {
        der::sequence(&[&der::unsigned(&self.p), &der::unsigned(&self.g)])
    }

    /// A PEM block `DH PARAMETERS`.
    pub fn to_pem(&self) -> String {
        super::pem::encode("DH PARAMETERS", &self.to_der())
    }

    /// Bits of the prime.
    pub fn bits(&self) -> usize {
        self.p.first().map_or(0, |first| self.p.len() * 8 - first.leading_zeros() as usize)
    }

    /// The named group that these are.
    pub fn group(&self) -> Option<Group> {
        let same = |group: &DhParams| group.p == self.p && group.g == self.g;
        Group::ALL.into_iter().find(|group| group.bits() == self.bits() && same(&group.params()))
    }

    /// What else the prime is known as.
    pub fn known(&self) -> Option<&'static Known> {
        known::of(&self.p)
    }
}

/// The finite field groups of RFC 7919, appendix A.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// 2048 bits.
    Ffdhe2048,
    /// 3072 bits.
    Ffdhe3072,
    /// 4096 bits.
    Ffdhe4096,
    /// 6144 bits.
    Ffdhe6144,
    /// 8192 bits.
    Ffdhe8192,
}

impl Group {
    /// Smallest first.
    pub const ALL: [Group; 5] =
        [Group::Ffdhe2048, Group::Ffdhe3072, Group::Ffdhe4096, Group::Ffdhe6144, Group::Ffdhe8192];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Group::Ffdhe2048 => "ffdhe2048",
            Group::Ffdhe3072 => "ffdhe3072",
            Group::Ffdhe4096 => "ffdhe4096",
            Group::Ffdhe6144 => "ffdhe6144",
            Group::Ffdhe8192 => "ffdhe8192",
        }
    }

    /// Bits of the prime.
    pub fn bits(self) -> usize {
        self.formula().0
    }

    /// p = 2^b - 2^(b-64) + (floor(2^(b-130) * e) + X) * 2^64 - 1, and g = 2. In words of 64 bits: the highest and the lowest
    /// are all ones, and between them stands floor(2^(b-130) * e) + X - 1.
    pub fn params(self) -> DhParams {
        let (bits, x) = self.formula();
        let mut middle = digits_of_e(bits / 64);
        add(&mut middle, x - 1);
        let words = std::iter::once(u64::MAX).chain(middle).chain(std::iter::once(u64::MAX));
        DhParams { p: words.flat_map(u64::to_be_bytes).collect(), g: vec![2], q: None }
    }

    /// b and X: the smallest offset that makes p a safe prime.
    fn formula(self) -> (usize, u64) {
        match self {
            Group::Ffdhe2048 => (2048, 560_316),
            Group::Ffdhe3072 => (3072, 2_625_351),
            Group::Ffdhe4096 => (4096, 5_736_041),
            Group::Ffdhe6144 => (6144, 15_705_020),
            Group::Ffdhe8192 => (8192, 10_965_728),
        }
    }
}

/// floor(2^(64 * words - 130) * e) in `words - 2` words, highest first. The sum of 1 / k! is kept in fixed point, one word for
/// the whole part and `words - 1` for the fraction; 66 bits more than are wanted, so rounding cannot be felt.
fn digits_of_e(words: usize) -> Vec<u64> {
    let mut term = vec![0; words];
    term[0] = 1;
    let mut sum = term.clone();
    for k in 1.. {
        divide(&mut term, k);
        if term.iter().all(|word| *word == 0) {
            break;
        }
        let mut carry = false;
        for (digit, addend) in sum.iter_mut().zip(&term).rev() {
            let (partly, first) = digit.overflowing_add(*addend);
            let (whole, second) = partly.overflowing_add(u64::from(carry));
            (*digit, carry) = (whole, first || second);
        }
    }
    // Dropping the last word takes off 64 bits, shifting by two the rest of the 66; the whole part, 2, shifts away.
    sum.windows(2).take(words - 2).map(|pair| pair[0] << 62 | pair[1] >> 2).collect()
}

fn divide(number: &mut [u64], by: u64) {
    let mut remainder: u128 = 0;
    for word in number {
        let dividend = remainder << 64 | u128::from(*word);
        *word = (dividend / u128::from(by)) as u64;
        remainder = dividend % u128::from(by);
    }
}

fn add(number: &mut [u64], mut addend: u64) {
    for word in number.iter_mut().rev() {
        let (sum, carry) = word.overflowing_add(addend);
        *word = sum;
        addend = u64::from(carry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_recognised_and_its_neighbour_is_not() {
        for group in Group::ALL {
            let mut params = group.params();
            assert_eq!(params.bits(), group.bits());
            assert_eq!(params.group(), Some(group));
            assert_eq!(DhParams::from_der(&params.to_der()), Ok(params.clone()));
            params.g = vec![5];
            assert_eq!(params.group(), None);
        }
    }

    #[test]
    fn the_digits_are_those_of_rfc_7919() {
        let p = Group::Ffdhe2048.params().p;
        assert_eq!(crate::crypto::hex(&p[..24]), "ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1");
        assert_eq!(crate::crypto::hex(&p[240..]), "886b423861285c97ffffffffffffffff");
    }
}
