use impasto_image::Format;
use tempfile::TempDir;

use super::*;
use crate::problem::{Kind, Outcome, Problem};
use crate::request::Request;

struct Home {
    store: Option<Store>,
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { store: Some(Store::open(folder.path()).unwrap()), folder }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// As a process that was killed, and one that starts after it.
    fn again(&mut self) {
        self.store = None;
        self.store = Some(Store::open(self.folder.path()).unwrap());
    }
}

fn generate(seeds: &[u64]) -> Request {
    serde_json::from_value(serde_json::json!({"kind": "generate", "model": "icons", "seeds": seeds})).unwrap()
}

fn new_job(key: Option<&str>) -> NewJob {
    let request = generate(&[1]);
    NewJob { body: "hash".into(), request, title: "icons".into(), batch: None, key: key.map(str::to_owned) }
}

fn queued(store: &Store) -> String {
    match store.submit(&new_job(None), 1000).unwrap() {
        Submitted::Queued(job) => job.id,
        Submitted::Before(_) => panic!("not there before"),
    }
}

fn picture(store: &Store, id: &str, role: Role) -> (NewFile, TempDir) {
    let room = store.room().unwrap();
    std::fs::write(room.path().join("a.png"), b"bytes").unwrap();
    let file = NewFile {
        id: id.into(),
        role,
        name: "a.png".into(),
        format: Format::Png,
        bytes: 5,
        width: 4,
        height: 3,
        alpha: false,
        bits: 8,
        blake3: format!("hash of {id}"),
        code: false,
        request: Some(generate(&[1])),
        missing: Vec::new(),
    };
    (file, room)
}

fn status<T: std::fmt::Debug>(outcome: Outcome<T>) -> u16 {
    outcome.unwrap_err().status
}

#[test]
fn a_job_lives_and_its_results_are_there_once() {
    let home = Home::new();
    let store = home.store();
    let (first, second) = (queued(store), queued(store));
    assert_eq!(store.job(&second).unwrap().ahead, Some(1));
    let claim = store.claim(false).unwrap().unwrap();
    assert_eq!(claim.id, first);
    assert_eq!((store.job(&first).unwrap().state, store.job(&first).unwrap().attempts), (State::Running, 1));
    let results = [picture(store, "f_1", Role::Result), picture(store, "f_2", Role::Result)];
    store.complete(&first, &results, &["a note".to_owned()]).unwrap();
    let job = store.job(&first).unwrap();
    let ids: Vec<&str> = job.results.iter().map(|file| file.id.as_str()).collect();
    assert_eq!((job.state, ids, job.notes.len()), (State::Done, vec!["f_1", "f_2"], 1));
    assert_eq!(std::fs::read(store.path_of(&job.results[0])).unwrap(), b"bytes");
    // A second end of the same job changes nothing and leaves nothing.
    store.complete(&first, &[picture(store, "f_3", Role::Result)], &[]).unwrap();
    assert_eq!(store.job(&first).unwrap().results.len(), 2);
    assert!(!store.folder().join("files/f_3").exists());
    store.forget(&first, false).unwrap();
    assert_eq!(status(store.job(&first)), 404);
    assert_eq!(store.file("f_1").unwrap().job, None, "results outlive their job");
}

#[test]
fn a_key_queues_once() {
    let home = Home::new();
    let store = home.store();
    let Submitted::Queued(first) = store.submit(&new_job(Some("k")), 10).unwrap() else { panic!("new") };
    let Submitted::Before(again) = store.submit(&new_job(Some("k")), 10).unwrap() else { panic!("not new") };
    assert_eq!(first.id, again.id);
    let other = NewJob { body: "other".into(), ..new_job(Some("k")) };
    assert_eq!(status(store.submit(&other, 10)), 422);
    assert_eq!(status(store.submit(&new_job(None), 1)), 429);
}

