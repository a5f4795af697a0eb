//! The layers as tables.

use crate::features::mixed::{Block, Layer, Pooled, halving, same};

const ONE: [usize; 2] = [1, 1];
const THREE: [usize; 2] = [3, 3];
const FIVE: [usize; 2] = [5, 5];

/// The convolution before the first pooling.
pub(super) const FIRST: &[Layer] = &[halving("conv1.7x7_s2", 64, [7, 7])];

/// Those before the second.
pub(super) const SECOND: &[Layer] = &[same("conv2.3x3_reduce", 64, ONE), same("conv2.3x3", 192, THREE)];

/// Blocks before which the map is pooled once more.
pub(super) const POOLED: [usize; 2] = [2, 7];

/// `inception_3a` to `inception_5b`. Widths: 1x1; 3x3 and what goes before; 5x5 and what goes before; pooling.
pub(super) fn blocks() -> [Block; 9] {
    [
        block("inception_3a", 64, [96, 128], [16, 32], 32),
        block("inception_3b", 128, [128, 192], [32, 96], 64),
        block("inception_4a", 192, [96, 208], [16, 48], 64),
        block("inception_4b", 160, [112, 224], [24, 64], 64),
        block("inception_4c", 128, [128, 256], [24, 64], 64),
        block("inception_4d", 112, [144, 288], [32, 64], 64),
        block("inception_4e", 256, [160, 320], [32, 128], 128),
        block("inception_5a", 256, [160, 320], [32, 128], 128),
        block("inception_5b", 384, [192, 384], [48, 128], 128),
    ]
}

fn block(name: &'static str, one: usize, three: [usize; 2], five: [usize; 2], pool: usize) -> Block {
    let branches = vec![
        vec![same("1x1", one, ONE)],
        vec![same("3x3_reduce", three[0], ONE), same("3x3", three[1], THREE)],
        vec![same("5x5_reduce", five[0], ONE), same("5x5", five[1], FIVE)],
    ];
    Block { name, branches, pooled: Pooled::Max("pool_proj", pool) }
}
