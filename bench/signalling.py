"""The rows of signalling: calls, registrations, memory, start, overload. Each function yields rows."""
import contextlib
import sqlite3
import sys
import time
from math import ceil
from statistics import median

from servers import SERVER_CPU, SIP, Hairpin, Kamailio, Rtpengine, awake, sipload
from table import Cost, Row

ASTERISK = "Asterisk 23"  # figures recorded on a machine of this kind: it is not in Debian 12, so not measured here
CLEAN = 0.001             # the part of the calls that may fail
RATE = 500                # calls/s that every server can serve
REMEMBERED = 33            # s that an answer is kept, and somewhat more
BUSY = 4000               # calls/s at which a call's cost decides how many a processor sets up
UP = (100, 1000, 10000, 20000)
LINGER = 45               # s until the last transaction is forgotten, RFC 3261 17: 32 s, and memory was looked at
USERS_AT = ["--uac", "127.0.0.4:5063"]


def progress(text):
    print("  " + text, file=sys.stderr, flush=True)


def cpu_per_call(server, rate=BUSY, seconds=0.5, rounds=12, up=0, ramp=2000):
    """Steady calls of 0.1 s: the cost of each, without what the calls cost that only stay up; the processor's part that
    these take; how many failed; the step in which they were set up, or None."""
    phases = ["--phase", "0,1"] * 2 + ["--phase", f"{rate},0.5"] + ["--phase", f"{rate},{seconds}"] * rounds
    with awake():
        steps = sipload("call", "--up", str(up), "--ramp", str(ramp), *phases, pids=server.pids)
    held = steps.pop(0) if up else None
    steps.pop(0)  # the kernel looks at the program of its path while the server serves already
    idle = steps[0]["cpu_s"] / steps[0]["seconds"]
    each = [(s["cpu_s"] - idle * s["seconds"]) / max(s["answered"], 1) * 1e6 for s in steps[2:]]
    return Cost(each), idle, sum(s["offered"] - s["answered"] for s in steps[2:]), held


def probe(server, rate, seconds=1.5):
    """Whether the server keeps up with the rate: nearly all calls good, none repeated, no queue that grows."""
    s = sipload("call", "--phase", f"{rate},1", "--phase", f"{rate},{seconds}", "--patience", "3", pids=server.pids)[1]
    bad = s["offered"] - s["good"]
    s["clean"] = bad <= CLEAN * s["offered"] and s["repeats"] + s["repeated"] == 0 and s["p99_us"] < 200000 \
        and s["offered"] >= 0.98 * rate * seconds
    progress(f"{server.name}: {rate:.0f} calls/s: {'clean' if s['clean'] else 'not clean'}, {bad} of {s['offered']} "
             f"failed, {s['repeats'] + s['repeated']} repeats, p99 {s['p99_us'] / 1000:.1f} ms, "
             f"{s['cpu_s'] / s['seconds'] * 100:.0f} % of a processor")
    return s


def climbing(low, most):
    """Looks for the highest rate that is good: yields what to try and is sent whether that was good. Doubles the rate,
    then halves what lies between, to 5 %. A rate that was refused gets a second chance, and at the end, when all below it
    was good, a third: the machine is shared, and one stall is enough to fail."""
    reached, refused, rate = None, None, low
    while low / 10 <= rate <= most:
        if (yield rate) or (yield rate):
            reached = rate
        else:
            refused = rate
        if reached is None:
            rate = refused / 2
        elif refused is None:
            rate = reached * 2
        elif refused <= reached * 1.05:
            if not (yield refused):
                break
            reached, refused, rate = refused, None, refused * 2
        else:
            rate = (reached * refused) ** 0.5


def climb(attempt, low, most):
    """What attempt(rate) returned at the highest rate at which that was true."""
    best, search = None, climbing(low, most)
    with contextlib.suppress(StopIteration):
        rate = next(search)
        while True:
            good = attempt(rate)
            best = good or best
            rate = search.send(good)
    return best


