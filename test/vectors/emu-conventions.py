"""Makes emu-conventions.json from the description of `emu-sign-1` and `emu-host-1` in docs/emulator.md
alone, with nothing of this product: OCRA is written anew here, and first has to show every response
of RFC 6287 appendix C.

    python3 test/vectors/emu-conventions.py > test/vectors/emu-conventions.json
    npx prettier --write test/vectors/emu-conventions.json
"""

import hashlib
import hmac
import json
from pathlib import Path

HASHES = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}


def ocra(suite, key, question=b"", counter=None, pin_hash=b"", session=b"", step=None):
    message = suite.encode() + b"\0"
    if counter is not None:
        message += counter.to_bytes(8, "big")
    message += question.ljust(128, b"\0") + pin_hash + session
    if step is not None:
        message += step.to_bytes(8, "big")
    _, name, digits = suite.split(":")[1].split("-")
    mac = hmac.new(key, message, HASHES[name]).digest()
    if digits == "0":
        return mac.hex()
    at = mac[-1] & 15
    number = int.from_bytes(mac[at : at + 4], "big") & 0x7FFFFFFF
    return str(number % 10 ** int(digits)).zfill(int(digits))


def nibbles(text):
    return bytes.fromhex(text + "0" * (len(text) % 2))


def encoded(letter, text):
    if letter == "A":
        return text.encode()
    return nibbles(text if letter == "H" else format(int(text), "x"))


def check_rfc():
    rows = json.loads((Path(__file__).parent / "rfc6287.json").read_text())["vectors"]
    assert len(rows) == 70
    for row in rows:
        stamp = row.get("timestampHex")
        shown = ocra(
            row["suite"],
            bytes.fromhex(row["keyHex"]),
            encoded(row["suite"].split("Q")[1][0], row["question"]),
            row.get("counter"),
            bytes.fromhex(row.get("pinHashHex") or row.get("pinSha1") or ""),
            bytes.fromhex(row.get("sessionHex") or ""),
            None if stamp is None else int(stamp, 16),
        )
        assert shown == row["otp"], row


SEED = b"12345678901234567890"
SEED32 = b"12345678901234567890123456789012"


def signature(suite, key, fields, counter=None, step=None):
    text = "|".join(["emu-sign-1", *(field.upper() for field in fields)])
    digest = hashlib.sha1(text.encode()).hexdigest()
    return {
        "suite": suite,
        "keyHex": key.hex(),
        "fields": fields,
        "counter": None if counter is None else str(counter),
        "timeStep": None if step is None else str(step),
        "text": text,
        "question": digest,
        "signature": ocra(suite, key, bytes.fromhex(digest), counter, step=step),
    }


def host_code(algorithm, suite, key, response, challenge=None, counter=None, step=None):
    question = (response + (challenge or "")).encode()
    return {
        "algorithm": algorithm,
        "suite": suite,
        "keyHex": key.hex(),
        "response": response,
        "challenge": challenge,
        "counter": None if counter is None else str(counter),
        "timeStep": None if step is None else str(step),
        "hostCode": ocra(suite, key, question, counter, session=b"emu-host-1", step=step),
    }


def totp(key, step, digits):
    mac = hmac.new(key, step.to_bytes(8, "big"), hashlib.sha1).digest()
    at = mac[-1] & 15
    number = int.from_bytes(mac[at : at + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def signatures():
    plain, counted, timed = "QH40", "C-QH40", "QH40-T1M"
    sha1, sha256 = "OCRA-1:HOTP-SHA1-8:", "OCRA-1:HOTP-SHA256-8:"
    return [
        signature(sha1 + plain, SEED, ["123456", "654321"]),
        signature(sha1 + plain, SEED, ["123456654321"]),
        signature(sha1 + plain, SEED, ["abc"]),
        signature(sha1 + plain, SEED, ["ABC"]),
        signature(sha1 + plain, SEED, ["0123456789abcdef"]),
        signature(sha1 + plain, SEED, [str(n) for n in range(1, 9)]),
        signature(sha1 + counted, SEED, ["123456", "654321"], counter=0),
        signature(sha1 + counted, SEED, ["123456", "654321"], counter=1),
        signature(sha1 + counted, SEED, ["123456", "654321"], counter=2**63),
        signature(sha1 + timed, SEED, ["4711", "1250000", "987654321012"], step=0x132D0B6),
        signature(sha256 + timed, SEED32, ["4711", "PAYMENT1"], step=0x132D0B6),
        signature("OCRA-1:HOTP-SHA1-0:QH40", SEED, ["4711"]),
    ]


def host_codes():
    challenged = "OCRA-1:HOTP-SHA1-6:QN08-T30S"
    shown = ocra(challenged, SEED, encoded("N", "12345678"), step=59670000)
    counted = ocra("OCRA-1:HOTP-SHA1-6:C-QN08", SEED, encoded("N", "00000001"), 7)
    return [
        host_code(
            challenged, "OCRA-1:HOTP-SHA1-6:QA64-S010-T30S", SEED, shown, "12345678", step=59670000
        ),
        host_code(
            "OCRA-1:HOTP-SHA1-6:C-QN08", "OCRA-1:HOTP-SHA1-6:C-QA64-S010", SEED, counted, "00000001", 7
        ),
        host_code(
            "HOTP-SHA1-6", "OCRA-1:HOTP-SHA1-6:C-QA64-S010", SEED, totp(SEED, 3, 6), counter=3
        ),
        host_code(
            "TOTP-SHA1-8-36S",
            "OCRA-1:HOTP-SHA1-8:QA64-S010-T36S",
            SEED,
            totp(SEED, 49725000, 8),
            step=49725000,
        ),
    ]


check_rfc()
print(json.dumps({"signatures": signatures(), "hostCodes": host_codes()}))
