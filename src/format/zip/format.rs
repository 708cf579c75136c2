//! Zips as a format: their members, and the tables of members that are SQLite databases.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

use super::content::{ZipContent, ZipMemberBlob};
use super::data::{contradiction, packed};
use super::problem::{damaged_zip_hint, zip_error};
use super::zip_file::ZipFile;
use crate::content::{Content, ErrorKind, FileKind, SourceError};
use crate::format::api::Format;
use crate::format::beside::{LARGEST_BLOB, files_beside, path_beside};
use crate::format::blob::{Opened, io_kind};
use crate::format::flaw::{Flaw, Weight};
use crate::format::hasher::sha256_of;
use crate::format::input::FormatInput;
use crate::format::packed::Packing;
use crate::format::shown::{FileGroup, Fingerprint, ShownFile};
use crate::format::sqlite::SQLITE;
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// How many headers that contradict the directory the check names.
const MOST_NOTES: usize = 20;

pub(crate) static ZIP: &dyn Format = &Zip;

struct Zip;

impl Format for Zip {
    fn endings(&self) -> &'static [&'static str] {
        &["zip"]
    }

    fn may_be_packed(&self) -> bool {
        false
    }

    fn shows_bytes(&self, _packing: Packing) -> bool {
        false
    }

    fn head_test(&self) -> Option<fn(&[u8]) -> bool> {
        Some(|head| head.starts_with(b"PK"))
    }

    fn files(&self, input: &FormatInput<'_>) -> Result<Vec<ShownFile>, SourceError> {
        let (blob, label) = (&*input.blob, &input.context.label);
        let fail = |error| zip_error(label, format!("cannot list zip {}", blob.describe()), blob, error);
        let zip = Arc::new(ZipFile::read(&input.blob).map_err(fail)?);
        let shared = Arc::new(SharedReader { zip: Arc::clone(&zip), open: Mutex::default() });
        let members = 0..zip.directory.members.len();
        let mut files: Vec<ShownFile> = members.map(|at| member(input, &shared, at)).collect();
        let taken: BTreeSet<&str> = files.iter().map(|file| &*file.path).collect();
        let mut tables = Vec::new();
        for (at, file) in files.iter().enumerate() {
            tables.extend(tables_of(input, &zip, at, (file, &taken))?);
        }
        files.extend(tables);
        Ok(files)
    }

    /// What contradicts the directory, though the zip can be listed.
    fn check(&self, input: &FormatInput<'_>) -> Option<Vec<Flaw>> {
        let zip = ZipFile::read(&input.blob).ok()?;
        let wrong = |what| Flaw::new(Weight::Wrong, what).with_hint(damaged_zip_hint(&*zip.blob));
        let headers = zip.open().map(|mut reader| {
            let stated = |at| contradiction(&zip.directory, at, &mut reader).ok().flatten();
            let stated = zip.directory.members.iter().map(stated).zip(&zip.directory.members);
            let found = stated.filter_map(|(stated, member)| {
                Some(wrong(format!("{}: the header before its data states {}", member.path, stated?)))
            });
            found.take(MOST_NOTES).collect::<Vec<Flaw>>()
        });
        let flaws = zip.directory.flaws.iter().cloned().map(wrong);
        Some(flaws.chain(headers.unwrap_or_default()).collect())
    }
}

fn member(input: &FormatInput<'_>, shared: &Arc<SharedReader>, at: usize) -> ShownFile {
    let member = shared.zip.member(at);
    let (label, zip) = (Arc::clone(&input.context.label), Arc::clone(&shared.zip));
    let content = Content::stream(ZipContent { label, zip, at });
    ShownFile {
        kind: member.kind,
        fingerprint: Some(Arc::new(MemberFingerprint { shared: Arc::clone(shared), at })),
        ..ShownFile::of_blob(FileGroup::Members, Arc::clone(&member.path), content)
    }
}

/// The tables of a member that is a SQLite database, in the folder for them. They change only with the member.
fn tables_of(
    input: &FormatInput<'_>,
    zip: &Arc<ZipFile>,
    at: usize,
    (file, taken): (&ShownFile, &BTreeSet<&str>),
) -> Result<Vec<ShownFile>, SourceError> {
    let ending = file.path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let is_database = ending.is_some_and(|ending| SQLITE.endings().contains(&&*ending));
    let member = zip.member(at);
    if !is_database || member.overlaps || member.len > LARGEST_BLOB || !input.context.may_unpack(member.len) {
        return Ok(Vec::new());
    }
    let (zip, spools) = (Arc::clone(zip), Arc::clone(&input.context.spools));
    let blob = Arc::new(ZipMemberBlob { zip, at, spools });
    let database = FormatInput::new(input.context, blob, Packing::Plain);
    let tables = files_beside(SQLITE, &database)?.into_iter().filter_map(|table| {
        let (path, fingerprint) =
            (path_beside(&file.path, "", &table, taken)?.into(), file.fingerprint.clone());
        Some(ShownFile { group: FileGroup::Members, path, fingerprint, ..table })
    });
    Ok(tables.collect())
}

/// What decides the bytes of a member: its numbers in the directory, and its packed bytes.
struct MemberFingerprint {
    shared: Arc<SharedReader>,
    at: usize,
}

impl Fingerprint for MemberFingerprint {
    fn likeness(&self) -> ContentId {
        let member = self.shared.zip.member(self.at);
        let kind: &[u8] = match member.kind {
            FileKind::Regular => b"file",
            FileKind::Executable => b"program",
            FileKind::Symlink => b"link",
        };
        let numbers = [u64::from(member.method), u64::from(member.crc), member.len, member.packed];
        ContentId::of(&[b"member", kind, &numbers.map(u64::to_le_bytes).concat()])
    }

    fn offset(&self) -> u64 {
        self.shared.zip.member(self.at).header.unwrap_or(0)
    }

    fn digest(&self) -> Result<[u8; 32], ErrorKind> {
        let member = self.shared.zip.member(self.at);
        if member.overlaps || member.lacks_bits {
            // Such a member is not read, and comparing many of them would take as long as unpacking a bomb.
            return Err(ErrorKind::Unsupported);
        }
        self.shared.digest(self.at).map_err(|error| io_kind(&error))
    }
}

/// One open zip, for comparing one member after the other.
struct SharedReader {
    zip: Arc<ZipFile>,
    open: Mutex<Option<Box<dyn Opened>>>,
}

impl SharedReader {
    /// SHA-256 of a member's packed bytes.
    fn digest(&self, at: usize) -> io::Result<[u8; 32]> {
        let ZipFile { blob, directory } = &*self.zip;
        let mut open = lock(&self.open);
        // After a failure a new reader is opened.
        let mut reader = match open.take() {
            Some(reader) => reader,
            None => blob.open()?,
        };
        let digest = sha256_of(packed(directory, &directory.members[at], &mut reader)?, &mut |_| {})?;
        blob.check()?;
        *open = Some(reader);
        Ok(digest)
    }
}
