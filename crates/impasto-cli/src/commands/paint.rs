//! What commands that paint pictures with a network share: the options, and the work on all pictures.

use std::path::{Path, PathBuf};

use clap::Args;
use impasto_engine::Control;
use impasto_engine::pipeline::{MIN_SIDE, OutputOptions, Painter, Resources, StylizeJob, Target};
use impasto_image::Limits;
use impasto_image::colour::PreserveColor;

use super::pictures::{AdjustmentArgs, Batch, LimitArgs, OutputArgs, input, parse_memory};
use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;

/// How pictures are painted, whatever paints them.
#[derive(Debug, Args)]
pub(crate) struct PaintArgs {
    /// How much of the effect: 0 keeps the content, 1 is all of it.
    #[arg(long, value_name = "0-1", default_value_t = StylizeJob::default().strength, allow_negative_numbers = true)]
    strength: f32,
    /// Keep the content's colours: none, luma, mean-covariance or histogram.
    #[arg(long, value_name = "MODE", default_value_t = PreserveColor::None)]
    preserve_color: PreserveColor,
    /// Picture whose light parts are painted while its dark parts keep the content.
    #[arg(long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// Paint the mask's dark parts instead.
    #[arg(long, requires = "mask")]
    invert_mask: bool,
    /// Soften the edges of masks over so many pixels.
    #[arg(long, value_name = "PX", default_value_t = 0.0, allow_negative_numbers = true)]
    feather: f32,
    /// Longer side of the result; the content's own size when absent.
    #[arg(long, value_name = "PX")]
    size: Option<u32>,
    /// Most memory to take, such as 4G; what the machine has free when absent. Larger pictures are painted in tiles, where
    /// the method can.
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    max_memory: Option<u64>,
    /// Paint in tiles of this side, whether memory asks for it or not.
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(MIN_SIDE as i64..=8192))]
    tile: Option<u32>,
    /// Folder for what is kept while painting in tiles; beside each result when absent.
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// Say how each picture would be painted, what memory and disk that takes, and paint nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    adjust: AdjustmentArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Contents and where their results go.
pub(crate) struct Work<'a> {
    contents: &'a [PathBuf],
    targets: Vec<Target>,
    limits: Limits,
}

impl PaintArgs {
    /// Refuses what says something about masks where there are none; `others` beside the one here.
    pub(crate) fn check_masks(&self, others: bool) -> Result<(), Failure> {
        if self.feather > 0.0 && self.mask.is_none() && !others {
            return Err(Failure::usage("--feather softens masks, and none is given"));
        }
        Ok(())
    }

    /// A job with these options in it.
    pub(crate) fn applied(&self, job: StylizeJob, seed: u64) -> StylizeJob {
        StylizeJob {
            strength: self.strength,
            preserve_color: self.preserve_color,
            mask: self.mask.clone(),
            invert_mask: self.invert_mask,
            feather: self.feather,
            size: self.size,
            adjust: self.adjust.adjustments(),
            seed,
            ..job
        }
    }

    /// How results are written.
    pub(crate) fn options(&self) -> OutputOptions {
        self.output.options()
    }

    /// What is to be done. `template` is the default name of results, `values` what its braces offer besides `{stem}`.
    pub(crate) fn work<'a>(
        &self,
        contents: &'a [PathBuf],
        template: &str,
        values: &[(&str, String)],
        reporter: &Reporter,
    ) -> Result<Work<'a>, Failure> {
        let targets = self.output.targets(contents, template, values)?;
        reporter.claim_stdout(&targets)?;
        Ok(Work { contents, targets, limits: self.limits.limits() })
    }

    /// What it is done with.
    pub(crate) fn resources(&self, global: &Global) -> Result<Resources, Failure> {
        Ok(Resources {
            device: global.open_device()?,
            limits: self.limits.limits(),
            max_memory: self.max_memory,
            tile: self.tile,
            work_dir: self.work_dir.clone(),
        })
    }

    /// Paints every picture, or says how each would be painted.
    pub(crate) fn paint(
        &self,
        painter: &Painter,
        work: &Work<'_>,
        preview: Option<&Path>,
        control: &Control,
        reporter: &Reporter,
    ) -> Result<(), Failure> {
        let Work { contents, targets, limits } = work;
        if self.dry_run {
            for (path, target) in contents.iter().zip(targets) {
                let input = input(path, limits)?;
                // What is no picture is opened for its error.
                let plan = match painter.plan(&input, target)? {
                    Some(plan) => plan.to_string(),
                    None => input.open(limits, control).map(|_| "unknown".to_owned())?,
                };
                reporter.result(&format!("{}: {plan}", path.display()));
            }
            return Ok(());
        }
        let options = self.options();
        let quick = painter.job().method()?.settings().is_none();
        let batch = Batch { inputs: contents, targets, limits, quick };
        batch.each(control, reporter, |input, target| painter.paint_file(input, target, &options, preview, control))
    }
}
