"""The rows of signalling: calls, registrations, memory, start, overload. Each function yields rows."""
import time
from statistics import median

from servers import SERVER_CPU, SIP, Hairpin, Kamailio, Rtpengine, files_limit, sipload
from table import Row

ASTERISK = "Asterisk 23"  # figures recorded on a machine of this kind: it is not in Debian 12, so not measured here
CLEAN = 0.001             # the part of the calls that may fail
RATE = 500                # calls/s at which one call's cost is measured
UP = (100, 1000, 10000, 20000)
LINGER = 35               # s until the last transaction is forgotten: RFC 3261 17, 32 s
USERS_AT = ["--uac", "127.0.0.4:5063"]


def step(steps, n=-1):
    return steps[n]


def progress(text):
    import sys
    print("  " + text, file=sys.stderr, flush=True)


def cpu_per_call(server, rate=RATE, seconds=2, rounds=3, up=0, ramp=2000):
    """Steady calls of 0.1 s; microseconds for each, median and lowest, without what the calls cost that only stay up."""
    phases = ["--phase", "0,1", "--phase", f"{rate},0.5"] + ["--phase", f"{rate},{seconds}"] * rounds
    steps = sipload("call", "--up", str(up), "--ramp", str(ramp), *phases, pids=server.pids)
    held = steps.pop(0) if up else None
    idle = steps[0]["cpu_s"] / steps[0]["seconds"]
    each = [(s["cpu_s"] - idle * s["seconds"]) / max(s["answered"], 1) * 1e6 for s in steps[2:]]
    return {"median": median(each), "min": min(each), "idle": idle, "held": held, "steps": steps[2:],
            "failed": sum(s["offered"] - s["answered"] for s in steps[2:])}


def probe(server, rate, seconds=2.0):
    s = sipload("call", "--phase", f"{rate},0.3", "--phase", f"{rate},{seconds}", "--patience", "5", pids=server.pids)[1]
    bad = s["offered"] - s["good"]
    s["clean"] = bad <= CLEAN * s["offered"] and s["repeats"] == 0 and s["repeated"] == 0 and s["no_room"] == 0 \
        and s["offered"] >= 0.98 * rate * seconds
    progress(f"{server.name}: {rate:.0f} calls/s: {'clean' if s['clean'] else 'not clean'}, {bad} of {s['offered']} "
             f"failed, {s['repeats'] + s['repeated']} repeats, {s['cpu_s'] / s['seconds'] * 100:.0f} % of a processor")
    return s


def peak(server, low=250, most=40000):
    """The highest offered rate that is clean, and what it measured. A failed probe gets a second chance: the machine is
    shared, and one stall of half a second is a repeat."""
    best, rate, factor = None, low, 1.5
    while rate <= most and factor > 1.05:
        s = probe(server, rate)
        if not s["clean"]:
            time.sleep(0.5)
            s = probe(server, rate)
        if s["clean"]:
            best, rate = s, rate * factor
            continue
        time.sleep(1)
        factor = factor ** 0.5
        if best is None:
            rate /= 2
            if rate < 20:
                break
        else:
            rate = best["rate"] * factor
    return best


def calls():
    """What one bridged call costs, and whether that grows with the calls that are up."""
    cost = {}
    with Hairpin() as h:
        first = cpu_per_call(h)
    with Kamailio() as k:
        proxy = cpu_per_call(k)
    with Rtpengine() as r, Kamailio("RTPENGINE") as k:
        anchored = [cpu_per_call_of_both(k, r)]
    yield Row("bridged call", first["median"], "us of CPU", 80, peers={
        "Kamailio as a proxy": proxy["median"], "Kamailio + rtpengine": anchored[0]}, recorded={ASTERISK: 3200},
        note=f"{RATE} calls/s, {first['failed']} failed", lowest=first["min"])
    for up in UP:
        with Hairpin() as h:
            cost[up] = cpu_per_call(h, up=up)
        if (most := cost[up]["held"]["up"]) < up:  # no files left for the calls that come and go
            with Hairpin() as h:
                cost[up] = cpu_per_call(h, up=int(most * 0.95))
        held = cost[up]["held"]
        note = f"{cost[up]['failed']} failed; the calls that are up: {cost[up]['idle'] * 100:.1f} % of a processor"
        if held["up"] < up:
            note += f"; only {held['up']} are up: {files_limit()} open files are allowed here"
        yield Row(f"bridged call, {up:,} up", cost[up]["median"], "us of CPU", 80, note=note, lowest=cost[up]["min"])
    worst = max(c["median"] for c in cost.values())
    yield Row(f"growth from {UP[0]} to {UP[-1]:,} up", worst / cost[UP[0]]["median"], "times", 1.2)


