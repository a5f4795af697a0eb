//! Who goes first: people who look at previews, before all that can wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use impasto_engine::Control;
use tokio::sync::watch;

/// How long something gives way at most, all in all: a hall full of people who move sliders does not stop an upload for ever.
const COURTESY: Duration = Duration::from_secs(5);

/// How many people wait for a preview.
#[derive(Clone)]
pub(crate) struct Watched(Arc<watch::Sender<usize>>);

impl Default for Watched {
    fn default() -> Self {
        Self(Arc::new(watch::channel(0).0))
    }
}

impl Watched {
    /// One more, until what is returned is dropped.
    pub(super) fn by_one_more(&self, control: Control) -> Wanted {
        self.0.send_modify(|waiting| *waiting += 1);
        Wanted { control, watched: Some(self.clone()) }
    }

    /// For something that can wait.
    pub(crate) fn courtesy(&self) -> Courtesy {
        Courtesy { watched: self.0.subscribe(), left: COURTESY }
    }
}

/// Somebody waits for a sight; the work stops when this is dropped.
pub(crate) struct Wanted {
    control: Control,
    /// Where others see that they are to give way, if they are.
    watched: Option<Watched>,
}

impl Wanted {
    /// Somebody who waits as all others do.
    pub(super) fn in_line(control: Control) -> Self {
        Self { control, watched: None }
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.control.cancel();
        if let Some(Watched(watched)) = &self.watched {
            watched.send_modify(|waiting| *waiting -= 1);
        }
    }
}

/// What can wait has one, and calls [`Courtesy::give_way`] between two parts of its work.
pub(crate) struct Courtesy {
    watched: watch::Receiver<usize>,
    left: Duration,
}

impl Courtesy {
    /// Returns when nobody waits for a preview, or when this gave way for long enough.
    pub(crate) async fn give_way(&mut self) {
        if *self.watched.borrow_and_update() == 0 || self.left.is_zero() {
            return;
        }
        let since = Instant::now();
        // Over, or out of patience; an error says that the server ends.
        let _ = tokio::time::timeout(self.left, self.watched.wait_for(|waiting| *waiting == 0)).await;
        self.left = self.left.saturating_sub(since.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_can_wait_gives_way_while_somebody_looks_but_not_for_ever() {
        let watched = Watched::default();
        let mut courtesy = watched.courtesy();
        // Nobody looks at a preview: at once.
        let style = Wanted::in_line(Control::silent());
        courtesy.give_way().await;
        drop(style);

        let (first, second) = (watched.by_one_more(Control::silent()), watched.by_one_more(Control::silent()));
        let waiting = tokio::spawn(async move {
            courtesy.give_way().await;
            courtesy
        });
        drop(first);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!waiting.is_finished(), "somebody still looks");
        drop(second);
        let mut courtesy = waiting.await.unwrap();

        let _third = watched.by_one_more(Control::silent());
        courtesy.left = Duration::from_millis(20);
        courtesy.give_way().await;
        assert_eq!(courtesy.left, Duration::ZERO, "the time for it is over");
        courtesy.give_way().await;
    }
}
