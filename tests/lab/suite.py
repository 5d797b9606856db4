"""The list of scenarios and what runs them.

A scenario is a function that takes a Lab and fails by an exception.  Each one
runs in a process of its own, so that a stuck one can be ended, and two run at
a time; their networks have nothing in common.
"""
import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback

import hairpin
import net

TOOLS = ("ip", "nft", "tcpdump", "dnsmasq", "conntrack", "kamailio", "baresip",
         "ss", "sysctl", "turnserver", "miniupnpd")
OUT = os.path.join(hairpin.ROOT, "build", "lab")
REGISTRY = {}


class Skip(Exception):
    """The scenario cannot run here, and that is nobody's fault."""


def scenario(name, needs_hairpin=True, timeout=90):
    def register(function):
        assert name not in REGISTRY, name
        REGISTRY[name] = (function, needs_hairpin, timeout)
        return function
    return register


def load():
    for file in sorted(os.listdir(hairpin.HERE)):
        if file.startswith("test_") and file.endswith(".py"):
            importlib.import_module(file[:-3])


def unusable():
    """Why no lab can be built here, or None."""
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return "not installed: %s (tools/install-packages test)" % (
            " ".join(missing))
    try:
        name = "hp%d-try" % os.getpid()
        net.sh("ip", "netns", "add", name)
        net.sh("ip", "netns", "del", name)
    except net.LabError as error:
        return "no network namespaces: %s" % error
    return None


# --- in the process of one scenario -----------------------------------------

def run_here(name, keep=False):
    """Runs one scenario in this process; returns the exit status."""
    def ended(number, frame):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, ended)
    signal.signal(signal.SIGINT, ended)
    function, needs_hairpin, _ = REGISTRY[name]
    if needs_hairpin and not os.access(hairpin.BINARY, os.X_OK):
        print("skip: %s does not exist" % os.path.relpath(hairpin.BINARY,
                                                          hairpin.ROOT))
        return 77
    out = os.path.join(OUT, name)
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    status = 1
    lab = None
    try:
        lab = net.Lab(name, out)
        function(lab)
        status = 0
    except Skip as why:
        print("skip: %s" % why)
        status = 77
    except Exception as error:      # whatever it is, it is told and cleaned up
        with open(os.path.join(out, "failure.txt"), "w") as f:
            traceback.print_exc(file=f)
        print("%s%s" % ("" if isinstance(error, (net.LabError, AssertionError))
                        else type(error).__name__ + ": ", error))
    finally:
        clean_up(lab, out, keep or status == 1)
    return status


def clean_up(lab, out, keep):
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    if lab is not None:
        lab.close()
    else:
        net.remove_namespaces(net.namespaces_with("hp%d" % os.getpid()))
    if not keep:
        shutil.rmtree(out, ignore_errors=True)
    else:
        for folder, _, files in os.walk(out):
            for file in files:
                if file == "tone.wav":
                    os.remove(os.path.join(folder, file))


# --- in the process of `run` -------------------------------------------------

class Job:
    """A running scenario."""

    def __init__(self, name, keep):
        self.name = name
        self.began = time.monotonic()
        self.limit = REGISTRY[name][2]
        args = [sys.executable, os.path.join(hairpin.HERE, "run"), "--one", name]
        self.process = subprocess.Popen(
            args + (["--keep"] if keep else []), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.late = False

    def seconds(self):
        return time.monotonic() - self.began

    def poll(self):
        """True when it has ended; ends it when its time is over."""
        if self.process.poll() is not None:
            return True
        if self.seconds() > self.limit and not self.late:
            self.late = True
            self.end()
        return False

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(12)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        net.remove_namespaces(net.namespaces_with("hp%d" % self.process.pid))

    def report(self):
        """Prints the result line; returns "ok", "skip" or "not ok"."""
        said = self.process.stdout.read().strip()
        status = self.process.returncode
        if status == 0 and not self.late:
            print("ok %s (%.1f secs)" % (self.name, self.seconds()), flush=True)
            return "ok"
        if status == 77:
            print("skip %s: %s" % (self.name, said.replace("skip: ", "", 1)),
                  flush=True)
            return "skip"
        if self.late:
            said = ("not done after %d s. " % self.limit) + said
        print("not ok %s: %s" % (self.name, said or "status %s" % status))
        self.show_log()
        sys.stdout.flush()
        return "not ok"

    def show_log(self, lines=25):
        path = os.path.join(OUT, self.name, "hairpin.log")
        print("    files: %s" % os.path.relpath(os.path.dirname(path)))
        if os.path.exists(path):
            with open(path, errors="replace") as f:
                for line in f.read().splitlines()[-lines:]:
                    print("    | " + line)


def run_all(names, keep, jobs):
    """Runs the scenarios, a few at a time; returns the exit status."""
    waiting, running = list(names), []
    count = {"ok": 0, "not ok": 0, "skip": 0}

    def stop(number, frame):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, stop)
    why = unusable()
    try:
        while waiting or running:
            if why and waiting:
                print("skip %s: %s" % (waiting.pop(0), why))
                count["skip"] += 1
                continue
            while waiting and len(running) < jobs:
                running.append(Job(waiting.pop(0), keep))
            for job in [j for j in running if j.poll()]:
                running.remove(job)
                count[job.report()] += 1
            time.sleep(0.05)
    except KeyboardInterrupt:
        for job in running:
            job.end()
            print("not ok %s: interrupted" % job.name)
        count["not ok"] += len(running)
        count["skip"] += len(waiting)
    try:
        os.rmdir("/etc/netns")      # if nothing is left in it
    except OSError:
        pass
    print("%d passed, %d failed, %d skipped" % (
        count["ok"], count["not ok"], count["skip"]))
    return 1 if count["not ok"] else 0