def cpu_per_call_of_both(kamailio, rtpengine):
    class Both:
        pids = kamailio.pids + rtpengine.pids
    return cpu_per_call(Both)["median"]


def rate():
    """The most calls per second on one processor, and on two."""
    with Hairpin() as h:
        mine = peak(h)
    with Kamailio() as k:
        proxy = peak(k)
    with Rtpengine(), Kamailio("RTPENGINE") as k:
        anchored = peak(k)
    value = mine and mine["rate"]
    yield Row("bridged calls, one core", value, "calls/s", 10000, "high", peers={
        "Kamailio as a proxy": proxy and proxy["rate"], "Kamailio + rtpengine": anchored and anchored["rate"]},
        recorded={ASTERISK: 300}, note="server and load on a processor each")
    if mine:
        yield Row("bridged call at that rate", mine["cpu_s"] / max(mine["answered"], 1) * 1e6, "us of CPU", 80,
                  note=f"set up in {mine['p50_us'] / 1000:.1f} ms (p50), {mine['p99_us'] / 1000:.1f} ms (p99)")
    with Hairpin(cpus="0,1") as h:
        both = peak(h, low=(value or 250) / 2)
    yield Row("bridged calls, two cores", both and both["rate"], "calls/s", best="high",
              note="shared with the load, which needs one of them")


def overload():
    """Three times the highest clean rate, and what comes after."""
    with Hairpin() as h:
        best = peak(h)
        if not best:
            yield Row("overload", None, "", note="no clean rate found")
            return
        top, held = best["rate"], 500
        steps = sipload("call", "--up", str(held), "--ramp", str(top / 4), "--phase", f"{top},3",
                        "--phase", f"{3 * top},5", "--phase", f"{0.8 * top},5", "--patience", "8", pids=h.pids)
    up, normal, over, after = steps
    yield Row("overload, 3 times the rate: served", over["served_per_s"] / normal["served_per_s"] * 100, "% of the peak",
              90, "high", note=f"{over['rate']:.0f} calls/s offered, {over['served_per_s']:.0f} served, "
              f"{over['shed']} got 503, {over['timed_out']} no answer")
    yield Row("overload: calls lost that were up", up["lost"] + up["offered"] - up["good"], f"of {held}", 0)
    yield Row("overload: until 99 % are answered again", after["recovery_s"] if after["recovery_s"] >= 0 else None, "s",
              0.5, note="after the load went to 0.8 of the peak" + ("" if after["recovery_s"] >= 0 else ": never"))


def register_cost(server, users, rate, rounds=2):
    steps = sipload("register", *USERS_AT, "--users", str(users), "--rate", str(rate), "--rounds", str(rounds),
                    pids=server.pids)
    return steps, [s["cpu_s"] / max(s["good"], 1) * 1e6 for s in steps]


def register_peak(server, users, low, most=100000):
    best, rate, factor = None, low, 1.5
    while rate <= most and factor > 1.05:
        n = min(users, int(rate * 2))
        s = sipload("register", *USERS_AT, "--users", str(n), "--rate", str(rate), "--patience", "5",
                    pids=server.pids)[0]
        clean = s["good"] >= (1 - CLEAN) * n and s["repeats"] == 0 and s["seconds"] < n / rate + 0.5
        progress(f"{server.name}: {rate:.0f} registrations/s: {'clean' if clean else 'not clean'}, {s['repeats']} repeats")
        if clean:
            best, rate = rate, rate * factor
            continue
        factor = factor ** 0.5
        rate = best * factor if best else rate / 2
        if rate < 50:
            break
        time.sleep(1)
    return best


