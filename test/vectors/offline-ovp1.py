"""Makes offline-ovp1.json from the description of the format alone, with nothing of this product.

P-256 and AES-256-GCM are those of p256_gcm.py; the program `openssl` is asked to agree with P-256.

    python3 test/vectors/offline-ovp1.py > test/vectors/offline-ovp1.json
    npx prettier --write test/vectors/offline-ovp1.json
"""

import base64
import json
import subprocess
import tempfile
from pathlib import Path

from p256_gcm import G, N, agreed_with, gcm, hkdf, mac, point_bytes, sec1, sha256, signed, spki, times


def framed(*parts):
    out = b""
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        out += len(data).to_bytes(4, "big") + data
    return out


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def text(members):
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()


def numbered(label):
    """32 bytes that look like nothing."""
    return sha256(b"offline-ovp1.py " + label.encode())


def uuid(label):
    h = numbered(label).hex()
    return f"{h[:8]}-{h[8:12]}-7{h[13:16]}-8{h[17:20]}-{h[20:32]}"


def seal(public_spki, context, secret, ephemeral, nonce):
    point = point_bytes(times(ephemeral, G))
    agreed = agreed_with(ephemeral, public_spki)
    key = hkdf(agreed, point + public_spki[-65:], framed("ovp1/agreed", context))
    return point + nonce + gcm(key, nonce, context, secret)


