"""P-256 (SEC 1, FIPS 186-5), AES-256-GCM (FIPS 197, SP 800-38D) and HKDF (RFC 5869), written out."""

import hashlib
import hmac

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def added(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    if a == b:
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return (x, (slope * (a[0] - x) - a[1]) % P)


def times(k, point):
    total = None
    for bit in bin(k)[2:]:
        total = added(total, total)
        if bit == "1":
            total = added(total, point)
    return total


def point_bytes(point):
    return b"\4" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def spki(private):
    head = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
    return head + point_bytes(times(private, G))


def sec1(private):
    head = bytes.fromhex("30310201010420")
    return head + private.to_bytes(32, "big") + bytes.fromhex("a00a06082a8648ce3d030107")


def signed(private, k, message):
    e = int.from_bytes(sha256(message), "big")
    r = times(k, G)[0] % N
    s = pow(k, -1, N) * (e + r * private) % N
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def agreed_with(private, public_spki):
    x, y = public_spki[-64:-32], public_spki[-32:]
    point = (int.from_bytes(x, "big"), int.from_bytes(y, "big"))
    return times(private, point)[0].to_bytes(32, "big")


def doubled(a):
    return ((a << 1) ^ 0x11B) & 0xFF if a & 0x80 else a << 1


def product(a, b):
    total = 0
    while b:
        if b & 1:
            total ^= a
        a, b = doubled(a), b >> 1
    return total


def substitution():
    box = []
    for value in range(256):
        inverse = next((c for c in range(256) if product(value, c) == 1), 0)
        turned = inverse
        for shift in range(1, 5):
            turned ^= (inverse << shift | inverse >> (8 - shift)) & 0xFF
        box.append(turned ^ 0x63)
    return box


SBOX = substitution()


def round_keys(key):
    words, constant = [list(key[i : i + 4]) for i in range(0, 32, 4)], 1
    for i in range(8, 60):
        word = list(words[-1])
        if i % 8 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= constant
            constant = doubled(constant)
        elif i % 8 == 4:
            word = [SBOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[i - 8], word)])
    return [sum(words[i : i + 4], []) for i in range(0, 60, 4)]


def aes(keys, block):
    state = [a ^ b for a, b in zip(block, keys[0])]
    for number, key in enumerate(keys[1:], 1):
        state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < 14:
            mixed = []
            for c in range(0, 16, 4):
                a = state[c : c + 4]
                for i in range(4):
                    two, three = doubled(a[i]), doubled(a[(i + 1) % 4]) ^ a[(i + 1) % 4]
                    mixed.append(two ^ three ^ a[(i + 2) % 4] ^ a[(i + 3) % 4])
            state = mixed
        state = [a ^ b for a, b in zip(state, key)]
    return bytes(state)


def ghash(h, data):
    y = 0
    for i in range(0, len(data), 16):
        y ^= int.from_bytes(data[i : i + 16], "big")
        z, v = 0, h
        for bit in range(127, -1, -1):
            if y >> bit & 1:
                z ^= v
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        y = z
    return y.to_bytes(16, "big")


def gcm(key, nonce, aad, plain):
    keys = round_keys(key)
    stream = b"".join(
        aes(keys, nonce + i.to_bytes(4, "big")) for i in range(2, 2 + (len(plain) + 15) // 16)
    )
    body = bytes(a ^ b for a, b in zip(plain, stream))
    fill = lambda data: data + bytes(-len(data) % 16)
    lengths = (8 * len(aad)).to_bytes(8, "big") + (8 * len(body)).to_bytes(8, "big")
    h = int.from_bytes(aes(keys, bytes(16)), "big")
    tag = ghash(h, fill(aad) + fill(body) + lengths)
    mask = aes(keys, nonce + (1).to_bytes(4, "big"))
    return body + bytes(a ^ b for a, b in zip(tag, mask))


# SP 800-38D, test case 16 of the proposal by McGrew and Viega.
assert gcm(
    bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2),
    bytes.fromhex("cafebabefacedbaddecaf888"),
    bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    ),
)[-16:].hex() == "76fc6ece0f4e1768cddf8853bb2d551b"


def sha256(data):
    return hashlib.sha256(data).digest()


def mac(key, message):
    return hmac.new(key, message, "sha256").digest()


def hkdf(secret, salt, info):
    return mac(mac(salt or bytes(32), secret), info + b"\1")
