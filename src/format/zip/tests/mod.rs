//! Zips made byte by byte, so that each can be odd in one thing.

use std::io::{Cursor, Read};

use super::{Directory, ZipError, ZipMember, contradiction, unpacked};

pub(crate) mod build;
mod corpus;
mod cut;
mod large;
mod legacy;
mod methods;
mod odd;
mod shared;

/// The members of a zip, each with its bytes or with why they cannot be read.
type Members = Vec<(String, Result<Vec<u8>, ZipError>)>;

fn directory(zip: &[u8]) -> Result<Directory, ZipError> {
    Directory::read(&mut Cursor::new(zip))
}

fn read(directory: &Directory, zip: &[u8], member: &ZipMember) -> Result<Vec<u8>, ZipError> {
    let mut data = unpacked(directory, member, Cursor::new(zip.to_vec()))?;
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn members(zip: &[u8]) -> Result<Members, ZipError> {
    let directory = directory(zip)?;
    let read = |member: &ZipMember| (member.path.to_string(), read(&directory, zip, member));
    Ok(directory.members.iter().map(read).collect())
}

/// The members of a zip all of which can be read.
#[track_caller]
fn whole(zip: &[u8]) -> Vec<(String, Vec<u8>)> {
    let members = members(zip).unwrap_or_else(|error| panic!("{error}"));
    let readable = |(path, bytes): (String, Result<Vec<u8>, ZipError>)| {
        let bytes = bytes.unwrap_or_else(|error| panic!("{path}: {error}"));
        (path, bytes)
    };
    members.into_iter().map(readable).collect()
}
