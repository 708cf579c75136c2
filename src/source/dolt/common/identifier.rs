//! Names in SQL.

/// `name` as a quoted identifier: in backticks, backticks doubled.
pub fn ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_double_their_backticks() {
        assert_eq!(ident("issues"), "`issues`");
        assert_eq!(ident("a`b\"c'd\\"), "`a``b\"c'd\\`");
    }
}
