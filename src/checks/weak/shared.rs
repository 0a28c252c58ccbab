//! Shared primes: two keys that have one prime in common give each other away by their greatest common divisor. A batch is
//! searched at once, in nearly linear time and by all processors, by a product tree and a scaled remainder tree (Bernstein 2004;
//! Heninger and others 2012).

use std::collections::HashMap;

use dashu_int::UBig;
use dashu_int::ops::{BitTest, Gcd};

use crate::finding::rules;
use crate::threads::{each, processors};

/// Two keys of the batch, by their places in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The one that is told.
    pub key: usize,
    /// One of those that share a prime with it.
    pub with: usize,
}

/// The moduli (big-endian octets) that have a prime in common with another one. The same modulus twice is the same key twice, as
/// in a key and its certificate, and is nothing to tell.
pub fn shared_primes(moduli: &[&[u8]]) -> Vec<Shared> {
    let mut first = HashMap::new();
    for (at, octets) in moduli.iter().enumerate() {
        first.entry(UBig::from_be_bytes(octets)).or_insert(at);
    }
    let mut places: Vec<(usize, UBig)> =
        first.into_iter().map(|(n, at)| (at, n)).filter(|(_, n)| !n.is_zero()).collect();
    places.sort_by_key(|(at, _)| *at);
    let numbers: Vec<UBig> = places.iter().map(|(_, n)| n.clone()).collect();
    let common = common_factors(&numbers);
    let weak: Vec<(usize, &UBig, &UBig)> =
        places.iter().zip(&common).filter(|(_, factor)| !factor.is_one()).map(|((at, n), f)| (*at, n, f)).collect();
    // Two keys with one prime in common have the same factor; only one that shares both its primes has to be looked for.
    let mut by_factor: HashMap<&UBig, Vec<usize>> = HashMap::new();
    weak.iter().for_each(|(at, _, factor)| by_factor.entry(factor).or_default().push(*at));
    let partner = |(at, n, factor): &(usize, &UBig, &UBig)| {
        let same = by_factor.get(factor).and_then(|keys| keys.iter().find(|key| *key != at));
        let any = || weak.iter().find(|(other, m, _)| other != at && !n.gcd(*m).is_one()).map(|(other, ..)| other);
        Some(Shared { key: *at, with: *same.or_else(any)? })
    };
    let mut found: Vec<Shared> = weak.iter().filter_map(partner).collect();
    // The same key in other files is as weak.
    let told: HashMap<&UBig, usize> =
        found.iter().filter_map(|s| Some((&places.iter().find(|p| p.0 == s.key)?.1, s.with))).collect();
    let again = moduli.iter().enumerate().filter(|(at, _)| !found.iter().any(|s| s.key == *at));
    let again: Vec<Shared> = again
        .filter_map(|(key, octets)| Some(Shared { key, with: *told.get(&UBig::from_be_bytes(octets))? }))
        .collect();
    found.extend(again);
    found.sort_by_key(|shared| shared.key);
    found
}

/// How many numbers make a leaf of the trees: below this, dividing by each is cheaper than one more level, and takes no memory.
const LEAF: usize = 16;

/// So many bits are worth the start of a thread: some thousand keys.
const MANY_BITS: usize = 1 << 21;

/// How much more precise a fraction is than the product it belongs to. Its error at most doubles with each level of the tree and
/// grows by one, so this serves for as many numbers as a machine can hold.
const GUARD_BITS: usize = 64;

/// For each number: what it has in common with the product of the others.
///
/// That is its common factor with the sum S of P / n over all of them, P being the product of all: every other summand has the
/// number as a factor. S modulo each number comes from the fraction S / P, computed once: that fraction times the siblings on the
/// way down is, without what is before the point, the fraction of each node (Bernstein, Scaled remainder trees, 2004). So no
/// square is made, and nothing large is divided but once.
fn common_factors(numbers: &[UBig]) -> Vec<UBig> {
    let threads = worth(numbers);
    let leaves: Vec<&[UBig]> = numbers.chunks(LEAF).collect();
    let (products, mut sums): (Vec<UBig>, Vec<UBig>) = leaves.iter().map(|leaf| product_and_sum(leaf)).unzip();
    let mut levels = tree_with(threads, products, |products| {
        let pairs: Vec<_> = products.chunks(2).zip(sums.chunks(2)).collect();
        sums = each(threads, &pairs, |(products, sums)| sum_of_both(products, sums));
    });
    let mut nodes = levels.pop().unwrap_or_default();
    let root = nodes.iter().zip(&sums);
    let mut fractions: Vec<UBig> =
        root.map(|(product, sum)| ((sum % product) << precision(product)) / product).collect();
    while let Some(children) = levels.pop() {
        let places: Vec<usize> = (0..children.len()).collect();
        let fraction = |at: &usize| child(&children, *at, &nodes[at / 2], &fractions[at / 2]);
        fractions = each(threads, &places, fraction);
        nodes = children;
    }
    // A fraction is never above the true one, and by less than one unit of the remainder below it.
    let remainder = |(product, fraction): (&UBig, UBig)| {
        let exact = precision(product);
        (fraction * product + ((UBig::ONE << exact) - UBig::ONE)) >> exact
    };
    let remainders = nodes.iter().zip(fractions).map(remainder);
    leaves.iter().zip(remainders).flat_map(|(leaf, rest)| leaf.iter().map(move |n| (&rest % n).gcd(n))).collect()
}