#[test]
fn order_front_cancel_retry() {
    let home = Home::new();
    let store = home.store();
    let jobs: Vec<String> = (0..3).map(|_| queued(store)).collect();
    store.to_front(&jobs[2]).unwrap();
    assert_eq!(store.claim(false).unwrap().unwrap().id, jobs[2]);
    assert_eq!(status(store.to_front(&jobs[2])), 409);
    assert!(store.cancel(&jobs[0]).unwrap());
    assert!(!store.cancel(&jobs[0]).unwrap());
    assert_eq!(store.claim(false).unwrap().unwrap().id, jobs[1]);
    assert!(store.claim(false).unwrap().is_none());
    let problem = Problem::new(Kind::Limit, "too large");
    store.fail(&jobs[1], &problem, &[]).unwrap();
    assert_eq!(store.job(&jobs[1]).unwrap().problem.unwrap().detail, "too large");
    for id in [&jobs[0], &jobs[1]] {
        let job = store.retry(id).unwrap();
        assert_eq!((job.state, job.attempts, job.problem), (State::Queued, 0, None));
    }
    assert_eq!(status(store.retry(&jobs[2])), 409);
    assert_eq!(status(store.forget(&jobs[2], false)), 409);
    assert_eq!(status(store.retry("j_none")), 404);
    // A job that was cancelled while it ran stays so, whatever its end.
    assert!(store.cancel(&jobs[2]).unwrap());
    store.complete(&jobs[2], &[picture(store, "f_9", Role::Result)], &[]).unwrap();
    assert_eq!(store.job(&jobs[2]).unwrap().state, State::Cancelled);
}

#[test]
fn a_server_that_starts_again_goes_on() {
    let mut home = Home::new();
    let id = queued(home.store());
    for attempt in 1..=4 {
        assert_eq!(home.store().claim(false).unwrap().unwrap().id, id, "attempt {attempt}");
        home.again();
        assert_eq!(home.store().job(&id).unwrap().state, State::Queued);
    }
    // In order, it may stop as often as it likes.
    for _ in 0..3 {
        home.store().claim(false).unwrap().unwrap();
        home.store().put_back(&id).unwrap();
    }
    home.store().claim(false).unwrap().unwrap();
    home.again();
    let job = home.store().job(&id).unwrap();
    assert_eq!(job.state, State::Failed, "begun five times and never finished");
    assert!(job.problem.unwrap().detail.contains("5 times"));
}

#[test]
fn what_is_half_done_is_swept_away() {
    let mut home = Home::new();
    let store = home.store();
    let (file, room) = picture(store, "f_1", Role::Content);
    store.keep(&file, room.path()).unwrap();
    std::fs::create_dir(store.folder().join("files/f_orphan")).unwrap();
    std::fs::write(store.incoming().join("half"), b"x").unwrap();
    home.again();
    let folder = home.store().folder();
    assert!(folder.join("files/f_1/a.png").exists());
    assert!(!folder.join("files/f_orphan").exists() && !folder.join("incoming/half").exists());
}

#[test]
fn changes_are_told_in_order_and_gaps_are_noticed() {
    let home = Home::new();
    let store = home.store();
    assert_eq!(store.changes_after(0, 10).unwrap(), Some(vec![]));
    let mut live = store.subscribe();
    let id = queued(store);
    store.claim(false).unwrap().unwrap();
    let changes = store.changes_after(0, 10).unwrap().unwrap();
    assert_eq!(changes.iter().map(|change| change.seq).collect::<Vec<_>>(), [1, 2]);
    assert!(changes.iter().all(|change| change.subject == id && change.kind == "job"));
    let Live::Changed(first) = live.try_recv().unwrap() else { panic!("a change") };
    assert_eq!(first, changes[0]);
    assert_eq!(store.changes_after(1, 10).unwrap().unwrap().len(), 1);
    assert_eq!(store.changes_after(99, 10).unwrap(), None, "of another folder");
    store.connection().execute("DELETE FROM events WHERE seq < 2", []).unwrap();
    assert_eq!(store.changes_after(0, 10).unwrap(), None, "no longer kept");
    assert_eq!(store.changes_after(1, 10).unwrap().unwrap().len(), 1);
}

