//! The small primes, a segment at a time, so that threads can share the work and no list of millions is kept.

/// The odd primes below a bound.
pub(super) struct Small {
    bound: u32,
    /// The primes from 7 up to its root.
    base: Vec<u64>,
}

impl Small {
    /// Gets ready.
    pub(super) fn below(bound: u32) -> Small {
        let root = u64::from(bound.isqrt());
        let prime = |n: &u64| (3..).step_by(2).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
        Small { bound, base: (7..=root).step_by(2).filter(prime).collect() }
    }

    /// The odd primes of the segment with this number, ascending; none behind the last segment.
    pub(super) fn segment(&self, number: u32) -> Vec<u32> {
        let bound = u64::from(self.bound);
        // Octet i stands for the numbers 30 * (first + i) + each of the classes, a bit for each.
        let first = u64::from(number) * SEGMENT as u64;
        let mut composite = vec![0_u8; (bound.saturating_sub(30 * first).div_ceil(30) as usize).min(SEGMENT)];
        for r in &self.base {
            // Multiples r * m from r * r on that are not below the segment; those of a class have their m in one, too.
            let least = (30 * first).div_ceil(*r).max(*r);
            for class in CLASSES {
                let multiple = r * (least + (30 + class - least % 30) % 30);
                let bit = CLASSES.iter().position(|class| multiple % 30 == *class).map_or(0, |class| 1 << class);
                let mut at = (multiple / 30 - first) as usize;
                while let Some(octet) = composite.get_mut(at) {
                    *octet |= bit;
                    at += *r as usize;
                }
            }
        }
        let mut primes = Vec::with_capacity(composite.len() * 4);
        if number == 0 {
            primes.extend([3, 5]);
            // 1 is no prime.
            composite.iter_mut().take(1).for_each(|octet| *octet |= 1);
        }
        for (octet, at) in composite.iter().zip((30 * first..).step_by(30)) {
            let mut left = !octet;
            while left != 0 {
                primes.push((at + CLASSES[left.trailing_zeros() as usize]) as u32);
                left &= left - 1;
            }
        }
        // The last octet may go beyond the bound.
        primes.truncate(primes.partition_point(|prime| *prime < self.bound));
        primes
    }
}

/// Modulo 30 every prime above 5 is one of these.
const CLASSES: [u64; 8] = [1, 7, 11, 13, 17, 19, 23, 29];

/// Octets in a segment: a fraction of the second-level cache, so that finding where a prime begins weighs little.
const SEGMENT: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_the_tables_say() {
        // pi(10^k), without the 2.
        for (bound, count) in [(3, 0), (4, 1), (10, 3), (1_000, 167), (65_537, 6_541), (1_000_000, 78_497)] {
            let small = Small::below(bound);
            let primes: Vec<u32> = (0..).map(|n| small.segment(n)).take_while(|s| !s.is_empty()).flatten().collect();
            assert_eq!(primes.len(), count, "{bound}");
            assert!(primes.is_sorted() && primes.iter().all(|r| r % 2 == 1));
        }
    }
}