def check_with_openssl(private, other_spki, agreed, message, signature):
    """The program openssl must find the same key, the same agreement and the signature good."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        run = lambda *args: subprocess.run(args, check=True, capture_output=True, cwd=folder).stdout
        (path / "key.der").write_bytes(sec1(private))
        (path / "other.der").write_bytes(other_spki)
        run("openssl", "ec", "-inform", "DER", "-in", "key.der", "-out", "key.pem")
        run("openssl", "pkey", "-pubin", "-inform", "DER", "-in", "other.der", "-out", "other.pem")
        run("openssl", "pkey", "-in", "key.pem", "-pubout", "-out", "public.pem")
        public = run("openssl", "pkey", "-in", "key.pem", "-pubout", "-outform", "DER")
        assert public == spki(private)
        derive = ("openssl", "pkeyutl", "-derive", "-inkey", "key.pem", "-peerkey", "other.pem")
        assert run(*derive) == agreed
        r, s = (int.from_bytes(signature[i : i + 32], "big") for i in (0, 32))
        integer = lambda n: (lambda b: b"\2" + bytes([len(b)]) + b)(
            n.to_bytes(n.bit_length() // 8 + 1, "big")
        )
        inner = integer(r) + integer(s)
        (path / "signature").write_bytes(b"0" + bytes([len(inner)]) + inner)
        (path / "message").write_bytes(message)
        verify = ("openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "signature")
        assert b"OK" in run(*verify, "message")


server = int.from_bytes(numbered("server"), "big") % N
agent = int.from_bytes(numbered("agent"), "big") % N
ephemeral = int.from_bytes(numbered("ephemeral"), "big") % N
server_spki, agent_spki = spki(server), spki(agent)
agent_id, package_id, package_key = uuid("agent"), uuid("package"), numbered("package key")

about = {
    "packageId": package_id,
    "agentId": agent_id,
    "serial": "VDP0000017",
    "applicationName": "main",
    "sequence": 3,
}
package_message = framed(
    "ovp1/pkg", package_id, agent_id, about["serial"], about["applicationName"], "3"
)


def tag_key(block):
    return hkdf(package_key, b"", framed("ovp1/tag", block.to_bytes(4, "big")))


def entry_tag(key, index, response):
    message = framed("ovp1/entry", package_id, index.to_bytes(8, "big"), response)
    return mac(key, message)[:16]


def kept(entry_key, tag, bits):
    """The first bits of the MAC, in as few bytes as hold them, zeros behind."""
    number = int.from_bytes(mac(entry_key, tag), "big") >> (256 - bits)
    size = (bits + 7) // 8
    return (number << (8 * size - bits)).to_bytes(size, "big")


keys = {
    "packageKey": package_key.hex(),
    "packageKeyMessage": {"about": about, "message": package_message.hex()},
    "logKeyMessage": {"agentId": agent_id, "message": framed("ovp1/log", agent_id).hex()},
    "shareMessage": {"agentId": agent_id, "message": framed("ovp1/share", agent_id).hex()},
    "hmac": {"key": numbered("mac").hex(), "mac": mac(numbered("mac"), package_message).hex()},
    "bodyKey": hkdf(package_key, b"", framed("ovp1/body")).hex(),
    "tagKeys": [{"block": b, "key": tag_key(b).hex()} for b in (0, 1, 255, 20605, 2**32 - 1)],
    "agreedKey": {
        "secret": numbered("agreed").hex(),
        "context": numbered("context").hex(),
        "salt": numbered("salt").hex(),
        "key": hkdf(
            numbered("agreed"), numbered("salt"), framed("ovp1/agreed", numbered("context"))
        ).hex(),
    },
    "fingerprint": {"spki": server_spki.hex(), "fingerprint": sha256(server_spki).hex()},
}

entry_key, pin_hash = numbered("entry key"), numbered("stretched PIN")
tag_rows = [(20605, 59342400, "755224"), (0, 0, "00000000"), (1, 2**63 - 1, "0123456789")]
tags = [entry_tag(tag_key(block), index, response) for block, index, response in tag_rows]
entries = {
    "packageId": package_id,
    "entryKeyMessage": {
        "stretchedPin": pin_hash.hex(),
        "message": framed("ovp1/loc", package_id, pin_hash).hex(),
    },
    "tags": [
        {"block": b, "index": str(i), "response": r, "tag": t.hex()}
        for (b, i, r), t in zip(tag_rows, tags)
    ],
    "entryKey": entry_key.hex(),
    "kept": [
        {"tagBits": bits, "kept": b"".join(kept(entry_key, tag, bits) for tag in tags).hex()}
        for bits in (16, 17, 18, 20, 23, 24, 25, 32, 63, 64)
    ],
}

boot_id = uuid("boot")
at = {"atMs": 1780000000123, "bootMs": 5012, "bootId": boot_id}
none = {"packageId": None, "index": None, "codeId": None}
records = [
    {"kind": "installed", **none, "packageId": package_id, **at},
    {"kind": "attempted", **none, "packageId": package_id, **at},
    {"kind": "accepted", **none, "packageId": package_id, "index": "18446744073709551615", **at},
    {"kind": "emergency-accepted", **none, "codeId": uuid("code"), **at},
    {"kind": "clock-back", **none, **at, "atMs": 0},
]
log_key = numbered("log key")
log = {"key": log_key.hex(), "lines": []}
head = bytes(32)
for number, members in enumerate(records, 1):
    record = text({"n": number, **members})
    line_mac = mac(log_key, framed("ovp1/line", head, record))
    head = sha256(framed("ovp1/head", head, record, line_mac))
    log_key = sha256(framed("ovp1/logkey", log_key))
    log["lines"].append(
        {"record": record.decode(), "mac": line_mac.hex(), "head": head.hex(), "key": log_key.hex()}
    )

header = {
    "v": 1,
    "kid": sha256(server_spki).hex(),
    "packageId": package_id,
    "agentId": agent_id,
    "agentKeyId": sha256(agent_spki).hex(),
    "userId": uuid("user"),
    "userName": 'Zoë "Z" 猫',
    "domainName": "",
    "serial": about["serial"],
    "applicationName": about["applicationName"],
    "algorithm": "OCRA-1:HOTP-SHA256-8:C-QN08",
    "kind": "event",
    "first": "148",
    "count": 4,
    "driftSeconds": -42,
    "windowBackSteps": 1,
    "windowForwardSteps": 1,
    "lookAhead": 2,
    "eventMode": "reserved",
    "sequence": about["sequence"],
    "issuedAtMs": 1780000000000,
    "notBeforeMs": 1780000000000,
    "notAfterMs": 1780259200000,
    "eventsMax": 2,
    "failuresMax": 5,
    "warnDays": 1,
    "warnEvents": 1,
    "clockBackMaxSeconds": 300,
    "keyMode": "sw",
    "tagBits": 18,
    "pinMode": "server",
    "kdf": {
        "algorithm": "scrypt",
        "n": 65536,
        "r": 8,
        "p": 1,
        "salt": b64u(numbered("kdf")[:16]),
    },
    "policyHash": numbered("policy").hex(),
    "emergency": [
        {
            "codeId": uuid("code"),
            "kind": "passcode",
            "isPinRequired": False,
            "notAfterMs": 1780250000000,
            "usesMax": 3,
        }
    ],
}
challenges, codes = ["00000001", "98765432"], ["K7QF-0M2N-XXXX-YYYY"]
responses = ["11111111", "22222222", "33333333", "44444444"]
header_bytes = text(header)
context = sha256(header_bytes)
package_tags = [
    entry_tag(tag_key((148 + i) // 50), 148 + i, response) for i, response in enumerate(responses)
]
plain = framed(framed(*challenges), framed(*codes)) + b"".join(package_tags)
nonce = numbered("body nonce")[:12]
body = nonce + gcm(bytes.fromhex(keys["bodyKey"]), nonce, context, plain)
sealed_key = seal(agent_spki, context, package_key, ephemeral, numbered("seal nonce")[:12])
parts = (header_bytes, sealed_key, body)
to_sign = framed("ovp1/package", *(sha256(part) for part in parts))
k = int.from_bytes(numbered("k"), "big") % N
signature = signed(server, k, to_sign)
check_with_openssl(server, agent_spki, agreed_with(server, agent_spki), to_sign, signature)
check_with_openssl(
    ephemeral,
    agent_spki,
    agreed_with(agent, spki(ephemeral)),
    b"",
    signed(ephemeral, k, b""),
)

package = {
    "header": header_bytes.decode(),
    "challenges": challenges,
    "emergencyCodes": codes,
    "responses": responses,
    "tags": b"".join(package_tags).hex(),
    "toSign": to_sign.hex(),
    "bytes": (b"OVP1" + framed(*parts) + signature).hex(),
}

report = {
    "v": 1,
    "reportId": uuid("report"),
    "agentId": agent_id,
    "from": 1,
    "headBefore": "00" * 32,
    "lines": [
        {"record": b64u(line["record"].encode()), "mac": b64u(bytes.fromhex(line["mac"]))}
        for line in log["lines"][:2]
    ],
    "packages": [{"packageId": package_id, "state": "installed", "eventsUsed": 1}],
    "clockMs": 1780000001000,
    "bootMs": 6000,
    "bootId": boot_id,
}
answer = text(
    {
        "v": 1,
        "kid": sha256(server_spki).hex(),
        "agentId": agent_id,
        "reportId": report["reportId"],
        "agentState": "active",
        "through": 2,
        "head": log["lines"][1]["head"],
        "serverTimeMs": 1780000001234,
        "packageIds": [package_id],
    }
)
answer_message = framed("ovp1/ack", answer)
proof_body = text(report)
proof = {
    "agentId": agent_id,
    "method": "POST",
    "path": "/v1/offline/reports",
    "nonce": "AbC-_9",
    "body": proof_body.decode(),
}
proof_message = framed(
    "ovp1/proof", agent_id, "POST", proof["path"], proof["nonce"], sha256(proof_body)
)

print(
    json.dumps(
        {
            "source": "Made by test/vectors/offline-ovp1.py (Python's standard library, P-256 and "
            "AES-256-GCM written out, P-256 checked with the openssl program), from the description "
            "of the format alone. Bytes are hex; documents are their text.",
            "framed": [
                {"parts": parts, "bytes": framed(*parts).hex()}
                for parts in ([], [""], ["a", "bc"], ["ab", "c"], ["é"])
            ],
            "parties": {
                "serverKey": server_spki.hex(),
                "serverSec1": sec1(server).hex(),
                "agentKey": agent_spki.hex(),
                "agentPrivate": agent.to_bytes(32, "big").hex(),
            },
            "keys": keys,
            "entries": entries,
            "log": log,
            "sealed": {
                "context": numbered("context").hex(),
                "secret": numbered("secret").hex(),
                "bytes": seal(
                    agent_spki,
                    numbered("context"),
                    numbered("secret"),
                    ephemeral,
                    numbered("nonce")[:12],
                ).hex(),
            },
            "package": package,
            "report": text(report).decode(),
            "answer": {
                "payload": answer.decode(),
                "message": answer_message.hex(),
                "signature": signed(server, k + 1, answer_message).hex(),
            },
            "proof": {
                **proof,
                "message": proof_message.hex(),
                "signature": signed(agent, k + 2, proof_message).hex(),
            },
        },
        indent=2,
        ensure_ascii=False,
    )
)
