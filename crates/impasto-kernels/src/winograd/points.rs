//! The minimal filtering algorithms F(m, 3) of Winograd, in the form of Toom and Cook: a 3 point filter gives `m` results
//! from `m + 2` values by `m + 2` multiplications (Lavin and Gray 2016).

// Index loops over registers.
#![allow(clippy::needless_range_loop)]

use crate::lanes::Lanes;

/// One dimension of F(`M`, 3), with `N = M + 2`: `output(filter(w) * input(d))`. [`Pair`] has filters of two taps.
pub(crate) trait Points<const N: usize, const M: usize> {
    /// From a filter.
    fn filter<V: Lanes>(w: [V; 3]) -> [V; N];

    /// From `N` consecutive values.
    fn input<V: Lanes>(d: [V; N]) -> [V; N];

    /// From `N` products to `M` results.
    fn output<V: Lanes>(m: [V; N]) -> [V; M];

    /// The adjoint of [`Points::output`].
    fn spread<V: Lanes>(y: [V; M]) -> [V; N];

    /// The adjoint of [`Points::filter`].
    fn gather<V: Lanes>(u: [V; N]) -> [V; 3];
}

/// F(4, 3) with the points 0, ±3/4, ±3/2 and infinity: half the error of the usual 0, ±1, ±2 at the same cost.
pub(crate) struct Four;

const A: f32 = 0.75;
const B: f32 = 1.5;
const P: f32 = A * A;
const Q: f32 = B * B;
const FOR_A: f32 = 1.0 / (2.0 * P * (P - Q));
const FOR_B: f32 = 1.0 / (2.0 * Q * (Q - P));

impl Points<6, 4> for Four {
    #[inline(always)]
    fn filter<V: Lanes>(w: [V; 3]) -> [V; 6] {
        let [w0, w1, w2] = w;
        let even_a = w2.mul_add(V::splat(P * FOR_A), w0.times(V::splat(FOR_A)));
        let odd_a = w1.times(V::splat(A * FOR_A));
        let even_b = w2.mul_add(V::splat(Q * FOR_B), w0.times(V::splat(FOR_B)));
        let odd_b = w1.times(V::splat(B * FOR_B));
        let zero = w0.times(V::splat(1.0 / (P * Q)));
        [zero, even_a.plus(odd_a), even_a.minus(odd_a), even_b.plus(odd_b), even_b.minus(odd_b), w2]
    }

    #[inline(always)]
    fn input<V: Lanes>(d: [V; 6]) -> [V; 6] {
        let (p, q) = (V::splat(-P), V::splat(-Q));
        let (a, b) = (V::splat(A), V::splat(B));
        let (pq, both) = (V::splat(P * Q), V::splat(-(P + Q)));
        let even_a = q.mul_add(d[2], d[4]);
        let odd_a = q.mul_add(d[1], d[3]);
        let even_b = p.mul_add(d[2], d[4]);
        let odd_b = p.mul_add(d[1], d[3]);
        let minus = V::splat(-A);
        let minus_b = V::splat(-B);
        [
            pq.mul_add(d[0], both.mul_add(d[2], d[4])),
            a.mul_add(odd_a, even_a),
            minus.mul_add(odd_a, even_a),
            b.mul_add(odd_b, even_b),
            minus_b.mul_add(odd_b, even_b),
            pq.mul_add(d[1], both.mul_add(d[3], d[5])),
        ]
    }

    #[inline(always)]
    fn output<V: Lanes>(m: [V; 6]) -> [V; 4] {
        let (sum_a, difference_a) = (m[1].plus(m[2]), m[1].minus(m[2]));
        let (sum_b, difference_b) = (m[3].plus(m[4]), m[3].minus(m[4]));
        let (a, b) = (V::splat(A), V::splat(B));
        let (p, q) = (V::splat(P), V::splat(Q));
        let (cube_a, cube_b) = (V::splat(A * P), V::splat(B * Q));
        [
            m[0].plus(sum_a).plus(sum_b),
            a.mul_add(difference_a, b.times(difference_b)),
            p.mul_add(sum_a, q.times(sum_b)),
            cube_a.mul_add(difference_a, cube_b.mul_add(difference_b, m[5])),
        ]
    }

