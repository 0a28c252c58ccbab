//! Modular arithmetic in columns, the one text that both vector kernels are made from.
//!
//! A number is cut into limbs of `radix` bits, and limb k of several numbers stands in one vector: each lane computes modulo a
//! number of its own. Products are summed up in columns of 64 bits; a carry is taken out of a column only when it is retired.
//! What holds throughout, with R = 2^(radix * limbs) and modulus n, in every lane:
//!
//! - The limbs of n and of every x that goes in or comes out are below 2^radix (a product reads no more of them).
//! - R > 64n, and x < 4n. Then x * y / R + n < 16n * n / 64n + n < 2n, and twice that is below 4n again: nothing is ever
//!   subtracted between two steps, and doubling is a shift.
//! - A column gets at most two halves of products for each limb from x * y and two from the reduction, each below
//!   2^radix (avx512ifma), or one whole product each, below 2^(2 radix) (avx2): `Form::new` sees to it that the sum fits 64 bits.
//!
//! Work is done in tiles of B by B products that stay in registers. Each step is written out by `unroll!`: with an index that
//! is known only at run time the compiler keeps the columns in memory, which takes twice the time.

/// Repeats a block with a constant in place of the counter.
macro_rules! unroll {
    ($i:ident in [$($n:literal)*] $body:block) => { $({ const $i: usize = $n; $body })* };
}

