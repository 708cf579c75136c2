//! Views, triggers, events and procedures in a dump: what Dolt keeps of them, and the statements that make them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::identifier::ident;
use super::making_order;
use super::sql_dump::{STRICT, comment, set_mode};

/// A view, trigger, event or procedure as Dolt keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub name: String,
    /// Its `CREATE` statement.
    pub definition: String,
    /// The SQL mode that it was made in, where that is known.
    pub sql_mode: Option<String>,
    /// When it was made, in seconds since 1970: triggers of one event run in this order.
    pub made: i64,
}

/// A row of `dolt_schemas` or `dolt_procedures`. Older tables lack some columns.
#[derive(Debug, Default, Deserialize)]
pub struct StoredProgram {
    /// `view`, `trigger`, `event`; none of a procedure.
    pub r#type: Option<String>,
    pub name: String,
    /// The statement of a view, trigger or event.
    pub fragment: Option<String>,
    /// The statement of a procedure.
    pub create_stmt: Option<String>,
    /// When a trigger was made, among others.
    pub extra: Option<Extra>,
    pub sql_mode: Option<String>,
}

/// What Dolt keeps of it beside its statement.
#[derive(Debug, Default, Deserialize)]
pub struct Extra {
    /// When it was made, in seconds since 1970.
    #[serde(rename = "CreatedAt")]
    pub created_at: Option<i64>,
}

impl From<StoredProgram> for Program {
    fn from(kept: StoredProgram) -> Self {
        let definition = kept.fragment.or(kept.create_stmt).unwrap_or_default();
        let made = kept.extra.and_then(|extra| extra.created_at).unwrap_or(0);
        Self { name: kept.name, definition, sql_mode: kept.sql_mode, made }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Programs {
    /// Rows of `dolt_schemas` by type: `view`, `trigger`, `event`.
    schemas: BTreeMap<String, Vec<Program>>,
    /// Rows of `dolt_procedures`.
    procedures: Vec<Program>,
}

impl Programs {
    /// Sorts out the rows of both tables.
    pub fn new(schemas: Vec<StoredProgram>, procedures: Vec<StoredProgram>) -> Self {
        let mut programs = Self::default();
        for mut row in schemas {
            let kind = row.r#type.take().unwrap_or_default();
            programs.schemas.entry(kind).or_default().push(row.into());
        }
        programs.procedures = procedures.into_iter().map(Program::from).collect();
        programs
    }

    /// The statements that make them, once the rows are in: views each after those that it reads, then procedures,
    /// triggers in the order in which they were made, events. A view that reads what is not there any more cannot be
    /// made, and stays a comment. `tables` are all that there are.
    pub fn statements<'t>(mut self, tables: impl Iterator<Item = &'t str>) -> String {
        let mut text = String::new();
        let mut mode = STRICT;
        let (views, broken) = views_in_order(self.schemas.remove("view").unwrap_or_default(), tables);
        let triggers = in_time(self.schemas.remove("trigger").unwrap_or_default());
        let needs = |trigger: &Program| making_order::neighbour(&trigger.definition).into_iter().collect();
        let triggers = making_order::each_after_its_needs(triggers, Program::key, needs);
        let rest = in_time(self.schemas.into_values().flatten().collect());
        let all = views.iter().chain(&self.procedures).chain(&triggers).chain(&rest);
        for program in all {
            let own = program.sql_mode.as_deref().unwrap_or(STRICT);
            if own != mode {
                set_mode(&mut text, own);
                mode = own;
            }
            append(&program.definition, &mut text);
        }
        for (view, missing) in &broken {
            comment_out(view, missing, &mut text);
        }
        if !text.is_empty() {
            text.insert(0, '\n');
        }
        text
    }
}

/// The views in the order in which they can be made, otherwise by name, and those that cannot be, with what is missing.
/// `tables` are all that there are.
pub fn views_in_order<'t>(
    mut views: Vec<Program>,
    tables: impl Iterator<Item = &'t str>,
) -> (Vec<Program>, Vec<(Program, String)>) {
    views.sort_by(|a, b| a.name.cmp(&b.name));
    for view in &mut views {
        // Dolt once kept the query alone.
        if !starts_with_word(&view.definition, "create") {
            view.definition = format!("CREATE VIEW {} AS {}", ident(&view.name), view.definition);
        }
    }
    let definitions = views.iter().map(|view| (view.key(), view.definition.clone())).collect();
    let broken = making_order::broken(&definitions, &tables.map(str::to_lowercase).collect());
    let (whole, others): (Vec<_>, Vec<_>) =
        views.into_iter().partition(|view| !broken.contains_key(&view.key()));
    let needs = |view: &Program| making_order::relations(&view.definition);
    let whole = making_order::each_after_its_needs(whole, Program::key, needs);
    let others = others.into_iter().map(|view| {
        let missing = broken.get(&view.key()).cloned().unwrap_or_default();
        (view, missing)
    });
    (whole, others.collect())
}

/// Appends a view that cannot be made, as a comment.
pub fn comment_out(view: &Program, missing: &str, text: &mut String) {
    let (name, reads) = (ident(&view.name), ident(missing));
    comment(text, &format!("View {name} cannot be made: it reads {reads}, which is not there. It was:"));
    view.definition.split(['\n', '\r']).for_each(|line| comment(text, line));
}

fn in_time(mut programs: Vec<Program>) -> Vec<Program> {
    programs.sort_by(|a, b| (a.made, &a.name).cmp(&(b.made, &b.name)));
    programs
}

impl Program {
    /// Names are compared without regard to case, as Dolt does.
    fn key(&self) -> String {
        self.name.to_lowercase()
    }
}

fn starts_with_word(sql: &str, word: &str) -> bool {
    let sql = sql.trim_start();
    sql.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Appends a statement that may hold semicolons, and may end with a comment.
pub fn append(definition: &str, text: &mut String) {
    let definition = definition.trim_end().trim_end_matches(';').trim_end();
    let mut delimiter = ";;".to_owned();
    while definition.contains(&delimiter) {
        delimiter.push('$');
    }
    text.push_str(&format!("DELIMITER {delimiter}\n{definition}\n{delimiter}\nDELIMITER ;\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str, definition: &str, made: i64) -> Program {
        Program { name: name.to_owned(), definition: definition.to_owned(), sql_mode: None, made }
    }

    #[test]
    fn programs_have_delimiters_that_they_do_not_hold() {
        let ansi = Program {
            sql_mode: Some("ANSI".to_owned()),
            ..program("a", "create trigger a begin; ';;' end; ", 7)
        };
        let schemas = BTreeMap::from([
            ("trigger".to_owned(), vec![ansi, program("b", "create trigger b", 6)]),
            (
                "view".to_owned(),
                vec![program("v", "select 1 -- x", 9), program("w", "select *\nfrom gone", 9)],
            ),
        ]);
        let text = Programs { schemas, procedures: Vec::new() }.statements(["t"].into_iter());
        let expected = "\nDELIMITER ;;\nCREATE VIEW `v` AS select 1 -- x\n;;\nDELIMITER ;\n\
            DELIMITER ;;\ncreate trigger b\n;;\nDELIMITER ;\nSET sql_mode = 'ANSI';\n\
            DELIMITER ;;$\ncreate trigger a begin; ';;' end\n;;$\nDELIMITER ;\n\
            -- View `w` cannot be made: it reads `gone`, which is not there. It was:\n\
            -- CREATE VIEW `w` AS select *\n-- from gone\n";
        assert_eq!(text, expected);
    }
}