def register():
    """Registrations with digest; contacts go to SQLite."""
    n = 1000
    with Hairpin(users=20000) as h:
        steps, cost = register_cost(h, n, 500, rounds=4)
        most = register_peak(h, 20000, 500)
    with Kamailio() as k:
        memory = register_cost(k, n, 500, rounds=4)[1]
        k_most = register_peak(k, 20000, 1000)
    with Kamailio("SQLITE") as k:
        through = register_cost(k, 200, 50)[1]
    with Kamailio("SQLITE", "BEHIND") as k:
        behind = register_cost(k, n, 500, rounds=4)[1]
    failed = sum(s["offered"] - s["good"] for s in steps)
    yield Row("registration, 401 and 200", median(cost[1:]), "us of CPU", 20, peers={
        "Kamailio in memory": median(memory[1:]), "Kamailio, SQLite at once": median(through),
        "Kamailio, SQLite each minute": median(behind[1:])}, recorded={ASTERISK: 455}, lowest=min(cost),
        note=f"{n:,} contacts, SQLite; {failed} failed")
    yield Row("registrations, one core", most, "per s", 30000, "high", peers={"Kamailio in memory": k_most},
              recorded={ASTERISK: 1600})


def contacts(counts=(1000, 100000)):
    """What a registered contact costs in memory, and a registration among many contacts."""
    cost = {}
    for n in counts:
        with Hairpin(users=n) as h:
            idle = h.rss()
            steps, each = register_cost(h, n, 2000)
            cost[n] = each[-1]
            failed = sum(s["offered"] - s["good"] for s in steps)
            yield Row(f"memory per contact, {n:,}", (h.rss() - idle) / n, "bytes", 500, note=f"{failed} failed",
                      recorded={ASTERISK: 10.7 * 1024})
            yield Row(f"registration among {n:,}", each[-1], "us of CPU", 20)
    yield Row(f"growth from {counts[0]:,} to {counts[-1]:,} contacts", cost[counts[-1]] / cost[counts[0]], "times", 1.3)


def million():
    yield from contacts((1000, 1000000))


def memory():
    """Memory when idle, for each call that is up, and after the calls."""
    with Hairpin() as h:
        time.sleep(0.5)
        idle = h.rss()
        yield Row("memory, idle", idle / 1e6, "MB", 10, recorded={ASTERISK: 57})
        up = sipload("call", "--up", "1000", "--ramp", "250", pids=h.pids)[0]
        each = (up["rss_after"] - up["rss_before"]) / max(up["up"], 1) / 1024
        sipload("call", "--phase", f"{RATE},10", pids=h.pids)
        peak = h.rss() - idle
        time.sleep(LINGER)
        after = h.rss() - idle
    with Rtpengine() as r, Kamailio("RTPENGINE") as k:
        peer = sipload("call", "--up", "1000", "--ramp", "250", pids=k.pids + r.pids)[0]
    yield Row("memory per call that is up", each, "KB", 10, recorded={ASTERISK: 448}, peers={
        "Kamailio + rtpengine": (peer["rss_after"] - peer["rss_before"]) / max(peer["up"], 1) / 1024},
        note=f"{up['up']} calls, media ports open")
    yield Row("memory kept after load", after / 1e6, "MB", 1, recorded={ASTERISK: 2200},
              note=f"{LINGER} s after the last of {1000 + RATE * 10:,} calls; right after it {peak / 1e6:.1f} MB")


def start_ms(h):
    h.stop_process()
    s = sipload("options", "--uac", "127.0.0.2:5061", "--server", SIP, "--patience", "60", "--", *map(str, h.command),
                cpus=SERVER_CPU + ",1")[0]
    return s["ms"] if s["status"] else None


def start():
    """From exec to the first answer to OPTIONS."""
    with Hairpin(users=20) as h:
        times = [start_ms(h) for _ in range(5)]
    yield Row("exec to the first answer, 20 users", median(times), "ms", 30, recorded={ASTERISK: 579}, lowest=min(times))
