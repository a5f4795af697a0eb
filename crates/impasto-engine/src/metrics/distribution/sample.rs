//! Whether a sample is large enough for a metric.

/// Below this many pictures on a side the kernel distance is to be preferred to the Fréchet distance, whose bias then is
/// larger than the differences between good generators.
pub const KERNEL_DISTANCE_BELOW: usize = 2000;

/// What a reader of a Fréchet distance from `count` feature vectors (the smaller side) of `width` numbers has to know:
/// that the covariance lacks full rank, or that the bias is large. `None` where there is nothing to say.
pub fn sample_note(count: usize, width: usize) -> Option<String> {
    let advice = "the Fréchet distance is too high by an amount that depends on the number of pictures; compare it at \
                  equal numbers only and prefer the kernel distance";
    if count <= width {
        return Some(format!(
            "{count} pictures give a covariance of rank {} at most, not {width}: {advice}",
            count.saturating_sub(1)
        ));
    }
    (count < KERNEL_DISTANCE_BELOW)
        .then(|| format!("{count} pictures are fewer than {KERNEL_DISTANCE_BELOW}: {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_samples_are_told() {
        assert!(sample_note(768, 768).unwrap().contains("rank 767"));
        assert!(sample_note(0, 768).unwrap().contains("rank 0"));
        assert!(sample_note(1999, 768).unwrap().contains("fewer than 2000"));
        assert_eq!(sample_note(2000, 1280), None);
        assert!(sample_note(2000, 2048).unwrap().contains("rank 1999"));
    }
}
