//! The training loop.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use super::tensorboard::EventWriter;
use super::{Cause, Checkpoint, Health, Metrics, Objective, RunDir, page};
use crate::control::{Control, Event};
use crate::error::{EngineError, Result};
use crate::weights::{self, Precision};

/// How long to train and how often to do what.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSettings {
    /// Steps in all, those before a resume included.
    pub steps: u64,
    /// Samples a step, for the figures.
    pub batch: u64,
    /// Log averaged metrics every so many steps.
    pub log_every: u64,
    /// Write a sample grid every so many steps.
    pub preview_every: u64,
    /// Write a checkpoint every so many steps, and when cancelled.
    pub checkpoint_every: u64,
    /// Ask how training goes every so many steps, and before every checkpoint.
    pub watch_every: u64,
    /// Checkpoints kept.
    pub keep: usize,
    /// Stop, with a checkpoint, after this time.
    pub time_limit: Option<Duration>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Steps done in all.
    pub step: u64,
    /// Whether all steps of the settings are done.
    pub complete: bool,
    /// Samples a second in this session.
    pub samples_per_second: f64,
}

/// Roll-backs that do not lead past the same trouble after which a run is given up.
const MAX_ROLL_BACKS: u32 = 3;

/// Trains `objective` from its latest checkpoint (or the beginning) to the end, a time limit or a cancel; each of them
/// leaves a checkpoint and the averaged weights in 16 bit. `config` is stored in every checkpoint, and a checkpoint
/// with another one is refused. Values that are not finite, and what the objective calls a collapse, lead back to the last
/// checkpoint, which passed the watch, with changed settings; where that does not lead past the trouble, to the one before.
///
/// # Errors
/// [`EngineError::File`] for a checkpoint that does not fit, [`EngineError::Environment`] for a full disk (the last
/// checkpoint stays), [`EngineError::Diverged`] when roll-backs do not help.
pub fn run(
    objective: &mut dyn Objective,
    settings: &RunSettings,
    config: &serde_json::Value,
    dir: &RunDir,
    control: &Control,
) -> Result<Summary> {
    let (first, mut softened) = resume(objective, config, dir)?;
    let mut session = Session::start(dir, settings, first, control)?;
    let (mut step, mut saved) = (first, first);
    // How often the run went back since it was last beyond this step.
    let (mut roll_backs, mut troubled) = (0, 0);
    if first == 0 {
        save(objective, config, dir, 0, softened, settings)?;
    }
    while step < settings.steps && !control.is_cancelled() && !session.out_of_time() {
        let metrics = objective.step(step)?;
        control.rest();
        let sight = match not_finite(&metrics) {
            Some(name) => Sight::Trouble(Cause::NotFinite, format!("'{name}' is not finite")),
            None => {
                step += 1;
                session.record(step, &metrics)?;
                let due = step.is_multiple_of(settings.watch_every)
                    || step.is_multiple_of(settings.checkpoint_every)
                    || step == settings.steps;
                if due { session.watch(step, objective)? } else { Sight::Fair }
            }
        };
        if let Sight::Trouble(cause, trouble) = sight {
            roll_backs += 1;
            troubled = troubled.max(step);
            if roll_backs > MAX_ROLL_BACKS {
                return Err(EngineError::Diverged(format!(
                    "step {step}: {trouble}, again after {MAX_ROLL_BACKS} roll-backs; the checkpoint of step {saved} is \
                     kept. Begin anew with a lower rate, a stronger penalty or other pictures"
                )));
            }
            // That it went wrong with softer settings too speaks against the checkpoint.
            if roll_backs > 1 {
                Checkpoint::step_back(&dir.checkpoints())?;
            }
            let (to, before) = resume(objective, config, dir)?;
            softened += 1;
            // An earlier checkpoint knows less of what was changed since.
            let changed: Vec<String> = (before..softened).map(|_| objective.soften(cause)).collect();
            // What was changed must outlive this process.
            save(objective, config, dir, to, softened, settings)?;
            session.rolled_back(step, to, &trouble, &changed.join(", then "))?;
            (step, saved) = (to, to);
            continue;
        }
        if step.is_multiple_of(settings.preview_every) || step == settings.steps {
            session.preview(step, objective)?;
        }
        if step.is_multiple_of(settings.checkpoint_every) && sight == Sight::Fair {
            save(objective, config, dir, step, softened, settings)?;
            saved = step;
            if step > troubled {
                roll_backs = 0;
            }
        }
    }
    if saved != step {
        save(objective, config, dir, step, softened, settings)?;
    }
    let (header, arrays) = objective.export()?;
    weights::save(&dir.weights(), &header, &arrays, Precision::F16)?;
    page::write(dir, settings.steps)?;
    Ok(session.finish(step))
}

