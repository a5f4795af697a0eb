//! The only module that prints. Results go to standard output; progress, notes, warnings and errors to standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use impasto_engine::pipeline::Target;
use impasto_engine::{Control, Event};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::ProgressMode;
use crate::failure::{FAILED, Failure};

/// Least time between plain progress lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows events and says results.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    mode: ProgressMode,
    quiet: bool,
    stage: Mutex<Stage>,
}

/// What is going on.
#[derive(Debug, Default)]
struct Stage {
    name: String,
    bar: Option<ProgressBar>,
    /// Steps at the first progress event and when it came: what the remaining time is reckoned from.
    first: Option<(u64, Instant)>,
    last_line: Option<Instant>,
}

impl Reporter {
    pub(crate) fn new(mode: ProgressMode, quiet: bool) -> Self {
        Self { shared: Arc::new(Shared { mode, quiet, stage: Mutex::default() }) }
    }

    /// A control whose events are shown here and that Ctrl-C cancels; a second Ctrl-C ends the process at once.
    pub(crate) fn control(&self) -> Control {
        let shared = Arc::clone(&self.shared);
        let control = Control::new(move |event| shared.show(&event));
        let handle = control.clone();
        let installed = ctrlc::set_handler(move || {
            if handle.is_cancelled() {
                std::process::exit(i32::from(crate::failure::INTERRUPTED));
            }
            handle.cancel();
        });
        if let Err(error) = installed {
            self.shared.show(&Event::Warning { message: format!("Ctrl-C will not stop cleanly: {error}") });
        }
        control
    }

    /// A line of the result, on standard output.
    pub(crate) fn result(&self, line: &str) {
        self.shared.beside_bar(|| {
            // A reader that closed the pipe wants no more; that is no error.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        });
    }

    /// Bytes on standard output: a picture, a script.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure { code: FAILED, message: format!("cannot write to standard output: {e}") })
            }
            _ => Ok(()),
        }
    }

    /// Refuses to fill a terminal with a picture's bytes.
    pub(crate) fn claim_stdout(&self, targets: &[Target]) -> Result<(), Failure> {
        let claimed = targets.iter().any(|target| matches!(target, Target::Memory(_)));
        if claimed && std::io::stdout().is_terminal() {
            return Err(Failure::usage(
                "standard output is a terminal; send it to a file or a program, or give -o FILE",
            ));
        }
        Ok(())
    }

    /// The one line an error gets.
    pub(crate) fn failure(&self, failure: &Failure) {
        let line = if self.shared.mode == ProgressMode::Json {
            serde_json::json!({"event": "error", "code": failure.code, "message": failure.message}).to_string()
        } else {
            format!("error: {}", failure.message.replace('\n', " "))
        };
        self.shared.beside_bar(|| eprintln!("{line}"));
    }
}

impl Shared {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn clear(&self) {
        if let Some(bar) = self.stage().bar.take() {
            bar.finish_and_clear();
        }
    }

    fn show(&self, event: &Event) {
        if self.mode == ProgressMode::Json {
            if let Ok(line) = serde_json::to_string(event)
                && (!self.quiet || matches!(event, Event::Warning { .. }))
            {
                eprintln!("{line}");
            }
            return;
        }
        match event {
            Event::Warning { message } => self.line(&format!("warning: {message}")),
            _ if self.quiet => {}
            Event::Note { message } | Event::Planned { message, .. } => self.line(message),
            Event::Preview { path } => self.line(&format!("preview: {}", path.display())),
            Event::Started { stage, total } => self.begin(stage, *total),
            Event::Progress { done, total, message } => self.progress(*done, *total, message),
            Event::Finished { .. } => self.clear(),
            _ => {}
        }
    }

    /// Prints while the bar, if there is one, is out of the way.
    fn beside_bar(&self, print: impl FnOnce()) {
        match &self.stage().bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn line(&self, text: &str) {
        self.beside_bar(|| eprintln!("{text}"));
    }

    fn begin(&self, name: &str, total: u64) {
        self.clear();
        let bar = (self.mode == ProgressMode::Auto && std::io::stderr().is_terminal() && total > 1).then(|| {
            let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(total).with_style(style).with_prefix(name.to_owned())
        });
        *self.stage() = Stage { name: name.to_owned(), bar, first: None, last_line: None };
    }

    fn progress(&self, done: u64, total: u64, message: &str) {
        let mut stage = self.stage();
        let now = Instant::now();
        let (first, since) = *stage.first.get_or_insert((done, now));
        let rest = (done > first).then(|| (now - since).div_f64((done - first) as f64).mul_f64((total - done) as f64));
        let rest = rest.map_or(String::new(), |rest| format!("{} left", duration(rest)));
        let text = [rest.as_str(), message].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("  ");
        if let Some(bar) = &stage.bar {
            bar.set_position(done);
            bar.set_message(text);
        } else if self.mode != ProgressMode::None
            && total > 1
            && (done == total || stage.last_line.is_none_or(|last| now - last >= LINE_EVERY))
        {
            stage.last_line = Some(now);
            eprintln!("{} {done}/{total}  {text}", stage.name);
        }
    }
}

/// A time as people say it: `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub(crate) fn duration(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0 if time.subsec_millis() > 0 => format!("{:.2} s", time.as_secs_f64()),
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        3600..86_400 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

/// A number of bytes as people say it.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = (count.max(1).ilog2() / 10).min(4);
    if power == 0 {
        return format!("{count} B");
    }
    format!("{:.1} {}", count as f64 / 1024f64.powi(power as i32), units[power as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well() {
        assert_eq!(duration(Duration::from_millis(250)), "0.25 s");
        assert_eq!(duration(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(duration(Duration::from_secs(7500)), "2 h 5 min");
        assert_eq!(duration(Duration::from_secs(4 * 86_400)), "4 d 0 h");
        assert_eq!((bytes(0).as_str(), bytes(1023).as_str(), bytes(1536).as_str()), ("0 B", "1023 B", "1.5 KiB"));
    }
}
