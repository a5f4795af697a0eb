//! Putting two pictures together.

use std::borrow::Cow;

use crate::mask::Mask;
use crate::picture::Picture;
use crate::resize::resize;

fn fitted<'a>(picture: &'a Picture, like: &Picture) -> Cow<'a, Picture> {
    if (picture.width, picture.height) == (like.width, like.height) {
        Cow::Borrowed(picture)
    } else {
        Cow::Owned(resize(picture, like.width, like.height))
    }
}

/// `a` where `weight` is 0, `b` where it is 1, a mixture between; a weight that is not a number counts as 0.
///
/// `b` is resized to the size of `a` if it differs. Alpha, source and notes are those of `a`. The ends are exact.
#[must_use]
pub fn blend(a: &Picture, b: &Picture, weight: f32) -> Picture {
    let weight = if weight.is_nan() { 0.0 } else { weight.clamp(0.0, 1.0) };
    let mut out = a.clone();
    if weight <= 0.0 {
        return out;
    }
    let b = fitted(b, a);
    for (o, &v) in out.rgb.iter_mut().zip(&b.rgb) {
        *o = mix(*o, v, weight);
    }
    out
}

/// The content where the mask is 0, the stylised picture where it is 1, a mixture between.
///
/// Stylised picture and mask are resized to the content's size if they differ. Alpha, source and notes are those of the
/// content. Where the mask is exactly 0 the content is kept bit for bit.
#[must_use]
pub fn blend_masked(content: &Picture, stylised: &Picture, mask: &Mask) -> Picture {
    let stylised = fitted(stylised, content);
    let resized;
    let mask = if (mask.width, mask.height) == (content.width, content.height) {
        mask
    } else {
        resized = mask.resize(content.width, content.height);
        &resized
    };
    let mut out = content.clone();
    for ((o, s), &weight) in out.triples_mut().iter_mut().zip(stylised.triples()).zip(&mask.values) {
        if weight > 0.0 {
            *o = std::array::from_fn(|c| mix(o[c], s[c], weight.min(1.0)));
        }
    }
    out
}

/// Linear mixture that is exact at both ends.
fn mix(a: f32, b: f32, weight: f32) -> f32 {
    a * (1.0 - weight) + b * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_exact_and_the_middle_is_between() {
        let a = Picture::filled(3, 2, [0.1, 0.7, 0.3]).unwrap();
        let b = Picture::filled(6, 4, [0.9, 0.2, 0.3]).unwrap();
        assert_eq!(blend(&a, &b, 0.0), a);
        assert_eq!(blend(&a, &b, f32::NAN), a);
        assert_eq!(blend(&a, &resize(&b, 3, 2), 1.0).rgb, resize(&b, 3, 2).rgb);
        let half = blend(&a, &b, 0.5);
        assert!((half.rgb[0] - 0.5).abs() < 1e-4 && (half.rgb[1] - 0.45).abs() < 1e-4);
    }

    #[test]
    fn masks_choose_and_keep_the_contents_alpha() {
        let mut a = Picture::filled(2, 1, [0.1; 3]).unwrap();
        a.alpha = Some(vec![0.5, 0.25]);
        let b = Picture::filled(2, 1, [0.8; 3]).unwrap();
        let out = blend_masked(&a, &b, &Mask::new(2, 1, vec![0.0, 1.0]).unwrap());
        assert_eq!(out.rgb, [0.1, 0.1, 0.1, 0.8, 0.8, 0.8]);
        assert_eq!(out.alpha, a.alpha);
        let larger = Mask::new(20, 10, vec![1.0; 200]).unwrap();
        assert!(blend_masked(&a, &b, &larger).rgb.iter().all(|v| (v - 0.8).abs() < 1e-5));
    }
}
