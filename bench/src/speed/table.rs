//! Times, their summaries and the tables people read.

use serde::Serialize;

use super::Record;
use crate::floor::Work;
use crate::statistics::median;

/// One program's figures at one task.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Times {
    pub(super) program: String,
    pub(super) version: Option<String>,
    /// Median, least and most seconds.
    pub(super) seconds: [f64; 3],
    /// Median of the seconds that processors worked for it, waiting threads that spin included. Other programs disturb it
    /// less.
    pub(super) processor_seconds: Option<f64>,
    /// Median over the rounds of these seconds divided by impasto's in the same round, with the same weights.
    pub(super) ratio: Option<f64>,
    /// Most memory resident, in bytes; of networks since the process began, sizes from small to large.
    pub(super) peak_bytes: Option<u64>,
    /// Relative L2 distance of what comes out to PyTorch's in f64.
    pub(super) error: Option<f64>,
    /// Agreement of the picture with impasto's, in decibels.
    pub(super) psnr: Option<f64>,
}

/// All programs at one task.
#[derive(Debug, Serialize)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) side: usize,
    /// The least there is to do, where it is known.
    pub(super) work: Option<Work>,
    /// The error above which a program computes something else.
    #[serde(skip)]
    pub(super) most_error: f64,
    pub(super) times: Vec<Times>,
}

/// What one program took, round by round.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock {
    pub(super) seconds: Vec<f64>,
    /// The processors' seconds, where the system tells.
    pub(super) processor: Vec<f64>,
}

/// Figures of programs with their peaks of memory; ratios are to the first.
pub(super) fn summaries<'n>(names: impl Iterator<Item = (&'n str, Option<u64>)>, clocks: &[Clock]) -> Vec<Times> {
    let summary = |((name, peak_bytes), clock): ((&str, Option<u64>), &Clock)| {
        let seconds = &clock.seconds;
        let ratios: Vec<f64> = seconds.iter().zip(&clocks[0].seconds).map(|(peer, own)| peer / own).collect();
        let (least, most) = seconds.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), &s| (a.min(s), b.max(s)));
        Times {
            program: name.to_owned(),
            version: None,
            seconds: [median(seconds), least, most],
            processor_seconds: (!clock.processor.is_empty()).then(|| median(&clock.processor)),
            ratio: Some(median(&ratios)),
            peak_bytes,
            error: None,
            psnr: None,
        }
    };
    names.zip(clocks).map(summary).collect()
}

/// Prints the tables.
pub(super) fn print(record: &Record<'_>) {
    println!("{}", record.circumstances.line());
    if let Some(load) = record.load_average_at_the_end {
        println!("load average at the end {load:.1}");
    }
    println!(
        "{} threads each, {} rounds, taking turns; impasto's kernels run {}",
        record.threads, record.rounds, record.instruction_set
    );
    if let Some([macs, bytes]) = record.rates {
        println!(
            "this machine in this run, at best: {:.0} GMAC/s in a matrix product, {:.1} GB/s copied",
            macs / 1e9,
            bytes / 1e9
        );
    }
    for task in &record.tasks {
        println!("\n{}, {} px", task.name, task.side);
        if let Some(Work { macs, bytes }) = task.work {
            print!("  floor: {:.2} GMAC, {:.0} MB layer by layer", macs / 1e9, bytes / 1e6);
            match record.rates {
                Some([fast, wide]) => {
                    println!(" ({:.0} ms and {:.0} ms at best rates)", 1e3 * macs / fast, 1e3 * bytes / wide)
                }
                None => println!(),
            }
        }
        println!(
            "  {:24} {:>9} {:>17} {:>9} {:>8} {:>9} {:>9} {:>7}",
            "", "ms", "least - most", "CPU ms", "ratio", "peak MiB", "error", "dB"
        );
        for times in &task.times {
            let [median, least, most] = times.seconds.map(|s| 1e3 * s);
            let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
            println!(
                "  {:24} {median:>9.1} {:>17} {:>9} {:>8} {:>9} {:>9} {:>7}",
                times.program,
                format!("{least:.1} - {most:.1}"),
                or_dash(times.processor_seconds.map(|s| format!("{:.1}", 1e3 * s))),
                or_dash(times.ratio.map(|r| format!("{r:.2}"))),
                or_dash(times.peak_bytes.map(|b| format!("{}", b >> 20))),
                or_dash(times.error.map(|e| format!("{e:.1e}"))),
                or_dash(times.psnr.map(|p| format!("{p:.1}"))),
            );
        }
    }
    println!(
        "\nMedians. CPU ms: what processors worked for it, on all threads. Ratio: median over rounds of the time divided by \
         impasto's with the\nsame weights; above 1 is slower than impasto. Error: relative L2 distance of what comes out to \
         PyTorch's in f64. dB: agreement of the\npicture with impasto's."
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The machine was slow in the second round: both took longer, the ratio stayed.
        let clocks = [
            Clock { seconds: vec![1.0, 10.0, 1.0], processor: vec![] },
            Clock { seconds: vec![2.0, 20.0, 3.0], processor: vec![1.0, 3.0, 2.0] },
        ];
        let times = summaries([("impasto", None), ("PyTorch", Some(7))].into_iter(), &clocks);
        assert_eq!((times[0].processor_seconds, times[1].processor_seconds), (None, Some(2.0)));
        assert_eq!(times[0].ratio, Some(1.0));
        assert_eq!((times[1].ratio, times[1].seconds, times[1].peak_bytes), (Some(2.0), [3.0, 2.0, 20.0], Some(7)));
    }
}
