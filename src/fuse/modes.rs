//! Decides the permission bits and the group of an inode.
//!
//! These rules apply, in this order. Only its owner may read a secret. The user's choice (`mode=`, `umask=`, `fmask=`,
//! `dmask=`) applies to everything else. Without one, a mount that admits other users shows each file to those whom its
//! source lets read it, and to the group of `gid=`. A mount that admits nobody else shows everything as readable.

use crate::model::access::{Access, Audience};
use crate::vfs::NodeKind;

/// The read bits of owner, group and others.
const READ: u16 = 0o444;
/// The bits to search a folder or run a file.
const SEARCH: u16 = 0o111;
/// The owner's bits, which are always kept.
const OWN: u16 = 0o700;
const NOT_OTHERS: u16 = 0o770;

/// What a user may choose about permissions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Modes {
    /// Whether other users are admitted (`allow_other`).
    pub allow_other: bool,
    /// `mode=`: the permissions of files. Users who may read a folder may search it.
    pub mode: Option<u16>,
    /// `umask=`: the bits that are removed from files and folders.
    pub umask: Option<u16>,
    /// `fmask=`: the same for files; overrides `umask=`.
    pub fmask: Option<u16>,
    /// `dmask=`: the same for folders.
    pub dmask: Option<u16>,
    /// `uid=`: the owner of everything.
    pub uid: Option<u32>,
    /// `gid=`: the group of everything.
    pub gid: Option<u32>,
}

impl Modes {
    /// Whether the user has chosen the bits of all files and folders.
    pub fn are_chosen(&self) -> bool {
        self.mode.or(self.umask).is_some() || self.fmask.is_some() && self.dmask.is_some()
    }

    /// The mode of an inode with this access, and its group; none for the mount's group.
    pub(super) fn shown(&self, kind: NodeKind, access: Access) -> (u16, Option<u32>) {
        let all = match kind {
            // The mode of a symlink means nothing (symlink(7)).
            NodeKind::Symlink => return (0o777, self.gid),
            NodeKind::File => READ,
            NodeKind::Directory | NodeKind::Executable => READ | SEARCH,
        };
        if access.is_secret {
            return (all & OWN, self.gid);
        }
        if let Some(chosen) = self.chosen(kind) {
            return (all & (chosen | OWN), self.gid);
        }
        let audience = if self.allow_other { access.audience } else { Audience::Everyone };
        match (audience, self.gid) {
            (Audience::Everyone, gid) => (all, gid),
            (Audience::Group(_) | Audience::Owner, Some(gid)) | (Audience::Group(gid), None) => {
                (all & NOT_OTHERS, Some(gid))
            }
            (Audience::Owner, None) => (all & OWN, None),
        }
    }

    fn chosen(&self, kind: NodeKind) -> Option<u16> {
        let own = if kind == NodeKind::Directory { self.dmask } else { self.fmask };
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

    fn shown(modes: Modes, kind: NodeKind, audience: Audience) -> (u16, Option<u32>) {
        modes.shown(kind, audience.into())
    }

    #[test]
    fn other_users_read_what_the_source_lets_them() {
        use Audience::{Everyone, Group, Owner};
        for (kind, audience, expected) in [
            (NodeKind::File, Everyone, (0o444, None)),
            (NodeKind::File, Group(7), (0o440, Some(7))),
            (NodeKind::File, Owner, (0o400, None)),
            (NodeKind::Executable, Group(7), (0o550, Some(7))),
            (NodeKind::Directory, Everyone, (0o555, None)),
            (NodeKind::Directory, Group(7), (0o550, Some(7))),
            (NodeKind::Directory, Owner, (0o500, None)),
            (NodeKind::Symlink, Owner, (0o777, None)),
        ] {
            assert_eq!(shown(OTHERS, kind, audience), expected, "{kind:?} {audience:?}");
        }
        let alone = Modes { allow_other: false, ..OTHERS };
        assert_eq!(shown(alone, NodeKind::File, Owner), (0o444, None), "nobody else gets in");
        let with_group = Modes { gid: Some(9), ..OTHERS };
        for (audience, expected) in [(Everyone, 0o444), (Group(7), 0o440), (Owner, 0o440)] {
            assert_eq!(shown(with_group, NodeKind::File, audience), (expected, Some(9)), "{audience:?}");
        }
    }

    #[test]
    fn what_the_user_chooses_holds_for_all_but_secrets() {
        use NodeKind::{Directory, Executable, File};
        let wide = Modes { umask: Some(0o022), ..OTHERS };
        assert!(wide.are_chosen() && !OTHERS.are_chosen() && !Modes { gid: Some(1), ..OTHERS }.are_chosen());
        let narrow = Modes { mode: Some(0o640), gid: Some(9), ..OTHERS };
        let masks = Modes { umask: Some(0o777), dmask: Some(0o022), ..OTHERS };
        let files = Modes { fmask: Some(0o022), ..OTHERS };
        for (case, modes, kind, audience, expected) in [
            ("umask=", wide, File, Audience::Owner, (0o444, None)),
            ("umask=", wide, Directory, Audience::Owner, (0o555, None)),
            ("mode=", narrow, File, Audience::Everyone, (0o440, Some(9))),
            ("mode=", narrow, Directory, Audience::Everyone, (0o550, Some(9))),
            ("mode=", narrow, Executable, Audience::Everyone, (0o550, Some(9))),
            ("the owner always may", masks, File, Audience::Owner, (0o400, None)),
            ("dmask= in the place of umask=", masks, Directory, Audience::Owner, (0o555, None)),
            ("fmask=", files, File, Audience::Owner, (0o444, None)),
            ("as its source says", files, Directory, Audience::Owner, (0o500, None)),
        ] {
            assert_eq!(shown(modes, kind, audience), expected, "{case} {kind:?}");
        }
        for modes in [OTHERS, wide, narrow, masks, Modes::default()] {
            let secret = Access { audience: Audience::Everyone, is_secret: true };
            assert_eq!(modes.shown(NodeKind::File, secret).0, 0o400, "{modes:?}");
        }
    }
}
