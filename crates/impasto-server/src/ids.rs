//! Names that the server gives, and names that it takes.

use impasto_image::Format;
use rand::Rng;

/// Letters of ids: no two that look alike.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A new id behind `prefix`, which cannot be guessed: 20 letters of 5 bits.
pub(crate) fn fresh(prefix: &str) -> String {
    let mut rng = rand::rng();
    let letters = (0..20).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]));
    prefix.chars().chain(letters).collect()
}

/// Whether a text could be an id, before it is looked for.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Most characters of a name.
const LONGEST: usize = 80;

/// A file's name as it may be used on any disk: letters, digits and a few signs, no folders, with the format's own
/// extension. Whatever is given, a name comes out.
pub(crate) fn safe_name(given: &str, format: Format) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = match last.rsplit_once('.') {
        Some((stem, extension)) if Format::from_extension(extension).is_some() => stem,
        _ => last,
    };
    format!("{}.{}", safe_stem(stem), format.extension())
}

/// The same without an extension, for folders.
pub(crate) fn safe_stem(given: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_ +,()".contains(c) { c } else { '_' };
    let stem: String = given.chars().map(plain).take(LONGEST).collect();
    // Devices of Windows have no files beside them; a dot at either end means something elsewhere.
    match stem.trim() {
        "" => "picture".to_owned(),
        stem if is_device(stem) => format!("{stem}_"),
        stem => stem.to_owned(),
    }
}

fn is_device(stem: &str) -> bool {
    let stem = stem.to_ascii_lowercase();
    let numbered = |name: &str| {
        let number = stem.strip_prefix(name);
        number.is_some_and(|number| number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit()))
    };
    ["con", "prn", "aux", "nul"].contains(&stem.as_str()) || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_are_ids() {
        let (a, b) = (fresh("f_"), fresh("f_"));
        assert!(a != b && is_id(&a) && a.len() == 22, "{a}");
        for text in ["", "../x", "A", "f_%2e", &"a".repeat(41), "é"] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn names_lose_what_could_hurt() {
        for (given, safe) in [
            ("photo.JPG", "photo.png"),
            ("../../etc/passwd", "passwd.png"),
            ("c:\\windows\\evil.exe", "evil_exe.png"),
            ("", "picture.png"),
            ("...", "___.png"),
            ("NUL.png", "NUL_.png"),
            ("com7", "com7_.png"),
            ("<img src=x onerror=alert(1)>.png", "_img src_x onerror_alert(1)_.png"),
            ("übung 3\u{202e}gnp.tif", "übung 3_gnp.png"),
            ("a\0b\nc", "a_b_c.png"),
        ] {
            assert_eq!(safe_name(given, Format::Png), safe, "{given:?}");
        }
        assert_eq!(safe_name(&"é".repeat(500), Format::Png).chars().count(), LONGEST + 4);
    }
}