    #[inline(always)]
    fn spread<V: Lanes>(y: [V; 4]) -> [V; 6] {
        let (a, b) = (V::splat(A), V::splat(B));
        let (p, q) = (V::splat(P), V::splat(Q));
        let (cube_a, cube_b) = (V::splat(A * P), V::splat(B * Q));
        let (even_a, odd_a) = (p.mul_add(y[2], y[0]), a.mul_add(y[1], cube_a.times(y[3])));
        let (even_b, odd_b) = (q.mul_add(y[2], y[0]), b.mul_add(y[1], cube_b.times(y[3])));
        [y[0], even_a.plus(odd_a), even_a.minus(odd_a), even_b.plus(odd_b), even_b.minus(odd_b), y[3]]
    }

    #[inline(always)]
    fn gather<V: Lanes>(u: [V; 6]) -> [V; 3] {
        let (sum_a, difference_a) = (u[1].plus(u[2]), u[1].minus(u[2]));
        let (sum_b, difference_b) = (u[3].plus(u[4]), u[3].minus(u[4]));
        let (a, b) = (V::splat(FOR_A), V::splat(FOR_B));
        let zero = u[0].times(V::splat(1.0 / (P * Q)));
        [
            a.mul_add(sum_a, b.mul_add(sum_b, zero)),
            V::splat(A * FOR_A).mul_add(difference_a, V::splat(B * FOR_B).times(difference_b)),
            V::splat(P * FOR_A).mul_add(sum_a, V::splat(Q * FOR_B).mul_add(sum_b, u[5])),
        ]
    }
}

/// F(4, 2) with the points 0, ±3/4 and ±3/2: [`Four`] without infinity, at which filters have their last tap alone. That tap
/// is zero.
pub(crate) struct Pair;

impl Points<5, 4> for Pair {
    #[inline(always)]
    fn filter<V: Lanes>([w0, w1, _]: [V; 3]) -> [V; 5] {
        let [u0, u1, u2, u3, u4, _] = Four::filter([w0, w1, V::splat(0.0)]);
        [u0, u1, u2, u3, u4]
    }

    #[inline(always)]
    fn input<V: Lanes>([d0, d1, d2, d3, d4]: [V; 5]) -> [V; 5] {
        let [u0, u1, u2, u3, u4, _] = Four::input([d0, d1, d2, d3, d4, V::splat(0.0)]);
        [u0, u1, u2, u3, u4]
    }

    #[inline(always)]
    fn output<V: Lanes>([m0, m1, m2, m3, m4]: [V; 5]) -> [V; 4] {
        Four::output([m0, m1, m2, m3, m4, V::splat(0.0)])
    }

    #[inline(always)]
    fn spread<V: Lanes>(y: [V; 4]) -> [V; 5] {
        let [m0, m1, m2, m3, m4, _] = Four::spread(y);
        [m0, m1, m2, m3, m4]
    }

    #[inline(always)]
    fn gather<V: Lanes>([u0, u1, u2, u3, u4]: [V; 5]) -> [V; 3] {
        let [w0, w1, _] = Four::gather([u0, u1, u2, u3, u4, V::splat(0.0)]);
        [w0, w1, V::splat(0.0)]
    }
}

/// F(2, 3) with the points 0, ±1 and infinity: a third of F(4, 3)'s error, for 1.8 times its multiplications.
pub(crate) struct Two;

impl Points<4, 2> for Two {
    #[inline(always)]
    fn filter<V: Lanes>([w0, w1, w2]: [V; 3]) -> [V; 4] {
        let half = V::splat(0.5);
        let (even, odd) = (w0.plus(w2).times(half), w1.times(half));
        [w0, even.plus(odd), even.minus(odd), w2]
    }

    #[inline(always)]
    fn input<V: Lanes>(d: [V; 4]) -> [V; 4] {
        [d[0].minus(d[2]), d[1].plus(d[2]), d[2].minus(d[1]), d[3].minus(d[1])]
    }

    #[inline(always)]
    fn output<V: Lanes>(m: [V; 4]) -> [V; 2] {
        [m[0].plus(m[1]).plus(m[2]), m[1].minus(m[2]).plus(m[3])]
    }

