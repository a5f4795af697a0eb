//! How much memory a job may take.

use std::path::Path;

use super::pad::Frame;
use crate::descriptor::Descriptor;
use crate::error::{EngineError, Result};

/// What the process takes before weights and styles are read, where the system does not tell.
const USUAL: Resident = Resident { start: 20 << 20, peak: 20 << 20 };

/// Weights and code that runs for the first time.
const CODE: u64 = 28 << 20;

/// What painting takes for the first time beside the peak until then: its code, and filters made ready.
const FIRST: u64 = 18 << 20;

/// What the allocator keeps of what little work takes, in hundredths; of more, [`Descriptor::kept_bytes`].
const KEPT_OF_LITTLE: u64 = 88;

/// What the allocator keeps for later where tiles are painted, beside [`KEPT_OF_TILES`] hundredths of what painting one takes: tiles at the
/// edges are of other sizes, whose memory is not used again by the others.
const KEPT_BESIDE_TILES: u64 = 64 << 20;

/// See [`KEPT_BESIDE_TILES`].
const KEPT_OF_TILES: u64 = 54;

/// Memory of this process that is resident, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resident {
    /// Before weights and styles were read: what is taken for those is used again.
    pub(super) start: u64,
    /// The most there was until now.
    pub(super) peak: u64,
}

/// What this process takes, as far as the system tells; to be asked before weights and styles are read.
pub(super) fn resident() -> Resident {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let amount = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|k| k * 1024)
    };
    match (amount("VmRSS:"), amount("VmHWM:")) {
        (Some(start), Some(peak)) => Resident { start, peak },
        _ => USUAL,
    }
}

/// Resident memory of this process in bytes, an estimate where the system does not say.
pub fn resident_bytes() -> u64 {
    resident().start
}

impl Resident {
    /// The same with the peak until now.
    pub(super) fn later(self) -> Self {
        Self { peak: resident().peak.max(self.peak), ..self }
    }

    /// The peak when `more` is taken, of which the allocator keeps `kept` at most.
    pub(super) fn with(self, more: u64, kept: u64) -> u64 {
        let kept = kept.min(more / 100 * KEPT_OF_LITTLE);
        (self.peak + FIRST).max((self.start + CODE + kept).saturating_add(more))
    }

    /// The same when a picture is painted in tiles, each of which takes `painting`, and `before_or_after` is taken at other times.
    pub(super) fn with_tiles(self, painting: u64, before_or_after: u64) -> u64 {
        let kept = KEPT_BESIDE_TILES + painting / 100 * KEPT_OF_TILES;
        let at_once = painting.saturating_add(kept);
        (self.peak + FIRST).max((self.start + CODE).saturating_add(at_once.max(before_or_after)))
    }
}

/// Bytes a pixel that the picture itself takes: decoded, blended and encoded copies.
const PICTURE_BYTES: u64 = 60;

/// Bytes of the rows that are worked on at a time, as [`impasto_image::canvas::Layout::band_rows`] has them.
const BAND_BYTES: u64 = 16 << 20;

/// Share of the available memory that is used without being asked.
const DEFAULT_SHARE: f64 = 0.9;

/// What running an algorithm once takes, on a picture of `content` pixels with `frame` pixels, padding included.
pub(super) fn whole(descriptor: &Descriptor, content: u64, frame: u64) -> u64 {
    let network = frame.saturating_mul(u64::from(descriptor.bytes_per_pixel));
    network.saturating_add(content.saturating_mul(PICTURE_BYTES))
}

/// What work by rows takes, on a picture of `pixels`, with so many copies of the rows.
pub(super) fn bands(pixels: u64, copies: u64) -> u64 {
    (12 * pixels).min(BAND_BYTES) * copies
}

/// Peak memory of reading a picture of `pixels` at once.
pub(super) fn decoding(pixels: u64) -> u64 {
    pixels * 24
}

/// Peak memory of writing a picture of `pixels` at once.
pub(super) fn encoding(pixels: u64) -> u64 {
    pixels * 24
}

/// How many bytes may be taken, and who says so: `limit`, or what the system has left; `None` where it does not tell.
pub(super) fn allowed(limit: Option<u64>) -> Option<(u64, &'static str)> {
    match limit {
        Some(limit) => Some((limit, "--max-memory allows")),
        None => available().map(|free| ((free as f64 * DEFAULT_SHARE) as u64, "this machine has free")),
    }
}