#[test]
fn files_are_found_renamed_and_kept_while_they_are_needed() {
    let home = Home::new();
    let store = home.store();
    for (id, role) in [("f_1", Role::Content), ("f_2", Role::Result), ("f_3", Role::Result)] {
        let (file, room) = picture(store, id, role);
        store.keep(&file, room.path()).unwrap();
    }
    let listed =
        |query: &FileQuery| -> Vec<String> { store.files(query).unwrap().0.into_iter().map(|file| file.id).collect() };
    let all = FileQuery { limit: 10, ..FileQuery::default() };
    assert_eq!(listed(&all), ["f_3", "f_2", "f_1"]);
    assert_eq!(listed(&FileQuery { role: Some(Role::Result), ..all.clone() }), ["f_3", "f_2"]);
    let (page, next) = store.files(&FileQuery { limit: 2, ..all.clone() }).unwrap();
    assert_eq!((page.len(), next.as_deref()), (2, Some("f_2")));
    assert_eq!(listed(&FileQuery { before: next, ..all.clone() }), ["f_1"]);
    let renamed = store.change_file("f_2", Some("100% Übung_"), Some(true)).unwrap();
    assert_eq!((renamed.name.as_str(), renamed.favourite), ("100_ Übung_.png", true));
    assert!(store.path_of(&renamed).exists(), "the name on the disk stays");
    for (text, found) in [("übung", 1), ("ICONS übung", 1), ("_", 1), ("%", 0), ("icons", 3), ("nothing", 0)] {
        assert_eq!(listed(&FileQuery { text: Some(text.into()), ..all.clone() }).len(), found, "{text}");
    }
    assert_eq!(listed(&FileQuery { favourites: true, ..all }), ["f_2"]);

    let request = serde_json::json!({"kind": "adjust", "content": "f_1", "adjust": {}});
    let job = NewJob { request: serde_json::from_value(request).unwrap(), ..new_job(None) };
    let Submitted::Queued(job) = store.submit(&job, 10).unwrap() else { panic!("new") };
    assert_eq!(status(store.remove_file("f_1")), 409);
    store.cancel(&job.id).unwrap();
    store.remove_file("f_1").unwrap();
    assert_eq!(status(store.file("f_1")), 404);
    assert!(!store.folder().join("files/f_1").exists());
    let gone = NewJob { body: "x".into(), request: job.request, ..new_job(None) };
    assert_eq!(status(store.submit(&gone, 10)), 422, "of a file that is gone");
}

#[test]
fn folders_in_use_newer_or_damaged_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(ServeError::InUse(_))));
    store.connection().pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    let error = Store::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("newer"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("queue.sqlite"), [7; 4096]).unwrap();
    let error = Store::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("queue.sqlite"), "{error}");
}

#[test]
fn brief_jobs_go_before_a_training_that_waits() {
    let home = Home::new();
    let store = home.store();
    let training = NewJob {
        request: serde_json::from_value(serde_json::json!({"kind": "train", "what": "gan", "sources": {}})).unwrap(),
        ..new_job(None)
    };
    let Submitted::Queued(training) = store.submit(&training, 10).unwrap() else { panic!("not there before") };
    let brief = queued(store);
    assert_eq!(store.claim(true).unwrap().unwrap().id, brief);
    assert!(store.claim(true).unwrap().is_none(), "a training is not brief");
    assert_eq!(store.claim(false).unwrap().unwrap().id, training.id);
    store.complete(&training.id, &[], &[]).unwrap();
    assert_eq!(store.forget(&training.id, false).unwrap_err().status, 409, "what it learnt would be gone");
    assert_eq!(store.retry(&training.id).unwrap().state, State::Queued, "one that stopped at its time limit goes on");
    assert_eq!(store.claim(false).unwrap().unwrap().id, training.id);
    store.complete(&training.id, &[], &[]).unwrap();
    store.forget(&training.id, true).unwrap();
}

