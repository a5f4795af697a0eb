//! `impasto doctor`.

use clap::Args;
use impasto_engine::device::{self, DeviceSpec};
use impasto_engine::models::bundled_weights;
use impasto_engine::pipeline::doctor::{self, Finding, Rates};
use impasto_engine::pipeline::memory;
use impasto_engine::registry::REGISTRY;
use impasto_engine::styles;

use crate::args::Global;
use crate::failure::{FAILED, Failure};
use crate::output::{self, Reporter};

/// Options of `impasto doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {}

/// Runs the command.
pub(crate) fn run(_: DoctorArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let row = |name: &str, value: &str| reporter.result(&format!("{name:<12}{value}"));
    row("impasto", env!("CARGO_PKG_VERSION"));
    row("system", &format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH));
    row("processor", &processor());
    row("kernels", device::instruction_set()?);
    let free = memory::available().map_or("unknown".to_owned(), |bytes| format!("{} free", output::bytes(bytes)));
    row("memory", &free);
    row("backends", &device::compiled().join(", "));
    let devices: Vec<String> = device::available().iter().map(DeviceSpec::to_string).collect();
    row("devices", &devices.join(", "));
    row("auto", &device::open(DeviceSpec::Auto)?.spec.to_string());
    let bundled = REGISTRY.iter().filter_map(|e| Some((e.descriptor.name, bundled_weights(e.descriptor.name)?)));
    let bundled: Vec<String> =
        bundled.map(|(name, bytes)| format!("{name} ({})", output::bytes(bytes.len() as u64))).collect();
    row("weights", &list(&bundled));
    row("styles", &list(&styles::names().map(str::to_owned).collect::<Vec<_>>()));
    let opened = global.open_device()?;
    reporter.result(&format!("operations on {}, relative errors against f64 on the processor:", opened.spec));
    let finding = |f: Finding| format!("{:<9}{:>8.2} ms", format!("{:.1e}", f.error), f.millis);
    reporter.result(&format!("  {:<36}{:<7}{:<22}{}", "", "", "forward", "backward"));
    let mut bad = 0;
    for probe in doctor::probe(&opened.device)? {
        let verdict = if probe.passed() { "ok" } else { "WRONG" };
        bad += usize::from(!probe.passed());
        let (forward, backward) = (finding(probe.forward), finding(probe.backward));
        reporter.result(&format!("  {:<36}{verdict:<7}{forward:<22}{backward}", probe.operation));
    }
    let Rates { convolution, product, copy } = doctor::rates(&opened.device)?;
    reporter.result(&format!(
        "speed of {}: convolution {convolution:.0} GFLOP/s, matrix product {product:.0} GFLOP/s, copy {copy:.1} GB/s",
        opened.spec
    ));
    if bad > 0 {
        let message = format!("{bad} operations compute wrong numbers on {}; use another --device", opened.spec);
        return Err(Failure { code: FAILED, message });
    }
    Ok(())
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none built in".to_owned() } else { names.join(", ") }
}

/// Cores and the instruction sets that matter here.
fn processor() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut sets: Vec<&str> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("AVX2", is_x86_feature_detected!("avx2")),
            ("FMA", is_x86_feature_detected!("fma")),
            ("AVX-512", is_x86_feature_detected!("avx512f")),
        ];
        sets.extend(known.into_iter().filter(|(_, on)| *on).map(|(name, _)| name));
    }
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("neon") {
        sets.push("NEON");
    }
    let sets = if sets.is_empty() { "no wide vectors".to_owned() } else { sets.join(", ") };
    format!("{cores} threads, {sets}")
}
