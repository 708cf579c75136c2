//! The same promises on a real history of about 970 commits, if `ASOF_REAL_HISTORY` names one (`.ci/run` does).
//! One test, since loading takes half a minute: its parts run one after the other on one mount.

use std::time::Instant;

use crate::support::bd::Bd;
use crate::support::files::names;
use crate::support::mount::Mount;
use crate::support::real_history::{self, DATABASE};
use crate::support::{oracle, real_server, tell, tree};
use crate::{asof, beads, forensics, identity, reading, tools};

#[test]
fn a_real_history() {
    let Some(bundle) = real_history::bundle() else {
        tell(
            "NOT RUN: real::a_real_history: ASOF_REAL_HISTORY is not set; generated histories are checked the same way",
        );
        return;
    };
    let (server, commits) = part("load", || real_server::start(&bundle));
    let mut client = server.client();
    let mount = Mount::new(&[server.url(DATABASE)]);
    part("list", || {
        // One more commit: Dolt's own first one.
        assert_eq!(names(mount.path(&format!("{DATABASE}/asof"))).len(), commits + 1);
        assert_eq!(tree::log(&mount.path(DATABASE)).len(), commits + 1);
    });
    part("200 random times", || asof::agrees_at_random_times(&mount, &mut client, DATABASE, 200, 4));
    part("identity", || identity::follows_content(&mount, &mut client, DATABASE, 60));
    part("tools", || {
        let db = mount.path(DATABASE);
        let log = tree::log(&db);
        let (a, b) = (&log[commits / 2].name, &log[commits / 2 + 40].name);
        tools::read_tools_work(&db, a, b);
    });
    part("differences", || forensics::agrees(&mount, &mut client, DATABASE, "issues", "id", 20, 11));
    if Bd::Old.is_given_for("real::a_real_history: export for bd") {
        part("export for bd", || beads::comes_back_whole(&mount, &server, DATABASE));
    }
    let latest = oracle::render(&mut client, "issues", oracle::Moment::Ref("main"));
    part("readers", || {
        reading::readers_agree(&mount.path(&format!("{DATABASE}/latest/issues.jsonl")), &latest.into())
    });
}

fn part<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    tell(&format!("real history: {name}: {:.1} s", begun.elapsed().as_secs_f32()));
    result
}