def peak(make, low=1000, most=40000):
    """What was measured at the highest clean rate. A server that failed is started anew: it has a backlog."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(make())

        def attempt(rate):
            nonlocal server
            s = probe(server, rate)
            if not s["clean"]:
                stack.close()
                server = stack.enter_context(make())
            return s if s["clean"] else None
        return climb(attempt, low, most)


def calls():
    """What one bridged call costs, and whether that grows with the calls that are up."""
    cost = {}
    with Hairpin() as h:
        busy, calm = cpu_per_call(h), cpu_per_call(h, RATE)
    with Hairpin(conf="udp_gso=no\n") as h:
        apart = cpu_per_call(h)
    with Kamailio() as k:
        proxy = cpu_per_call(k, RATE)
    with anchored_kamailio() as both:
        anchored = cpu_per_call(both, RATE)
    peers = {"Kamailio as a proxy": proxy[0], "Kamailio + rtpengine": anchored[0]}
    for name, rate, (each, _, failed, _) in ((f"bridged call, {BUSY:,} calls/s", BUSY, busy), ("bridged call", RATE, calm)):
        yield Row(name, each, "us of CPU", 80, peers=peers, recorded={ASTERISK: 3200},
                  note=f"{rate:,} calls/s (peers: {RATE}), {failed} failed")
    yield Row("bridged call, each datagram by itself", apart[0], "us of CPU",
              note=f"{BUSY:,} calls/s, udp_gso=no: as if each call had its own two peers")
    for up in UP:
        with Hairpin() as h:
            each, idle, failed, held = cpu_per_call(h, up=up, ramp=2000 if up <= 1000 else 1000)
        there, note = up, ""
        if held["up"] < up:  # nothing may be left for the calls that come and go
            there, note = int(held["up"] * 0.85), f"; of {up:,} only {held['up']:,} got up ({held['shed']:,} were shed)"
            with Hairpin() as h:
                each, idle, failed, _ = cpu_per_call(h, up=there)
        cost[there] = each.us
        yield Row(f"bridged call, {there:,} up", each, "us of CPU", 80, note=f"{failed} failed; the calls that are up: "
                  f"{idle * 100:.1f} % of a processor{note}")
        if there < up:
            break
    yield Row(f"growth from {min(cost):,} to {max(cost):,} up", max(cost.values()) / cost[min(cost)], "times", 1.2)


@contextlib.contextmanager
def anchored_kamailio():
    """Kamailio with rtpengine: what both cost."""
    with Rtpengine() as r, Kamailio("RTPENGINE") as k:
        class Both:
            name, pids = "Kamailio + rtpengine", k.pids + r.pids
        yield Both


def rate():
    """The most calls per second on one processor, and on two."""
    mine, proxy, anchored = peak(Hairpin), peak(Kamailio), peak(anchored_kamailio, low=500)
    value = mine and mine["rate"]
    yield Row("bridged calls, one core", value, "calls/s", 10000, "high", peers={
        "Kamailio as a proxy": proxy and proxy["rate"], "Kamailio + rtpengine": anchored and anchored["rate"]},
        recorded={ASTERISK: 300}, note="server and load on a processor each")
    if mine:
        yield Row("bridged call at that rate", mine["cpu_s"] / max(mine["answered"], 1) * 1e6, "us of CPU", 80,
                  note=f"set up in {mine['p50_us'] / 1000:.1f} ms (p50), {mine['p99_us'] / 1000:.1f} ms (p99)")
    both = peak(lambda: Hairpin(cpus="0,1"), low=max((value or 250) / 2, 100))
    yield Row("bridged calls, two cores", both and both["rate"], "calls/s", best="high",
              note="shared with the load, which needs one of them")


def overload(series=None):
    """Three times the highest clean rate, and what comes after."""
    best = peak(Hairpin)
    if not best:
        yield Row("overload", None, "", note="no clean rate found")
        return
    top, held = best["rate"], 500
    with Hairpin() as h:
        steps = sipload("call", "--up", str(held), "--ramp", str(top / 4), "--phase", f"{top},2",
                        "--phase", f"{3 * top},4", "--phase", f"{0.8 * top},4", "--patience", "8",
                        "--series", series or "/dev/null", pids=h.pids)
    up, normal, over, after = steps
    yield Row("overload, 3 times the rate: served", over["served_per_s"] / normal["served_per_s"] * 100, "% of the peak",
              90, "high", note=f"{over['rate']:.0f} calls/s offered, {over['served_per_s']:.0f} served, "
              f"{over['shed']} got 503, {over['timed_out']} no answer")
    yield Row("overload: calls lost that were up", up["lost"] + up["offered"] - up["good"], f"of {held}", 0)
    recovered = after["recovery_s"] if after["recovery_s"] >= 0 else None
    yield Row("overload: until 99 % are answered again", recovered if recovered is not None else 4, "s", 0.5,
              note="after the load went to 0.8 of the peak" + ("" if recovered is not None else ": not within 4 s"))


def register_cost(server, users, rate, rounds=4):
    """The cost of a registration that refreshes, and how many failed in all."""
    with awake():
        steps = sipload("register", *USERS_AT, "--users", str(users), "--rate", str(rate), "--rounds", str(rounds),
                        "--part", str(rate // 2), pids=server.pids)
    return refreshed(steps), sum(s["offered"] - s["good"] for s in steps)


def refreshed(steps, first=1):
    """Of all rounds from this one on, counted from 0."""
    return Cost([s["cpu_s"] / max(s["good"], 1) * 1e6 for s in steps if s["round"] >= first])


def register_peak(make, users, low):
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(make())

        def attempt(rate):
            nonlocal server
            n = min(users, int(rate * 1.5))
            s = sipload("register", *USERS_AT, "--users", str(n), "--rate", str(rate), "--patience", "3",
                        pids=server.pids)[0]
            clean = s["good"] >= (1 - CLEAN) * n and s["repeats"] == 0 and s["p99_us"] < 200000
            progress(f"{server.name}: {rate:.0f} registrations/s: {'clean' if clean else 'not clean'}, {s['repeats']} "
                     f"repeats, p99 {s['p99_us'] / 1000:.1f} ms, {s['cpu_s'] / s['seconds'] * 100:.0f} % of a processor")
            if not clean:
                stack.close()
                server = stack.enter_context(make())
            return rate if clean else None
        return climb(attempt, low, 100000)


def register():
    """Registrations with digest; contacts go to SQLite."""
    n = 1000
    with Hairpin(users=n) as h:
        cost, failed = register_cost(h, n, RATE)
    with Hairpin(users=n, conf="udp_gso=no\n") as h:
        apart = register_cost(h, n, BUSY, rounds=13)[0]
    with Kamailio() as k:
        memory = register_cost(k, n, RATE)[0]
    with Kamailio("SQLITE") as k:
        through = register_cost(k, 200, 50, rounds=2)[0]
    with Kamailio("SQLITE", "BEHIND") as k:
        behind = register_cost(k, n, RATE)[0]
    yield Row("registration, 401 and 200", cost, "us of CPU", 20, peers={
        "Kamailio in memory": memory, "Kamailio, SQLite at once": through, "Kamailio, SQLite each minute": behind},
        recorded={ASTERISK: 455}, note=f"{n:,} contacts, SQLite, {RATE} per s; {failed} failed")
    yield Row("registration, each datagram by itself", apart, "us of CPU",
              note=f"{BUSY:,} per s, udp_gso=no: as if each phone had an address of its own")
    most, k_most = register_peak(lambda: Hairpin(users=50000), 50000, 2000), register_peak(Kamailio, 50000, 2000)
    yield Row("registrations, one core", most, "per s", 30000, "high", peers={"Kamailio in memory": k_most},
              recorded={ASTERISK: 1600}, note="50,000 users")


def contacts(users=50000, few=1000):
    """What a registered contact costs in memory, and a registration among few and among all. Both when a server has
    as many answers and nonces to remember as it will ever have at this rate."""
    cost, there, many = {}, {}, users
    with contextlib.ExitStack() as stack:
        for n, address in ((few, "127.0.0.5:5070"), (many, "127.0.0.6:5070")):
            h = stack.enter_context(Hairpin(users=users, place={"bind": address}))
            first = ceil(REMEMBERED * BUSY / n)
            with awake():
                steps = sipload("register", *USERS_AT, "--server", address, "--users", str(n), "--rate", str(BUSY),
                                "--rounds", str(first + (12 if n == few else 1)), "--part", str(BUSY // 2),
                                "--patience", "30", pids=h.pids, limit=900)
            refresh, there[n] = refreshed(steps, first), h
            cost[n], failed = refresh.us, sum(s["offered"] - s["good"] for s in steps)
            yield Row(f"registration among {n:,}", refresh, "us of CPU", 20, note=f"a refresh, {BUSY:,} per s; {failed} failed")
            time.sleep(1)
            yield Row(f"contacts on disk after 1 s, of {n:,}", stored(h), "contacts", n, "high")
        yield Row(f"growth from {few:,} to {many:,} contacts", cost[many] / cost[few], "times", 1.3)
        time.sleep(LINGER)
        yield Row(f"memory per contact, {many:,}", (there[many].rss() - there[few].rss()) / (many - few), "bytes", 500,
                  recorded={ASTERISK: 10.7 * 1024}, note=f"more than with {few:,}, {LINGER} s after the last REGISTER")


def million():
    """The same with 1,000,000 contacts, each of a user of its own."""
    yield from contacts(1000000)


def stored(h):
    """How many contacts are in the server's database."""
    with contextlib.closing(sqlite3.connect(f"file:{database(h)}?mode=ro", uri=True)) as db:
        return db.execute("SELECT count(*) FROM contact").fetchone()[0]


