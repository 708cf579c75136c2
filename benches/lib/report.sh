# Sourced: the results, row by row, and the page that shows them, with the findings of findings.md.

# Adds a line to the table: the result of one contestant compared with another one, or with a plain figure.
#
# KIND says what the limit means: `times` (at most LIMIT times the peer's figure), `faster` (at least LIMIT times as
# fast as the peer), `seconds`, `mib` and `count` (at most that many; a peer is only shown for comparison).
reached() { # WORK WAY KIND LIMIT CONTESTANT [PEER_NAME PEER]
  local ours peers=
  ours=$(spread "$5")
  [ -z "${7:-}" ] || peers=$(spread "$7")
  awk -v work="$1" -v way="$2" -v kind="$3" -v limit="$4" -v ours="$ours" -v peer="${6:-}" -v peers="$peers" '
    function figure(t) { return unit != " s" ? sprintf("%.0f", t) : t < 10 ? sprintf("%.3f", t) : sprintf("%.1f", t) }
    function three(text,   t) {
      split(text, t, " ")
      return figure(t[1]) " / " figure(t[2]) " / " figure(t[3]) unit
    }
    BEGIN {
      unit = kind == "mib" ? " MiB" : kind == "count" ? "" : " s"
      split(ours, o, " "); split(peers, p, " ")
      if (kind == "times") { target = "<= " limit " x " peer; is = o[2] / p[2]; good = is <= limit + 0 }
      if (kind == "faster") { target = ">= " limit " x as fast as " peer; is = p[2] / o[2]; good = is >= limit + 0 }
      if (kind == "seconds") { target = "<= " limit " s"; good = o[2] <= limit + 0 }
      if (kind == "mib" || kind == "count") { target = "<= " limit unit; good = o[3] <= limit + 0 }
      if (is == "" && peers != "") { target = target "; beside " peer; is = o[2] / p[2] }
      ratio = is == "" ? "" : sprintf("%.2f x", is)
      print "| " work " | " way " | " target " | " three(ours) " | " (peers == "" ? "" : three(peers)) " | " ratio \
        " | " (good ? "reached" : "**not reached**") " |"
    }' | tee -a "$work/table" >&2
}

# Adds a line that says why a row, or a part of it, has no figures.
left_out() { # WORK REASON
  echo "| $1 | | | not run: $2 | | | |" | tee -a "$work/table" >&2
}

# Adds a note that a reader of a row's figures needs.
note() { echo "- $*" >> "$work/notes"; }

machine() {
  echo "| | |"
  echo "| --- | --- |"
  echo "| date | $(date -u +%Y-%m-%d) |"
  echo "| asof | $("$asof" --version), commit $(git rev-parse --short HEAD)$(git diff --quiet HEAD -- src Cargo.lock || echo ', with changes') |"
  echo "| processor | $(nproc) x $(awk -F ': ' '/^model name/ { print $2; exit }' /proc/cpuinfo) |"
  echo "| memory | $(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo) |"
  echo "| kernel | $(uname -sr) |"
  echo "| disk | $(df --output=fstype,size -h "$work" | awk 'NR == 2 { print $1 ", " $2 }') |"
  echo "| load before and after | $load_before, $(cut -d ' ' -f 1 /proc/loadavg) |"
  echo "| Dolt | $("$dolt" version | sed -n 1p) |"
  echo "| mysql | $("$client" --version | sed 's|^[^ ]* *||') |"
  echo "| unzip | $(unzip -v | sed -n 1p | cut -d ' ' -f 1-2) |"
  echo "| restic | $(restic version 2>/dev/null || echo 'not installed') |"
  echo "| fuse-zip | $( (fuse-zip --version 2>&1 || true) | sed -n 's|^fuse-zip version: ||p' | grep . || echo 'not installed') |"
  echo "| ratarmount | $(if [ -n "$ratarmount" ]; then echo "$ratarmount_version"; else echo 'not installed'; fi) |"
  echo "| coreutils | $(cat --version | sed -n 1p) |"
}

write_report() { # FILE
  {
    cat benches/lib/page-head.md
    echo
    machine
    echo
    echo "| work | way | target | asof: min / median / max | peer: min / median / max | ratio | |"
    echo "| --- | --- | --- | --- | --- | --- | --- |"
    cat "$work/table"
    if [ -s "$work/notes" ]; then
      printf '\n## What was read\n\n'
      cat "$work/notes"
    fi
    echo
    cat benches/lib/findings.md
  } > "$work/page"
  cp "$work/page" "$1"
}
