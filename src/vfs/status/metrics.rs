//! `metrics`: Prometheus' text format (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::{Display, Write as _};

use super::counters::Counters;
use super::process::Process;
use crate::catalog::Catalog;
use crate::memory::Budget;
use crate::model::time::Timestamp;

/// Builds the text, one family of metrics after the other.
#[derive(Default)]
struct Metrics(String);

impl Metrics {
    /// Begins a family: all samples of one name follow their heading.
    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Family { text: &mut self.0, name }
    }

    fn gauge(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(name, "gauge", help).sample(&[], value);
    }

    fn counter(&mut self, name: &'static str, help: &str, value: u64) {
        self.family(name, "counter", help).sample(&[], value);
    }
}

struct Family<'m> {
    text: &'m mut String,
    name: &'static str,
}

impl Family<'_> {
    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(self.name);
        for (place, (label, text)) in labels.iter().enumerate() {
            self.text.push(if place == 0 { '{' } else { ',' });
            let _ = write!(self.text, "{label}=\"{}\"", escaped(text));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

/// A label's text: the format escapes these three characters and no other.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

pub(super) fn text(catalog: &Catalog, counters: &Counters, budget: &Budget, started: Timestamp) -> Vec<u8> {
    let mut metrics = Metrics::default();
    metrics
        .family("asof_info", "gauge", "Always 1; the label is the version.")
        .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    sources(catalog, &mut metrics);
    databases(catalog, &mut metrics);
    let counted = counters.counted();
    metrics.counter("asof_lookups_total", "Names that were looked up.", counted.look_ups);
    metrics.counter("asof_listings_total", "Parts of folders that were listed.", counted.listings);
    metrics.counter("asof_reads_total", "Reads of files that the kernel had not cached.", counted.reads);
    metrics.counter("asof_read_bytes_total", "Bytes that these reads returned.", counted.read_bytes);
    metrics.counter("asof_failures_total", "Requests that failed because a source did.", counted.failures);
    metrics.gauge("asof_memory_limit_bytes", "Memory for contents and the work on them.", budget.total());
    let used = budget.total().saturating_sub(budget.left_for_cache());
    metrics.gauge("asof_memory_work_bytes", "How much of that work has taken from the cache.", used);
    process(started, &mut metrics);
    metrics.0.into_bytes()
}

fn sources(catalog: &Catalog, metrics: &mut Metrics) {
    let sources = catalog.sources();
    let mut up =
        metrics.family("asof_source_up", "gauge", "Whether the source answered when it was last asked.");
    for source in sources.iter().filter(|source| source.since.is_some()) {
        up.sample(&[("source", &source.label)], u8::from(source.failure.is_none()));
    }
    let help = "When the source last answered.";
    let mut answered = metrics.family("asof_source_last_answer_timestamp_seconds", "gauge", help);
    for source in &sources {
        if let Some(time) = source.answered {
            answered.sample(&[("source", &source.label)], time.as_second());
        }
    }
}

fn databases(catalog: &Catalog, metrics: &mut Metrics) {
    let state = catalog.state();
    let mut snapshots = metrics.family("asof_snapshots", "gauge", "Snapshots that the database has.");
    for database in state.databases() {
        snapshots.sample(&[("database", &database.name)], database.snapshots().len());
    }
    let help = "The time of the database's newest snapshot.";
    let mut newest = metrics.family("asof_newest_snapshot_timestamp_seconds", "gauge", help);
    for database in state.databases() {
        if let Some(snapshot) = database.latest() {
            newest.sample(&[("database", &database.name)], snapshot.meta.time.as_second());
        }
    }
}

/// What client libraries of Prometheus say of every process, where the kernel tells.
fn process(started: Timestamp, metrics: &mut Metrics) {
    let process = Process::now();
    let help = "When the mount began.";
    metrics.gauge("process_start_time_seconds", help, started.as_second());
    if let Some(bytes) = process.resident {
        metrics.gauge("process_resident_memory_bytes", "Resident memory.", bytes);
    }
    if let Some(count) = process.descriptors {
        metrics.gauge("process_open_fds", "Open file descriptors.", count);
    }
    if let Some(seconds) = process.processor_seconds {
        let name = "process_cpu_seconds_total";
        metrics.family(name, "counter", "Processor time in user and kernel.").sample(&[], seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_samples_follow_their_heading() {
        let mut metrics = Metrics::default();
        metrics.family("a", "gauge", "Text.").sample(&[("x", "q\"b\\n\nz"), ("y", "")], 1);
        assert_eq!(metrics.0, "# HELP a Text.\n# TYPE a gauge\na{x=\"q\\\"b\\\\n\\nz\",y=\"\"} 1\n");
    }
}
