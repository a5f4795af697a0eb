//! The description of a convolution.

use crate::error::ShapeError;
use crate::strip::padded_axis;

/// What lies outside the (upsampled) input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PadMode {
    /// Zeros.
    Zero,
    /// The input mirrored about its outermost values, which are not repeated; the padding must be less than the size.
    Reflect,
}

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// The fastest for the shape: one of Winograd's where it applies and pays, otherwise direct. Relative error (L2)
    /// about 1e-6.
    #[default]
    Auto,
    /// Winograd's F(4, 3) wherever it applies (3x3 filters of stride 1, one group), in forward convolutions F(3, 3) for
    /// parts of larger filters, otherwise direct.
    WinogradFour,
    /// The same with F(2, 3) in place of F(4, 3). Relative error about 3e-7, with larger filters 1e-6.
    WinogradTwo,
    /// Every product and sum as the definition says. Relative error about 3e-7.
    Direct,
}

/// A two-dimensional convolution (a correlation, as in every network library) of `[batch, channels, height, width]`.
///
/// The input is upsampled, then padded, then convolved. Weights have the shape
/// `[channels_out, channels_in / groups, kernel[0], kernel[1]]`. Pairs are `[vertical, horizontal]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conv2d {
    /// Number of images.
    pub batch: usize,
    /// Channels of the input.
    pub channels_in: usize,
    /// Rows of the input as stored, before upsampling.
    pub height: usize,
    /// Columns of the input as stored, before upsampling.
    pub width: usize,
    /// Channels of the output.
    pub channels_out: usize,
    /// Size of the kernel.
    pub kernel: [usize; 2],
    /// Step of the kernel over the padded input.
    pub stride: [usize; 2],
    /// Padding on either side, in values of the upsampled input.
    pub padding: [usize; 2],
    /// What the padding holds.
    pub pad_mode: PadMode,
    /// Number of groups; must divide both numbers of channels. `channels_in` groups make a depthwise convolution.
    pub groups: usize,
    /// Nearest neighbour upsampling of the input before padding: 1 (none) or 2.
    pub upsample: usize,
    /// How it is computed.
    pub method: Method,
}

impl Conv2d {
    /// Rows and columns of the output, `[0, 0]` where the kernel does not fit into the padded input.
    #[must_use]
    pub fn output_size(&self) -> [usize; 2] {
        let padded = self.padded_size();
        let size = |axis: usize| match padded[axis].checked_sub(self.kernel[axis]) {
            Some(free) => free / self.stride[axis].max(1) + 1,
            None => 0,
        };
        let [rows, columns] = [size(0), size(1)];
        if rows == 0 || columns == 0 { [0, 0] } else { [rows, columns] }
    }

    /// Checks that the sizes describe a convolution with at least one output value.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Invalid`] with the reason.
    pub fn validate(&self) -> Result<(), ShapeError> {
        let invalid = |why| Err(ShapeError::Invalid(why));
        let sizes = [self.batch, self.channels_in, self.height, self.width, self.channels_out];
        if sizes.contains(&0) {
            return invalid("a convolution needs at least one image, channel, row and column");
        }
        if self.kernel.contains(&0) || self.stride.contains(&0) {
            return invalid("kernel and stride must be at least 1");
        }
        if self.groups == 0
            || !self.channels_in.is_multiple_of(self.groups)
            || !self.channels_out.is_multiple_of(self.groups)
        {
            return invalid("the groups must divide the channels of input and output");
        }
        if self.upsample != 1 && self.upsample != 2 {
            return invalid("upsampling must be 1 or 2");
        }
        let limit = 1 << 24;
        let extents = [self.height, self.width, self.padding[0], self.padding[1], self.kernel[0], self.kernel[1]];
        if extents.iter().any(|&extent| extent > limit) {
            return invalid("height, width, padding and kernel must not exceed 2^24");
        }
        let size = self.upsampled_size();
        if self.pad_mode == PadMode::Reflect && (self.padding[0] >= size[0] || self.padding[1] >= size[1]) {
            return invalid("reflection needs a padding less than the size of the upsampled input");
        }
        let output = self.output_size();
        if output[0] == 0 {
            return invalid("the kernel is larger than the padded input");
        }
        let padded = self.padded_size();
        let products = [
            [self.batch, self.channels_in, padded[0], padded[1]],
            [self.batch, self.channels_out, output[0], output[1]],
            [self.channels_out, self.channels_in, self.kernel[0], self.kernel[1]],
        ];
        let fits = |product: [usize; 4]| {
            let count = product.into_iter().try_fold(1usize, usize::checked_mul);
            count.is_some_and(|count| count <= isize::MAX as usize / 4)
        };
        if !products.into_iter().all(fits) {
            return invalid("the tensors are larger than the address space");
        }
        Ok(())
    }

    /// Multiplications of the plain method, counting those with padding: the measure of effective speed.
    #[must_use]
    pub fn macs(&self) -> u64 {
        let [rows, columns] = self.output_size();
        let taps = self.kernel[0] * self.kernel[1] * (self.channels_in / self.groups.max(1));
        (self.batch * self.channels_out * rows * columns) as u64 * taps as u64
    }

    /// Number of values of the input, as stored.
    #[must_use]
    pub fn input_len(&self) -> usize {
        self.batch * self.channels_in * self.height * self.width
    }

    /// Number of weights.
    #[must_use]
    pub fn weight_len(&self) -> usize {
        self.channels_out * (self.channels_in / self.groups.max(1)) * self.kernel[0] * self.kernel[1]
    }

    /// Number of values of the output.
    #[must_use]
    pub fn output_len(&self) -> usize {
        let [rows, columns] = self.output_size();
        self.batch * self.channels_out * rows * columns
    }

    /// Rows and columns of the upsampled input.
    pub(crate) fn upsampled_size(&self) -> [usize; 2] {
        [self.height * self.upsample, self.width * self.upsample]
    }

    /// Rows and columns of the upsampled and padded input.
    pub(crate) fn padded_size(&self) -> [usize; 2] {
        let [rows, columns] = self.upsampled_size();
        [rows + 2 * self.padding[0], columns + 2 * self.padding[1]]
    }

    /// The stored row and column of each row and column of the upsampled and padded input, or
    /// [`ZERO`](crate::strip::ZERO).
    pub(crate) fn axes(&self) -> [Vec<usize>; 2] {
        let size = [self.height, self.width];
        [0, 1].map(|axis| padded_axis(size[axis], self.upsample, self.padding[axis], self.pad_mode))
    }

    /// Channels of the input in one group.
    pub(crate) fn group_in(&self) -> usize {
        self.channels_in / self.groups
    }

    /// Channels of the output in one group.
    pub(crate) fn group_out(&self) -> usize {
        self.channels_out / self.groups
    }
}
