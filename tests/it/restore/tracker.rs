//! Beads.

use std::os::unix::fs::symlink;

use crate::support::bd::{Bd, Tracker};
use crate::support::mount::Mount;
use crate::support::recipes::Kitchen;
use crate::support::server::Server;
use crate::support::temp_dir;

/// Issues of a type and a status that only this tracker knows.
const OF_ITS_OWN: &str = r#"{"id":"bd-c","title":"Own type","status":"parked","priority":1,"issue_type":"convoy","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}
"#;

pub fn beads_tracker(recipe: &str) {
    if !Bd::New.is_given_for("restore::beads_tracker") {
        return;
    }
    let server = Server::start();
    let mut client = server.client();
    let tracker = Tracker::new(Bd::New, &server, "gt");
    tracker.bd(&["config", "set", "types.custom", "convoy"]);
    tracker.bd(&["config", "set", "status.custom", "parked"]);
    tracker.bd(&["create", "Kept <safe>", "--id", "bd-1", "-l", "a,b"]);
    tracker.bd(&["create", "After", "--id", "bd-2", "--deps", "bd-1"]);
    tracker.bd(&["comment", "bd-1", "A comment"]);
    tracker.bd(&["remember", "what counts", "--key", "k"]);
    tracker.bd_reading(&["import", "-"], OF_ITS_OWN);
    tracker.commit(&mut client);
    client.run(&["CALL DOLT_TAG('before')"]);
    let then = tracker.export();
    tracker.bd(&["delete", "bd-1", "--force"]);
    tracker.commit(&mut client);
    assert_ne!(tracker.export(), then);

    let mount = Mount::new(&[server.url("gt")]);
    let programs = temp_dir();
    symlink(Bd::New.program(), programs.path().join("bd")).expect("a new folder is writable");
    let kitchen = Kitchen::new(recipe).set("DB", mount.path("gt")).set("T", "before");
    let kitchen = kitchen.programs(programs.path()).environment([
        ("BEADS_DOLT_SERVER_MODE", "1".to_owned()),
        ("BEADS_DOLT_SERVER_HOST", "127.0.0.1".to_owned()),
        ("BEADS_DOLT_SERVER_PORT", server.port.to_string()),
        ("BEADS_DOLT_AUTO_START", "0".to_owned()),
        ("BD_DISABLE_METRICS", "1".to_owned()),
        ("BD_DISABLE_EVENT_FLUSH", "1".to_owned()),
        ("BD_ACTOR", "tester".to_owned()),
    ]);
    kitchen.cook();
    let restored = Tracker::of_folder(Bd::New, &server, &kitchen.path("tracker"));
    assert_eq!(restored.export(), then);
    assert!(kitchen.worked().contains("whole"));
    restored.bd(&["delete", "bd-2", "--force"]);
    kitchen.is_seen_to_be_wrong();
}
