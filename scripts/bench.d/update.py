"""A dynamic update of one name of a million: from the message to the answer, which comes when it is served."""

import base64
import hashlib
import hmac
import random
import socket
import statistics
import struct
import tempfile
import time
from pathlib import Path

import servers
from server import Server
from servers import Zone

KEY, SECRET = "bench.example", b"of the bench, and of nobody else"
UPDATES, UPDATE_MS_MAX = 300, 1
# A folder in memory: what the disk takes to have it safe is the disk's.
MEMORY = Path("/dev/shm")
UPDATE_OPCODE, TYPE_SOA, TYPE_A, TYPE_TSIG, CLASS_IN, CLASS_ANY = 5, 6, 1, 250, 1, 255
TSIG_FUDGE = 300


def bench_update(options, origin, names, master_file, folder):
    with tempfile.TemporaryDirectory(prefix="rotadns-bench-", dir=MEMORY) as state:
        server = Server("RotaDNS", allowing(options.rotadns, state), folder / "update", Zone(origin, master_file))
        server.wait_for(f"n{names - 1:06}.{origin}")
        took = [one_update(server, origin, f"n{random.randrange(names):06}.{origin}", turn) for turn in range(UPDATES)]
        server.stop()
    print(f"An update of one name of {names:,}, signed, the state folder in memory: answered, and served, after ", end="")
    print(f"{statistics.median(took):.2f} ms at the median, {statistics.quantiles(took, n=100)[98]:.2f} ms at p99 ", end="")
    print(f"(of {UPDATES}; budget {UPDATE_MS_MAX} ms)\n")


def allowing(binary, state):
    configure = servers.rotadns(binary)

    def configured(folder, port, zone):
        argv = configure(folder, port, zone)
        config = folder / "rotadns.yaml"
        secret = base64.b64encode(SECRET).decode()
        config.write_text(
            config.read_text().replace(f"state: {folder}/state", f"state: {state}")
            + f"keys: {{{KEY}: {{secret: '{secret}'}}}}\n"
            + f"updates: {{allow: [{{key: {KEY}, address: 127.0.0.1}}]}}\n"
        )
        return argv

    return configured


def one_update(server, origin, owner, turn):
    """Milliseconds."""
    address = f"198.51.{turn >> 8}.{turn & 255}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.connect(("127.0.0.1", server.port))
        message = signed(update(origin, owner, address))
        started = time.perf_counter()
        asking.send(message)
        answer = asking.recv(4096)
        took = (time.perf_counter() - started) * 1000
    if answer[3] & 15 or server.ask(owner).addresses != [address]:
        server.fail(f"an update of {owner} was not made: rcode {answer[3] & 15}")
    return took


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def update(origin, owner, address):
    """Takes out the A records of a name, and puts in one (RFC 2136 §2.5)."""
    header = struct.pack("!6H", random.getrandbits(16), UPDATE_OPCODE << 11, 1, 0, 2, 0)
    zone = wire(origin) + struct.pack("!2H", TYPE_SOA, CLASS_IN)
    out = wire(owner) + struct.pack("!HHIH", TYPE_A, CLASS_ANY, 0, 0)
    new = wire(owner) + struct.pack("!HHIH", TYPE_A, CLASS_IN, 60, 4) + socket.inet_aton(address)
    return header + zone + out + new


def signed(message):
    """RFC 8945 §4.3.3 and §5.1."""
    now = int(time.time())
    key, algorithm = wire(KEY), wire("hmac-sha256")
    when = struct.pack("!HIH", now >> 32, now & 0xFFFFFFFF, TSIG_FUDGE)
    said = key + struct.pack("!HI", CLASS_ANY, 0) + algorithm + when + struct.pack("!HH", 0, 0)
    mac = hmac.new(SECRET, message + said, hashlib.sha256).digest()
    rdata = algorithm + when + struct.pack("!H", len(mac)) + mac + message[:2] + struct.pack("!HH", 0, 0)
    record = key + struct.pack("!HHIH", TYPE_TSIG, CLASS_ANY, 0, len(rdata)) + rdata
    return message[:10] + struct.pack("!H", 1) + message[12:] + record
