//! Who may read a file, as its source allows.

/// Those who may read something, besides its owner and root.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Every user of the machine.
    #[default]
    Everyone,
    /// The members of the group with this number.
    Group(u32),
    /// Nobody else.
    Owner,
}

impl Audience {
    /// The audience that both allow. For two groups only the owner, because no mode can name their common members.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Everyone, audience) | (audience, Self::Everyone) => audience,
            (Self::Group(a), Self::Group(b)) if a == b => Self::Group(a),
            _ => Self::Owner,
        }
    }

    /// The audience that at least one allows. Used for names only, because the result for two groups is everyone.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Owner, audience) | (audience, Self::Owner) => audience,
            (Self::Group(a), Self::Group(b)) if a == b => Self::Group(a),
            _ => Self::Everyone,
        }
    }
}

/// Who may read one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Access {
    /// The audience that the source allows.
    pub audience: Audience,
    /// Whether it holds secrets. Then only its owner may read it, whatever the mount allows.
    pub is_secret: bool,
}

impl Access {
    /// The access to a file made from both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { audience: self.audience.and(other.audience), is_secret: self.is_secret || other.is_secret }
    }

    /// The access to a file without values, such as counts or hashes.
    #[must_use]
    pub fn without_values(self) -> Self {
        Self { is_secret: false, ..self }
    }
}

impl From<Audience> for Access {
    fn from(audience: Audience) -> Self {
        Self { audience, is_secret: false }
    }
}

/// The widest and the narrowest audience among one database's files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Audiences {
    /// Those who may read some of it.
    pub widest: Audience,
    /// Those who may read all of it.
    pub narrowest: Audience,
}

impl From<Audience> for Audiences {
    fn from(audience: Audience) -> Self {
        Self { widest: audience, narrowest: audience }
    }
}

impl FromIterator<Audiences> for Audiences {
    fn from_iter<I: IntoIterator<Item = Audiences>>(all: I) -> Self {
        let both = |a: Self, b: Self| Self {
            widest: a.widest.or(b.widest),
            narrowest: a.narrowest.and(b.narrowest),
        };
        all.into_iter().reduce(both).unwrap_or_default()
    }
}

impl FromIterator<Audience> for Audiences {
    fn from_iter<I: IntoIterator<Item = Audience>>(all: I) -> Self {
        all.into_iter().map(Self::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Audience::{Everyone, Group, Owner};
    use super::*;

    #[test]
    fn the_stricter_one_wins_what_both_have_to_let() {
        for (a, b, both, either) in [
            (Everyone, Everyone, Everyone, Everyone),
            (Everyone, Group(5), Group(5), Everyone),
            (Everyone, Owner, Owner, Everyone),
            (Group(5), Group(5), Group(5), Group(5)),
            (Group(5), Group(6), Owner, Everyone),
            (Group(5), Owner, Owner, Group(5)),
            (Owner, Owner, Owner, Owner),
        ] {
            assert_eq!((a.and(b), b.and(a)), (both, both), "{a:?} and {b:?}");
            assert_eq!((a.or(b), b.or(a)), (either, either), "{a:?} or {b:?}");
        }
        let all: Audiences = [Group(5), Owner].into_iter().collect();
        assert_eq!(all, Audiences { widest: Group(5), narrowest: Owner });
        assert_eq!(Audiences::from_iter::<[Audience; 0]>([]), Audiences::default());
    }
}
