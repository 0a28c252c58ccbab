//! The small primes, a segment at a time, so that threads can share the work and no list of millions is kept.

/// The odd primes below a bound.
pub(super) struct Small {
    bound: u32,
    /// The odd primes up to its root.
    base: Vec<u32>,
}

impl Small {
    /// Gets ready.
    pub(super) fn below(bound: u32) -> Small {
        let root = bound.isqrt();
        let prime = |n: &u32| (3..).step_by(2).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
        Small { bound, base: (3..=root).step_by(2).filter(prime).collect() }
    }

    /// The odd primes of the segment with this number, ascending; none behind the last segment.
    pub(super) fn segment(&self, number: u32) -> Vec<u32> {
        // Entry i stands for first + 2i.
        let first = u64::from(number) * 2 * SEGMENT as u64 + 1;
        let bound = u64::from(self.bound);
        let mut composite = vec![false; (bound.saturating_sub(first).div_ceil(2) as usize).min(SEGMENT)];
        if number == 0 {
            composite.iter_mut().take(1).for_each(|one| *one = true);
        }
        for r in self.base.iter().map(|r| u64::from(*r)) {
            // The first odd multiple from r * r on that is not below the segment.
            let from = (r * r).max(first.next_multiple_of(r));
            let from = if from.is_multiple_of(2) { from + r } else { from };
            composite.iter_mut().skip(((from - first) / 2) as usize).step_by(r as usize).for_each(|c| *c = true);
        }
        let primes = composite.iter().zip((first..).step_by(2)).filter(|(composite, _)| !**composite);
        primes.map(|(_, prime)| prime as u32).collect()
    }
}

/// Odd numbers in a segment: what the first-level cache holds.
const SEGMENT: usize = 1 << 15;

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