/// The counter of a checkpoint that says how often settings had been changed by roll-backs.
const SOFTENED: &str = "runner.softened";

/// Puts the latest checkpoint back: its step, and how often settings had been changed by then.
fn resume(objective: &mut dyn Objective, config: &serde_json::Value, dir: &RunDir) -> Result<(u64, u64)> {
    let Some(checkpoint) = Checkpoint::latest(&dir.checkpoints())? else { return Ok((0, 0)) };
    if checkpoint.config != *config {
        return Err(EngineError::file(
            dir.root(),
            "was started with another configuration; resume without options, or start a new run",
        ));
    }
    objective.restore(&checkpoint.state).map_err(|reason| EngineError::file(dir.checkpoints(), reason))?;
    // Runs that were begun before this was counted have none.
    Ok((checkpoint.step, checkpoint.state.counters.get(SOFTENED).copied().unwrap_or(0)))
}

fn save(
    objective: &dyn Objective,
    config: &serde_json::Value,
    dir: &RunDir,
    step: u64,
    softened: u64,
    settings: &RunSettings,
) -> Result<()> {
    let mut state = objective.state();
    state.counters.insert(SOFTENED.to_owned(), softened);
    Checkpoint { step, config: config.clone(), state }.save(&dir.checkpoints())?;
    Checkpoint::prune(&dir.checkpoints(), settings.keep);
    Ok(())
}

fn failed(e: std::io::Error) -> EngineError {
    EngineError::Environment(format!("cannot write the log: {e}"))
}

fn not_finite(metrics: &Metrics) -> Option<&'static str> {
    metrics.iter().find(|(_, value)| !value.is_finite()).map(|(name, _)| *name)
}

/// What is seen of a run after a step.
#[derive(Debug, PartialEq)]
enum Sight {
    /// Nothing against keeping this state.
    Fair,
    /// No state to go back to.
    Doubtful,
    /// Going on is pointless: why, in words.
    Trouble(Cause, String),
}

/// What one sitting of a run keeps for its figures.
struct Session<'a> {
    dir: &'a RunDir,
    settings: &'a RunSettings,
    control: &'a Control,
    events: EventWriter,
    started: Instant,
    first: u64,
    sums: Metrics,
    count: u64,
}

impl<'a> Session<'a> {
    fn start(dir: &'a RunDir, settings: &'a RunSettings, first: u64, control: &'a Control) -> Result<Self> {
        let events = EventWriter::create(dir.root()).map_err(|e| EngineError::io(dir.root(), &e))?;
        control.emit(Event::Started { stage: "train".into(), total: settings.steps });
        let started = Instant::now();
        Ok(Self { dir, settings, control, events, started, first, sums: Metrics::new(), count: 0 })
    }

    fn out_of_time(&self) -> bool {
        self.settings.time_limit.is_some_and(|limit| self.started.elapsed() >= limit)
    }

    fn speed(&self, step: u64) -> f64 {
        let samples = step.saturating_sub(self.first) * self.settings.batch;
        samples as f64 / self.started.elapsed().as_secs_f64().max(1e-9)
    }

    fn record(&mut self, step: u64, metrics: &Metrics) -> Result<()> {
        for (name, value) in metrics {
            *self.sums.entry(name).or_default() += value;
        }
        self.count += 1;
        if !step.is_multiple_of(self.settings.log_every) && step != self.settings.steps {
            return Ok(());
        }
        let count = self.count as f32;
        let means: Metrics = std::mem::take(&mut self.sums).into_iter().map(|(k, v)| (k, v / count)).collect();
        self.count = 0;
        self.note(&serde_json::json!({ "step": step, "samples_per_second": self.speed(step), "metrics": means }))?;
        self.events.scalars(step, means.iter().map(|(k, v)| (*k, *v))).map_err(failed)?;
        let figures: Vec<String> = means.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        let message = format!("{:.1} images/s  {}", self.speed(step), figures.join("  "));
        self.control.emit(Event::Progress { done: step, total: self.settings.steps, message });
        Ok(())
    }

