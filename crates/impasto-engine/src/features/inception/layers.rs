//! The layers as tables.

use crate::features::mixed::{Block, Layer, Pooled, same, within};

const ONE: [usize; 2] = [1, 1];
const THREE: [usize; 2] = [3, 3];
const FIVE: [usize; 2] = [5, 5];
/// One row, seven columns.
const WIDE: [usize; 2] = [1, 7];
/// Seven rows, one column.
const HIGH: [usize; 2] = [7, 1];

/// Convolutions before the first block; a pooling follows each of the two lists.
pub(super) const STEM: [&[Layer]; 2] = [
    &[within("Conv2d_1a_3x3", 32, THREE, 2), within("Conv2d_2a_3x3", 32, THREE, 1), same("Conv2d_2b_3x3", 64, THREE)],
    &[same("Conv2d_3b_1x1", 80, ONE), within("Conv2d_4a_3x3", 192, THREE, 1)],
];

/// `Mixed_5b` to `Mixed_6e`.
pub(super) fn blocks() -> [Block; 8] {
    [
        block_5("Mixed_5b", 32),
        block_5("Mixed_5c", 64),
        block_5("Mixed_5d", 64),
        block_6a(),
        block_6("Mixed_6b", 128),
        block_6("Mixed_6c", 160),
        block_6("Mixed_6d", 160),
        block_6("Mixed_6e", 192),
    ]
}

/// One of the three blocks at 35 px; `pool` is the width of the pooling branch.
fn block_5(name: &'static str, pool: usize) -> Block {
    let branches = vec![
        vec![same("branch1x1", 64, ONE)],
        vec![same("branch5x5_1", 48, ONE), same("branch5x5_2", 64, FIVE)],
        vec![same("branch3x3dbl_1", 64, ONE), same("branch3x3dbl_2", 96, THREE), same("branch3x3dbl_3", 96, THREE)],
    ];
    Block { name, branches, pooled: Pooled::Mean("branch_pool", pool) }
}

fn block_6a() -> Block {
    let branches = vec![
        vec![within("branch3x3", 384, THREE, 2)],
        vec![
            same("branch3x3dbl_1", 64, ONE),
            same("branch3x3dbl_2", 96, THREE),
            within("branch3x3dbl_3", 96, THREE, 2),
        ],
    ];
    Block { name: "Mixed_6a", branches, pooled: Pooled::Half }
}

/// One of the four blocks at 17 px; `width` is the width within the branches.
fn block_6(name: &'static str, width: usize) -> Block {
    let branches = vec![
        vec![same("branch1x1", 192, ONE)],
        vec![same("branch7x7_1", width, ONE), same("branch7x7_2", width, WIDE), same("branch7x7_3", 192, HIGH)],
        vec![
            same("branch7x7dbl_1", width, ONE),
            same("branch7x7dbl_2", width, HIGH),
            same("branch7x7dbl_3", width, WIDE),
            same("branch7x7dbl_4", width, HIGH),
            same("branch7x7dbl_5", 192, WIDE),
        ],
    ];
    Block { name, branches, pooled: Pooled::Mean("branch_pool", 192) }
}

/// The last block.
pub(super) fn block_7a() -> Block {
    let branches = vec![
        vec![same("branch3x3_1", 192, ONE), within("branch3x3_2", 320, THREE, 2)],
        vec![
            same("branch7x7x3_1", 192, ONE),
            same("branch7x7x3_2", 192, WIDE),
            same("branch7x7x3_3", 192, HIGH),
            within("branch7x7x3_4", 192, THREE, 2),
        ],
    ];
    Block { name: "Mixed_7a", branches, pooled: Pooled::Half }
}
