//! Which permission bits and which group an inode is shown with.
//!
//! In this order: what is secret is its owner's alone. What the user asks for (`mode=`, `umask=`, `fmask=`, `dmask=`) holds for
//! all else. Without that, a mount that lets other users in shows each file to those whom its source lets read it, and `gid=`
//! names a group that reads the rest. A mount that lets nobody else in shows everything as readable: who gets in may read.

use crate::model::access::{Access, Audience};
use crate::vfs::Kind;

/// The bits that let read, for the owner, the group and others.
const READ: u16 = 0o444;
/// The same that let search a folder or run a file.
const SEARCH: u16 = 0o111;
/// The owner's own, which nothing takes away.
const OWN: u16 = 0o700;
/// Without those of others.
const NOT_OTHERS: u16 = 0o770;

/// What a user may choose about permissions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Modes {
    /// Other users get in (`allow_other`).
    pub allow_other: bool,
    /// `mode=`: the permissions of files. Users who may read a folder may search it.
    pub mode: Option<u16>,
    /// `umask=`: the bits that files and folders do not have.
    pub umask: Option<u16>,
    /// `fmask=`: the same for files, in the place of `umask=`.
    pub fmask: Option<u16>,
    /// `dmask=`: the same for folders.
    pub dmask: Option<u16>,
    /// `uid=`: the owner of everything.
    pub uid: Option<u32>,
    /// `gid=`: the group of everything.
    pub gid: Option<u32>,
}

/// How an inode is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    pub mode: u16,
    /// Its group; none for that of the mount.
    pub gid: Option<u32>,
}

impl Modes {
    /// Whether the user says which bits all files and folders have, whatever their sources say.
    pub fn are_chosen(&self) -> bool {
        self.mode.or(self.umask).is_some() || self.fmask.is_some() && self.dmask.is_some()
    }

    /// How an inode is shown that these users may read.
    pub(super) fn shown(&self, kind: Kind, access: Access) -> Shown {
        let all = match kind {
            // The mode of a symlink means nothing (symlink(7)).
            Kind::Symlink => return Shown { mode: 0o777, gid: self.gid },
            Kind::File => READ,
            Kind::Directory | Kind::Executable => READ | SEARCH,
        };
        if access.is_secret {
            return Shown { mode: all & OWN, gid: self.gid };
        }
        if let Some(chosen) = self.chosen(kind) {
            return Shown { mode: all & (chosen | OWN), gid: self.gid };
        }
        let audience = if self.allow_other { access.audience } else { Audience::Everyone };
        match (audience, self.gid) {
            (Audience::Everyone, gid) => Shown { mode: all, gid },
            (Audience::Group(_) | Audience::Owner, Some(gid)) => {
                Shown { mode: all & NOT_OTHERS, gid: Some(gid) }
            }
            (Audience::Group(gid), None) => Shown { mode: all & NOT_OTHERS, gid: Some(gid) },
            (Audience::Owner, None) => Shown { mode: all & OWN, gid: None },
        }
    }

    /// The bits that the user chose for a kind of file, if any.
    fn chosen(&self, kind: Kind) -> Option<u16> {
        let own = if kind == Kind::Directory { self.dmask } else { self.fmask };
        let mask = own.or(self.umask);
        self.mode.or(mask)?;
        let read = self.mode.unwrap_or(READ) & READ;
        Some((read | read >> 2) & !mask.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: Modes =
        Modes { allow_other: true, mode: None, umask: None, fmask: None, dmask: None, uid: None, gid: None };

    fn shown(modes: Modes, kind: Kind, audience: Audience) -> (u16, Option<u32>) {
        let Shown { mode, gid } = modes.shown(kind, audience.into());
        (mode, gid)
    }

    #[test]
    fn other_users_read_what_the_source_lets_them() {
        use Audience::{Everyone, Group, Owner};
        for (kind, audience, expected) in [
            (Kind::File, Everyone, (0o444, None)),
            (Kind::File, Group(7), (0o440, Some(7))),
            (Kind::File, Owner, (0o400, None)),
            (Kind::Executable, Group(7), (0o550, Some(7))),
            (Kind::Directory, Everyone, (0o555, None)),
            (Kind::Directory, Group(7), (0o550, Some(7))),
            (Kind::Directory, Owner, (0o500, None)),
            (Kind::Symlink, Owner, (0o777, None)),
        ] {
            assert_eq!(shown(OTHERS, kind, audience), expected, "{kind:?} {audience:?}");
        }
        let alone = Modes { allow_other: false, ..OTHERS };
        assert_eq!(shown(alone, Kind::File, Owner), (0o444, None), "nobody else gets in");
        let with_group = Modes { gid: Some(9), ..OTHERS };
        for (audience, expected) in [(Everyone, 0o444), (Group(7), 0o440), (Owner, 0o440)] {
            assert_eq!(shown(with_group, Kind::File, audience), (expected, Some(9)), "{audience:?}");
        }
    }

    #[test]
    fn what_the_user_chooses_holds_for_all_but_secrets() {
        let audience = Audience::Owner;
        let wide = Modes { umask: Some(0o022), ..OTHERS };
        assert!(wide.are_chosen() && !OTHERS.are_chosen() && !Modes { gid: Some(1), ..OTHERS }.are_chosen());
        assert_eq!(shown(wide, Kind::File, audience), (0o444, None));
        assert_eq!(shown(wide, Kind::Directory, audience), (0o555, None));
        let narrow = Modes { mode: Some(0o640), gid: Some(9), ..OTHERS };
        assert_eq!(shown(narrow, Kind::File, Audience::Everyone), (0o440, Some(9)));
        assert_eq!(shown(narrow, Kind::Directory, Audience::Everyone), (0o550, Some(9)));
        assert_eq!(shown(narrow, Kind::Executable, Audience::Everyone), (0o550, Some(9)));
        let masks = Modes { umask: Some(0o777), dmask: Some(0o022), ..OTHERS };
        assert_eq!(shown(masks, Kind::File, audience), (0o400, None), "the owner always may");
        assert_eq!(shown(masks, Kind::Directory, audience), (0o555, None), "dmask= in the place of umask=");
        let files = Modes { fmask: Some(0o022), ..OTHERS };
        assert_eq!(shown(files, Kind::File, audience), (0o444, None));
        assert_eq!(shown(files, Kind::Directory, audience), (0o500, None), "as its source says");
        for modes in [OTHERS, wide, narrow, masks, Modes::default()] {
            let secret = Access { audience: Audience::Everyone, is_secret: true };
            assert_eq!(modes.shown(Kind::File, secret).mode, 0o400, "{modes:?}");
        }
    }
}
