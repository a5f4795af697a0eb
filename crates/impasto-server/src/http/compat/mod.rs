//! Subsets of other programs' APIs, so that their clients can paint with impasto. What a client asks becomes a job in the queue like
//! any other; the answer waits for it, and a client that hangs up takes the job back.

pub(super) mod openai;
pub(super) mod sdapi;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use impasto_engine::{models, styles};
use rand::Rng;
use tokio::sync::SemaphorePermit;
use tokio::sync::broadcast::error::RecvError;

use super::app::App;
use super::ask::{drain, whole};
use super::files::{RAW, Received, admit};
use crate::ids::fresh;
use crate::problem::{Kind, Outcome, Problem};
use crate::request::{Request, Style};
use crate::store::{FileInfo, Job, Live, NewJob, Role, State, Submitted};

/// Most bytes of a body that carries pictures, some of them as text.
const BYTES: usize = 48 << 20;

/// Takes a job back when nobody waits for it any more.
struct Pending {
    app: Arc<App>,
    job: String,
    over: bool,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.over {
            let (app, job) = (Arc::clone(&self.app), std::mem::take(&mut self.job));
            tokio::task::spawn_blocking(move || {
                // Over meanwhile, or forgotten: then there is nothing to take back.
                let _ = app.store.cancel(&job);
                app.desk.cancel(&job);
            });
        }
    }
}

/// Queues a request and waits until it is done.
async fn done(app: &Arc<App>, request: Request, title: &'static str) -> Outcome<Job> {
    let mut live = app.store.subscribe();
    let most = app.config.quotas.queued;
    let submitted = app.ask(move |app| {
        request.validate(&app.store)?;
        let body = fresh("");
        app.store.submit(&NewJob { request, title: title.into(), batch: None, key: None, body }, most)
    });
    let (Submitted::Queued(job) | Submitted::Before(job)) = submitted.await?;
    app.desk.call();
    let mut pending = Pending { app: Arc::clone(app), job: job.id.clone(), over: false };
    let mut closing = app.closing.subscribe();
    loop {
        let told = tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return Err(Problem::new(Kind::Busy, "The server stops.")),
            told = live.recv() => told,
        };
        match told {
            Ok(Live::Changed(change)) if change.subject == job.id => {}
            Ok(_) => continue,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Err(Problem::new(Kind::Busy, "The server stops.")),
        }
        let id = job.id.clone();
        let found = app.ask(move |app| app.store.job(&id)).await?;
        match found.state {
            State::Queued | State::Running => {}
            State::Done => {
                pending.over = true;
                return Ok(found);
            }
            State::Cancelled => {
                pending.over = true;
                return Err(Problem::new(Kind::Cancelled, "The job was cancelled."));
            }
            State::Failed => {
                pending.over = true;
                return Err(found.problem.unwrap_or_else(|| Problem::internal("a job failed without a word")));
            }
        }
    }
}

/// Keeps a picture that came inside a body.
async fn kept(app: &Arc<App>, bytes: &[u8], role: Role, name: &str) -> Outcome<FileInfo> {
    if bytes.len() as u64 > app.config.limits.max_file_bytes {
        let limit = app.config.limits.max_file_bytes;
        return Err(Problem::new(Kind::TooLarge, format!("A file has at most {limit} bytes here.")));
    }
    let room = app.ask(|app| app.store.room()).await?;
    let received = Received::at_hand(bytes, &room.path().join(RAW)).await?;
    Ok(admit(app, room, received, role, name.to_owned(), app.desk.courtesy()).await?.1)
}

/// The bytes of a file, as text.
async fn encoded(app: &Arc<App>, file: &FileInfo) -> Outcome<String> {
    let path = app.store.path_of(file);
    let bytes = tokio::fs::read(path).await.map_err(Problem::internal)?;
    Ok(STANDARD.encode(bytes))
}

/// Bytes that came as text, as they are or as a data URL.
fn decoded(text: &str) -> Outcome<Vec<u8>> {
    let text = match text.split_once(";base64,") {
        Some((scheme, text)) if scheme.starts_with("data:") => text,
        _ => text,
    };
    STANDARD.decode(text.trim()).map_err(|_| Problem::validation("A picture is not in base64."))
}

/// A body that carries pictures, and its turn: few are in memory at a time, so a turn is kept until the pictures are on the disk,
/// and given up before a job is waited for.
async fn body(app: &App, body: axum::body::Body) -> Outcome<(Bytes, SemaphorePermit<'_>)> {
    let Ok(turn) = app.bodies.try_acquire() else {
        drain(app, body, BYTES as u64).await;
        return Err(Problem::new(Kind::TooManyRequests, "Too many pictures come at once."));
    };
    Ok((whole(body, BYTES).await?, turn))
}

/// The styles that a prompt names: `great-wave`, `monet`, several with `+` between them, each also with `:WEIGHT`.
fn styles_of(prompt: &str) -> Outcome<Vec<Style>> {
    let artists = models::artists()?;
    let named = prompt.split(['+', ',']).map(str::trim).filter(|part| !part.is_empty());
    let found = named
        .map(|part| {
            let (name, weight) = match part.rsplit_once(':') {
                Some((name, weight)) => match weight.trim().parse::<f32>() {
                    Ok(weight) => (name.trim(), weight),
                    Err(_) => (part, 1.0),
                },
                None => (part, 1.0),
            };
            let style = Style { weight, ..Style::empty() };
            let artist = name.strip_prefix("artist:").unwrap_or(name).to_owned();
            match (styles::names().any(|known| known == name), artists.contains(&artist)) {
                (true, _) => Ok(Style { name: Some(name.to_owned()), ..style }),
                (false, true) => Ok(Style { artist: Some(artist), ..style }),
                (false, false) => {
                    let known: Vec<String> = styles::names().map(str::to_owned).chain(artists.clone()).collect();
                    Err(Problem::validation(format!(
                        "impasto paints in styles and takes no words: the prompt names one or several joined by +, of {}.",
                        known.join(", ")
                    )))
                }
            }
        })
        .collect::<Outcome<Vec<Style>>>()?;
    match found.is_empty() {
        true => Err(Problem::validation("The prompt is empty; it names the style, such as great-wave.")),
        false => Ok(found),
    }
}

/// A seed that nobody gave.
fn drawn_seed() -> u64 {
    u64::from(rand::rng().random::<u32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_name_styles() {
        let styles = styles_of("great-wave + monet:0.5, artist:hokusai").unwrap();
        assert_eq!(styles[0].name.as_deref(), Some("great-wave"));
        assert_eq!((styles[1].artist.as_deref(), styles[1].weight), (Some("monet"), 0.5));
        assert_eq!(styles[2].artist.as_deref(), Some("hokusai"));
        assert!(styles_of("a cat on the moon").unwrap_err().detail.contains("great-wave"));
        assert!(styles_of(" ").is_err());
    }

    #[test]
    fn pictures_come_as_text() {
        assert_eq!(decoded("aGk=").unwrap(), b"hi");
        assert_eq!(decoded("data:image/png;base64,aGk=").unwrap(), b"hi");
        assert!(decoded("no base64!").is_err());
    }
}
