"""The servers under measurement: hairpin and its peers, each in a folder of its own, on loopback or in a namespace.

A server is started on one processor and the load on the other, unless a row says otherwise. Each is ended by the ids of
the processes that it started.
"""
import contextlib
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", TOP / "build"))
HAIRPIN = pathlib.Path(os.environ.get("HAIRPIN", BUILD / "hairpin"))
SIPLOAD = BUILD / "sipload"
SERVER_CPU, LOAD_CPU = "0", "1"
SIP = "127.0.0.1:5070"

PJSIP = """
[udp]
type=transport
protocol=udp
bind={bind}
[side](!)
type=endpoint
context=default
disallow=all
allow=ulaw
direct_media=no
rtp_symmetric=yes
rtp_keepalive=0
[caller](side)
{caller}
[callee](side)
aors=callee
{callee}
[callee]
type=aor
contact=sip:{uas}
[caller-ip]
type=identify
endpoint=caller
match={uac}
[phone](!)
type=endpoint
context=default
disallow=all
allow=ulaw
rewrite_contact=yes
[phone-auth](!)
type=auth
auth_type=userpass
password=secret
[phone-aor](!)
type=aor
remove_existing=yes
{aor}
"""
USER = "[u{0}](phone)\nauth=u{0}\naors=u{0}\n[u{0}](phone-auth)\nusername=u{0}\n[u{0}](phone-aor)\n"
EXTENSIONS = "[default]\nexten => _X.,1,Dial(PJSIP/${EXTEN}@callee)\n"
RTP = "[general]\nrtpstart=10000\nrtpend=60000\n"
LIMITS = "max_calls=1000000\nmax_contacts_total=2000000\nmax_transactions=5000000\n"


def own_network():
    """Starts again in a network namespace of its own, so that nobody else's ports are in the way. Root only."""
    if os.geteuid() == 0 and os.environ.get("BENCH_NETWORK") != "own":
        os.environ["BENCH_NETWORK"] = "own"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    if os.geteuid() == 0:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def files_limit():
    """How many files a process may open here: as many as the machine allows."""
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (400000, 400000))
    except (ValueError, PermissionError):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def pinned(cpus, command, ns=None):
    enter = ["ip", "netns", "exec", ns] if ns else []
    return enter + ["taskset", "-c", cpus] + [str(c) for c in command]


class Process:
    """A server in a temporary folder. `pids` are what is measured."""
    name = ""

    def __init__(self, cpus=SERVER_CPU, ns=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hairpin-bench-"))
        self.cpus, self.ns, self.process = cpus, ns, None

    def launch(self, command):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(pinned(self.cpus, command, self.ns), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.folder, start_new_session=True)

    @property
    def pids(self):
        """The process and its children: Kamailio has several."""
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == self.process.pid:  # the session that it leads
                found.append(int(stat.parent.name))
        return found

    def cpu(self):
        """Seconds of all threads and processes, by the scheduler's own clock."""
        total = 0
        for pid in self.pids:
            try:
                total += time.clock_gettime_ns((~pid << 3) | 2)
            except OSError:
                pass
        return total / 1e9

    def rss(self):
        total = 0
        for pid in self.pids:
            total += int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
        return total * os.sysconf("SC_PAGE_SIZE")

    def log(self, size=1500):
        return (self.folder / "log").read_text(errors="replace")[-size:]

    def fail(self):
        log = self.log()
        self.stop()
        raise RuntimeError(f"{self.name} did not start:\n{log}")

    def stop(self):
        self.stop_process()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop_process(self):
        """Ends the server and leaves its folder."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                for pid in self.pids:
                    os.kill(pid, signal.SIGKILL)
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Hairpin(Process):
    name = "hairpin"

    def __init__(self, users=0, conf="", media=("127.0.1.1", "127.0.1.2"), aor="max_contacts=1", **kw):
        self.place = {"bind": SIP, "uac": "127.0.0.2", "uas": "127.0.0.3:5062", **kw.pop("place", {})}
        super().__init__(**kw)
        lines = [f"media_address={a}\nbind_rtp_to_media_address=yes" if a else "" for a in media]
        with open(self.folder / "pjsip.conf", "w") as f:
            f.write(PJSIP.format(caller=lines[0], callee=lines[1], aor=aor, **self.place))
            f.writelines(USER.format(i) for i in range(users))
        (self.folder / "extensions.conf").write_text(EXTENSIONS)
        (self.folder / "rtp.conf").write_text(RTP)
        (self.folder / "hairpin.conf").write_text("[general]\n" + LIMITS + conf)
        self.start()

    @property
    def command(self):
        return [HAIRPIN, "--conf", self.folder, "--run", self.folder / "run", "--state", self.folder / "state"]

    def start(self):
        """Starts it, and returns when its console answers."""
        self.launch(self.command)
        for _ in range(300):
            if self.process.poll() is not None:
                break
            if self.rx("core show uptime").returncode == 0:
                return
            time.sleep(0.1)
        self.fail()

    def rx(self, command):
        return subprocess.run([HAIRPIN, "--run", self.folder / "run", "-rx", command], timeout=120, capture_output=True,
                              text=True)


def has_option(name):
    """Whether this hairpin knows the option of hairpin.conf."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hairpin-bench-"))
    try:
        for file in ("pjsip.conf", "extensions.conf", "rtp.conf"):
            (folder / file).write_text("")
        (folder / "hairpin.conf").write_text(f"[general]\n{name}\n")
        check = subprocess.run([HAIRPIN, "check", "--conf", folder], capture_output=True, text=True)
        return name.split("=")[0] not in check.stdout + check.stderr
    finally:
        shutil.rmtree(folder)