def database(h):
    return h.folder / "state" / "state.db"


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
    with anchored_kamailio() as both:
        peer = sipload("call", "--up", "1000", "--ramp", "250", pids=both.pids)[0]
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


def fill(h, users, each):
    """Registers one contact, and puts copies of its row into the database: `each` for each user."""
    sipload("register", *USERS_AT, "--users", "1")
    time.sleep(0.5)
    h.stop_process()
    with contextlib.closing(sqlite3.connect(database(h))) as db:
        names = [row[1] for row in db.execute("PRAGMA table_info(contact)")]
        row = dict(zip(names, db.execute("SELECT * FROM contact").fetchone()))
        insert = f"INSERT OR REPLACE INTO contact VALUES({','.join('?' * len(names))})"
        seen = db.execute("SELECT cseq, expires FROM refresh").fetchone()
        for u in range(users):
            ids = range(u * each + 1, u * each + each + 1)
            db.executemany(insert, [tuple({**row, "id": i, "aor": f"u{u}", "endpoint": f"u{u}",
                                           "uri": f"sip:u{u}@127.0.0.4:5063;n={i}"}.values()) for i in ids])
            db.executemany("INSERT OR REPLACE INTO refresh VALUES(?,?,?)", [(i, *seen) for i in ids])
        db.commit()


def start():
    """From exec to the first answer to OPTIONS, also with 1,000,000 contacts to restore."""
    with Hairpin(users=20) as h:
        times = [start_ms(h) for _ in range(5)]
    yield Row("exec to the first answer, 20 users", median(times), "ms", 30, recorded={ASTERISK: 579}, lowest=min(times))
    users, each = 10000, 100
    with Hairpin(users=users, aor=f"max_contacts={each}") as h:
        empty = [start_ms(h) for _ in range(2)]
        h.start()
        fill(h, users, each)
        times = [start_ms(h) for _ in range(2)]
        h.start()
        last = h.rx(f"pjsip show aor u{users - 1}").stdout.count(f"u{users - 1}@")
    yield Row(f"exec to the first answer, {users * each:,} contacts", median(times), "ms", 2000, lowest=min(times),
              note=f"{users:,} users, without contacts {min(empty):.0f} ms; {last} contacts of the last user are there")
