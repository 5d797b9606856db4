"""Tones: made as WAV files, found again in recordings.

Each party of a call sends a tone of its own frequency.  What a phone recorded
is cut into blocks of 50 ms, and for each block the Goertzel filter says how
much of its energy lies at each known frequency.
"""
import array
import math
import os
import wave

RATE = 8000
BLOCK = 400                     # 50 ms; the frequencies are multiples of 20 Hz
TONES = {"a": 440, "b": 1000, "c": 1760, "d": 620}
LOUD = 300.0                    # smallest root mean square that counts as sound
PURE = 0.6                      # share of the energy that must be the tone's


def make_tone(path, frequency, seconds=90):
    """Writes a mono 16-bit WAV with a sine of that frequency."""
    if os.path.exists(path):
        return path
    second = array.array("h", (int(8000 * math.sin(2 * math.pi * frequency
                                                   * i / RATE))
                               for i in range(RATE)))
    with wave.open(path, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(RATE)
        f.writeframes(second.tobytes() * seconds)
    return path


def share(block, frequency):
    """The part (0..1) of a block's energy that lies at the frequency."""
    energy = sum(x * x for x in block)
    if energy < LOUD * LOUD * len(block):
        return 0.0
    k = 2 * math.cos(2 * math.pi * frequency / RATE)
    s1 = s2 = 0.0
    for x in block:
        s1, s2 = x + k * s1 - s2, s1
    power = s1 * s1 + s2 * s2 - k * s1 * s2
    return 2 * power / (energy * len(block))


def tone_of(block):
    """The known frequency that fills the block, or None."""
    for frequency in TONES.values():
        if share(block, frequency) >= PURE:
            return frequency
    return None


def samples(path, start=0):
    """Samples of a (perhaps unfinished) 8 kHz mono 16-bit WAV from an index."""
    try:
        with open(path, "rb") as f:
            f.seek(44 + 2 * start)
            data = f.read()
    except FileNotFoundError:
        return array.array("h")
    pcm = array.array("h")
    pcm.frombytes(data[:len(data) // 2 * 2])
    return pcm


def find_tones(pcm):
    """{frequency: (seconds heard, first at, last at)} of known frequencies."""
    found = {}
    for at in range(0, len(pcm) - BLOCK + 1, BLOCK):
        frequency = tone_of(pcm[at:at + BLOCK])
        if frequency is None:
            continue
        seconds, first, _ = found.get(frequency, (0.0, at / RATE, 0))
        found[frequency] = (seconds + BLOCK / RATE, first, (at + BLOCK) / RATE)
    return found


def loudness(pcm):
    """Root mean square of each block of 50 ms."""
    return [math.sqrt(sum(x * x for x in pcm[at:at + BLOCK]) / BLOCK)
            for at in range(0, len(pcm) - BLOCK + 1, BLOCK)]


def likeness(heard, played):
    """How much the rise and fall of loudness agree (1: wholly), wherever in `heard` the sound begins.  Four grids
    a block apart by a quarter, since nobody knows where the first block begins."""
    wanted = loudness(played)
    best = 0.0
    for shift in range(0, BLOCK, BLOCK // 4):
        found = loudness(heard[shift:])
        for at in range(0, len(found) - len(wanted) + 1):
            best = max(best, _correlation(found[at:at + len(wanted)], wanted))
    return best


def _correlation(a, b):
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    a, b = [x - mean_a for x in a], [x - mean_b for x in b]
    size = math.sqrt(sum(x * x for x in a) * sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b)) / size if size > LOUD else 0.0


def _ulaw(byte):
    byte = ~byte & 255
    value = (((byte & 15) << 3) + 132) << (byte >> 4 & 7)
    return 132 - value if byte & 128 else value - 132


def _alaw(byte):
    byte ^= 85
    value, shift = (byte & 15) << 4, byte >> 4 & 7
    value = value + 8 if shift == 0 else (value + 264) << (shift - 1)
    return value if byte & 128 else -value


_G711 = {0: [_ulaw(i) for i in range(256)], 8: [_alaw(i) for i in range(256)]}


def decode_g711(data, payload_type):
    """Samples of an RTP payload: type 0 is u-law, 8 is A-law."""
    table = _G711[payload_type]
    return [table[byte] for byte in data]


def write_wav(path, pcm):
    with wave.open(path, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(RATE)
        f.writeframes(pcm.tobytes())