/// Refuses a run on a content of `width` x `height` with `margin` pixels around it that would take more than `limit`
/// bytes, or more than the system has left where `limit` is `None`.
///
/// # Errors
/// [`EngineError::Limit`] that says what to do.
pub(super) fn check(
    descriptor: &Descriptor,
    margin: u32,
    size: (u32, u32),
    limit: Option<u64>,
    resident: Resident,
) -> Result<()> {
    match allowed(limit) {
        Some(allowed) => refuse(descriptor, margin, size, &allowed, resident),
        None => Ok(()),
    }
}

/// As [`check`], with what is allowed.
pub(super) fn refuse(
    descriptor: &Descriptor,
    margin: u32,
    (width, height): (u32, u32),
    (limit, whose): &(u64, &'static str),
    resident: Resident,
) -> Result<()> {
    let estimate = |width: u32, height: u32| {
        let frame = Frame::new(descriptor, margin, width, height).size;
        let need = whole(descriptor, u64::from(width) * u64::from(height), u64::from(frame.0) * u64::from(frame.1));
        resident.with(need, descriptor.kept_bytes)
    };
    let need = estimate(width, height);
    if need <= *limit {
        return Ok(());
    }
    let long = f64::from(width.max(height));
    let mut side = (long * (*limit as f64 / need as f64).sqrt()) as u32;
    let at = |side: u32| [width, height].map(|v| (f64::from(v) * f64::from(side) / long).ceil() as u32);
    while side > 1 && estimate(at(side)[0], at(side)[1]) > *limit {
        side -= 1;
    }
    let (name, need, limit) = (descriptor.name, amount(need), amount(*limit));
    Err(EngineError::Limit(format!(
        "{name} at {width}x{height} takes about {need}, more than the {limit} {whose}; use --size {side} or less, or raise \
         --max-memory"
    )))
}

/// Whether a picture of `pixels` pixels can be worked on whole within `limit` bytes, or within what the system has left
/// where `limit` is `None`.
pub(super) fn holds(pixels: u64, limit: Option<u64>) -> bool {
    allowed(limit).is_none_or(|(limit, _)| pixels.saturating_mul(PICTURE_BYTES) <= limit)
}

/// Bytes as people say them.
pub(super) fn amount(bytes: u64) -> String {
    match bytes {
        0..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64),
    }
}

/// Memory that can still be taken without swapping, in bytes, the control group's limit respected; `None` where the
/// system does not tell (other than Linux).
pub fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let free = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.saturating_mul(1024);
    Some(group_rest(Path::new("/sys/fs/cgroup")).map_or(free, |rest| rest.min(free)))
}

/// What the control group (version 2) has left.
fn group_rest(folder: &Path) -> Option<u64> {
    let number = |name: &str| std::fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    Some(number("memory.max")?.saturating_sub(number("memory.current")?))
}

/// A number of bytes as users write it: `800M`, `4G`, `1.5GiB`, `1000000`.
///
/// # Errors
/// [`EngineError::Caller`] when it is not one.
pub fn parse(text: &str) -> Result<u64> {
    let wrong = || EngineError::Caller(format!("'{text}' is not an amount of memory; write 800M or 4G"));
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let power = match unit.trim_end_matches(['i', 'B', 'b']).to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return Err(wrong()),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    if !(number.is_finite() && number > 0.0) {
        return Err(wrong());
    }
    Ok((number * 1024f64.powi(power)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::fusion::DESCRIPTOR;

    #[test]
    fn amounts_are_read() {
        for (text, bytes) in [("1000", 1000), ("2K", 2048), ("1.5G", 3 << 29), ("800MiB", 800 << 20), ("1gb", 1 << 30)]
        {
            assert_eq!(parse(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "G", "-1G", "4X", "NaN", "0"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_refusal_names_a_size_that_fits() {
        let message = check(&DESCRIPTOR, 0, (4000, 2000), Some(1 << 30), USUAL).unwrap_err().to_string();
        let side: u32 = message.split("--size ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(check(&DESCRIPTOR, 0, (side, side / 2), Some(1 << 30), USUAL).is_ok(), "{message}");
        assert!(check(&DESCRIPTOR, 0, (side + side / 20, side / 2), Some(1 << 30), USUAL).is_err(), "{message}");
    }
}