#[test]
fn collections_hold_pictures_until_they_go() {
    let home = Home::new();
    let store = home.store();
    for (id, role) in [("f_a", Role::Data), ("f_b", Role::Data), ("f_c", Role::Content)] {
        let (file, room) = picture(store, id, role);
        store.keep(&file, room.path()).unwrap();
    }
    let ids = ["f_a", "f_b", "f_c"].map(str::to_owned);
    let (one, two) = (store.collect("One").unwrap(), store.collect("Two").unwrap());
    assert_eq!(store.collect("One").unwrap_err().status, 409);
    assert_eq!(store.rename_collection(&two.id, "One").unwrap_err().status, 409);
    assert_eq!(store.change_collection(&one.id, &ids, &[]).unwrap().pictures, 3);
    assert_eq!(store.change_collection(&one.id, &ids, &[]).unwrap().pictures, 3, "each once");
    assert_eq!(store.change_collection(&two.id, &ids[1..2], &[]).unwrap().covers, ["f_b"]);
    assert_eq!(store.change_collection(&two.id, &["f_nobody".to_owned()], &[]).unwrap_err().status, 422);
    let query = FileQuery { collection: Some(two.id.clone()), limit: 10, ..FileQuery::default() };
    assert_eq!(store.files(&query).unwrap().0.len(), 1);
    store.forget_collection(&one.id).unwrap();
    assert_eq!(store.forget_collection(&one.id).unwrap_err().status, 404);
    let there = |id: &str| store.file(id).is_ok();
    assert_eq!(ids.each_ref().map(|id| there(id)), [false, true, true], "only what was for it alone is gone");
    store.remove_file("f_b").unwrap();
    assert_eq!(store.collection_of(&two.id).unwrap().pictures, 0);
}

#[test]
fn kept_models_have_weights_a_card_and_one_name() {
    let home = Home::new();
    let store = home.store();
    let kept = Kept {
        name: "mine".into(),
        title: "Mine".into(),
        task: "generator".into(),
        algorithm: "dcgan".into(),
        artists: Vec::new(),
        run: "j_1".into(),
        created: String::new(),
    };
    let room = store.room().unwrap();
    let weights = room.path().join("w");
    std::fs::write(&weights, b"weights").unwrap();
    store.keep_model(&kept, &weights, "# Mine").unwrap();
    std::fs::write(&weights, b"others").unwrap();
    assert_eq!(store.keep_model(&kept, &weights, "# Others").unwrap_err().status, 409);
    assert_eq!(std::fs::read(store.weights_of("mine")).unwrap(), b"weights");
    assert_eq!(std::fs::read_to_string(store.card_of("mine")).unwrap(), "# Mine");
    store.forget_model("mine").unwrap();
    assert!(!store.weights_of("mine").exists() && store.kept("mine").is_err());
}

#[test]
fn a_store_of_the_first_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let upgrade = include_str!("from-1.sql");
    let (_, added) = upgrade.split_once("\n\n").unwrap();
    let whole = include_str!("schema.sql");
    assert!(whole.ends_with(added), "the end of the schema is what an old store is given");
    let (head, _) = whole.split_at(whole.len() - added.len());
    let old: String =
        head.lines().filter(|line| !line.contains("code      INTEGER")).map(|line| format!("{line}\n")).collect();
    let connection = Connection::open(folder.path().join("queue.sqlite")).unwrap();
    connection.execute_batch(&old).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    let store = Store::open(folder.path()).unwrap();
    let (file, room) = picture(&store, "f_a", Role::Data);
    assert!(!store.keep(&file, room.path()).unwrap().code);
    assert_eq!(store.collect("One").unwrap().pictures, 0);
}
