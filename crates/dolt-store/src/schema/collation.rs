//! MySQL's collations by number, as Dolt has them.

/// The collation where none is named.
pub const DEFAULT: &str = "utf8mb4_0900_bin";

/// One collation a line, by number: the number and the name.
const COLLATIONS: &str = include_str!("collations.txt");

/// The name of a collation. Stores write 0 where none was chosen.
pub fn name(id: u16) -> Option<&'static str> {
    if id == 0 {
        return Some(DEFAULT);
    }
    let mut collations = COLLATIONS.lines().filter_map(|line| line.split_once(' '));
    collations.find(|(number, _)| number.parse() == Ok(id)).map(|(_, name)| name)
}

/// The character set of a collation: the first word of its name.
pub fn character_set(collation: &str) -> &str {
    collation.split_once('_').map_or(collation, |(set, _)| set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_number_and_a_name() {
        let numbers: Vec<u16> = COLLATIONS
            .lines()
            .map(|line| line.split_once(' ').and_then(|(number, _)| number.parse().ok()).expect("a number"))
            .collect();
        assert!(numbers.len() == 286 && numbers.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn names_and_character_sets() {
        assert_eq!(name(0), Some("utf8mb4_0900_bin"));
        assert_eq!(name(63), Some("binary"));
        assert_eq!(name(255), Some("utf8mb4_0900_ai_ci"));
        assert_eq!(name(17), None);
        assert_eq!(character_set("utf8mb4_0900_ai_ci"), "utf8mb4");
        assert_eq!(character_set("binary"), "binary");
    }
}