    #[inline(always)]
    fn spread<V: Lanes>(y: [V; 2]) -> [V; 4] {
        [y[0], y[0].plus(y[1]), y[0].minus(y[1]), y[1]]
    }

    #[inline(always)]
    fn gather<V: Lanes>(u: [V; 4]) -> [V; 3] {
        let half = V::splat(0.5);
        let (sum, difference) = (u[1].plus(u[2]).times(half), u[1].minus(u[2]).times(half));
        [u[0].plus(sum), difference, sum.plus(u[3])]
    }
}

/// F(3, 3) with the points 0, ±5/4, 1/2 and infinity, for parts of larger filters: three taps further is one tile further.
pub(crate) struct Three;

const C: f32 = 1.25;
const D: f32 = 0.5;
const CC: f32 = C * C;
const DD: f32 = D * D;
const FOR_ZERO: f32 = 1.0 / (CC * D);
const FOR_C: f32 = 1.0 / (2.0 * CC * (C - D));
const FOR_MINUS_C: f32 = -1.0 / (2.0 * CC * (C + D));
const FOR_D: f32 = 1.0 / (D * (DD - CC));

impl Points<5, 3> for Three {
    #[inline(always)]
    fn filter<V: Lanes>([w0, w1, w2]: [V; 3]) -> [V; 5] {
        let even = V::splat(CC).mul_add(w2, w0);
        let odd = V::splat(C).times(w1);
        let at_d = V::splat(DD).mul_add(w2, V::splat(D).mul_add(w1, w0));
        [
            w0.times(V::splat(FOR_ZERO)),
            even.plus(odd).times(V::splat(FOR_C)),
            even.minus(odd).times(V::splat(FOR_MINUS_C)),
            at_d.times(V::splat(FOR_D)),
            w2,
        ]
    }

    #[inline(always)]
    fn input<V: Lanes>(d: [V; 5]) -> [V; 5] {
        let (c, minus_c, cc) = (V::splat(C), V::splat(-C), V::splat(-CC));
        let minus_d = V::splat(-D);
        // With (x - D) taken out, and with (x^2 - C^2).
        let low = minus_d.mul_add(d[1], d[2]);
        let high = minus_d.mul_add(d[2], d[3]);
        let first = cc.mul_add(d[0], d[2]);
        let second = cc.mul_add(d[1], d[3]);
        let third = cc.mul_add(d[2], d[4]);
        [
            minus_d.mul_add(first, second),
            c.mul_add(low, high),
            minus_c.mul_add(low, high),
            second,
            minus_d.mul_add(second, third),
        ]
    }

    #[inline(always)]
    fn output<V: Lanes>(m: [V; 5]) -> [V; 3] {
        let (sum, difference) = (m[1].plus(m[2]), m[1].minus(m[2]));
        [
            m[0].plus(sum).plus(m[3]),
            V::splat(C).mul_add(difference, V::splat(D).times(m[3])),
            V::splat(CC).mul_add(sum, V::splat(DD).mul_add(m[3], m[4])),
        ]
    }

    #[inline(always)]
    fn spread<V: Lanes>(y: [V; 3]) -> [V; 5] {
        let even = V::splat(CC).mul_add(y[2], y[0]);
        let odd = V::splat(C).times(y[1]);
        let at_d = V::splat(DD).mul_add(y[2], V::splat(D).mul_add(y[1], y[0]));
        [y[0], even.plus(odd), even.minus(odd), at_d, y[2]]
    }

    #[inline(always)]
    fn gather<V: Lanes>(u: [V; 5]) -> [V; 3] {
        let (plus, minus) = (u[1].times(V::splat(FOR_C)), u[2].times(V::splat(FOR_MINUS_C)));
        let (sum, difference) = (plus.plus(minus), plus.minus(minus));
        let at_d = u[3].times(V::splat(FOR_D));
        [
            V::splat(FOR_ZERO).mul_add(u[0], sum.plus(at_d)),
            V::splat(C).mul_add(difference, V::splat(D).times(at_d)),
            V::splat(CC).mul_add(sum, V::splat(DD).mul_add(at_d, u[4])),
        ]
    }
}
