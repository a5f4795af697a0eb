//! Pictures: a row and a folder each, `files/ID/NAME` with `view` and `thumb` beside it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use impasto_image::Format;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use utoipa::ToSchema;

use super::events::note;
use super::{Store, anywhere, now, rfc3339};
use crate::intake::Facts;
use crate::problem::{Kind, Outcome, Problem};
use crate::request::Request;

/// What a picture is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// To be painted.
    Content,
    /// To be painted like.
    Style,
    /// Where to paint.
    Mask,
    /// What a job made.
    Result,
    /// To learn from.
    Data,
}

impl Role {
    pub(crate) const ALL: [Self; 5] = [Self::Content, Self::Style, Self::Mask, Self::Result, Self::Data];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Style => "style",
            Self::Mask => "mask",
            Self::Result => "result",
            Self::Data => "data",
        }
    }
}

impl FromStr for Role {
    type Err = Problem;

    fn from_str(text: &str) -> Outcome<Self> {
        let unknown = || Problem::validation("role is content, style, mask, result or data");
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(unknown)
    }
}

/// A picture, as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = File)]
pub(crate) struct FileInfo {
    /// Its id.
    pub(crate) id: String,
    /// Its name, as it is saved.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) role: Role,
    /// The media type of its content.
    pub(crate) media_type: String,
    /// Bytes of its content.
    pub(crate) bytes: u64,
    /// Pixels, upright.
    pub(crate) width: u32,
    /// Pixels, upright.
    pub(crate) height: u32,
    /// Whether it has an alpha channel.
    pub(crate) alpha: bool,
    /// Bits a sample: 8, 16 or 32.
    pub(crate) bits: u8,
    /// When it came (RFC 3339).
    pub(crate) created: String,
    /// Whether it is marked.
    pub(crate) favourite: bool,
    /// The job that made it.
    pub(crate) job: Option<String>,
    /// What would make it again.
    pub(crate) request: Option<Request>,
    /// Names of pictures that `request` needs and that are not here.
    pub(crate) missing: Vec<String>,
    /// Whether it lies in a generator's space, so that pictures can be made from there.
    pub(crate) code: bool,
    #[serde(skip)]
    pub(crate) format: Format,
    #[serde(skip)]
    pub(crate) blake3: String,
    #[serde(skip)]
    pub(crate) stored: String,
    #[serde(skip)]
    pub(crate) seq: i64,
}

/// A picture to be stored, its folder ready.
#[derive(Debug, Clone)]
pub(crate) struct NewFile {
    pub(crate) id: String,
    pub(crate) role: Role,
    /// Safe; see [`crate::ids::safe_name`].
    pub(crate) name: String,
    pub(crate) format: Format,
    pub(crate) bytes: u64,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) alpha: bool,
    pub(crate) bits: u8,
    pub(crate) blake3: String,
    pub(crate) request: Option<Request>,
    pub(crate) missing: Vec<String>,
    /// Whether [`CODE`] stands in its folder.
    pub(crate) code: bool,
}

/// The name of the file beside a picture that says where in a generator's space it lies.
pub(crate) const CODE: &str = "code.safetensors";

impl NewFile {
    /// A picture that was looked at.
    pub(crate) fn new(id: String, role: Role, name: String, facts: &Facts, bytes: u64, blake3: String) -> Self {
        let Facts { format, width, height, alpha, bits, .. } = *facts;
        let (request, missing, code) = (None, Vec::new(), false);
        Self { id, role, name, format, bytes, width, height, alpha, bits, blake3, request, missing, code }
    }
}

/// Which pictures to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileQuery {
    pub(crate) role: Option<Role>,
    pub(crate) text: Option<String>,
    pub(crate) collection: Option<String>,
    pub(crate) favourites: bool,
    pub(crate) before: Option<String>,
    pub(crate) limit: u32,
}

pub(super) const COLUMNS: &str = "seq, id, role, name, format, bytes, width, height, alpha, bits, blake3, created, \
                                  favourite, job, request, missing, stored, code";

