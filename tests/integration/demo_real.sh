#!/bin/sh
# The demonstration with real fingers, and real fingers identified through the daemons.
data=${DATA:-$SRCDIR/../shared/data/finger}
[ -d "$data/fvc2002_db1b" ] || { echo "no real finger images at DATA (fvc2002_db1b)"; exit 77; }
"$SRCDIR/tests/demo/demo" --data "$data/fvc2002_db1b" || exit 1
DATA=$data "$SRCDIR/tests/bench/bench-identify" || exit 1
python3 - "$LANED_BUILD/bench-identify.json" <<'PY'
import json, sys
with open(sys.argv[1], encoding="ascii") as f:
    report = json.load(f)
for name, figures in report.items():
    assert figures["wrong"] == 0, "%s: somebody was taken for somebody else" % name
    assert figures["accepted"] >= 0.9 * figures["mated"], "%s: too few are recognised" % name
PY