class Kamailio(Process):
    """A record-routing, stateful proxy with one worker; or a registrar. Options name the parts of peers/kamailio.cfg."""
    name = "Kamailio"

    def __init__(self, *options, **kw):
        super().__init__(**kw)
        defines = [w for o in options for w in ("-A", o)]
        database = self.folder / "kamailio.sqlite"
        if "SQLITE" in options:
            make_kamailio_tables(database)
        self.launch(["kamailio", "-DD", "-E", "-f", TOP / "bench/peers/kamailio.cfg", "-m", "2048", "-M", "64",
                     "-Y", self.folder, f"--subst=#DATABASE#{database}#g", *defines])
        time.sleep(1.5)
        if self.process.poll() is not None:
            self.fail()


def make_kamailio_tables(path):
    import sqlite3
    scripts = pathlib.Path("/usr/share/kamailio/db_sqlite")
    db = sqlite3.connect(path)
    for name in ("standard-create.sql", "usrloc-create.sql"):
        db.executescript((scripts / name).read_text())
    db.close()


class Rtpengine(Process):
    """In user space (no kernel table), one thread."""
    name = "rtpengine"

    def __init__(self, interfaces=("127.0.1.3",), ng="127.0.0.1:2223", threads=1, **kw):
        super().__init__(**kw)
        self.ng = ng
        self.launch(["rtpengine", "--foreground", "--table=-1", f"--num-threads={threads}", "--log-level=2",
                     f"--listen-ng={ng}", "--port-min=10000", "--port-max=60000", "--pidfile", self.folder / "pid",
                     "--interface=" + (interfaces[0] if len(interfaces) == 1 else f"a/{interfaces[0]}")]
                    + [f"--interface=b/{i}" for i in interfaces[1:]])
        time.sleep(1)
        if self.process.poll() is not None:
            self.fail()


@contextlib.contextmanager
def awake():
    """Keeps both processors from falling asleep, as idle=poll does, by programs that run only where nobody else wants to
    (SCHED_IDLE). A virtual processor that sleeps is the host's: it comes back with cold caches, sooner or later."""
    spin = ["chrt", "--idle", "0", "sh", "-c", "while :; do :; done"]
    programs = [subprocess.Popen(pinned(cpu, spin)) for cpu in (SERVER_CPU, LOAD_CPU)]
    try:
        yield
    finally:
        for p in programs:
            p.kill()
            p.wait()


def sipload(mode, *args, pids=(), cpus=LOAD_CPU, limit=240, ns=None):
    """Runs the generator; the steps that it prints, as dictionaries."""
    import json
    command = [SIPLOAD, mode] + [w for p in pids for w in ("--pid", p)] + list(args)
    run = subprocess.run(pinned(cpus, command, ns), capture_output=True, text=True, timeout=limit)
    if run.returncode == 2:
        raise RuntimeError("sipload: " + run.stderr)
    return [json.loads(line) for line in run.stdout.splitlines()]


def version(command, pattern):
    text = subprocess.run(command, capture_output=True, text=True)
    found = re.search(pattern, text.stdout + text.stderr)
    return found[1] if found else "?"