/// The media type of a format.
pub(crate) fn media_type(format: Format) -> &'static str {
    match format {
        Format::Png => "image/png",
        Format::Jpeg => "image/jpeg",
        Format::WebP => "image/webp",
        Format::Tiff => "image/tiff",
        Format::Bmp => "image/bmp",
        Format::Gif => "image/gif",
        Format::Raw => "application/octet-stream",
    }
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<FileInfo> {
    let format = Format::from_extension(row.get_ref(4)?.as_str()?).unwrap_or(Format::Raw);
    let role = row.get_ref(2)?.as_str()?;
    Ok(FileInfo {
        seq: row.get(0)?,
        id: row.get(1)?,
        role: Role::ALL.into_iter().find(|known| known.name() == role).unwrap_or(Role::Content),
        name: row.get(3)?,
        media_type: media_type(format).to_owned(),
        bytes: row.get(5)?,
        width: row.get(6)?,
        height: row.get(7)?,
        alpha: row.get(8)?,
        bits: row.get(9)?,
        blake3: row.get(10)?,
        created: rfc3339(row.get(11)?),
        favourite: row.get(12)?,
        job: row.get(13)?,
        request: row.get_ref(14)?.as_str_or_null()?.and_then(|text| serde_json::from_str(text).ok()),
        missing: serde_json::from_str(row.get_ref(15)?.as_str()?).unwrap_or_default(),
        stored: row.get(16)?,
        code: row.get(17)?,
        format,
    })
}

pub(super) fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<FileInfo>> {
    let sql = format!("SELECT {COLUMNS} FROM files WHERE id = ?1");
    connection.prepare_cached(&sql)?.query_row([id], read).optional()
}

/// The results of a job, in their order.
pub(super) fn results_of(connection: &Connection, job: &str) -> rusqlite::Result<Vec<FileInfo>> {
    let sql = format!("SELECT {COLUMNS} FROM files WHERE job = ?1 ORDER BY place");
    connection.prepare_cached(&sql)?.query_map([job], read)?.collect()
}

pub(super) fn insert(connection: &Connection, file: &NewFile, of: Option<(&str, usize)>) -> rusqlite::Result<()> {
    let request = file.request.as_ref().map(|request| serde_json::to_string(request).unwrap_or_default());
    let words = file.request.as_ref().map_or(String::new(), Request::words);
    let words = format!("{} {words}", file.name).to_lowercase();
    let missing = serde_json::to_string(&file.missing).unwrap_or_default();
    connection.execute(
        "INSERT INTO files (id, role, name, format, bytes, width, height, alpha, bits, blake3, created, job, place, request,
         missing, words, stored, code)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?3, ?17)",
        params![
            file.id,
            file.role.name(),
            file.name,
            file.format.extension(),
            file.bytes,
            file.width,
            file.height,
            file.alpha,
            file.bits,
            file.blake3,
            now(),
            of.map(|(job, _)| job),
            of.map(|(_, place)| place as i64),
            request,
            missing,
            words,
            file.code
        ],
    )?;
    Ok(())
}

/// What the disk says is for the log.
pub(crate) fn refused(error: &std::io::Error) -> Problem {
    tracing::error!("the folder of data: {error}");
    Problem::new(Kind::Storage, "The disk refused; the server's log says more.")
}

impl Store {
    /// A picture.
    pub(crate) fn file(&self, id: &str) -> Outcome<FileInfo> {
        find(&self.reader(), id)?.ok_or_else(|| Problem::not_found("file"))
    }