    /// Asks how training goes.
    fn watch(&mut self, step: u64, objective: &mut dyn Objective) -> Result<Sight> {
        let mut figures = Metrics::new();
        let health = objective.watch(step, &mut figures)?;
        if !figures.is_empty() {
            self.note(&serde_json::json!({ "step": step, "metrics": figures }))?;
            self.events.scalars(step, figures.iter().map(|(k, v)| (*k, *v))).map_err(failed)?;
        }
        let (sight, text) = match health {
            Health::Well => return Ok(Sight::Fair),
            Health::Collapsed(text) => return Ok(Sight::Trouble(Cause::Collapse, text)),
            Health::Worrying(text) => (Sight::Fair, text),
            Health::Doubtful(text) => (Sight::Doubtful, text),
        };
        self.control.warn(format!("step {step}: {text}"));
        self.note(&serde_json::json!({ "step": step, "worry": text }))?;
        Ok(sight)
    }

    fn rolled_back(&mut self, step: u64, to: u64, trouble: &str, changed: &str) -> Result<()> {
        // Figures of what is undone do not belong into the next means.
        (self.sums, self.count) = (Metrics::new(), 0);
        self.control.warn(format!("step {step}: {trouble}; back to step {to} with {changed}"));
        self.note(&serde_json::json!({ "step": step, "trouble": trouble, "back_to": to, "changed": changed }))
    }

    /// Adds a line to the log.
    fn note(&self, line: &serde_json::Value) -> Result<()> {
        let mut log = OpenOptions::new().create(true).append(true).open(self.dir.log()).map_err(failed)?;
        writeln!(log, "{line}").map_err(failed)
    }

    fn preview(&self, step: u64, objective: &dyn Objective) -> Result<()> {
        let path = self.dir.sample(step);
        let options = impasto_image::EncodeOptions::new(impasto_image::Format::Png);
        impasto_image::save(&objective.preview()?, &path, &options, true)
            .map_err(|e| EngineError::picture(&path, e))?;
        page::write(self.dir, self.settings.steps)?;
        self.control.emit(Event::Preview { path });
        Ok(())
    }

    fn finish(self, step: u64) -> Summary {
        let seconds = self.started.elapsed().as_secs_f64();
        let summary = Summary { step, complete: step >= self.settings.steps, samples_per_second: self.speed(step) };
        self.control.emit(Event::Finished { stage: "train".into(), seconds });
        summary
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use impasto_image::Picture;

    use super::*;
    use crate::train::State;
    use crate::weights::{Array, Arrays, FORMAT_VERSION, Header};

    /// Counts its steps. Goes wrong at `breaks` as long as its rate is above `bearable`: its values stop being finite, or
    /// its samples collapse.
    struct Counting {
        steps: u64,
        halvings: u64,
        breaks: Option<(u64, bool)>,
        bearable: u64,
        /// What begins at this step, goes on until it breaks and is kept by checkpoints: nothing softens it.
        ill_from: u64,
        ill: bool,
    }

    impl Counting {
        fn new(breaks: Option<(u64, bool)>, bearable: u64) -> Self {
            Self { steps: 0, halvings: 0, breaks, bearable, ill_from: u64::MAX, ill: false }
        }

        fn breaks_at(&self, step: u64, collapses: bool) -> bool {
            self.halvings < self.bearable && self.breaks.is_some_and(|(at, how)| at <= step && how == collapses)
        }
    }

    impl Objective for Counting {
        fn step(&mut self, step: u64) -> Result<Metrics> {
            self.steps += 1;
            self.ill |= self.halvings == 0 && step >= self.ill_from;
            Ok([("loss", if self.breaks_at(step, false) { f32::NAN } else { 1.0 })].into())
        }

        fn state(&self) -> State {
            let counters = [("steps", self.steps), ("halvings", self.halvings), ("ill", u64::from(self.ill))];
            let counters = counters.map(|(name, value)| (name.to_owned(), value)).into();
            State { counters, arrays: array() }
        }

        fn restore(&mut self, state: &State) -> Result<(), String> {
            (self.steps, self.halvings) = (state.counters["steps"], state.counters["halvings"]);
            self.ill = state.counters["ill"] == 1;
            Ok(())
        }

        fn begin_from(&mut self, _: &Arrays) -> Result<(), String> {
            Ok(())
        }

        fn preview(&self) -> Result<Picture> {
            Picture::filled(1, 1, [0.5; 3]).map_err(|e| EngineError::Internal(e.to_string()))
        }

        fn export(&self) -> Result<(Header, Arrays)> {
            let (config, training) = (serde_json::Value::Null, serde_json::Value::Null);
            let name = || "counting".to_owned();
            let header =
                Header { version: FORMAT_VERSION, algorithm: name(), title: name(), licence: name(), config, training };
            Ok((header, array()))
        }

        fn watch(&mut self, step: u64, figures: &mut Metrics) -> Result<Health> {
            figures.insert("looked", step as f32);
            Ok(match self.breaks_at(step, true) || self.ill && step >= 14 {
                true => Health::Collapsed("all samples are alike".into()),
                false if step == 12 && self.ill => Health::Doubtful("samples grow alike".into()),
                false if step == 4 => Health::Worrying("samples are dull".into()),
                false => Health::Well,
            })
        }

        fn soften(&mut self, _: Cause) -> String {
            self.halvings += 1;
            format!("1/{} of the learning rate", 1 << self.halvings)
        }
    }

    /// Files without any tensor are not read.
    fn array() -> Arrays {
        Arrays::from([("w".to_owned(), Array { shape: vec![1], values: vec![0.0] })])
    }

    fn settings() -> RunSettings {
        RunSettings {
            steps: 20,
            batch: 1,
            log_every: 1,
            preview_every: 100,
            checkpoint_every: 4,
            watch_every: 2,
            keep: 2,
            time_limit: None,
        }
    }

    /// Runs it in a new folder: what came out, the warnings, the folder.
    fn train(objective: &mut Counting) -> (Result<Summary>, Vec<String>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::create(folder.path(), "counting").unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&heard);
        let control = Control::new(move |event| {
            if let Event::Warning { message } = event {
                sink.lock().unwrap().push(message);
            }
        });
        let outcome = run(objective, &settings(), &serde_json::Value::Null, &dir, &control);
        let heard = heard.lock().unwrap().clone();
        (outcome, heard, folder)
    }

