"""Music on hold, with phones behind NAT and with the kernel path."""
import os
import time

import audio
import calls
from hairpin import phone_block
from suite import scenario
from test_kernel import Flat, wait_path
from worlds import PLAIN_TRANSPORT, Two

MUSIC = 620                     # Hz: no phone's tone


def folder_of(lab):
    """A folder with one piece of music, of one second: it goes round."""
    folder = lab.path("music")
    os.makedirs(folder, exist_ok=True)
    audio.make_tone(os.path.join(folder, "one.wav"), MUSIC, 1)
    return folder


def config(lab, text="[default]\nmode=files\ndirectory=%s\n"):
    return {"musiconhold.conf": text % folder_of(lab)}


def hold_with_music(holder, other, kernel=None, pause=3.0):
    """The other hears music while one holds, then both hear each other at once."""
    since = holder.mark()
    holder.hold()
    holder.wait("CALL_REMOTE_SDP", since)
    time.sleep(0.4)
    quiet, there = holder.mark(), other.mark()
    time.sleep(pause)
    heard = holder.tones_since(quiet)
    assert not any(seconds > 0.3 for seconds in heard.values()), "the holder hears %s" % heard
    heard = other.tones_since(there)
    assert heard.get(MUSIC, 0) > pause - 0.5, "who is held hears %s" % heard
    assert heard.get(holder.frequency, 0) < 0.1, "who is held hears the holder"
    since = holder.mark()
    holder.resume()
    holder.wait("CALL_REMOTE_SDP", since)
    calls.hear_each_other(holder, other, 1.5, within=2.5)
    if kernel:
        wait_path(kernel)


@scenario("music.nat")
def nat(lab):
    """Each phone behind a router of its own; either side holds."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002"), files=config(lab))
    one, two = w.phone_a(), w.phone_b()
    marks = calls.connect(one, two, "6002")
    calls.hear_each_other(one, two)
    hold_with_music(one, two)
    hold_with_music(two, one)
    calls.end(one, two, marks)
    w.hairpin.wait_idle()
    assert "\tFile: %s/one.wav\n" % folder_of(lab) in w.hairpin.rx("moh show files")


@scenario("music.kernel")
def kernel(lab):
    """The call is in the kernel, comes up for the music, and goes back."""
    w = Flat(lab, provider=False)
    w.start(files=config(lab))
    one, two = w.phone_a(), w.phone_b()
    marks = calls.connect(one, two, "6002")
    wait_path(w)
    for holder, other in ((one, two), (two, one)):
        hold_with_music(holder, other, w)
    since = one.mark()
    one.hold()
    one.wait("CALL_REMOTE_SDP", since)
    calls.end(two, one, marks[::-1])
    w.hairpin.wait_idle()


@scenario("music.transcode")
def transcode(lab):
    """The phones have no codec in common."""
    w = Flat(lab, provider=False)

    def both(text):
        return text.replace("allow=ulaw", "allow=ulaw,alaw")
    w.hairpin_in(w.pbx, both(PLAIN_TRANSPORT + phone_block("scenario2", "6002")), both, files=config(lab))
    one, two = w.phone_a(codecs="PCMU"), w.phone_b(codecs="PCMA")
    marks = calls.connect(one, two, "6002")
    for holder, other in ((one, two), (two, one)):
        hold_with_music(holder, other)
    calls.end(one, two, marks)
    w.hairpin.wait_idle()


@scenario("music.none")
def none(lab):
    """No musiconhold.conf: silence, told once, and the call goes on."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002"))
    one, two = w.phone_a(), w.phone_b()
    marks = calls.connect(one, two, "6002")
    calls.hold_and_resume(one, two, 2.0)
    calls.hold_and_resume(one, two, 2.0)
    calls.end(one, two, marks)
    w.hairpin.wait_idle()
    assert w.hairpin.program.text().count("there is no musiconhold.conf") == 1