/// The product of a few numbers, and the sum of what the product is without each of them.
fn product_and_sum(numbers: &[UBig]) -> (UBig, UBig) {
    numbers.iter().fold((UBig::ONE, UBig::ZERO), |(product, sum), n| (&product * n, sum * n + product))
}

/// The sum of two nodes, or of the last one without a sibling.
fn sum_of_both(products: &[UBig], sums: &[UBig]) -> UBig {
    match (products, sums) {
        ([left, right], [left_sum, right_sum]) => left_sum * right + right_sum * left,
        _ => sums[0].clone(),
    }
}

/// The fraction of a node from its parent's, as an integer in units of 2^-precision.
fn child(children: &[UBig], at: usize, parent: &UBig, fraction: &UBig) -> UBig {
    let Some(sibling) = children.get(at ^ 1) else { return fraction.clone() };
    let (from, to) = (precision(parent), precision(&children[at]));
    let mut own = fraction * sibling;
    own.clear_high_bits(from);
    own >> (from - to)
}

/// How many threads a batch is worth.
fn worth(numbers: &[UBig]) -> usize {
    if numbers.iter().map(BitTest::bit_len).sum::<usize>() < MANY_BITS { 1 } else { processors() }
}

fn precision(product: &UBig) -> usize {
    product.bit_len() + GUARD_BITS
}

/// The product of them all.
pub(super) fn product(numbers: Vec<UBig>) -> UBig {
    tree_with(worth(&numbers), numbers, |_| ()).pop().and_then(|mut root| root.pop()).unwrap_or(UBig::ONE)
}

/// The numbers, their products by twos, and so on to the product of all; each level but the last is shown before the next is made.
fn tree_with(threads: usize, numbers: Vec<UBig>, mut show: impl FnMut(&[UBig])) -> Vec<Vec<UBig>> {
    let mut levels = vec![numbers];
    while let Some(last) = levels.last().filter(|level| level.len() > 1) {
        show(last);
        let pairs: Vec<&[UBig]> = last.chunks(2).collect();
        let next = each(threads, &pairs, |pair| pair[1..].iter().fold(pair[0].clone(), |a, b| a * b));
        levels.push(next);
    }
    levels
}

rules! {
    /// Another key has the same prime.
    WEAK_SHARED_PRIME = Error "weak-shared-prime" {
        summary: "two RSA keys have a prime in common: anybody who sees both can compute both private keys",
        help: "make new keys on a machine with enough entropy, for both",
        source: "Heninger and others, Mining your Ps and Qs (USENIX Security 2012)",
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy;

    use super::*;

    #[test]
    fn exactly_those_that_share_are_found() {
        // 101, 103, … are the primes of "keys": the second and the fourth share 107, the last is the first again.
        let moduli: Vec<Vec<u8>> = [101u32 * 103, 107 * 109, 113 * 127, 107 * 131, 137 * 139, 101 * 103]
            .map(|n| n.to_be_bytes().to_vec())
            .into();
        let slices: Vec<&[u8]> = moduli.iter().map(Vec::as_slice).collect();
        assert_eq!(shared_primes(&slices), [Shared { key: 1, with: 3 }, Shared { key: 3, with: 1 }]);
        for few in 0..2 {
            assert!(shared_primes(&slices[..few]).is_empty());
        }
    }

    /// Enough for several levels, with and without a node that has no sibling.
    fn batch() -> impl proptest::strategy::Strategy<Value = Vec<UBig>> {
        proptest::collection::vec(1u128.., 0..20 * LEAF)
            .prop_map(|numbers| numbers.into_iter().map(UBig::from).collect())
    }

    proptest::proptest! {
        #[test]
        fn each_is_compared_with_the_product_of_the_others(numbers in batch()) {
            let without = |at: usize| numbers.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, n)| n.clone()).collect();
            let expected: Vec<UBig> = (0..numbers.len()).map(|at| (&numbers[at]).gcd(product(without(at)))).collect();
            proptest::prop_assert_eq!(common_factors(&numbers), expected);
        }

        #[test]
        fn it_agrees_with_every_pair(numbers in proptest::collection::vec(2u32..4000, 0..40)) {
            let octets: Vec<[u8; 4]> = numbers.iter().map(|n| n.to_be_bytes()).collect();
            let slices: Vec<&[u8]> = octets.iter().map(|o| o.as_slice()).collect();
            let gcd = |a: u32, b: u32| UBig::from(a).gcd(UBig::from(b));
            let expected: Vec<usize> = (0..numbers.len())
                .filter(|at| numbers.iter().any(|other| *other != numbers[*at] && !gcd(*other, numbers[*at]).is_one()))
                .collect();
            let found: Vec<usize> = shared_primes(&slices).iter().map(|s| s.key).collect();
            proptest::prop_assert_eq!(found, expected);
        }
    }
}
