"""What hairpin says of a call and of itself, and what follows from it: for the scenarios that break things."""
import json
import os

import calls
from net import LabError, wait_for

ASTERISK = {"hairpin.conf": "[general]\ncompat=asterisk\n"}


def heal(hairpin, change=None, start=False):
    """Nothing says compat=asterisk any more. change: of pjsip.conf, from text to text; start: it was stopped."""
    os.remove(os.path.join(hairpin.conf, "hairpin.conf"))
    if change:
        edit(hairpin, "pjsip.conf", change)
    if start:
        hairpin.start()
    else:
        hairpin.rx("pjsip reload")


def edit(hairpin, name, change):
    """Changes a file of the configuration; it must make a difference."""
    path = os.path.join(hairpin.conf, name)
    with open(path) as f:
        text = f.read()
    changed = change(text)
    assert changed != text, "the change of %s does nothing" % name
    with open(path, "w") as f:
        f.write(changed)


def why(hairpin, call="last"):
    return json.loads(hairpin.rx("why %s json" % call))


def wait_verdict(hairpin, code, seconds=12):
    """Waits until the last call has this verdict; returns its finding."""
    last = [None]

    def there():
        last[0] = why(hairpin)
        return last[0]["verdict"] == code
    try:
        wait_for(there, seconds, "")
    except LabError:
        raise LabError("the verdict is not %s: %s" % (code, json.dumps(
            last[0], indent=1))) from None
    return last[0]["findings"][0] if last[0]["findings"] else None


def mend(hairpin, finding):
    """Does to the configuration what the finding says, and reloads it."""
    option, value = finding["fix"]["option"], finding["fix"]["value"]
    path = os.path.join(hairpin.conf, finding["place"]["file"])
    with open(path) as f:
        lines = f.read().split("\n")
    at = finding["place"]["line"]          # the section's head is the line before
    while at < len(lines) and not lines[at].startswith("["):
        if lines[at].startswith(option + "="):
            break
        at += 1
    if at < len(lines) and lines[at].startswith(option + "="):
        lines[at] = "%s=%s" % (option, value)
    else:
        lines.insert(finding["place"]["line"], "%s=%s" % (option, value))
    with open(path, "w") as f:
        f.write("\n".join(lines))
    hairpin.rx("pjsip reload")


def good_call(hairpin, one, two, number):
    """A call with audio both ways, of which the doctor says that it is fine."""
    here, there = calls.connect(one, two, number)
    calls.hear_each_other(one, two)
    wait_verdict(hairpin, "fine")
    calls.end(one, two, (here, there))
    hairpin.wait_idle()
    assert why(hairpin)["verdict"] == "fine"


def doctor(hairpin, command, status):
    """Its output; the status says whether there is something to mend."""
    done = hairpin._rx(command)
    assert done.returncode == status, done.stdout
    return done.stdout