    #[test]
    fn trouble_leads_back_to_a_checkpoint_that_passed_with_settings_that_add_up() {
        for collapses in [false, true] {
            let mut objective = Counting::new(Some((10, collapses)), 2);
            let (outcome, heard, folder) = train(&mut objective);
            let summary = outcome.unwrap();
            assert!(summary.complete && summary.step == 20);
            // Step 8 was the last checkpoint before; the second time around the first halving is still there, though
            // the checkpoint before does not know of it.
            let back: Vec<&String> = heard.iter().filter(|line| line.contains("back to step")).collect();
            assert!(back.len() == 2 && back[0].contains("step 8") && back[1].contains("step 4"), "{heard:?}");
            assert!(back[0].contains("1/2 of the learning rate") && back[1].contains("1/4"), "{back:?}");
            assert_eq!((objective.steps, objective.halvings), (20, 2), "what was undone does not count");
            assert!(heard.iter().any(|line| line == "step 4: samples are dull"), "{heard:?}");
            let log = std::fs::read_to_string(folder.path().join("0000-counting/log.jsonl")).unwrap();
            assert!(log.contains("\"back_to\":8") && log.contains("\"worry\""), "{log}");
        }
    }

    #[test]
    fn a_run_that_roll_backs_do_not_help_ends_with_its_last_good_checkpoint() {
        let mut objective = Counting::new(Some((10, true)), u64::MAX);
        let (outcome, heard, folder) = train(&mut objective);
        let message = outcome.unwrap_err().to_string();
        assert!(message.contains("alike") && message.contains("of step 8"), "{message}");
        let back_to = |step: u64| heard.iter().filter(|line| line.contains(&format!("back to step {step} "))).count();
        assert_eq!((back_to(8), back_to(4), back_to(0)), (1, 2, 0), "only so many are kept: {heard:?}");
        let kept = Checkpoint::latest(&folder.path().join("0000-counting/checkpoints")).unwrap().unwrap();
        assert_eq!((kept.step, kept.state.counters["halvings"]), (8, 3));
    }

    #[test]
    fn a_checkpoint_that_was_bad_already_is_given_up_for_an_earlier_one() {
        let mut objective = Counting::new(None, 0);
        objective.ill_from = 6;
        let (outcome, heard, _folder) = train(&mut objective);
        assert!(outcome.unwrap().complete, "{heard:?}");
        assert!(heard.iter().any(|line| line == "step 12: samples grow alike"), "{heard:?}");
        let back: Vec<&String> = heard.iter().filter(|line| line.contains("back to step")).collect();
        // What was doubtful at step 12 is no checkpoint; that of step 8 was ill, that of step 4 was not.
        assert!(back.len() == 2 && back[0].contains("step 8") && back[1].contains("step 4"), "{back:?}");
        assert!(back[1].contains("1/2 of the learning rate, then 1/4"), "{back:?}");
        assert_eq!((objective.steps, objective.halvings), (20, 2));
    }
}
