"""The remaining rows: the parsers, and whether the generator says what SIPp says."""
import json
import re
import subprocess
import time

from servers import BUILD, LOAD_CPU, SIP, TOP, Hairpin, pinned, sipload
from table import Row

COUNTERS = ("sip_rx", "sip_tx", "sip_retransmits", "calls", "calls_answered")


def parser():
    """hairpin's parser and sofia-sip's on the same INVITE."""
    if not (BUILD / "parse").exists():
        yield Row("parse an INVITE", None, "us of CPU", note="sofia-sip is not installed")
        return
    lines = subprocess.run(pinned(LOAD_CPU, [BUILD / "parse"]), capture_output=True, text=True, check=True).stdout
    found = {f["who"]: f for f in map(json.loads, lines.splitlines())}
    ours, theirs = found["hairpin"], found["sofia-sip"]
    yield Row("parse an INVITE of 1,200 bytes", ours["us"], "us of CPU", 1.5, peers={"sofia-sip": theirs["us"]},
              note=f"{ours['allocations']:.0f} allocation(s), sofia-sip {theirs['allocations']:.0f}")


def counted(h, work):
    """What the work returns, and by how much the server's counters grew."""
    def read():
        text = h.rx("core show counters").stdout
        return {name: int(re.search(rf"^{name} +(\d+)", text, re.M)[1]) for name in COUNTERS}
    before = read()
    said = work()
    time.sleep(0.5)
    after = read()
    return said, {name: after[name] - before[name] for name in COUNTERS}


def with_sipload(rate, number):
    s = sipload("call", "--phase", f"{rate},{number / rate},0.1")[0]
    return {"good": s["good"], "failed": s["failed"], "repeats": s["repeats"]}


def with_sipp(h, rate, number):
    callee = subprocess.Popen(pinned(LOAD_CPU, ["sipp", "-sf", TOP / "bench/peers/uas.xml", "-i", "127.0.0.3", "-p", "5062",
                                                "-nostdin"]), cwd=h.folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    try:
        caller = subprocess.run(pinned(LOAD_CPU, ["sipp", "-sn", "uac", "-i", "127.0.0.2", "-p", "5061", "-s", "1000", "-r",
                                                  str(rate), "-m", str(number), "-d", "100", "-nostdin", "-timeout", "60",
                                                  SIP]), cwd=h.folder, capture_output=True, text=True, timeout=90)
    finally:
        callee.kill()
        callee.wait()

    def last(what):
        found = re.findall(rf"{what}\s*\|\s*\d+\s*\|\s*(\d+)", caller.stdout)
        return int(found[-1]) if found else -1
    return {"good": last("Successful call"), "failed": last("Failed call"), "repeats": last("Retransmissions") if
            "Retransmissions" in caller.stdout else 0}


def sipp():
    """Whether the same calls by SIPp and by sipload are the same to the server, message for message."""
    rate, number = 50, 200
    with Hairpin() as h:
        ours = counted(h, lambda: with_sipload(rate, number))
        cpu = h.cpu()
        theirs = counted(h, lambda: with_sipp(h, rate, number))
        cpu = h.cpu() - cpu
    differing = [f"{k}: {ours[n][k]} and {theirs[n][k]}" for n in (0, 1) for k in ours[n] if ours[n][k] != theirs[n][k]]
    yield Row(f"sipload and SIPp, {number} calls: counts that differ", len(differing), f"of {len(ours[0]) + len(COUNTERS)}", 0,
              note="; ".join(differing) or f"{ours[0]['good']} good, {ours[1]['sip_rx']} messages in, "
              f"{ours[1]['sip_tx']} out by either; by SIPp {cpu / number * 1e6:.0f} us of CPU a call")