/// What both kernels do to a lane by one intrinsic each, from the intrinsic's name. The limb's alignment is its vector's size.
macro_rules! lane_operations {
    (
        $features:literal, load $load:ident, store $store:ident, zero $zero:ident, splat $splat:ident, add $add:ident,
        and $and:ident, shift_right $right:ident, shift_left $left:ident
    ) => {
        #[inline]
        #[target_feature(enable = $features)]
        #[allow(unsafe_code)]
        fn load(limb: &Limb) -> V {
            const { assert!(size_of::<Limb>() == size_of::<V>() && align_of::<Limb>() == align_of::<V>()) };
            // SAFETY: a reference to as many octets as a vector has, aligned as it is by the type.
            unsafe { $load(std::ptr::from_ref(limb).cast()) }
        }

        #[inline]
        #[target_feature(enable = $features)]
        #[allow(unsafe_code)]
        fn store(limb: &mut Limb, value: V) {
            // SAFETY: as for `load`, and nothing else holds the reference.
            unsafe { $store(std::ptr::from_mut(limb).cast(), value) }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn zero() -> V {
            $zero()
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn splat(value: u64) -> V {
            $splat(value.cast_signed())
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn add(a: V, b: V) -> V {
            $add(a, b)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn and(a: V, b: V) -> V {
            $and(a, b)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn shift_right(a: V, bits: V) -> V {
            $right(a, bits)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn shift_left(a: V, bits: V) -> V {
            $left(a, bits)
        }
    };
}

/// The functions of a kernel, in terms of its `Limb`, `V` and `B`, and of `load`, `store`, `zero`, `splat`, `add`, `and`,
/// `shift_right`, `shift_left`, `product` and `digit`. The list counts from 0 to B - 1.
macro_rules! column_kernel {
    ($features:literal, $list:tt) => {
        /// columns += x * y, for B limbs of x and a multiple of B limbs of y.
        #[target_feature(enable = $features)]
        fn rows(columns: &mut [Limb], x: &[Limb], y: &[Limb]) {
            let mut tile = [zero(); 2 * B];
            let mut factor = [zero(); B];
            unroll!(I in $list { tile[I] = load(&columns[I]); factor[I] = load(&x[I]); });
            let mut at = 0;
            for y in y.chunks_exact(B) {
                let columns = &mut columns[at..at + 2 * B];
                unroll!(I in $list { tile[B + I] = load(&columns[B + I]); });
                unroll!(J in $list {
                    let y = load(&y[J]);
                    unroll!(I in $list {
                        (tile[I + J], tile[I + J + 1]) = product(tile[I + J], tile[I + J + 1], factor[I], y);
                    });
                    store(&mut columns[J], tile[J]);
                });
                unroll!(I in $list { tile[I] = tile[B + I]; });
                at += B;
            }
            let columns = &mut columns[at..at + B];
            unroll!(I in $list { store(&mut columns[I], tile[I]); });
        }

        /// columns = 2 * columns + x * x, for B limbs of x and the 2B columns that only they meet in.
        #[target_feature(enable = $features)]
        fn diagonal(columns: &mut [Limb], x: &[Limb]) {
            let (columns, x) = (&mut columns[..2 * B], &x[..B]);
            let mut tile = [zero(); 2 * B];
            unroll!(I in $list { tile[I] = load(&columns[I]); tile[B + I] = load(&columns[B + I]); });
            unroll!(I in $list { unroll!(J in $list {
                if I < J {
                    (tile[I + J], tile[I + J + 1]) = product(tile[I + J], tile[I + J + 1], load(&x[I]), load(&x[J]));
                }
            }); });
            unroll!(I in $list {
                let (low, high) = (add(tile[2 * I], tile[2 * I]), add(tile[2 * I + 1], tile[2 * I + 1]));
                let (low, high) = product(low, high, load(&x[I]), load(&x[I]));
                store(&mut columns[2 * I], low);
                store(&mut columns[2 * I + 1], high);
            });
        }

        /// Makes the lowest B columns zero by adding multiples of n's lowest B limbs; the multiples are the next B limbs of
        /// Montgomery's quotient.
        #[target_feature(enable = $features)]
        fn quotient(columns: &mut [Limb], modulus: &Modulus<Limb>) -> [Limb; B] {
            let (columns, n) = (&mut columns[..2 * B], &modulus.n[..B]);
            let (inverse, radix, mask) = (load(&modulus.inverse), splat(modulus.radix()), splat(modulus.mask()));
            let mut quotient = [Limb::default(); B];
            let mut tile = [zero(); 2 * B];
            unroll!(I in $list { tile[I] = load(&columns[I]); tile[B + I] = load(&columns[B + I]); });
            unroll!(J in $list {
                let q = digit(tile[J], inverse, mask);
                unroll!(I in $list {
                    (tile[I + J], tile[I + J + 1]) = product(tile[I + J], tile[I + J + 1], load(&n[I]), q);
                });
                tile[J + 1] = add(tile[J + 1], shift_right(tile[J], radix));
                store(&mut quotient[J], q);
                store(&mut columns[B + J], tile[B + J]);
            });
            // The last steps have added to columns that were stored before.
            unroll!(I in $list { store(&mut columns[B + I], tile[B + I]); });
            quotient
        }

        /// x = 2^double * columns / R, with full carries. The columns are spent.
        #[target_feature(enable = $features)]
        fn reduce(columns: &mut [Limb], modulus: &Modulus<Limb>, x: &mut [Limb], double: &Limb) {
            let limbs = modulus.n.len();
            for low in (0..limbs).step_by(B) {
                let quotient = quotient(&mut columns[low..], modulus);
                rows(&mut columns[low + B..], &quotient, &modulus.n[B..]);
            }
            let (double, radix, mask) = (load(double), splat(modulus.radix()), splat(modulus.mask()));
            let (mut carry, mut over) = (zero(), zero());
            for (column, limb) in columns[limbs..].iter().zip(x) {
                let sum = add(load(column), carry);
                carry = shift_right(sum, radix);
                // A column is too full to be doubled; a limb is not.
                let twice = add(shift_left(and(sum, mask), double), over);
                over = shift_right(twice, radix);
                store(limb, and(twice, mask));
            }
        }

        /// x = 2^double * x * x / R.
        #[target_feature(enable = $features)]
        fn square(modulus: &Modulus<Limb>, x: &mut [Limb], double: &Limb, columns: &mut [Limb]) {
            columns.fill(Limb::default());
            for at in (B..x.len()).step_by(B) {
                rows(&mut columns[2 * at - B..], &x[at - B..at], &x[at..]);
            }
            for at in (0..x.len()).step_by(B) {
                diagonal(&mut columns[2 * at..], &x[at..at + B]);
            }
            reduce(columns, modulus, x, double);
        }

        /// x = x * y / R.
        #[target_feature(enable = $features)]
        fn multiply(modulus: &Modulus<Limb>, x: &mut [Limb], y: &[Limb], columns: &mut [Limb]) {
            columns.fill(Limb::default());
            for at in (0..x.len()).step_by(B) {
                rows(&mut columns[at..], &x[at..at + B], y);
            }
            reduce(columns, modulus, x, &Limb::default());
        }
    };
}

pub(super) use {column_kernel, lane_operations, unroll};