    /// The picture with these bytes: of this role, or of any.
    pub(crate) fn file_with(&self, blake3: &str, role: Option<Role>) -> Outcome<Option<FileInfo>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM files WHERE blake3 = ?1 AND (?2 IS NULL OR role = ?2) ORDER BY seq DESC LIMIT 1"
        );
        let connection = self.reader();
        let found = connection.prepare_cached(&sql)?.query_row(params![blake3, role.map(Role::name)], read);
        Ok(found.optional()?)
    }

    /// Pictures, the newest first, and where the next page begins.
    pub(crate) fn files(&self, query: &FileQuery) -> Outcome<(Vec<FileInfo>, Option<String>)> {
        let mut sql = format!("SELECT {COLUMNS} FROM files WHERE 1");
        let mut values: Vec<Value> = Vec::new();
        if let Some(collection) = &query.collection {
            sql += " AND id IN (SELECT file FROM members WHERE collection = ?)";
            values.push(collection.clone().into());
        }
        if let Some(role) = query.role {
            sql += " AND role = ?";
            values.push(role.name().to_owned().into());
        }
        if query.favourites {
            sql += " AND favourite";
        }
        for word in query.text.iter().flat_map(|text| text.split_whitespace()) {
            sql += r" AND words LIKE ? ESCAPE '\'";
            values.push(anywhere(word).into());
        }
        if let Some(before) = &query.before {
            sql += " AND seq < (SELECT seq FROM files WHERE id = ?)";
            values.push(before.clone().into());
        }
        sql += " ORDER BY seq DESC LIMIT ?";
        values.push(i64::from(query.limit + 1).into());
        let connection = self.reader();
        let mut statement = connection.prepare(&sql)?;
        let mut files: Vec<FileInfo> =
            statement.query_map(params_from_iter(values), read)?.collect::<rusqlite::Result<_>>()?;
        let more = files.len() > query.limit as usize;
        files.truncate(query.limit as usize);
        let next = files.last().filter(|_| more).map(|file| file.id.clone());
        Ok((files, next))
    }

    /// Keeps a picture whose folder stands in [`Store::incoming`] under `prepared`.
    pub(crate) fn keep(&self, file: &NewFile, prepared: &Path) -> Outcome<FileInfo> {
        self.move_in(&file.id, prepared)?;
        self.change(|transaction, changes| {
            insert(transaction, file, None)?;
            changes.push(note(transaction, "file", &file.id)?);
            Ok(())
        })?;
        self.file(&file.id)
    }

    /// A new folder in [`Store::incoming`] for what is not finished; gone with the value, unless it was kept.
    pub(crate) fn room(&self) -> Outcome<TempDir> {
        tempfile::Builder::new().prefix("new-").tempdir_in(self.incoming()).map_err(|e| refused(&e))
    }

    /// Moves a prepared folder to where pictures are.
    pub(super) fn move_in(&self, id: &str, prepared: &Path) -> Outcome<()> {
        let place = self.files_folder().join(id);
        let failed = |e: std::io::Error| refused(&e);
        std::fs::rename(prepared, &place).map_err(failed)?;
        // The names, too, are on the disk before anyone hears of them.
        #[cfg(unix)]
        for folder in [place.as_path(), self.files_folder().as_path()] {
            std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        }
        Ok(())
    }

    /// Renames or marks a picture.
    pub(crate) fn change_file(&self, id: &str, name: Option<&str>, favourite: Option<bool>) -> Outcome<FileInfo> {
        let old = self.file(id)?;
        let name = name.map(|name| crate::ids::safe_name(name, old.format));
        self.change(|transaction, changes| {
            if let Some(name) = &name {
                let words = name.to_lowercase();
                let sql = "UPDATE files SET name = ?2, words = ?3 || ' ' || words WHERE id = ?1";
                transaction.execute(sql, [id, name, &words])?;
            }
            if let Some(favourite) = favourite {
                transaction.execute("UPDATE files SET favourite = ?2 WHERE id = ?1", params![id, favourite])?;
            }
            changes.push(note(transaction, "file", id)?);
            Ok(())
        })?;
        self.file(id)
    }

    /// Removes a picture that no unfinished job needs.
    pub(crate) fn remove_file(&self, id: &str) -> Outcome<()> {
        self.change(|transaction, changes| {
            let needed: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM needs JOIN jobs ON jobs.id = needs.job
                 WHERE needs.file = ?1 AND jobs.state IN ('queued', 'running'))",
                [id],
                |row| row.get(0),
            )?;
            if needed {
                return Err(Problem::new(Kind::Conflict, "A job that is not finished needs it; cancel the job first."));
            }
            if transaction.execute("DELETE FROM files WHERE id = ?1", [id])? == 0 {
                return Err(Problem::not_found("file"));
            }
            changes.push(note(transaction, "file", id)?);
            Ok(())
        })?;
        // Without its row it is no longer there; what cannot be removed now goes when the server starts.
        let _ = std::fs::remove_dir_all(self.files_folder().join(id));
        Ok(())
    }

    /// Where a picture's content is.
    pub(crate) fn path_of(&self, file: &FileInfo) -> PathBuf {
        self.files_folder().join(&file.id).join(&file.stored)
    }

    /// Where the small forms of a picture are: [`crate::intake::VIEW`] or [`crate::intake::THUMB`].
    pub(crate) fn shown(&self, id: &str, form: &str) -> PathBuf {
        self.files_folder().join(id).join(form)
    }

    pub(super) fn files_folder(&self) -> PathBuf {
        self.folder().join("files")
    }

    /// Removes what a stopped server left unfinished: uploads half received, folders without a row.
    pub(super) fn sweep(&self) -> Outcome<()> {
        let gone = |path: PathBuf| match path.is_dir() {
            true => std::fs::remove_dir_all(path),
            false => std::fs::remove_file(path),
        };
        let below = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in below(self.incoming()) {
            gone(entry.path()).map_err(Problem::internal)?;
        }
        for entry in below(self.folder().join("runs")) {
            let job = entry.file_name().to_string_lossy().into_owned();
            if self.job(&job).is_err_and(|problem| problem.status == 404) {
                gone(entry.path()).map_err(Problem::internal)?;
            }
        }
        for entry in below(self.files_folder()) {
            let known = find(&self.reader(), &entry.file_name().to_string_lossy())?.is_some();
            if !known {
                gone(entry.path()).map_err(Problem::internal)?;
            }
        }
        Ok(())
    }
}
