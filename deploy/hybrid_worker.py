#!/usr/bin/env python3
"""Captures a virtual machine from an Azure Automation runbook; a restarted job goes on with what it began.

Parameters, as Azure Automation passes them, in order: CASE SUBSCRIPTION RESOURCE_GROUP VM EXAMINER AUTHORITY JOB.
JOB is a name of the caller's choice that stays the same when the job is restarted.
Settings: CUSTODY (the program), CUSTODY_CONFIG (its settings file), STATE (its state folder).
"""

import json
import os
import subprocess
import sys

CUSTODY = os.environ.get("CUSTODY", "custody")
STATE = os.environ.get("STATE", "/var/lib/custody")
os.environ.setdefault("CUSTODY_CONFIG", "/etc/custody/custody.toml")


def custody(*words):
    """Runs the program; gives its exit code and the document that it printed. Progress goes to the job's stream."""
    extra = ["--allow-temporary-state"] if os.environ.get("ALLOW_TEMPORARY_STATE") else []
    done = subprocess.run(
        [CUSTODY, *words, "--json", "--state", STATE, *extra], stdout=subprocess.PIPE, check=False
    )
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        sys.exit(f"custody {words[0]} ended with {done.returncode} and printed no document")


def begun_by(job, case):
    """The acquisition of this case that this job began earlier, if there is one: the job is its `description`."""
    if not os.path.isdir(STATE):
        return None
    code, listed = custody("list")
    if code != 0:
        sys.exit(f"the acquisitions of this host cannot be told: {listed.get('error')}")
    mine = [
        one["acquisition"]
        for one in listed["acquisitions"]
        if one.get("description") == f"job {job}" and one.get("case") == case
    ]
    if len(mine) > 1:
        sys.exit(f"job {job} began several acquisitions of case {case}: {' '.join(mine)}; go on with them by hand")
    return mine[0] if mine else None


def main():
    if len(sys.argv) != 8:
        sys.exit(__doc__)
    case, subscription, group, vm, examiner, authority, job = sys.argv[1:]
    acquisition = begun_by(job, case)
    if acquisition:
        print(f"job {job} was restarted: going on with {acquisition}", file=sys.stderr)
        code, answer = custody("resume", acquisition)
    else:
        code, answer = custody(
            "capture", "azure",
            "--subscription", subscription, "--resource-group", group, "--vm", vm,
            "--case", case, "--examiner", examiner, "--authority", authority,
            "--description", f"job {job}",
        )
    print(json.dumps(answer, indent=2))
    sys.exit(code)


if __name__ == "__main__":
    main()
